"""Line 7: everything is killed and started again, also while a repair runs."""
import time

from cluster import Cluster
from data import Stored
from nodes_lost import settings
from scenario import check, scenario


def slow_repair(context):
    # So slow that a repair is certainly still running when something happens to it.
    return {**settings(context), "datanode.copy_rate": "8MiB"}


def kill_all(cluster, nodes):
    for i in nodes:
        cluster.datanodes[i].kill()


@scenario(7, "all datanodes killed and started again at once")
def datanodes(context):
    with Cluster(context, 4, settings=settings(context)) as cluster:
        stored = Stored(cluster, context.pick(24, 300))
        kill_all(cluster, range(4))
        for role in cluster.datanodes:
            role.start()
        took = cluster.wait_live(4)
        cluster.wait_whole(context.slack(30))
        stored.wait_exact(context.slack(30))
        stored.verify()
        return f"live again {took:.1f} s after the last start, nothing lost"


def repair_begins(cluster, stored, victim):
    """Kills a datanode and waits until some of its blocks have been copied, but not all."""
    others = [i for i in range(len(cluster.datanodes)) if i != victim]
    lost = set(stored.on(victim))
    cluster.datanodes[victim].kill()
    deadline = time.monotonic() + 60
    while True:
        found = cluster.replicas(others)
        done = sum(1 for block in lost if len(found[block]) >= stored.replication)
        if done > 0:
            break
        check(time.monotonic() < deadline, "expected the repair to begin within 60 s, found no "
              "copy made")
        time.sleep(0.05)
    check(done < len(lost), f"expected a repair under way, found all {done} blocks copied")
    return others


@scenario(7, "the namenode killed and started while a repair runs")
def namenode(context):
    with Cluster(context, 4, settings=slow_repair(context)) as cluster:
        stored = Stored(cluster, context.pick(24, 300))
        others = repair_begins(cluster, stored, context.random.randrange(4))
        cluster.namenode.kill()
        cluster.namenode.start()
        cluster.wait_live(3)
        took = stored.wait_copies(context.slack(context.pick(60, 200)), others)
        cluster.wait_whole(context.slack(30))
        stored.verify()
        return f"the repair ended {took:.1f} s after the restart, nothing lost"


@scenario(7, "all processes killed and started while a repair runs")
def everything(context):
    with Cluster(context, 4, settings=slow_repair(context)) as cluster:
        stored = Stored(cluster, context.pick(24, 300))
        victim = context.random.randrange(4)
        others = repair_begins(cluster, stored, victim)
        kill_all(cluster, others)
        cluster.namenode.kill_all()
        cluster.namenode.start()
        for i in others:
            cluster.datanodes[i].start()
        cluster.wait_live(3)
        took = stored.wait_copies(context.slack(context.pick(60, 200)), others)
        cluster.wait_whole(context.slack(30))
        stored.verify()
        return f"the repair ended {took:.1f} s after the restart, nothing lost"
