"""Line 4: datanodes die at random moments of a put."""
import statistics
import threading
import time

from cluster import Cluster
from nodes_lost import settings
from scenario import check, scenario


@scenario(4, "kill -9 of a datanode at random moments of a put")
def kill_in_put(context):
    size = context.pick(96, 1024) << 20
    rounds = context.pick(5, 50)
    with Cluster(context, 4, settings=settings(context)) as cluster:
        local = cluster.directory / "local"
        piece = context.random.randbytes(1 << 20)
        with open(local, "wb") as file:
            for i in range(size >> 20):
                file.write(i.to_bytes(8, "big") + piece[8:])
        wanted = cluster.ok("checksum", local_path(cluster, local)).split()[0]

        def timed_put(path):
            start = time.monotonic()
            cluster.ok("put", "--block-size", "16MiB", local, path, limit=300)
            return time.monotonic() - start

        plain = [timed_put(f"/plain{i}") for i in range(3)]
        usual = statistics.median(plain)
        worst = 0.0
        for i in range(rounds):
            victim = context.random.randrange(4)
            moment = context.random.uniform(0, usual)
            killer = threading.Timer(moment, cluster.datanodes[victim].kill)
            killer.start()
            took = timed_put(f"/put{i}")
            killer.join()
            worst = max(worst, took - usual)
            check(took - usual <= context.slack(6),
                  f"put {i}, datanode {victim} killed after {moment:.2f} s: expected at most "
                  f"{usual + context.slack(6):.1f} s, found {took:.1f} s")
            found = cluster.ok("checksum", f"/put{i}", limit=300).split()[0]
            check(found == wanted, f"/put{i}: expected checksum {wanted}, found {found}")
            cluster.ok("rm", f"/put{i}")
            cluster.datanodes[victim].start()
            cluster.wait_live(4)
        return (f"{rounds} puts of {size >> 20} MiB, all right; {usual:.2f} s undisturbed, at most "
                f"{worst:+.2f} s slower (bound 6 s)")


def local_path(cluster, local):
    """Stores the file once while nothing happens: its checksum is what the others must have."""
    cluster.ok("put", "--block-size", "16MiB", local, "/original", limit=300)
    back = cluster.directory / "back"
    cluster.ok("get", "/original", back, limit=300)
    check(back.read_bytes() == local.read_bytes(), "get /original: expected the bytes that were put")
    back.unlink()
    return "/original"
