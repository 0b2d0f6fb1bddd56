#!/usr/bin/env python3
"""Uploads in parts, which go on after whatever has broken, against a real cluster."""
import http.client
import json
import random
import socket
import sys
import threading
import time
import unittest

from gateway import Gateway
from local_cluster import LocalCluster

BINARY = sys.argv.pop(1) if len(sys.argv) > 1 else "build/dev/minidfs"
API = "/api/v1"
HIDDEN = "/.minidfs-uploads"
PART = 64 << 20
DAY_SECONDS = 24 * 3600


def noise(size, seed=1):
    return random.Random(seed).randbytes(size)


class Uploads(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = LocalCluster(BINARY)

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__(None, None, None)

    def ask(self, method, target, body=None, headers=None, port=None):
        """(status, JSON or bytes) of one request."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.cluster.port, timeout=60)
        connection.request(method, API + target, body=body, headers=headers or {})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        if answer.getheader("Content-Type") == "application/json":
            content = json.loads(content)
        return answer.status, content

    def begin(self, path, size, **more):
        status, upload = self.ask("POST", "/uploads",
                                  json.dumps({"path": path, "size": size, **more}))
        self.assertEqual(status, 201, upload)
        self.assertEqual((upload["path"], upload["size"], upload["parts"], upload["complete"]),
                         (path, size, [], False))
        return upload["id"]

    def put_part(self, upload, number, content, port=None):
        return self.ask("PUT", f"/uploads/{upload}/parts/{number}", content, port=port)

    def complete(self, upload, port=None):
        return self.ask("POST", f"/uploads/{upload}/complete", port=port)

    def assert_error(self, answer, status, code):
        self.assertEqual((answer[0], answer[1]["error"]["code"]), (status, code), answer[1])

    def parts(self, upload):
        return [(part["number"], part["size"]) for part in self.ask("GET", f"/uploads/{upload}")[1]["parts"]]

    # --- As it is meant ---

    def test_parts_become_one_file(self):
        content = noise(2 * PART + 5_000_000)
        upload = self.begin("/deep/er/big.bin", len(content))
        gateway = self.enterContext(Gateway(BINARY, self.cluster.namenode))
        self.assertEqual(self.put_part(upload, 2, content[2 * PART:])[1],
                         {"number": 2, "size": 5_000_000})
        self.assertEqual(self.put_part(upload, 0, noise(PART, 7), gateway.port)[0], 200)
        self.assertEqual(self.parts(upload), [(0, PART), (2, 5_000_000)])
        answer = self.complete(upload)
        self.assert_error(answer, 409, "invalid argument")
        self.assertRegex(answer[1]["error"]["message"], "missing: 1$")
        # A part may come again, and counts as it came last.
        self.assertEqual(self.put_part(upload, 0, content[:PART])[0], 200)
        self.assertEqual(self.put_part(upload, 1, content[PART:2 * PART], gateway.port)[0], 200)
        self.assertEqual(self.ask("GET", "/files/deep/er/big.bin")[0], 404)
        stored = {"path": "/deep/er/big.bin", "size": len(content)}
        self.assertEqual(self.complete(upload, gateway.port), (200, stored))
        self.assertEqual(self.complete(upload), (200, stored))
        self.assertEqual(self.cluster.verb("cat", "/deep/er/big.bin"), content)
        status, state = self.ask("GET", f"/uploads/{upload}")
        self.assertEqual((status, state["complete"], len(state["parts"])), (200, True, 3))
        self.assert_error(self.put_part(upload, 0, b"late"), 409, "in use")
        blocks = self.ask("GET", "/files/deep/er/big.bin")[1]["locations"]
        self.assertEqual([block["length"] for block in blocks], [PART, PART, 5_000_000])
        self.assertEqual(self.ask("DELETE", f"/uploads/{upload}")[0], 204)
        self.assert_error(self.complete(upload), 404, "not found")
        self.assertEqual(self.cluster.verb("cat", "/deep/er/big.bin"), content)

    def test_blocks_of_another_size(self):
        content = noise(PART + 70_000_000)
        upload = self.begin("/blocks", len(content), block_size=48 << 20, replication=1)
        self.assertEqual(self.ask("GET", f"/uploads/{upload}")[1]["part_size"], 96 << 20)
        self.put_part(upload, 1, content[96 << 20:])
        self.put_part(upload, 0, content[:96 << 20])
        self.assertEqual(self.complete(upload)[0], 200)
        self.assertEqual(self.cluster.verb("cat", "/blocks"), content)
        entry = self.ask("GET", "/files/blocks")[1]
        self.assertEqual((entry["block_size"], entry["replicas"]), (48 << 20, 1))
        self.assertEqual({block["length"] for block in entry["locations"][:-1]}, {48 << 20})

    def test_small_and_empty_files(self):
        for content in (b"", b"x"):
            upload = self.begin(f"/small-{len(content)}", len(content))
            if content:
                self.assertEqual(self.put_part(upload, 0, content)[0], 200)
            self.assertEqual(self.complete(upload)[0], 200)
            self.assertEqual(self.cluster.verb("cat", f"/small-{len(content)}"), content)

    def test_what_stands_there(self):
        self.ask("PUT", "/files/there", b"old")
        answer = self.ask("POST", "/uploads", json.dumps({"path": "/there", "size": 3}))
        self.assert_error(answer, 409, "already exists")
        upload = self.begin("/there", 3, overwrite=True)
        late = self.begin("/later", 3)
        self.put_part(upload, 0, b"new")
        self.put_part(late, 0, b"one")
        self.assertEqual(self.ask("GET", "/download/there")[1], b"old")
        self.assertEqual(self.complete(upload)[0], 200)
        self.assertEqual(self.ask("GET", "/download/there")[1], b"new")
        self.ask("PUT", "/files/later", b"two")
        self.assert_error(self.complete(late), 409, "already exists")
        self.assertEqual(self.ask("GET", "/download/later")[1], b"two")
        self.assertEqual(self.parts(late), [(0, 3)])
        self.ask("DELETE", "/files/later")
        self.assertEqual(self.complete(late)[0], 200)
        self.assertEqual(self.ask("GET", "/download/later")[1], b"one")
        self.ask("POST", "/files/directory?mkdir=true")
        answer = self.ask("POST", "/uploads", json.dumps({"path": "/directory", "size": 3,
                                                          "overwrite": True}))
        self.assert_error(answer, 409, "is a directory")

    def test_many_complete_at_once(self):
        for turn in range(8):
            self.ask("PUT", "/files/race", b"old")
            upload = self.begin("/race", 3, overwrite=True)
            self.put_part(upload, 0, b"%03d" % turn)
            answers = []
            threads = [threading.Thread(target=lambda: answers.append(self.complete(upload)))
                       for _ in range(6)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(answers, [(200, {"path": "/race", "size": 3})] * 6)
            self.assertEqual(self.ask("GET", "/download/race")[1], b"%03d" % turn)

    # --- As it goes wrong ---

    def test_a_part_that_breaks_off_is_not_there(self):
        upload = self.begin("/broken", 10_000_000)
        with socket.create_connection(("127.0.0.1", self.cluster.port)) as client:
            client.sendall(f"PUT {API}/uploads/{upload}/parts/0 HTTP/1.1\r\nHost: x\r\n"
                           "Content-Length: 10000000\r\n\r\n".encode() + noise(2_000_000))
        time.sleep(0.5)
        self.assertEqual(self.parts(upload), [])

    def test_what_is_no_part(self):
        upload = self.begin("/wrong", 10)
        for number, content in (("0", b"123456789"), ("0", b"12345678901"), ("00", bytes(10)),
                                ("-1", bytes(10)), ("joined", bytes(10))):
            self.assert_error(self.put_part(upload, number, content), 400, "invalid argument")
        for content in (b"", b"x"):
            self.assert_error(self.put_part(upload, "1", content), 404, "not found")
        chunked = self.ask("PUT", f"/uploads/{upload}/parts/0", iter([b"12345", b"6789012345"]))
        self.assert_error(chunked, 400, "invalid argument")
        self.assertEqual(self.parts(upload), [])
        other = "0123456789abcdef" * 2
        for method, target in (("GET", ""), ("DELETE", ""), ("PUT", "/parts/0"), ("POST", "/complete")):
            for name in (other, "x"):
                answer = self.ask(method, f"/uploads/{name}{target}", b"")
                self.assert_error(answer, 404, "not found")
        for method, target, allowed in (("GET", "", 405), ("PUT", f"/{upload}", 405),
                                        ("GET", f"/{upload}/complete", 405),
                                        ("POST", f"/{upload}/other", 404),
                                        ("PUT", f"/{upload}/parts/0/0", 404)):
            self.assertEqual(self.ask(method, "/uploads" + target, b"")[0], allowed)

    def test_what_is_no_upload(self):
        for wanted in (b"", b"{", b"[]", b"7", b'{"path":"/a"}', b'{"path":7,"size":1}',
                       b'{"path":"a","size":1}', b'{"path":"/a/../b","size":1}',
                       b'{"path":"/a","size":-1}', b'{"path":"/a","size":1.5}',
                       b'{"path":"/a","size":"1"}', b'{"path":"/a","size":1,"overwrite":1}',
                       b'{"path":"/a","size":1,"compression":"x"}', b'{"size":1}',
                       b'{"path":"/a","size":99999999999999999999}',
                       b'{"path":"/a","size":1,"replication":256}', b"[" * 60_000):
            with self.subTest(wanted=wanted[:60]):
                self.assert_error(self.ask("POST", "/uploads", wanted), 400, "invalid argument")
        self.assert_error(self.ask("POST", "/uploads", b" " * 70_000), 413, "too large")
        large = json.dumps({"path": "/a", "size": (1 << 40) + 1})
        self.assert_error(self.ask("POST", "/uploads", large), 413, "too large")
        self.assert_error(self.ask("POST", "/uploads", b'{"path":"/","size":1}'), 409,
                          "is a directory")

    def test_names_that_are_no_text(self):
        wanted = json.dumps({"path": "", "path_bytes": "/caf%E9", "size": 1})
        status, upload = self.ask("POST", "/uploads", wanted)
        self.assertEqual((status, upload["path_bytes"]), (201, "/caf%E9"))
        self.put_part(upload["id"], 0, b"x")
        self.assertEqual(self.complete(upload["id"])[1]["path_bytes"], "/caf%E9")
        self.assertEqual(self.ask("GET", "/download/caf%E9")[1], b"x")

    def test_parts_are_nobody_elses(self):
        upload = self.begin("/hidden", 3)
        self.put_part(upload, 0, b"abc")
        self.assertNotIn(HIDDEN[1:], [entry["name"] for entry in self.ask("GET", "/files")[1]["entries"]])
        self.assertIn(HIDDEN[1:].encode(), self.cluster.verb("ls", "/"))
        part = f"{HIDDEN}/{upload}/0"
        for method, target in (("GET", f"/files{HIDDEN}"), ("GET", f"/files{part}"),
                               ("GET", f"/download{part}"), ("PUT", f"/files{part}"),
                               ("DELETE", f"/files{HIDDEN}?recursive=true"),
                               ("DELETE", "/files/%2eminidfs-uploads//?recursive=true"),
                               ("POST", f"/files{HIDDEN}?rename=/mine"),
                               ("POST", f"/files{HIDDEN}/new?mkdir=true"),
                               ("POST", f"/files/small-1?rename={HIDDEN}/x"),
                               ("POST", f"/files/small-1?rename={HIDDEN}")):
            with self.subTest(method=method, target=target):
                self.assert_error(self.ask(method, target, b"x"), 403, "permission denied")
        form = {"Content-Type": "multipart/form-data; boundary=x"}
        self.assert_error(self.ask("POST", f"/upload?dir={HIDDEN}/{upload}", b"--x--\r\n", form), 403,
                          "permission denied")
        wanted = json.dumps({"path": part, "size": 1})
        self.assert_error(self.ask("POST", "/uploads", wanted), 403, "permission denied")
        evil = {"Origin": "http://evil.example"}
        for method, target in (("POST", "/uploads"), ("PUT", f"/uploads/{upload}/parts/0"),
                               ("POST", f"/uploads/{upload}/complete"), ("DELETE", f"/uploads/{upload}")):
            self.assert_error(self.ask(method, target, b"abc", evil), 403, "permission denied")
        self.assertEqual(self.complete(upload)[0], 200)

    def test_what_is_abandoned_is_gone(self):
        self.ask("PUT", "/files/kept", b"old")
        upload = self.begin("/kept", 3, overwrite=True)
        self.put_part(upload, 0, b"new")
        self.assertEqual(self.ask("DELETE", f"/uploads/{upload}")[0], 204)
        self.assertEqual(self.ask("GET", "/download/kept")[1], b"old")
        self.assertNotIn(upload, self.cluster.verb("ls", HIDDEN).decode())
        self.assert_error(self.put_part(upload, 0, b"new"), 404, "not found")

    def test_completing_goes_on_where_it_stopped(self):
        self.ask("PUT", "/files/stopped", b"old")
        upload = self.begin("/stopped", 3, overwrite=True)
        self.put_part(upload, 0, b"new")
        place = f"{HIDDEN}/{upload}"
        self.cluster.verb("concat", f"{place}/joined", f"{place}/0")
        self.assertEqual(self.parts(upload), [(0, 3)])
        self.assertEqual(self.complete(upload)[0], 200)
        self.assertEqual(self.ask("GET", "/download/stopped")[1], b"new")
        self.assertEqual(self.ask("GET", f"/uploads/{upload}")[1]["complete"], True)

    def test_a_file_that_is_replaced_is_there_all_the_time(self):
        contents = {b"version %d" % number for number in range(8)}
        self.ask("PUT", "/files/always", b"version 0")
        seen, done = set(), threading.Event()

        def look():
            while not done.is_set():
                seen.add(self.ask("GET", "/download/always")[:2])

        reader = threading.Thread(target=look)
        reader.start()
        try:
            for content in sorted(contents):
                upload = self.begin("/always", len(content), overwrite=True)
                self.put_part(upload, 0, content)
                self.assertEqual(self.complete(upload)[0], 200)
        finally:
            done.set()
            reader.join()
        self.assertEqual({status for status, _ in seen}, {200})
        self.assertLessEqual({content for _, content in seen}, contents)

    def test_what_became_a_directory_is_not_replaced(self):
        upload = self.begin("/was-free", 3, overwrite=True)
        self.put_part(upload, 0, b"new")
        self.cluster.verb("mkdir", "/was-free")
        self.assert_error(self.complete(upload), 409, "is a directory")
        self.assertEqual(self.ask("GET", "/files/was-free")[1]["entries"], [])
        self.cluster.verb("rm", "-r", "/was-free")
        self.assertEqual(self.complete(upload)[0], 200)
        self.assertEqual(self.ask("GET", "/download/was-free")[1], b"new")

    def test_uploads_expire(self):
        old, young, replaced = (self.begin(f"/expire-{i}", 3) for i in range(3))
        for upload in (old, young, replaced):
            self.put_part(upload, 0, b"abc")
        self.cluster.verb("mkdir", f"{HIDDEN}/somebody's")
        for upload in (old, replaced):
            for name in ("", "/plan", "/joined", "/0"):
                self.age(f"{HIDDEN}/{upload}{name}", DAY_SECONDS + 60)
        self.age(f"{HIDDEN}/somebody's", DAY_SECONDS + 60)
        # It has come again of late, which the directory does not show.
        self.age(f"{HIDDEN}/{replaced}/0", DAY_SECONDS - 60)
        # It looks soon after its start.
        gateway = self.enterContext(Gateway(BINARY, self.cluster.namenode))
        until = time.monotonic() + 30
        said = f"upload {old}: nobody went on with it"
        while said not in gateway.role.log() and time.monotonic() < until:
            time.sleep(0.2)
        self.assertIn(said, gateway.role.log())
        self.assertEqual(self.ask("GET", f"/uploads/{old}")[0], 404)
        self.assertEqual(self.parts(young), [(0, 3)])
        self.assertEqual(self.parts(replaced), [(0, 3)])
        self.assertIn("somebody's", self.cluster.verb("ls", HIDDEN).decode())

    def age(self, path, seconds):
        when = int((time.time() - seconds) * 1000)
        answer = self.cluster.operation("PUT", path, "SETTIMES", modificationtime=when, accesstime=-1)
        self.assertEqual(answer[0], 200, answer)


if __name__ == "__main__":
    unittest.main()
