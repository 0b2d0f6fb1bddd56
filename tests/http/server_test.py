#!/usr/bin/env python3
"""The HTTP server against clients that are odd, slow or hostile: each gets one proper status or is
closed, and good ones are served."""
import re
import select
import socket
import sys
import time
import unittest

from local_cluster import LocalCluster

BINARY = sys.argv.pop(1) if len(sys.argv) > 1 else "build/dev/minidfs"
STATUS = "GET /webhdfs/v1/?op=GETFILESTATUS HTTP/1.1\r\nHost: x\r\n"


class Server(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = LocalCluster(BINARY)

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__(None, None, None)

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.cluster.port), timeout=30)

    def talk(self, data):
        """Everything that comes back until the server closes."""
        with self.connect() as client:
            client.sendall(data if isinstance(data, bytes) else data.encode())
            client.shutdown(socket.SHUT_WR)
            answer = b""
            while True:
                try:
                    more = client.recv(65536)
                except ConnectionResetError:
                    break
                if not more:
                    break
                answer += more
            return answer

    def statuses(self, data):
        return [int(code) for code in re.findall(rb"HTTP/1\.1 (\d+)", self.talk(data))]

    def tearDown(self):
        self.assertEqual(self.statuses(STATUS + "\r\n"), [200], "a good client is served")

    def test_requests_in_a_row(self):
        self.assertEqual(self.statuses((STATUS + "\r\n") * 5), [200] * 5)
        put = "PUT /webhdfs/v1/row?op=MKDIRS HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
        self.assertEqual(self.statuses(put + STATUS + "\r\n"), [200, 200], "its body is skipped")

    def test_the_end_of_a_connection(self):
        self.assertEqual(self.statuses(STATUS + "Connection: close\r\n\r\n" + STATUS + "\r\n"), [200])
        old = STATUS.replace("HTTP/1.1", "HTTP/1.0") + "\r\n"
        self.assertEqual(self.statuses(old + old), [200])

    def test_head(self):
        answer = self.talk(STATUS.replace("GET", "HEAD", 1) + "Connection: close\r\n\r\n")
        head, body = answer.split(b"\r\n\r\n", 1)
        self.assertEqual(body, b"")
        self.assertGreater(int(re.search(rb"Content-Length: (\d+)", head)[1]), 50)

    def test_a_client_that_waits_for_leave_to_send(self):
        place = self.cluster.operation("PUT", "/waits", "CREATE")[1]["Location"].split("/", 3)[3]
        with self.connect() as client:
            client.sendall(f"PUT /{place} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
                           "Expect: 100-continue\r\n\r\n".encode())
            self.assertEqual(client.recv(100), b"HTTP/1.1 100 Continue\r\n\r\n")
            client.sendall(b"hello")
            self.assertIn(b"HTTP/1.1 201 Created", client.recv(1000))
        self.assertEqual(self.cluster.verb("cat", "/waits"), b"hello")

    def test_shapes_of_smuggling(self):
        put = "PUT /webhdfs/v1/s?op=MKDIRS HTTP/1.1\r\nHost: x\r\n"
        for name, fields in {
                "two lengths": "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
                "a list of lengths": "Content-Length: 3, 4\r\n\r\nabcd",
                "length and chunked": "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
                                      "0\r\n\r\n",
                "chunked and length": "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"
                                      "0\r\n\r\n",
                "a negative length": "Content-Length: -1\r\n\r\n",
                "a length with a sign": "Content-Length: +3\r\n\r\nabc",
                "a huge length": "Content-Length: 99999999999999999999999\r\n\r\n",
                "a space before the colon": "Content-Length : 3\r\n\r\nabc",
                "bare line feeds": "Content-Length: 0\n\n",
                "a coding twice": "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"
                                  "\r\n0\r\n\r\n",
                "an empty name": ": chunked\r\n\r\n",
                "a zero byte": "X: a\0b\r\n\r\n",
                "a carriage return in a value": "X: a\rb\r\n\r\n"}.items():
            with self.subTest(name):
                self.assertEqual(self.statuses(put + fields + STATUS + "\r\n"), [400])
        for coding in ("gzip", "chunked, identity", "xchunked"):
            codings = put + f"Transfer-Encoding: {coding}\r\n\r\n"
            self.assertEqual(self.statuses(codings + STATUS + "\r\n"), [501])
        # A folded field is one, as if a space were there (RFC 9112, 5.2), and hides none.
        hidden = put + "X: a\r\n Content-Length: 3\r\n\r\n"
        self.assertEqual(self.statuses(hidden + STATUS + "\r\n"), [200, 200])
        length = put + "Content-Length:\r\n 3\r\n\r\nabc"
        self.assertIn(self.statuses(length + STATUS + "\r\n"), ([400], [200, 200]))
        bad_chunk = put + "Transfer-Encoding: chunked\r\n\r\nzz\r\n"
        self.assertEqual(self.statuses(bad_chunk + STATUS + "\r\n"), [200], "closed after its answer")

    def test_chunks_that_are_none(self):
        """What follows is never taken for a request: the answer is the last."""
        put = ("PUT /files/chunks HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for name, body in {"a size that overflows": "fffffffffffffffff\r\n",
                           "a size with a sign": "-1\r\n", "a size of a C program": "0x1\r\na\r\n",
                           "no size": "\r\n\r\n", "bare line feeds": "1\na\n0\n\n",
                           "more than its size": "1\r\nab\r\n0\r\n\r\n"}.items():
            with self.subTest(name):
                found = self.statuses(put + body + STATUS + "\r\n")
                self.assertEqual(len(found), 1, found)
                self.assertGreaterEqual(found[0], 400)
        self.assertEqual(self.cluster.request("GET", "/files/chunks")[0], 404)

    def test_bodies_that_are_longer_or_shorter_than_said(self):
        put = "PUT /files/length HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"
        self.assertEqual(self.statuses(put + "hello, and more\r\n\r\n"), [201, 400])
        self.assertEqual(self.cluster.verb("cat", "/length"), b"hello")
        self.assertEqual(self.statuses(put + "hello" + STATUS + "\r\n"), [200, 200])
        short = put.replace("/length", "/short").replace(": 5", ": 5000000")
        found = self.statuses(short + "a" * 1_000_000)
        self.assertLessEqual(len(found), 1)
        self.assertTrue(all(status >= 400 for status in found), found)
        self.assertEqual(self.cluster.request("GET", "/files/short")[0], 404)

    def test_no_path_leads_out(self):
        ways = ["/../", "/%2e%2e/", "/.%2e/", "/%2E%2E%2F", "/..%2f", "/..%5c", "/..\\",
                "/%252e%252e/", "/%c0%ae%c0%ae/", "/%u002e%u002e/", "/..;/", "//../", "/./../",
                "/%2e%2e%00/"]
        for root in ("", "/files", "/api/v1/files", "/download", "/api/v1/download", "/webhdfs/v1",
                     "/js"):
            for way in ways:
                target = f"{root}{way * 8}etc/passwd"
                for query in ("", "?op=OPEN", "?op=OPEN&namenoderpcaddress=x"):
                    answer = self.talk(f"GET {target}{query} HTTP/1.1\r\nHost: x\r\n\r\n")
                    with self.subTest(target + query):
                        self.assertRegex(answer, rb"^HTTP/1\.1 (400|404) ")
                        self.assertNotIn(b"root:", answer)
        inside = self.talk("PUT /files/a/%2e%2e/%2e%2e/b HTTP/1.1\r\nHost: x\r\n"
                           "Content-Length: 1\r\n\r\nx")
        self.assertTrue(inside.startswith(b"HTTP/1.1 400 "), inside)

    def test_garbage(self):
        for garbage in [b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n", b"GET / FTP/1.0\r\n\r\n",
                        b"\x00" * 5000, b"GET http HTTP/1.1\r\n\r\n", b"GET  / HTTP/1.1\r\n\r\n"]:
            with self.subTest(garbage[:20]):
                self.assertIn(self.statuses(garbage), ([400], []))

    def test_headers_without_end(self):
        self.assertEqual(self.statuses(STATUS + "X: " + "a" * (1 << 20) + "\r\n\r\n"), [431])
        self.assertEqual(self.statuses(STATUS + "X: a\r\n" * 200_000 + "\r\n"), [431])
        long_path = "/" + "/".join(["%41" * 200] * 39)
        request = f"GET /webhdfs/v1{long_path}?op=GETFILESTATUS HTTP/1.1\r\nHost: x\r\n\r\n"
        self.assertEqual(self.statuses(request), [404], "a path of 8,000 bytes, escaped")

    def test_a_target_with_its_host(self):
        absolute = STATUS.replace("/webhdfs", "http://example.com:80/webhdfs", 1)
        self.assertEqual(self.statuses(absolute + "\r\n"), [200])

    def test_a_slow_header_is_not_waited_for(self):
        begun = time.monotonic()
        with self.connect() as client:
            client.sendall(b"GET / HTTP/1.1\r\n")
            answer = client.recv(1000)
        self.assertIn(b"408", answer.split(b"\r\n")[0])
        self.assertLess(time.monotonic() - begun, 25)

    def test_headers_that_come_byte_by_byte_are_not_waited_for(self):
        begun = time.monotonic()
        slow = [self.connect() for _ in range(50)]
        request = ("GET /" + "a" * 1000).encode()
        answers = {}
        for byte in request:
            if len(answers) == len(slow):
                break
            for number, client in enumerate(slow):
                if number in answers:
                    continue
                try:
                    client.sendall(bytes([byte]))
                    if select.select([client], [], [], 0)[0]:
                        answers[number] = client.recv(1000)
                except OSError:
                    answers[number] = b""
            self.assertLess(time.monotonic() - begun, 25)
            time.sleep(0.2)
        for client in slow:
            client.close()
        self.assertTrue(all(b"408" in answer.split(b"\r\n")[0] for answer in answers.values()))

    def test_a_body_that_stands_still_is_not_waited_for(self):
        begun = time.monotonic()
        with self.connect() as client:
            client.settimeout(60)
            client.sendall(b"PUT /files/still HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf")
            answer = client.recv(1000)
        self.assertRegex(answer, rb"^HTTP/1\.1 (408|503) ")
        self.assertLess(time.monotonic() - begun, 45)
        self.assertEqual(self.cluster.request("GET", "/files/still")[0], 404)

    def test_many_idle_connections(self):
        idle = [self.connect() for _ in range(500)]
        self.assertEqual(self.statuses(STATUS + "\r\n"), [200])
        for client in idle:
            client.close()

    def test_options(self):
        answer = self.talk("OPTIONS /webhdfs/v1/x?op=CREATE HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 OK"))
        self.assertIn(b"Access-Control-Allow-Methods: PUT", answer)
        self.assertEqual(self.statuses("DELETE /nothing/here HTTP/1.1\r\nHost: x\r\n\r\n"), [405])


if __name__ == "__main__":
    unittest.main(verbosity=1)
