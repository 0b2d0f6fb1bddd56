#!/usr/bin/env python3
"""GETFILECHECKSUM of real clusters: the values are those that HDFS 3.4.1 has told of the same bytes
in the same blocks, whatever becomes of single replicas."""
import json
import os
import sys
import tempfile
import threading
import time
import unittest

from local_cluster import LocalCluster
from role import Role

BINARY = sys.argv.pop(1) if len(sys.argv) > 1 else "build/dev/minidfs"
# One that speaks the version of the interface before, which knows no sums of blocks.
BEFORE = sys.argv.pop(1) if len(sys.argv) > 1 else None
BLOCK = 1 << 20
EMPTY = ("MD5-of-0MD5-of-0CRC32", "00000000000000000000000070bc8f4b72a86921468bf8e8441dce51")

# By size in blocks of 1 MiB: chunks of a block, MD5 of MD5s, CRC-32C.
KNOWN = {
    1: (0, "dc236201841049096ad31b6213203a90", "527d5351"),
    511: (0, "842f4cf29d9fbded6a5e6e71b2eca006", "1cd7c2cd"),
    512: (0, "8a495e8395c1cfa6dee23645fdd0b96b", "a304330b"),
    513: (0, "2d7cd73b3eaa9c68e84cafb6c30e7615", "c076ab75"),
    BLOCK: (0, "a65309740c40cc5dd97da556d6cd3cb6", "081c05af"),
    BLOCK + 1: (2048, "950bdd9bece86b56f54406ca9eaea83d", "2cdbfdae"),
    2 * BLOCK + 700: (2048, "0bea9eb0f0d2064bf8d5d746b80721f4", "85c7ddaa"),
    5 * BLOCK + 12345: (2048, "877903e11af884f293c381cf13c9ae34", "6f8228c2"),
    9 * BLOCK + 511: (2048, "b78787e59fd10709b23c010e5f07541e", "5004e0dd"),
}


def content(size, begin=0):
    return bytes((i * 2654435761 >> 13) & 0xFF for i in range(begin, begin + size))


LONG = content(9 * BLOCK + 511)


def md5_of_md5s(chunks, md5):
    return f"MD5-of-{chunks}MD5-of-512CRC32C", f"00000200{chunks:016x}{md5}"


def checksum(cluster, path):
    status, _, answer = cluster.follow("GET", path, "GETFILECHECKSUM")
    if status != 200:
        raise RuntimeError(f"{status}: {answer}")
    told = json.loads(answer)["FileChecksum"]
    if sorted(told) != ["algorithm", "bytes", "length"] or told["length"] * 2 != len(told["bytes"]):
        raise RuntimeError(f"odd form: {told}")
    return told["algorithm"], told["bytes"]


def create(cluster, path, data, **parameters):
    status, _, answer = cluster.follow("PUT", path, "CREATE", data,
                                       **{"blocksize": BLOCK, "overwrite": "true", **parameters})
    if status != 201:
        raise RuntimeError(f"{status}: {answer}")


class Processes(LocalCluster):
    """A namenode and two datanodes, each a process of its own."""
    def __init__(self, datanode_binary=BINARY):
        self.binary = BINARY
        self.directory = tempfile.mkdtemp(prefix="minidfs-http-")
        self.role = self.start(BINARY, "nn", "--role=namenode", "--http-port=0")
        self.port = self.role.http_port()
        self.namenode = f"127.0.0.1:{self.role.logged(r'namenode: listening on 127.0.0.1:([0-9]+),')}"
        self.datanodes = [self.start(datanode_binary, f"d{i}", "--role=datanode", "--http-port=off",
                                     f"--namenode={self.namenode}") for i in range(2)]
        until = time.monotonic() + 30
        while len([node for node in json.loads(self.verb("status", "--json"))["nodes"]
                   if node["liveness"] == "live"]) < 2:
            if time.monotonic() > until:
                raise RuntimeError("the datanodes did not come")
            time.sleep(0.1)

    def path(self, name):
        return os.path.join(self.directory, name)

    def start(self, binary, name, *flags):
        return Role(binary, self.directory, name, *flags, "--port=0",
                    f"--data-dir={self.path(name)}")

    def replicas(self, name):
        """The files of whole blocks on a datanode, in the order of their blocks."""
        found = []
        for place, _, names in os.walk(self.path(name)):
            found += [os.path.join(place, each) for each in names]
        return sorted(each for each in found
                      if "/blocks/" in each and os.path.getsize(each) > 2 * BLOCK)

    def __exit__(self, *failure):
        for datanode in self.datanodes:
            datanode.stop()
        super().__exit__(*failure)


def flip_a_byte(path, at):
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 0x40]))


