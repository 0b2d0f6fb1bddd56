"""The files that scenarios store before anything happens to them."""
import hashlib
import json
import os
import subprocess
import time

from cluster import die_with_parent
from scenario import check, wait_until

BLOCK = 4 << 20


class Stored:
    """A file of large blocks in the cluster, and what is known about it. The blocks must be above
    the datanodes' pack_limit, so that each replica is a file of its own."""

    def __init__(self, cluster, blocks, path="/data", replication=3, block_bytes=BLOCK):
        self.cluster = cluster
        self.path = path
        self.replication = replication
        self.block_bytes = block_bytes
        local = cluster.directory / ("local" + path.replace("/", "-"))
        digest = hashlib.blake2b()
        with open(local, "wb") as file:
            for _ in range(blocks):
                piece = os.urandom(block_bytes)
                digest.update(piece)
                file.write(piece)
        self.digest = digest.hexdigest()
        cluster.ok("put", "--replication", replication, "--block-size", block_bytes, local, path,
                   limit=600)
        local.unlink()

        checked = cluster.verb("fsck", "--json", "--blocks", path)
        listed = json.loads(checked.stdout)["entries"][0]["block_list"]
        self.blocks = sorted(f"{int(block['id']):016x}" for block in listed)
        check(len(self.blocks) == blocks,
              f"{path}: expected {blocks} blocks, found {len(self.blocks)}")
        # A put that meets a failing node may end with fewer copies, which repair then adds.
        self.wait_copies(30)
        self.wait_exact(30)

    def on(self, i):
        found = self.cluster.replicas([i])
        return [block for block in self.blocks if block in found]

    def wait_copies(self, limit, nodes=None):
        """Until every block has enough copies on `nodes` (all by default)."""

        def enough():
            fewest = self.cluster.fewest(self.blocks, nodes)
            return True if fewest >= self.replication else f"a block with {fewest} copies"

        return wait_until(limit, f"{self.replication} copies of every block", enough, 0.1)

    def wait_exact(self, limit):
        """Until no block has more copies than its target; at no time may one have fewer."""

        def exact():
            found = self.cluster.replicas()
            counts = [len(found.get(block, ())) for block in self.blocks]
            if min(counts) < self.replication:
                # Directories are listed one after another; a second look is certain.
                again = self.cluster.fewest(self.blocks)
                check(again >= self.replication, f"expected at least {self.replication} copies of "
                      f"every block at any time, found {again}")
            surplus = sum(counts) - self.replication * len(counts)
            return True if surplus == 0 else f"{surplus} copies too many"

        return wait_until(limit, "no surplus copies", exact, 0.1)

    def verify(self):
        inside = self.cluster.network.inside(0) if self.cluster.network else []
        variables = {**self.cluster.environment,
                     "MINIDFS_NAMENODE": self.cluster.namenode_address()}
        digest = hashlib.blake2b()
        process = subprocess.Popen([*inside, self.cluster.context.binary, "cat", self.path],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=variables,
                                   preexec_fn=die_with_parent)
        while piece := process.stdout.read(1 << 20):
            digest.update(piece)
        error = process.stderr.read().decode(errors="replace").strip()
        check(process.wait() == 0, f"cat {self.path}: expected success, found: {error}")
        check(digest.hexdigest() == self.digest,
              f"cat {self.path}: expected digest {self.digest}, found {digest.hexdigest()}")


def raw_rate(directory, size=256 << 20):
    """Bytes a second that this machine copies from one file into another, synced."""
    source, target = directory / "raw-source", directory / "raw-target"
    source.write_bytes(os.urandom(1 << 20) * (size >> 20))
    start = time.monotonic()
    with open(source, "rb") as file, open(target, "wb") as copy:
        while piece := file.read(1 << 20):
            copy.write(piece)
        copy.flush()
        os.fdatasync(copy.fileno())
    rate = size / (time.monotonic() - start)
    source.unlink()
    target.unlink()
    return rate
