#!/usr/bin/env python3
"""WebHDFS at datanodes: whom a client is sent to, and what it finds there."""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import unittest
import urllib.parse

from local_cluster import LocalCluster, PREFIX
from process_cluster import ProcessCluster

BINARY = sys.argv.pop(1) if len(sys.argv) > 1 else "build/dev/minidfs"
BLOCK = 1 << 20


def place_of(answer):
    """Where the first step sends to: (host, port)."""
    status, headers, content = answer
    if status != 307:
        raise AssertionError(f"{status}: {content}")
    place = urllib.parse.urlsplit(headers["Location"])
    return place.hostname, place.port


def outer_address():
    """Of this machine, as others see it; None when it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address = sock.getsockname()[0]
    return None if address.startswith("127.") else address


def peers_of(pid):
    """The ports to which connections of the process lead."""
    sockets = set()
    for descriptor in os.listdir(f"/proc/{pid}/fd"):
        try:
            sockets.add(os.readlink(f"/proc/{pid}/fd/{descriptor}"))
        except FileNotFoundError:
            pass  # It was closed meanwhile.
    with open(f"/proc/{pid}/net/tcp", encoding="ascii") as table:
        lines = [line.split() for line in table.readlines()[1:]]
    return {int(fields[2].split(":")[1], 16) for fields in lines
            if f"socket:[{fields[9]}]" in sockets}


class Clustered(unittest.TestCase):
    cluster = None

    def create(self, path, data, **parameters):
        parameters = {"replication": 1, "blocksize": BLOCK, "overwrite": "true", **parameters}
        status, _, content = self.cluster.follow("PUT", path, "CREATE", data, **parameters)
        self.assertEqual(status, 201, content)

    def read(self, path, **parameters):
        status, _, content = self.cluster.follow("GET", path, "OPEN", **parameters)
        self.assertEqual(status, 200, content)
        return content

    def holders(self, path):
        """Of each block: the data ports of the datanodes that have it."""
        status, _, content = self.cluster.operation("GET", path, "GETFILEBLOCKLOCATIONS")
        self.assertEqual(status, 200, content)
        blocks = json.loads(content)["BlockLocations"]["BlockLocation"]
        return [[int(name.rsplit(":", 1)[1]) for name in block["names"]] for block in blocks]

    def node_at(self, port):
        """The datanode that serves HTTP at this port."""
        return next(node for node in self.cluster.datanodes if node.port == port)


class Datanodes(Clustered):
    @classmethod
    def setUpClass(cls):
        cls.cluster = ProcessCluster(BINARY)
        cls.ports = {node.port for node in cls.cluster.datanodes}

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__(None, None, None)

    def test_a_reader_is_sent_to_a_datanode_that_holds_the_block_at_its_offset(self):
        seen = set()
        for number in range(4):
            path = f"/read{number}"
            data = os.urandom(3 * BLOCK)
            self.cluster.verb("put", "--replication=1", f"--block-size={BLOCK}", "-", path,
                              data=data)
            for index, ports in enumerate(self.holders(path)):
                offset = index * BLOCK + 5
                for op in ["OPEN", "GETFILECHECKSUM"]:
                    answer = self.cluster.operation("GET", path, op, offset=offset)
                    at = offset if op == "OPEN" else 0
                    host, port = place_of(answer)
                    self.assertEqual(host, "127.0.0.1")
                    self.assertIn(self.node_at(port).data_port, self.holders(path)[at // BLOCK])
                seen.update(ports)
            self.assertEqual(self.read(path), data)
            self.assertEqual(self.read(path, offset=2 * BLOCK - 3, length=7),
                             data[2 * BLOCK - 3:2 * BLOCK + 4])
        self.assertGreater(len(seen), 1)

    def test_a_writer_is_sent_to_any_datanode_which_gets_the_first_replica(self):
        seen = set()
        for number in range(12):
            path = f"/write/{number}"
            _, port = place_of(self.cluster.operation("PUT", path, "CREATE"))
            self.assertIn(port, self.ports)
            target = f"{PREFIX}{path}?op=CREATE&replication=1&blocksize={BLOCK}" \
                     "&namenoderpcaddress=x:1"
            data = os.urandom(BLOCK + 7)
            status, _, content = self.cluster.request("PUT", target, data, at=("127.0.0.1", port))
            self.assertEqual(status, 201, content)
            self.assertEqual(self.holders(path), [[self.node_at(port).data_port]] * 2)
            self.assertEqual(self.read(path), data)
            seen.add(port)
        self.assertGreater(len(seen), 1)

    def begin_to_write(self, node, path, operation, parameters, data):
        """A request of whose body all but the last byte has come."""
        method = "PUT" if operation == "CREATE" else "POST"
        sock = socket.create_connection(("127.0.0.1", node.port))
        head = f"{method} {PREFIX}{path}?op={operation}&namenoderpcaddress=x:1&{parameters} " \
               f"HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n\r\n"
        sock.sendall(head.encode() + data[:-1])
        return sock

    def test_a_body_enters_the_pipeline_without_a_connection_of_a_datanode_to_itself(self):
        node = self.cluster.datanodes[0]
        others = {each.data_port for each in self.cluster.datanodes[1:]}
        whole = b""
        for operation in ["CREATE", "APPEND"]:
            data = os.urandom(2 * BLOCK + BLOCK // 2)
            whole += data
            with self.begin_to_write(node, "/inside", operation,
                                     f"replication=3&blocksize={BLOCK}", data) as sock:
                # The last block is on its way to the others.
                until = time.monotonic() + 30
                while time.monotonic() < until and not peers_of(node.process.pid) & others:
                    time.sleep(0.01)
                peers = peers_of(node.process.pid)
                self.assertTrue(peers & others, peers)
                self.assertNotIn(node.data_port, peers)
                sock.sendall(data[-1:])
                answer = sock.recv(1000)
                self.assertRegex(answer, rb"^HTTP/1.1 20[01] ")
        self.assertEqual(self.read("/inside"), whole)
        for ports in self.holders("/inside"):
            self.assertEqual(len(ports), 3)

    def test_appends_go_to_datanodes_as_well(self):
        self.create("/append", b"one")
        _, port = place_of(self.cluster.operation("POST", "/append", "APPEND"))
        self.assertIn(port, self.ports)
        status, _, content = self.cluster.follow("POST", "/append", "APPEND", b"two")
        self.assertEqual(status, 200, content)
        self.assertEqual(self.read("/append"), b"onetwo")

    def test_status_says_where_http_is_served(self):
        status = json.loads(self.cluster.verb("status", "--json"))
        self.assertEqual(status["http"], "open")
        for node in status["nodes"]:
            self.assertRegex(node["http"], r"^127\.0\.0\.1:\d+$")

    def test_an_empty_file_is_read_anywhere(self):
        self.create("/empty", b"")
        _, port = place_of(self.cluster.operation("GET", "/empty", "OPEN"))
        self.assertIn(port, self.ports)
        self.assertEqual(self.read("/empty"), b"")

    def test_noredirect_names_the_datanode_in_words(self):
        status, headers, content = self.cluster.operation("PUT", "/words", "CREATE",
                                                          noredirect="true")
        self.assertEqual(status, 200)
        self.assertNotIn("Location", headers)
        place = urllib.parse.urlsplit(json.loads(content)["Location"])
        self.assertIn(place.port, self.ports)

    def test_excluded_datanodes_are_not_named(self):
        left = self.cluster.datanodes[0]
        excluded = ",".join(f"127.0.0.1:{node.port}" for node in self.cluster.datanodes[1:])
        for _ in range(8):
            answer = self.cluster.operation("PUT", "/x", "CREATE", excludedatanodes=excluded)
            self.assertEqual(place_of(answer), ("127.0.0.1", left.port))
        everyone = f"{excluded},127.0.0.1:{left.port}"
        answer = self.cluster.operation("PUT", "/x", "CREATE", excludedatanodes=everyone)
        self.assertEqual(place_of(answer), ("127.0.0.1", self.cluster.port))

    @unittest.skipUnless(shutil.which("curl"), "there is no curl")
    def test_curl_follows_to_datanodes(self):
        def curl(*words, data=None):
            return subprocess.run(["curl", "-sS", "-L", "--fail", *words], input=data, check=True,
                                  stdout=subprocess.PIPE).stdout
        url = f"http://127.0.0.1:{self.cluster.port}{PREFIX}/curl"
        curl("-T", "-", f"{url}?op=CREATE&overwrite=true&user.name=alice", data=b"put,")
        curl("-X", "POST", "--data-binary", "@-", "-H", "Content-Type: application/octet-stream",
             f"{url}?op=APPEND&user.name=alice", data=b"appended")
        self.assertEqual(curl(f"{url}?op=OPEN"), b"put,appended")

    def test_a_datanode_serves_webhdfs_and_monitoring_alone(self):
        self.create("/asked/there", b"bytes")
        at = ("127.0.0.1", self.cluster.datanodes[0].port)
        status, _, content = self.cluster.request(
            "GET", f"{PREFIX}/asked/there?op=GETFILESTATUS", at=at)
        self.assertEqual(status, 200, content)
        self.assertEqual(json.loads(content)["FileStatus"]["length"], 5)
        status, headers, _ = self.cluster.request("GET", f"{PREFIX}/asked/there?op=OPEN", at=at)
        self.assertIn(place_of((status, headers, b""))[1], self.ports)
        for path in ["/metrics", "/healthz", "/readyz"]:
            self.assertEqual(self.cluster.request("GET", path, at=at)[0], 200, path)
        for path in ["/", "/api/v1/files", "/files", "/download/asked/there"]:
            self.assertEqual(self.cluster.request("GET", path, at=at)[0], 404, path)

    def test_a_gateway_sends_to_datanodes_too(self):
        at = ("127.0.0.1", self.cluster.add_gateway())
        answer = self.cluster.request("PUT", f"{PREFIX}/by-gateway?op=CREATE", at=at)
        self.assertIn(place_of(answer)[1], self.ports)


class LostDatanodes(Clustered):
    def test_a_client_whose_datanode_is_killed_is_sent_elsewhere_without_it(self):
        with ProcessCluster(BINARY) as cluster:
            self.cluster = cluster
            self.create("/kept", b"kept", replication=3)
            _, port = place_of(cluster.operation("GET", "/kept", "OPEN"))
            self.node_at(port).stop(signal.SIGKILL)
            with self.assertRaises(OSError):
                cluster.request("GET", f"{PREFIX}/kept?op=OPEN&namenoderpcaddress=x:1",
                                at=("127.0.0.1", port))
            without = {"excludedatanodes": f"127.0.0.1:{port}"}
            for _ in range(5):
                self.assertEqual(self.read("/kept", **without), b"kept")
            self.create("/new", b"new", **without)
            # And soon nobody is sent there any more.
            until = time.monotonic() + 30
            while time.monotonic() < until:
                places = {place_of(cluster.operation("PUT", "/y", "CREATE")) for _ in range(20)}
                if ("127.0.0.1", port) not in places:
                    break
                time.sleep(0.2)
            self.assertNotIn(("127.0.0.1", port), places)

    def test_where_datanodes_serve_no_http_the_client_stays(self):
        with ProcessCluster(BINARY, datanodes=2, datanode_flags=["--http-port=off"]) as cluster:
            self.cluster = cluster
            here = ("127.0.0.1", cluster.port)
            self.assertEqual(place_of(cluster.operation("PUT", "/f", "CREATE")), here)
            for number in range(6):
                self.create(f"/f{number}", b"data")
            with_http = cluster.add_datanode("--http-port=0")
            until = time.monotonic() + 30
            while time.monotonic() < until:
                place = place_of(cluster.operation("PUT", "/f", "CREATE"))
                if place != here:
                    break
                time.sleep(0.1)
            self.assertEqual(place, ("127.0.0.1", with_http.port))
            # None of the files is there.
            for number in range(6):
                self.assertEqual(place_of(cluster.operation("GET", f"/f{number}", "OPEN")), here)
                self.assertEqual(self.read(f"/f{number}"), b"data")

    def test_a_datanode_started_again_without_http_is_not_named(self):
        with ProcessCluster(BINARY, datanodes=1) as cluster:
            self.cluster = cluster
            node = cluster.datanodes.pop()
            self.assertEqual(place_of(cluster.operation("PUT", "/f", "CREATE"))[1], node.port)
            node.stop()
            cluster.add_datanode("--http-port=off")
            until = time.monotonic() + 30
            while time.monotonic() < until:
                place = place_of(cluster.operation("PUT", "/f", "CREATE"))
                if place[1] == cluster.port:
                    break
                time.sleep(0.1)
            self.assertEqual(place, ("127.0.0.1", cluster.port))


class Reach(Clustered):
    """Clients that come over another address than loopback."""

    OPEN = ["--http-listen=0.0.0.0", "--http-insecure"]

    def setUp(self):
        self.outside = outer_address()
        if self.outside is None:
            self.skipTest("this machine has loopback only")

    def places(self, datanode_flags):
        """Of a client that comes over loopback, and of one that does not."""
        with ProcessCluster(BINARY, datanodes=1, flags=self.OPEN,
                            datanode_flags=["--http-port=0", *datanode_flags]) as cluster:
            target = f"{PREFIX}/f?op=CREATE"
            found = [place_of(cluster.request("PUT", target, at=(host, cluster.port)))
                     for host in ["127.0.0.1", self.outside]]
            names = {cluster.port: "namenode", cluster.datanodes[0].port: "datanode"}
            return [(host, names[port]) for host, port in found]

    def test_a_datanode_on_loopback_is_named_to_clients_of_loopback_only(self):
        self.assertEqual(self.places([]),
                         [("127.0.0.1", "datanode"), (self.outside, "namenode")])

    def test_a_datanode_that_all_reach_is_named_as_it_is_reached(self):
        self.assertEqual(self.places([*self.OPEN, f"--advertise={self.outside}"]),
                         [("127.0.0.1", "datanode"), (self.outside, "datanode")])

    def test_a_datanode_whose_http_alone_others_reach_is_named_by_its_address(self):
        self.assertEqual(self.places([f"--http-listen={self.outside}", "--http-insecure"]),
                         [(self.outside, "datanode"), (self.outside, "datanode")])


class LocalDatanodes(Clustered):
    def test_each_datanode_of_a_local_cluster_has_a_port_of_its_own(self):
        with LocalCluster(BINARY, "--datanode-http-port=0") as cluster:
            self.cluster = cluster
            # They tell of themselves when they have started, and are asked for every two seconds.
            places = set()
            until = time.monotonic() + 15
            while len(places) < 2 and time.monotonic() < until:
                places.add(place_of(cluster.operation("PUT", "/f", "CREATE")))
                places.discard(("127.0.0.1", cluster.port))
            self.assertEqual(len(places), 2)
            data = os.urandom(BLOCK + 1)
            self.create("/f", data)
            self.assertEqual(self.read("/f"), data)

    def test_a_taken_port_is_an_error_when_it_was_asked_for(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            with self.assertRaisesRegex(RuntimeError, str(port)):
                LocalCluster(BINARY, f"--datanode-http-port={port}")


if __name__ == "__main__":
    unittest.main(verbosity=1)