class Values(unittest.TestCase):
    def test_md5_of_md5s(self):
        with LocalCluster(BINARY) as cluster:
            create(cluster, "/nothing", b"")
            self.assertEqual(checksum(cluster, "/nothing"), EMPTY)
            for size, (chunks, md5, _) in KNOWN.items():
                create(cluster, "/file", LONG[:size])
                self.assertEqual(checksum(cluster, "/file"), md5_of_md5s(chunks, md5), size)
            # The one block of a file may be larger.
            create(cluster, "/file", LONG[:BLOCK], blocksize=64 * BLOCK)
            self.assertEqual(checksum(cluster, "/file"), md5_of_md5s(*KNOWN[BLOCK][:2]))
            self.grown(cluster, md5_of_md5s(2, "e1e5b5ba20e455cb08098b7943b9761d"),
                       md5_of_md5s(2, "488eded04cfdf56fe8e2b5a139c2268f"))
            self.assertEqual(
                cluster.verb("checksum", "--combine-mode=MD5MD5CRC", "/joined").decode(),
                "/joined\t" + "\t".join(md5_of_md5s(2, "488eded04cfdf56fe8e2b5a139c2268f")) + "\n")
            self.assertEqual(
                json.loads(cluster.verb("checksum", "--combine-mode=COMPOSITE_CRC", "--json",
                                        "/joined")),
                {"path": "/joined", "algorithm": "COMPOSITE-CRC32C", "checksum": "a9c0f5c6"})

    def test_crc_of_the_file(self):
        with LocalCluster(BINARY, "--http-checksum-combine-mode=COMPOSITE_CRC") as cluster:
            create(cluster, "/nothing", b"")
            self.assertEqual(checksum(cluster, "/nothing"), EMPTY)
            for size, (_, _, crc) in KNOWN.items():
                create(cluster, "/file", LONG[:size], blocksize=BLOCK - 777)
                self.assertEqual(checksum(cluster, "/file"), ("COMPOSITE-CRC32C", crc), size)
            self.grown(cluster, ("COMPOSITE-CRC32C", "051cd8c7"), ("COMPOSITE-CRC32C", "a9c0f5c6"))

    def test_compressed_blocks(self):
        with LocalCluster(BINARY) as cluster:
            local = os.path.join(cluster.directory, "local")
            with open(local, "wb") as file:
                file.write(LONG)
            cluster.verb("put", "--compression=zstd", "--block-size=1M", local, "/small")
            self.assertEqual(checksum(cluster, "/small"), md5_of_md5s(*KNOWN[len(LONG)][:2]))

    def grown(self, cluster, appended, joined):
        create(cluster, "/appended", LONG[:700])
        self.assertEqual(cluster.follow("POST", "/appended", "APPEND", LONG[700:1700])[0], 200)
        self.assertEqual(checksum(cluster, "/appended"), appended)
        at = 0
        for name, size in (("/joined", 513), ("/joined2", BLOCK + 3), ("/joined3", 1)):
            create(cluster, name, LONG[at:at + size])
            at += size
        status, _, answer = cluster.operation("POST", "/joined", "CONCAT",
                                              sources="/joined2,/joined3")
        self.assertEqual(status, 200, answer)
        self.assertEqual(checksum(cluster, "/joined"), joined)


class Damage(unittest.TestCase):
    def test_a_flipped_byte_in_one_replica_of_each_block(self):
        with Processes() as cluster:
            create(cluster, "/file", LONG[:9 * BLOCK] * 3, blocksize=3 * BLOCK, replication=2)
            good = checksum(cluster, "/file")
            for i, name in enumerate(("d0", "d1")):
                replicas = cluster.replicas(name)
                self.assertEqual(len(replicas), 9)
                for path in replicas[i::2]:
                    flip_a_byte(path, 2 * BLOCK + 12345)
            # Some of them are asked; which it is that chance decides.
            until = time.monotonic() + 30
            while "is bad" not in "".join(each.log() for each in cluster.datanodes):
                self.assertLess(time.monotonic(), until, "no datanode has noticed")
                self.assertEqual(checksum(cluster, "/file"), good)
            while "has a bad replica" not in cluster.role.log():
                self.assertLess(time.monotonic(), until, "the namenode was not told")
                time.sleep(0.1)
            self.assertEqual(checksum(cluster, "/file"), good)

    def test_a_datanode_is_killed(self):
        with Processes() as cluster:
            create(cluster, "/file", LONG * 8, blocksize=4 * BLOCK, replication=2)
            good = checksum(cluster, "/file")
            killer = threading.Timer(0.5, cluster.datanodes[0].process.kill)
            killer.start()
            until = time.monotonic() + 3
            while time.monotonic() < until:
                self.assertEqual(checksum(cluster, "/file"), good)
            killer.join()
            self.assertIsNotNone(cluster.datanodes[0].process.poll())

    @unittest.skipIf(BEFORE is None, "no binary of the version before was given")
    def test_datanodes_of_the_version_before(self):
        with Processes(BEFORE) as cluster:
            create(cluster, "/file", LONG, replication=2)
            for _ in range(3):
                self.assertEqual(checksum(cluster, "/file"), md5_of_md5s(*KNOWN[len(LONG)][:2]))
            self.assertEqual(cluster.role.log().count("make no sums of their blocks"), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
