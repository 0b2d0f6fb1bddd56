"""Line 12: writers that are suspended for longer than the namenode keeps what they have written."""
import signal
import subprocess
import threading
import time

from cluster import Cluster, die_with_parent, random_bytes
from nodes_lost import settings
from scenario import check, scenario, wait_until

BLOCK = 4 << 20
GRACE = 4  # Seconds; a block is given up after that and its replicas go.
WRITERS = 4


class PausedWriter:
    """A put whose source stops in the middle of the file, with two blocks written by then."""

    def __init__(self, cluster, path, old, content):
        self.path = path
        self.old = old  # What the path holds before; None: nothing, and the put is one without -f.
        self.content = content
        arguments = ["put", "--block-size", str(BLOCK), *(["-f"] if old is not None else []), "-"]
        self.process = subprocess.Popen(
            [cluster.context.binary, *arguments, path], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=die_with_parent,
            env={**cluster.environment, "MINIDFS_NAMENODE": cluster.namenode_address()})
        self.half = 2 * BLOCK + BLOCK // 2
        self.feeder = None
        self._feed(content[:self.half], last=False)

    def _feed(self, data, last):
        if self.feeder is not None:
            self.feeder.join()

        def feed():
            try:
                self.process.stdin.write(data)
                self.process.stdin.flush()
                if last:
                    self.process.stdin.close()
            except BrokenPipeError:
                pass  # The put has failed, which it may.

        self.feeder = threading.Thread(target=feed, daemon=True)
        self.feeder.start()

    def go_on(self):
        """The rest of the file, in a moment."""
        self._feed(self.content[self.half:], last=True)

    def outcome(self, limit):
        """Whether the put says that the file is stored, and what it says."""
        try:
            self.process.wait(limit)
        except subprocess.TimeoutExpired:
            self.process.kill()
            check(False, f"put {self.path}: expected an end within {limit:.0f} s, found none")
        self.feeder.join()
        said = self.process.stderr.read().decode(errors="replace").strip()
        self.process.stdout.close()
        self.process.stderr.close()
        return self.process.returncode == 0, said


def judge(cluster, writer, stored, said):
    found = cluster.verb("cat", writer.path)
    there = found.stdout if found.returncode == 0 else None
    if stored:
        check(there == writer.content, f"put {writer.path} ended with 0: expected its bytes, found "
              f"{'none' if there is None else len(there)}: {found.stderr.decode().strip()}")
        return
    check(said, f"put {writer.path} failed: expected a word about it")
    check(there == writer.old, f"put {writer.path} failed ({said}): expected the file as before, "
          f"found {'none' if there is None else len(there)}: {found.stderr.decode().strip()}")


def one_round(cluster, context, number):
    """Suspends writers until what they wrote is gone or for a moment, with or without a restart of
    the namenode at some time; returns how many puts were stored."""
    before = set(cluster.replicas())
    restart = context.random.choice(["never", "suspended", "collected"])
    collected = restart == "collected" or context.random.random() < 0.6
    writers = []
    for i in range(WRITERS):
        path = f"/paused-{number}-{i}"
        old = random_bytes(1000 + i, number) if i % 2 else None
        if old is not None:
            cluster.ok("put", "-", path, data=old)
        content = random_bytes(3 * BLOCK + context.random.randrange(BLOCK), 10 * number + i)
        writers.append(PausedWriter(cluster, path, old, content))

    def written():
        return {block for block, nodes in cluster.replicas().items() if len(nodes) == 3} - before

    wait_until(60, "two blocks of each writer",
               lambda: len(written()) >= 2 * WRITERS or f"{len(written())} blocks")
    for writer in writers:
        writer.process.send_signal(signal.SIGSTOP)
    if restart == "suspended":
        cluster.namenode.kill()
        cluster.namenode.start()
        cluster.wait_live(3)
    if collected:
        wait_until(context.slack(60), "what the suspended writers wrote is collected",
                   lambda: not written() or f"{len(written())} blocks")
    else:
        time.sleep(context.random.uniform(0, 1.5 * GRACE))
    if restart == "collected":
        cluster.namenode.kill()
        cluster.namenode.start()
        cluster.wait_live(3)
    for writer in writers:
        writer.process.send_signal(signal.SIGCONT)
    for writer in writers:
        writer.go_on()
    done = 0
    for writer in writers:
        stored, said = writer.outcome(180)
        judge(cluster, writer, stored, said)
        done += stored
    return done


@scenario(12, "writers suspended for longer than the grace, the namenode restarted meanwhile")
def paused_writers(context):
    rounds = context.pick(2, 25)
    options = {**settings(context), "namenode.orphan_grace": f"{GRACE}s"}
    with Cluster(context, 3, settings=options) as cluster:
        stored = sum(one_round(cluster, context, number) for number in range(rounds))
        cluster.wait_whole(context.slack(60))
        return (f"{rounds * WRITERS} puts, half of them over an old file: {stored} stored right, the "
                f"others failed and left the path as it was")
