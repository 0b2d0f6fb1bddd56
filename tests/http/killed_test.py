#!/usr/bin/env python3
"""Whoever dies in the middle of an upload: nothing half is to be seen afterwards, the upload goes
on or fails with a proper status, and the space comes back."""
import hashlib
import http.client
import random
import socket
import subprocess
import sys
import unittest
import urllib.parse

from cluster_of_processes import Cluster

BINARY = sys.argv.pop(1) if len(sys.argv) > 1 else "build/dev/minidfs"
SIZE = 200 << 20
PIECE = random.Random(1).randbytes(1 << 20)

# Sends the half of a file, says so, and goes on when it is told to.
CLIENT = """
import random, socket, sys
port, target, size = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
piece = random.Random(1).randbytes(1 << 20)
with socket.create_connection(("127.0.0.1", port)) as client:
    head = f"PUT {target} HTTP/1.1\\r\\nHost: 127.0.0.1:{port}\\r\\nContent-Length: {size}"
    client.sendall(f"{head}\\r\\n\\r\\n".encode())
    for _ in range(size // 2 // len(piece)):
        client.sendall(piece)
    print("half", flush=True)
    sys.stdin.readline()
"""


def whole_digest():
    digest = hashlib.sha256()
    for _ in range(SIZE // len(PIECE)):
        digest.update(PIECE)
    return digest.hexdigest()


class Upload:
    """A PUT whose second half waits for the test."""

    def __init__(self, port, target):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=120)
        self.socket.sendall(f"PUT {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
                            f"Content-Length: {SIZE}\r\n\r\n".encode())
        self._send_half()

    def _send_half(self):
        for _ in range(SIZE // 2 // len(PIECE)):
            self.socket.sendall(PIECE)

    def finish(self):
        """The status of the answer; None when the connection broke without one."""
        try:
            self._send_half()
        except OSError:
            pass  # The answer may have come all the same.
        try:
            answer = http.client.HTTPResponse(self.socket, method="PUT")
            answer.begin()
            return answer.status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            self.socket.close()


class Killed(unittest.TestCase):
    def place(self, cluster, face, path, port=None):
        """Where the bytes of a new file are to be put."""
        if face == "rest":
            return f"/files{path}"
        status, fields, content = cluster.request(
            "PUT", f"/webhdfs/v1{path}?op=CREATE&user.name=alice", port=port)
        self.assertEqual(status, 307, content)
        place = urllib.parse.urlsplit(fields["Location"])
        self.assertEqual(place.port, port or cluster.port)
        return f"{place.path}?{place.query}"

    def assert_nothing_is_left(self, cluster, path, before):
        self.assertEqual(cluster.request("GET", f"/files{path}")[0], 404)
        self.assertEqual(cluster.request("GET", f"/download{path}")[0], 404)
        cluster.wait_for(lambda: cluster.used() <= before,
                         f"the space of {path} to come back: {cluster.used()}, before {before}")

    def assert_whole(self, cluster, path):
        status, _, content = cluster.request("GET", f"/download{path}")
        self.assertEqual(status, 200)
        self.assertEqual(hashlib.sha256(content).hexdigest(), whole_digest())

    def test_the_client(self):
        with Cluster(BINARY) as cluster:
            before = cluster.used()
            for face in ("rest", "webhdfs"):
                with self.subTest(face):
                    place = self.place(cluster, face, f"/client-{face}")
                    client = subprocess.Popen(
                        [sys.executable, "-c", CLIENT, str(cluster.port), place, str(SIZE)],
                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
                    self.assertEqual(client.stdout.readline(), b"half\n")
                    self.assertEqual(cluster.request("GET", f"/files/client-{face}")[0], 404)
                    cluster.wait_for(lambda: cluster.used()[1] > before[1], "a block of it")
                    client.kill()
                    client.communicate(timeout=30)
                    self.assert_nothing_is_left(cluster, f"/client-{face}", before)

    def test_the_gateway(self):
        with Cluster(BINARY) as cluster:
            before = cluster.used()
            for face in ("rest", "webhdfs"):
                with self.subTest(face):
                    upload = Upload(cluster.port, self.place(cluster, face, f"/gateway-{face}"))
                    cluster.wait_for(lambda: cluster.used()[1] > before[1], "a block of it")
                    cluster.gateway.kill()
                    self.assertIsNone(upload.finish())
                    cluster.start_gateway()
                    self.assert_nothing_is_left(cluster, f"/gateway-{face}", before)
            upload = Upload(cluster.port, "/files/again")
            self.assertEqual(upload.finish(), 201)
            self.assert_whole(cluster, "/again")

    def test_a_datanode(self):
        with Cluster(BINARY) as cluster:
            for face, victim in (("rest", 0), ("webhdfs", 1)):
                with self.subTest(face):
                    upload = Upload(cluster.port, self.place(cluster, face, f"/datanode-{face}"))
                    cluster.datanodes[victim].kill()
                    self.assertEqual(upload.finish(), 201)
                    self.assert_whole(cluster, f"/datanode-{face}")

    def test_the_leader(self):
        with Cluster(BINARY, namenodes=3) as cluster:
            upload = Upload(cluster.port, self.place(cluster, "webhdfs", "/leader-webhdfs"))
            leader = cluster.leader()
            cluster.namenodes[leader].kill()
            self.assertEqual(upload.finish(), 201)
            self.assert_whole(cluster, "/leader-webhdfs")

    def test_the_leader_that_was_asked(self):
        with Cluster(BINARY, namenodes=3) as cluster:
            before = cluster.used()
            leader = cluster.leader()
            port = cluster.namenodes[leader].http_port()
            upload = Upload(port, self.place(cluster, "webhdfs", "/asked", port))
            cluster.wait_for(lambda: cluster.used()[1] > before[1], "a block of it")
            cluster.namenodes[leader].kill()
            self.assertIsNone(upload.finish())
            self.assert_nothing_is_left(cluster, "/asked", before)


if __name__ == "__main__":
    unittest.main(verbosity=1)
