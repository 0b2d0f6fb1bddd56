"""Line 5: bytes flip in any file of a datanode's directory."""
import os

from cluster import Cluster, random_bytes
from data import Stored
from nodes_lost import settings
from scenario import check, scenario, wait_until
from schedule import flip_byte

FLIPS = 5


def files_of(cluster, i):
    return sorted(os.path.join(root, name) for root, _, names in os.walk(cluster.data(i))
                  for name in names if name != "lock" and not name.startswith("index.db.damaged"))


def data_of(cluster, stored, i, name):
    with open(cluster.data(i) / "blocks" / name, "rb") as file:
        return file.read(stored.block_bytes)


def copies_differ(cluster, stored):
    """Blocks of whose replicas one has other data than the others, by what is on the disks."""
    different = []
    names = {}
    for i in range(len(cluster.datanodes)):
        for name in os.listdir(cluster.data(i) / "blocks"):
            names.setdefault(name, []).append(i)
    for name, nodes in names.items():
        if name.split("-")[0] not in stored.blocks:
            continue
        try:
            if len({data_of(cluster, stored, i, name) for i in nodes}) > 1:
                different.append(name)
        except FileNotFoundError:
            different.append(name)
    return different


def check_right(cluster, stored, small, when):
    stored.verify()
    for path, content in small.items():
        found = cluster.ok("cat", path)
        check(found == content, f"cat {path} {when}: expected the bytes that were put, found others")


def flip_some(cluster, choice, i):
    """Weighs kinds of files alike, so that the few small ones have their share."""
    flipped = []
    for _ in range(FLIPS):
        kinds = {}
        for path in files_of(cluster, i):
            kinds.setdefault(os.path.basename(os.path.dirname(path)) if "/blocks/" in path or
                             "/packs/" in path else os.path.basename(path), []).append(path)
        path = choice.choice(kinds[choice.choice(sorted(kinds))])
        at = flip_byte(path, choice)
        if at is not None:
            flipped.append(f"{os.path.relpath(path, cluster.directory)}:{at}")
    return flipped


@scenario(5, "flipped bytes in any file of a datanode")
def flips(context):
    """Some bytes flip on one datanode; all reads are right; a scrub finds and mends; the next
    datanode's turn. Now and then the datanode is started again, because what is wrong in an index
    shows only then; one that finds that it cannot start says so and gets an empty directory, as
    its operator would do."""
    with Cluster(context, 4, settings=settings(context)) as cluster:
        cluster.needs_verb("scrub", "--now")
        stored = Stored(cluster, context.pick(10, 60))
        small = {f"/small{k}": random_bytes(1000 * k + 1, k) for k in range(10)}
        for path, content in small.items():
            cluster.ok("put", "-", path, data=content)
        rounds = context.pick(4, 100)
        flipped = []
        emptied = 0
        for n in range(rounds):
            i = n % 4
            these = flip_some(cluster, context.random, i)
            flipped += these
            when = f"after a byte flipped in each of {', '.join(these)}"
            check_right(cluster, stored, small, when)
            if n % 3 == 2:
                emptied += restart(cluster, i)
                check_right(cluster, stored, small, when + " and a restart")
            cluster.scrub()

            def mended():
                different = copies_differ(cluster, stored)
                return True if not different else f"{when}: replicas differ: {different}"

            wait_until(context.slack(30), "equal replicas", mended, 0.5)
            cluster.wait_whole(context.slack(30))
        check_right(cluster, stored, small, "at the end")
        return (f"{len(flipped)} bytes flipped in {rounds} rounds, {emptied} directories given up by "
                "their owner at a start; no wrong byte read, all replicas mended")


def restart(cluster, i):
    """1 when the directory was refused and had to be replaced, else 0."""
    role = cluster.datanodes[i]
    role.kill()
    try:
        role.start()
        refused = 0
    except Exception:
        check(not role.running(), f"a datanode that hangs at its start: {role.tail()}")
        os.rename(cluster.data(i), f"{cluster.data(i)}-given-up-{role.process.pid}")
        role.start()
        refused = 1
    cluster.wait_live(4)
    return refused
