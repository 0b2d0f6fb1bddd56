"""Line 13: a disk whose calls do not return, while its node lives."""
import pathlib
import time

from clients import SteadyClients
from cluster import Cluster, random_bytes
from data import Stored
from nodes_lost import settings
from scenario import Skip, check, scenario, wait_until


class HangingCalls:
    """File calls of the cluster's processes that hang or are slow, by tests/support/file_faults."""

    def __init__(self, context):
        if not context.file_faults:
            raise Skip("the library that lets file calls hang is not built")
        self.library = context.file_faults
        self.control = None

    def environment(self, directory):
        self.control = pathlib.Path(directory) / "file-faults"
        return {"LD_PRELOAD": self.library, "FILE_FAULTS_CONTROL": str(self.control)}

    def hang(self, calls, directories):
        self._set(calls, directories, "hang")

    def delay(self, calls, directories, ms):
        self._set(calls, directories, f"delay={ms}")

    def _set(self, calls, directories, effect):
        text = "".join(f"{call} {directory} {effect}\n" for call in calls for directory in directories)
        new = self.control.with_suffix(".new")
        new.write_text(text)
        new.rename(self.control)

    def heal(self):
        self.control.unlink(missing_ok=True)


def put_while_hanging(cluster, limit, number):
    """One put of 24 MB; ends within the limit with all its bytes."""
    content = random_bytes(24_000_000, number)
    start = time.monotonic()
    put = cluster.verb("put", "--block-size", "8MiB", "-", f"/during{number}", data=content,
                       limit=300)
    took = time.monotonic() - start
    said = put.stderr.decode(errors="replace").strip()
    check(put.returncode == 0, f"put beside a hanging disk: expected success, found {said}")
    check(took <= limit, f"put beside a hanging disk: expected an end within {limit:.0f} s, found "
          f"{took:.1f} s")
    check(cluster.ok("cat", f"/during{number}", limit=300) == content,
          f"cat /during{number}: expected the bytes that were put")
    return took


def bad_disks(cluster, i):
    status = cluster.status()
    return [] if status is None else cluster.node(status, i).get("bad_disks", [])


def lose_disk(context, calls):
    """One of four disks hangs: puts end, readers go on, `status` names it, its blocks are copied;
    then it comes back, and what is too much goes."""
    faults = HangingCalls(context)
    with Cluster(context, 4, settings=settings(context),
                 environment=faults.environment) as cluster:
        stored = Stored(cluster, context.pick(12, 200))
        victim = context.random.randrange(4)
        others = [i for i in range(4) if i != victim]
        lost = len(stored.on(victim))
        with SteadyClients(cluster, seed=context.seed) as clients:
            faults.hang(calls, [cluster.data(victim)])
            took = [put_while_hanging(cluster, context.slack(40), i)
                    for i in range(context.pick(1, 4))]
            wait_until(context.slack(60), "the disk is named by status",
                       lambda: bool(bad_disks(cluster, victim)) or "no bad disk")
            copied = stored.wait_copies(context.slack(context.pick(60, 120)), others)
            faults.heal()
            back = wait_until(context.slack(60), "the disk is back",
                              lambda: not bad_disks(cluster, victim) or "still named")
        cluster.wait_whole(context.slack(60))
        stored.wait_exact(context.slack(60))
        stored.verify()
        return (f"{lost} blocks were on it, all at 3 elsewhere {copied:.1f} s after the puts, of "
                f"which the slowest took {max(took):.1f} s (bound 40 s); back {back:.1f} s after it "
                f"worked again; clients did {clients.operations} operations without error")


@scenario(13, "every call of one of four disks hangs")
def all_calls(context):
    return lose_disk(context, ["any"])


@scenario(13, "the syncs of one of four disks hang")
def syncs(context):
    return lose_disk(context, ["sync"])


@scenario(13, "the disk of the only datanode hangs")
def only_disk(context):
    faults = HangingCalls(context)
    with Cluster(context, 1, settings={**settings(context), "client.replication": "1"},
                 environment=faults.environment) as cluster:
        content = random_bytes(9_000_000, context.seed)
        cluster.ok("put", "-", "/before", data=content)
        faults.hang(["sync", "write"], [cluster.data(0)])
        start = time.monotonic()
        put = cluster.verb("put", "-", "/during", data=content, limit=300)
        took = time.monotonic() - start
        said = put.stderr.decode(errors="replace").strip()
        check(put.returncode not in (0, 124), f"put on a hanging disk: expected a failure, found "
              f"exit code {put.returncode}")
        check(took <= context.slack(60), f"put on a hanging disk: expected an end within 60 s, "
              f"found {took:.1f} s")
        check("disk" in said, f"put on a hanging disk: expected a word about the disk, found: {said}")
        check(cluster.verb("cat", "/during").returncode != 0, "/during: expected no such file")
        faults.heal()

        def works():
            done = cluster.verb("put", "-f", "-", "/after", data=content)
            return done.returncode == 0 or done.stderr.decode(errors="replace").strip()

        back = wait_until(context.slack(60), "a put after the disk works again", works)
        for path in ("/before", "/after"):
            check(cluster.ok("cat", path) == content, f"cat {path}: expected the bytes put")
        return f"put failed after {took:.1f} s (bound 60 s): {said}; used again after {back:.1f} s"
