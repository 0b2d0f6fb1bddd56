"""Lines 1 to 3: a datanode is lost in one of many ways, and comes back."""
import shutil
import signal
import time

import network
from clients import SteadyClients
from cluster import Cluster
from data import BLOCK, Stored, raw_rate
from scenario import Skip, check, scenario, wait_until


def needs_network():
    reason = network.why_unavailable()
    if reason:
        raise Skip(reason)


def settings(context):
    """The defaults in the long form; less patience with silent nodes in the short one."""
    if context.long:
        return {}
    return {"namenode.stale_after": "2s", "namenode.dead_after": "4s"}


def lose(context, how, machines=False, short_blocks=24):
    """Four datanodes; one is lost by `how(cluster, i)` while clients work. All its blocks must be
    copied within the time after which a node counts as lost, plus the time that the copies take at
    half the machine's rate."""
    dead_after = context.pick(4, 10)
    with Cluster(context, 4, machines, settings(context)) as cluster:
        rate = raw_rate(cluster.directory)
        stored = Stored(cluster, context.pick(short_blocks, 500))
        victim = context.random.randrange(4)
        others = [i for i in range(4) if i != victim]
        lost = len(stored.on(victim))
        bound = dead_after + lost * BLOCK / (rate / 2)
        with SteadyClients(cluster, seed=context.seed) as clients:
            how(cluster, victim)
            took = stored.wait_copies(context.slack(bound), others)
            time.sleep(1)
        cluster.wait_whole(context.slack(20))
        stored.verify()
        return (f"{lost} of {len(stored.blocks)} blocks were on it; all back at 3 after "
                f"{took:.1f} s (bound {bound:.1f} s at {rate / 2**20:.0f} MiB/s); clients did "
                f"{clients.operations} operations without error")


@scenario(1, "kill -9 of one of four datanodes")
def kill(context):
    return lose(context, lambda cluster, i: cluster.datanodes[i].kill(), short_blocks=60)


@scenario(2, "SIGSTOP of a datanode")
def stop(context):
    return lose(context, lambda cluster, i: cluster.datanodes[i].pause())


@scenario(2, "a datanode's network cut, both ways")
def cut(context):
    needs_network()
    return lose(context, lambda cluster, i: cluster.cut(i), machines=True)


@scenario(2, "nothing that a datanode sends arrives")
def cut_out(context):
    needs_network()
    return lose(context, lambda cluster, i: cluster.cut(i, "out"), machines=True)


@scenario(2, "nothing that is sent to a datanode arrives")
def cut_in(context):
    needs_network()
    return lose(context, lambda cluster, i: cluster.cut(i, "in"), machines=True)


def remove_directory(cluster, i):
    # Again while its owner still makes files in it.
    while cluster.data(i).exists():
        shutil.rmtree(cluster.data(i), ignore_errors=True)


@scenario(2, "a datanode's only disk is removed")
def disk_removed(context):
    return lose(context, remove_directory)


@scenario(2, "a datanode's disk is full")
def disk_full(context):
    blocks = context.pick(24, 500)
    disk = blocks * BLOCK + (400 << 20)
    options = {**settings(context), "datanode.reserved_space": "64MiB"}
    with Cluster(context, 4, settings=options, disks={i: disk for i in range(4)}) as cluster:
        stored = Stored(cluster, blocks)
        with SteadyClients(cluster, seed=context.seed) as clients:
            cluster.fill_disk(0)
            more = Stored(cluster, context.pick(20, 100), "/more")
            time.sleep(2)
            check(not more.on(0), f"expected no new blocks on the full disk, found {more.on(0)}")
        cluster.wait_whole(context.slack(20))
        check(cluster.datanodes[0].running(), "expected the datanode with the full disk to go on")
        stored.verify()
        more.verify()
        cluster.relieve_disk(0)
        tries = 0

        def used_again():
            # With as many copies as there are datanodes, every one that has space gets one.
            nonlocal tries
            tries += 1
            done = cluster.verb("put", "--replication", 4, "-", f"/again{tries}", data=b"again")
            check(done.returncode == 0, f"put: expected success, found {done.stderr!r}")
            return True if not done.stderr else done.stderr.decode(errors="replace").strip()

        took = wait_until(context.slack(10), "copies on the relieved disk", used_again)
        return (f"{len(more.blocks)} blocks written past it at 3 copies, 0 on it; used again "
                f"{took:.1f} s after there was space; clients did {clients.operations} operations "
                "without error")


@scenario(3, "a datanode back after its blocks were repaired")
def back(context):
    with Cluster(context, 4, settings=settings(context)) as cluster:
        stored = Stored(cluster, context.pick(24, 500))
        victim = context.random.randrange(4)
        others = [i for i in range(4) if i != victim]
        with SteadyClients(cluster, seed=context.seed) as clients:
            cluster.datanodes[victim].kill()
            stored.wait_copies(context.slack(60), others)
            cluster.datanodes[victim].start()
            start = time.monotonic()
            cluster.wait_live(4)
            stored.wait_exact(context.slack(30))
            took = time.monotonic() - start
        cluster.wait_whole(context.slack(20))
        stored.verify()
        return (f"surplus of {len(stored.blocks)} blocks trimmed {took:.1f} s after its start (bound "
                f"30 s), never fewer than 3 copies; clients did {clients.operations} operations "
                "without error")


@scenario(3, "a datanode that flaps")
def flap(context):
    """Away for less than it takes to count as lost, again and again: nothing is copied."""
    with Cluster(context, 4, settings=settings(context)) as cluster:
        stored = Stored(cluster, context.pick(20, 100))
        placed = {block: nodes for block, nodes in cluster.replicas().items()}
        for _ in range(context.pick(3, 10)):
            cluster.datanodes[1].signal(signal.SIGSTOP)
            time.sleep(context.pick(2.5, 5))
            cluster.datanodes[1].signal(signal.SIGCONT)
            time.sleep(1)
        cluster.wait_live(4)
        check(cluster.replicas() == placed, "expected every replica where it was, found others")
        stored.verify()
        return f"{context.pick(3, 10)} silences, no replica copied or moved"
