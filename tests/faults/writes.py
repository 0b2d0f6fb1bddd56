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

        timed_put("/warm")
        undisturbed = []
        took = []
        for i in range(rounds):
            # One in peace before each one with a death: the disk's own moods must not count.
            undisturbed.append(timed_put(f"/calm{i}"))
            cluster.ok("rm", f"/calm{i}")
            victim = context.random.randrange(4)
            moment = context.random.uniform(0, statistics.median(undisturbed))
            killer = threading.Timer(moment, cluster.datanodes[victim].kill)
            killer.start()
            took.append(timed_put(f"/put{i}"))
            killer.join()
            calm = max(undisturbed[-3:])
            check(took[-1] - calm <= context.slack(6),
                  f"put {i}, datanode {victim} killed after {moment:.2f} s: expected at most "
                  f"{calm + context.slack(6):.1f} s, found {took[-1]:.1f} s")
            found = cluster.ok("checksum", f"/put{i}", limit=300).split()[0]
            check(found == wanted, f"/put{i}: expected checksum {wanted}, found {found}")
            cluster.ok("rm", f"/put{i}")
            cluster.datanodes[victim].start()
            cluster.wait_live(4)
        usual = statistics.median(undisturbed)
        return (f"{rounds} puts of {size >> 20} MiB, all right; undisturbed {usual:.2f} s (median; at "
                f"most {max(undisturbed):.2f}), with a death {statistics.median(took) - usual:+.2f} s "
                f"(median; at most {max(took) - usual:+.2f}, bound 6 s)")


def local_path(cluster, local):
    """Stores the file once while nothing happens: its checksum is what the others must have."""
    cluster.ok("put", "--block-size", "16MiB", local, "/original", limit=300)
    back = cluster.directory / "back"
    cluster.ok("get", "/original", back, limit=300)
    check(back.read_bytes() == local.read_bytes(), "get /original: expected the bytes that were put")
    back.unlink()
    return "/original"
