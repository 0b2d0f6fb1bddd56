"""Lines 6 and 10: datanodes that go in order, and one that joins under load."""
import time

from clients import SteadyClients
from cluster import Cluster
from data import BLOCK, Stored
from nodes_lost import settings
from scenario import Failure, check, scenario, wait_until

SMALL_BLOCK = 256 << 10


def decommission(context, racks, leaving):
    options = {**settings(context), "datanode.pack_limit": "64KiB"}
    with Cluster(context, 5, settings=options, racks=racks) as cluster:
        cluster.needs_verb("node", "decommission")
        stored = Stored(cluster, context.pick(200, 2000), block_bytes=SMALL_BLOCK)
        others = [i for i in range(5) if i != leaving]
        on_it = len(stored.on(leaving))
        fewest = 3
        with SteadyClients(cluster, seed=context.seed) as clients:
            cluster.ok("node", "decommission", cluster.datanodes[leaving].address)

            def ended():
                nonlocal fewest
                fewest = min(fewest, max(cluster.fewest(stored.blocks) for _ in range(2)))
                state = cluster.node(cluster.status(), leaving)["state"]
                return True if state == "decommissioned" else f"state {state}"

            took = wait_until(context.slack(context.pick(60, 300)), "the decommission's end", ended,
                              0.1)
        check(fewest >= 3, f"expected never fewer than 3 copies, found {fewest}")
        left = cluster.fewest(stored.blocks, others)
        check(left >= 3, f"expected 3 copies elsewhere at the end, found {left}")
        cluster.datanodes[leaving].kill()
        cluster.wait_whole(context.slack(20))
        stored.verify()
        return (f"{on_it} of {len(stored.blocks)} blocks moved in {took:.1f} s, never fewer than 3 "
                f"copies; clients did {clients.operations} operations without error")


@scenario(6, "decommission of one datanode in five")
def one_in_five(context):
    return decommission(context, None, context.random.randrange(5))


@scenario(6, "decommission of the last datanode of a rack")
def last_of_rack(context):
    return decommission(context, {0: "/a", 1: "/a", 2: "/a", 3: "/a", 4: "/b"}, 4)


@scenario(10, "a fifth datanode joins under load")
def fifth(context):
    blocks = context.pick(60, 400)
    # The four are two thirds full, so that the mean is clearly below them when there are five.
    capacity = blocks * 3 * BLOCK // 4 * 3 // 2 + (64 << 20)
    options = {**settings(context), "datanode.capacity": capacity, "client.block_size": "4MiB"}
    with Cluster(context, 4, settings=options) as cluster:
        stored = Stored(cluster, blocks)
        with SteadyClients(cluster, seed=context.seed) as clients:
            start = time.monotonic()
            cluster.add_datanode()

            def used():
                try:
                    found = cluster.node(cluster.status(), 4)["blocks"]
                except Failure as absent:
                    return str(absent)
                return True if found > 0 else "no blocks on it"

            wait_until(context.slack(2), "blocks on the fifth datanode", used, 0.05)
            first = time.monotonic() - start
            if cluster.knows_verb("balance"):
                cluster.ok("balance", "--wait", limit=context.pick(120, 600))

            def even():
                parts = [node["used"] / node["capacity"] for node in cluster.status()["nodes"]]
                mean = sum(parts) / len(parts)
                away = max(abs(part - mean) for part in parts)
                return True if away <= 0.05 else "used " + ", ".join(f"{p:.1%}" for p in parts)

            took = wait_until(context.slack(context.pick(60, 300)), "all within 5 % of the mean",
                              even)
        cluster.wait_whole(context.slack(20))
        stored.wait_exact(context.slack(30))
        stored.verify()
        return (f"first block {first:.1f} s after its start (bound 2 s), all within 5 % of the mean "
                f"{took:.1f} s later; clients did {clients.operations} operations without error")
