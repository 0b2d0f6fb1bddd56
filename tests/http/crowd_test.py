#!/usr/bin/env python3
"""Ten thousand connections that stand idle: they cost little, and good clients are served."""
import os
import resource
import socket
import sys
import unittest

from local_cluster import LocalCluster

BINARY = sys.argv.pop(1) if len(sys.argv) > 1 else "build/dev/minidfs"
CROWD = 10_000
REQUEST = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
# An eighth of what a role has is for HTTP, and three of them for a connection.
DESCRIPTORS_OF_SERVER = 2 * CROWD * 8 * 3
DESCRIPTORS_OF_TEST = CROWD + 200


def raise_descriptor_limit(wanted):
    """As far as the system allows it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(wanted, hard)))
    except (ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


class Crowd(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # The server is started by a process that has more, and the limit is inherited.
        cls.may_have_all = raise_descriptor_limit(DESCRIPTORS_OF_SERVER) >= DESCRIPTORS_OF_SERVER
        if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < DESCRIPTORS_OF_TEST:
            raise unittest.SkipTest("the system allows no process so many descriptors")
        # What a build with sanitizers keeps of freed memory is not the server's.
        os.environ.setdefault("ASAN_OPTIONS",
                              "quarantine_size_mb=1:thread_local_quarantine_size_kb=64")
        cls.cluster = LocalCluster(BINARY)

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__(None, None, None)

    def memory_mib(self):
        with open(f"/proc/{self.cluster.role.process.pid}/status", encoding="ascii") as status:
            line = next(line for line in status if line.startswith("VmRSS:"))
        return int(line.split()[1]) / 1024

    def crowd(self, say):
        connections = []
        for _ in range(CROWD):
            connection = socket.create_connection(("127.0.0.1", self.cluster.port), timeout=60)
            try:
                say(connection)
            except OSError:
                pass  # It gave way to another one.
            connections.append(connection)
        return connections

    def assert_good_clients_are_served(self):
        content = bytes(range(256)) * 8192
        self.assertIn(self.cluster.request("PUT", "/files/good", content)[0], (200, 201))
        self.assertEqual(self.cluster.request("GET", "/download/good")[2], content)

    def still_open(self, connections):
        count = 0
        for connection in connections:
            connection.setblocking(False)
            try:
                count += connection.recv(1) != b""
            except BlockingIOError:
                count += 1
            except OSError:
                pass
            connection.close()
        return count

    def check(self, say):
        self.assert_good_clients_are_served()
        before = self.memory_mib()
        connections = self.crowd(say)
        self.assert_good_clients_are_served()
        grown = self.memory_mib() - before
        count = self.still_open(connections)
        print(f"{count} of {CROWD} stay, {grown:.1f} MiB more")
        self.assertGreater(count, 100)
        if self.may_have_all:
            self.assertGreater(count, CROWD // 2)
        self.assertLess(grown, 250)
        self.assert_good_clients_are_served()

    def test_a_crowd_that_says_nothing(self):
        self.check(lambda connection: None)

    def test_a_crowd_that_has_asked_once(self):
        def ask(connection):
            connection.sendall(REQUEST)
            connection.recv(1000)

        self.check(ask)


if __name__ == "__main__":
    unittest.main(verbosity=1)
