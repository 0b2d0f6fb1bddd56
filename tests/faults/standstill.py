"""Line 11: the namenode is stopped and continued, under load. Nobody is to be judged by a time in
which it did not run: no datanode, no writer, no request that still has time."""
import subprocess
import threading
import time

from clients import SteadyClients
from cluster import Cluster, die_with_parent, random_bytes
from scenario import check, scenario, wait_until

DATANODES = 3
# Shorter than most stops: a session that is not renewed for so long is given up.
GRACE = "4s"


# So much of a source is read before it is known to be no small file, and blocks are asked for.
AHEAD = 2 << 20


class SlowWriter(threading.Thread):
    """A put whose source gives a little at a time, so that its session is open in every stop."""

    def __init__(self, cluster, number):
        super().__init__(daemon=True)
        self.cluster = cluster
        self.path = f"/slow{number}"
        self.content = random_bytes(AHEAD + (1 << 20), number)
        self.stop_event = threading.Event()
        self.failure = ""
        variables = {**cluster.environment, "MINIDFS_NAMENODE": cluster.namenode_address()}
        self.process = subprocess.Popen(
            [cluster.context.binary, "put", "--timeout", "120s", "--block-size", "64KiB", "-",
             self.path], stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=variables,
            preexec_fn=die_with_parent)
        self.start()

    def run(self):
        try:
            self.process.stdin.write(self.content[:AHEAD])
            for at in range(AHEAD, len(self.content), 1024):
                self.process.stdin.write(self.content[at:at + 1024])
                self.process.stdin.flush()
                self.stop_event.wait(0.1)  # As fast as it can from the end of the faults on.
        except BrokenPipeError:
            pass  # Its exit code tells.

    def finish(self):
        self.stop_event.set()
        self.join()
        _, errors = self.process.communicate(timeout=120)
        check(self.process.returncode == 0, f"put {self.path}: expected success, found exit code "
              f"{self.process.returncode}: {errors.decode(errors='replace').strip()}")
        found = self.cluster.ok("cat", self.path)
        check(found == self.content, f"cat {self.path}: expected the bytes that were put")


def stop_for(cluster, seconds, running):
    cluster.namenode.pause()
    time.sleep(seconds)
    cluster.namenode.resume()
    time.sleep(running)


def stops(context, longest, count):
    """From a second to the longest, in any order, with the ends among them."""
    drawn = [1.0, longest] + [context.random.uniform(1, longest) for _ in range(count - 2)]
    context.random.shuffle(drawn)
    return drawn


@scenario(11, "the namenode stopped and continued, again and again under load")
def namenode_stands_still(context):
    options = {"namenode.orphan_grace": GRACE}
    short = stops(context, 8, context.pick(4, 12))
    long = stops(context, context.pick(14, 30), context.pick(2, 8))
    expected = DATANODES * (context.namenodes or 1)
    with Cluster(context, DATANODES, settings=options) as cluster:
        wait_until(30, "full reports of all datanodes",
                   lambda: len(cluster.namenode.logged("has reported .* in full")) >= expected or "fewer")
        writers = [SlowWriter(cluster, i) for i in range(6)]
        done = 0
        with SteadyClients(cluster, 2, context.seed) as usual:
            with SteadyClients(cluster, 2, context.seed + 50, flags=("--timeout", "60s")) as patient:
                for seconds in short:
                    # Long enough for who waits 10 s: what arrives right after a stop is refused, as
                    # it may be old, and who is refused asks again more and more seldom.
                    stop_for(cluster, seconds, context.random.uniform(1.5, 3))
            done += usual.operations + patient.operations
        with SteadyClients(cluster, 4, context.seed + 100, flags=("--timeout", "120s")) as patient:
            for seconds in long:
                stop_for(cluster, seconds, context.random.uniform(0.2, 3))
        done += patient.operations
        for writer in writers:
            writer.finish()
        dead = cluster.namenode.logged(r"is (dead|stale)")
        check(not dead, f"expected no datanode to be called stale or dead, found: {dead[:3]}")
        reports = len(cluster.namenode.logged("has reported .* in full"))
        # Of several another one leads meanwhile, and is told of all replicas in its term.
        takeovers = len(cluster.namenode.logged("leads: leadership")) - 1
        expected += DATANODES * takeovers
        check(reports == expected, f"expected {expected} full reports, found {reports}")
        cluster.wait_whole(context.slack(20))
        return (f"{len(short)} stops up to 8 s and {len(long)} up to {max(long):.0f} s; "
                f"{done} operations and {len(writers)} long writers (sessions of {GRACE}) without error, no "
                f"datanode called stale, no report more than the first and those of {takeovers} takeovers")
