#!/usr/bin/env python3
"""The REST API, as programs and browsers use it, against a real cluster."""
import email.parser
import hashlib
import json
import random
import re
import socket
import sys
import time
import unittest

from local_cluster import LocalCluster

BINARY = sys.argv.pop(1) if len(sys.argv) > 1 else "build/dev/minidfs"
API = "/api/v1"


def noise(size, seed=1):
    return random.Random(seed).randbytes(size)


def form_of(files, boundary="x1"):
    """A form as browsers send it: (name, content) of each file."""
    body = b""
    for name, content in files:
        body += (f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
                 "Content-Type: application/octet-stream\r\n\r\n").encode() + content + b"\r\n"
    return body + f"--{boundary}--\r\n".encode()


class Rest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = LocalCluster(BINARY)

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__(None, None, None)

    def ask(self, method, target, body=None, headers=None, chunked=False):
        """(status, headers, JSON or bytes) of one request."""
        status, fields, content = self.cluster.request(method, API + target, body, headers, chunked)
        if fields.get("Content-Type") == "application/json":
            self.assertEqual(fields["X-Content-Type-Options"], "nosniff")
            content = json.loads(content)
        return status, fields, content

    def put(self, path, content=b"", **headers):
        status, _, answer = self.ask("PUT", "/files" + path, content, headers)
        self.assertIn(status, (200, 201), answer)

    def upload(self, files, query="?dir=/up", boundary="x1"):
        return self.ask("POST", "/upload" + query, form_of(files, boundary),
                        {"Content-Type": f"multipart/form-data; boundary={boundary}"})

    def assert_error(self, answer, status, code):
        self.assertEqual((answer[0], answer[2]["error"]["code"]), (status, code), answer[2])
        self.assertTrue(answer[2]["error"]["message"])

    # --- Files ---

    def test_a_file_is_stored_as_it_was_sent(self):
        content = noise(3_000_000)
        status, _, answer = self.ask("PUT", "/files/store/deep/a.bin?block_size=1M&replication=2",
                                     content)
        self.assertEqual((status, answer), (201, {"path": "/store/deep/a.bin", "size": 3_000_000}))
        self.assertEqual(self.cluster.verb("cat", "/store/deep/a.bin"), content)
        status, _, entry = self.ask("GET", "/files/store/deep/a.bin")
        self.assertEqual(status, 200)
        for name, value in {"name": "a.bin", "path": "/store/deep/a.bin", "type": "file",
                            "size": 3_000_000, "blocks": 3, "replicas": 2, "permission": "644",
                            "block_size": 1 << 20}.items():
            self.assertEqual(entry[name], value, name)
        self.assertRegex(entry["modified"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertEqual([(place["offset"], place["length"]) for place in entry["locations"]],
                         [(0, 1 << 20), (1 << 20, 1 << 20), (2 << 20, 3_000_000 - (2 << 20))])
        self.assertEqual(len(entry["locations"][0]["nodes"]), 2)
        self.assertRegex(entry["locations"][0]["nodes"][0]["address"], r":\d+$")

    def test_a_body_may_come_in_chunks_and_may_be_empty(self):
        pieces = [noise(70_000, seed) for seed in range(20)]
        status, _, answer = self.ask("PUT", "/files/chunks", iter(pieces),
                                     {"Transfer-Encoding": "chunked"}, chunked=True)
        self.assertEqual((status, answer["size"]), (201, 1_400_000))
        self.assertEqual(self.cluster.verb("cat", "/chunks"), b"".join(pieces))
        self.assertEqual(self.ask("PUT", "/files/empty", b"")[0], 201)
        self.assertEqual(self.cluster.verb("cat", "/empty"), b"")

    def test_a_file_is_replaced_unless_the_client_forbids_it(self):
        self.assertEqual(self.ask("PUT", "/files/replaced", b"one")[0], 201)
        self.assertEqual(self.ask("PUT", "/files/replaced", b"two")[0], 200)
        answer = self.ask("PUT", "/files/replaced", b"three", {"If-None-Match": "*"})
        self.assert_error(answer, 412, "already exists")
        self.assertEqual(self.cluster.verb("cat", "/replaced"), b"two")
        self.assertEqual(self.ask("PUT", "/files/fresh", b"x", {"If-None-Match": "*"})[0], 201)
        tag = self.ask("HEAD", "/download/replaced")[1]["ETag"]
        self.assertEqual(self.ask("PUT", "/files/replaced", b"four", {"If-Match": tag})[0], 200)
        self.assertEqual(self.ask("PUT", "/files/replaced", b"five", {"If-Match": tag})[0], 412)
        self.assertEqual(self.cluster.verb("cat", "/replaced"), b"four")

    def test_a_file_that_breaks_off_is_not_there(self):
        self.put("/broken/old", b"old")
        for name in ("new", "old"):
            with socket.create_connection(("127.0.0.1", self.cluster.port)) as client:
                client.sendall(f"PUT {API}/files/broken/{name} HTTP/1.1\r\nHost: x\r\n"
                               "Content-Length: 3000000\r\n\r\n".encode() + noise(2_000_000))
        self.assertEqual(self.ask("GET", "/files/broken/new")[0], 404)
        self.assertEqual(self.ask("GET", "/download/broken/old")[2], b"old")

    def test_a_directory_is_listed_page_by_page(self):
        names = ["a", "b b", "b%", "b\u00e9", "c", "ca", "cb", "d"]
        for name in names:
            self.put("/list/" + self.cluster_quote(name))
        names.sort(key=str.encode)
        status, _, page = self.ask("GET", "/files/list")
        self.assertEqual((status, page["path"], page["type"], page["next"]),
                         (200, "/list", "directory", None))
        self.assertEqual([entry["name"] for entry in page["entries"]], names)
        found, cursor = [], ""
        while cursor is not None:
            page = self.ask("GET", f"/files/list?limit=3&cursor={cursor}")[2]
            self.assertLessEqual(len(page["entries"]), 3)
            found += [entry["path"] for entry in page["entries"]]
            cursor = page["next"]
        self.assertEqual(found, ["/list/" + name for name in names])
        page = self.ask("GET", "/files/list?prefix=c&limit=2")[2]
        self.assertEqual([entry["name"] for entry in page["entries"]], ["c", "ca"])
        page = self.ask("GET", f"/files/list?prefix=c&limit=2&cursor={page['next']}")[2]
        self.assertEqual([entry["name"] for entry in page["entries"]], ["cb"])
        self.assertIsNone(page["next"])
        self.assertIn("list", [entry["name"] for entry in self.ask("GET", "/files")[2]["entries"]])

    @staticmethod
    def cluster_quote(name):
        return "".join(f"%{byte:02X}" for byte in name.encode())

    def test_a_large_directory_is_sent_as_it_is_read(self):
        files = [(f"f{number:04}", b"") for number in range(1100)]
        self.assertEqual(self.upload(files, "?dir=/many")[0], 201)
        page = self.ask("GET", "/files/many")[2]
        self.assertEqual(len(page["entries"]), 1000)
        page = self.ask("GET", f"/files/many?cursor={page['next']}")[2]
        self.assertEqual((len(page["entries"]), page["next"]), (100, None))

    def test_directories_are_made_renamed_and_removed(self):
        self.assertEqual(self.ask("POST", "/files/dirs/a/b?mkdir=true")[::2],
                         (201, {"path": "/dirs/a/b"}))
        self.assertEqual(self.ask("POST", "/files/dirs/a/b?mkdir=true")[0], 201)
        self.assertEqual(self.ask("POST", "/files/dirs/a/b?rename=/dirs/c")[::2],
                         (200, {"path": "/dirs/c"}))
        self.assertEqual(self.ask("POST", "/files/dirs/c?rename=/dirs/a")[::2],
                         (200, {"path": "/dirs/a/c"}))
        self.assert_error(self.ask("DELETE", "/files/dirs/a"), 409, "directory not empty")
        status, fields, content = self.ask("DELETE", "/files/dirs/a?recursive=true")
        self.assertEqual((status, content), (204, b""))
        self.assertNotIn("Content-Length", fields)
        self.assert_error(self.ask("DELETE", "/files/dirs/a"), 404, "not found")

    def test_what_is_in_the_way_is_told(self):
        self.put("/way/f", b"x")
        self.assert_error(self.ask("PUT", "/files/way", b"x"), 409, "is a directory")
        self.assert_error(self.ask("PUT", "/files/way/f/g", b"x"), 409, "not a directory")
        self.assert_error(self.ask("POST", "/files/way/f?mkdir=true"), 409, "already exists")
        self.put("/way/g", b"x")
        self.assert_error(self.ask("POST", "/files/way/f?rename=/way/g"), 409, "already exists")
        self.assert_error(self.ask("POST", "/files/none?rename=/way/h"), 404, "not found")
        self.assert_error(self.ask("GET", "/files/none"), 404, "not found")
        self.assert_error(self.ask("GET", "/download/none"), 404, "not found")
        self.assert_error(self.ask("GET", "/download/way"), 409, "is a directory")

    def test_bad_requests_are_refused(self):
        self.put("/bad/f", b"x")
        for method, target in [("GET", "/files/a/../b"), ("GET", "/files/%2e%2e/b"),
                               ("GET", "/files/./b"), ("GET", "/files/a%00b"), ("GET", "/files/%zz"),
                               ("GET", "/files/" + "x" * 256), ("GET", "/files/bad?limit=0"),
                               ("GET", "/files/bad?cursor=x"), ("GET", "/files/bad?prefix=a/b"),
                               ("POST", "/files/bad/f"), ("POST", "/files/bad/f?mkdir=maybe"),
                               ("POST", "/files/bad/f?mkdir=true&rename=/g"),
                               ("POST", "/files/bad/f?rename=g"), ("DELETE", "/files/"),
                               ("PUT", "/files/bad/g?replication=0"),
                               ("PUT", "/files/bad/g?block_size=x"),
                               ("PUT", "/files/bad/g?compression=x"),
                               ("GET", "/download/bad/f?inline=1")]:
            with self.subTest(method=method, target=target):
                self.assert_error(self.ask(method, target), 400, "invalid argument")
        answer = self.ask("PUT", "/files/bad/f", b"x", {"Content-Range": "bytes 0-0/2"})
        self.assert_error(answer, 400, "invalid argument")
        self.assertEqual(self.ask("GET", "/files//bad//f/")[2]["path"], "/bad/f")

    def test_methods_that_a_resource_has_not(self):
        for method, target, allowed in [("POST", "/download/x", "GET, HEAD"),
                                        ("GET", "/upload", "POST"),
                                        ("PATCH", "/files/x", "GET, HEAD, PUT, POST, DELETE")]:
            status, fields, _ = self.ask(method, target)
            self.assertEqual((status, fields["Allow"]), (405, allowed))
        for target in ("/nothing", "/uploadss", "/upload/x", "/cluster/x", ""):
            self.assertEqual(self.ask("GET" if "upload/" not in target else "POST", target)[0], 404)

    def test_pages_of_other_sites_change_nothing(self):
        self.put("/origin", b"x")
        here = f"http://127.0.0.1:{self.cluster.port}"
        for method, target in [("PUT", "/files/origin"), ("POST", "/files/origin?rename=/o"),
                               ("DELETE", "/files/origin"), ("POST", "/upload")]:
            for origin in ("http://evil.example", "null", "http://127.0.0.1:1"):
                answer = self.ask(method, target, b"y", {"Origin": origin})
                self.assert_error(answer, 403, "permission denied")
        self.assertEqual(self.ask("GET", "/files/origin", None, {"Origin": "null"})[0], 200)
        self.assertEqual(self.ask("PUT", "/files/origin", b"y", {"Origin": here})[0], 200)

    # --- Uploads ---

    def test_a_form_with_several_files(self):
        big = noise(20_000_000)
        files = [("a.txt", b"hello"), ("big.bin", big), ("empty", b""), ("\u00e9\u20ac.txt", b"e")]
        status, _, answer = self.upload(files)
        self.assertEqual(status, 201, answer)
        self.assertEqual(answer["files"], [{"path": "/up/" + name, "size": len(content)}
                                           for name, content in files])
        for name, content in files:
            self.assertEqual(self.cluster.verb("cat", "/up/" + name), content)

    def test_the_name_of_a_file_cannot_lead_elsewhere(self):
        for name in ("../../e1", "/etc/e2", "C:\\\\dir\\\\e3"):
            status, _, answer = self.upload([(name, b"x")], "?dir=/names")
            self.assertEqual(answer["files"][0]["path"], "/names/" + re.split(r"[/\\]", name)[-1])
        for name in ("", ".", "..", "a/..", "a/"):
            self.assert_error(self.upload([(name, b"x")], "?dir=/names"), 400, "invalid argument")
        names = [entry["name"] for entry in self.ask("GET", "/files/names")[2]["entries"]]
        self.assertEqual(names, ["e1", "e2", "e3"])

    def test_files_that_exist_are_replaced_on_demand(self):
        self.upload([("f", b"one")], "?dir=/exists")
        answer = self.upload([("e", b"e"), ("f", b"two"), ("g", b"g")], "?dir=/exists")
        self.assert_error(answer, 409, "already exists")
        self.assertEqual(answer[2]["files"], [{"path": "/exists/e", "size": 1}])
        self.assertEqual(self.cluster.verb("cat", "/exists/f"), b"one")
        self.assertEqual(self.upload([("f", b"two")], "?dir=/exists&overwrite=true")[0], 201)
        self.assertEqual(self.cluster.verb("cat", "/exists/f"), b"two")

    def test_a_part_that_breaks_off_leaves_nothing(self):
        form = form_of([("whole", b"w" * 1000), ("half", noise(3_000_000))])[:2_000_000]
        fields = {"Content-Type": "multipart/form-data; boundary=x1"}
        answer = self.ask("POST", "/upload?dir=/half", form, fields)
        self.assert_error(answer, 400, "invalid argument")
        self.assertEqual(answer[2]["files"], [{"path": "/half/whole", "size": 1000}])
        with socket.create_connection(("127.0.0.1", self.cluster.port)) as client:
            client.sendall(f"POST {API}/upload?dir=/half HTTP/1.1\r\nHost: x\r\nContent-Length: "
                           "9000000\r\nContent-Type: multipart/form-data; boundary=x1\r\n\r\n".encode()
                           + form.replace(b"whole", b"other"))
        names = [entry["name"] for entry in self.ask("GET", "/files/half")[2]["entries"]]
        self.assertNotIn("half", names)

    def test_what_is_no_form_is_refused(self):
        for kind, status in [("application/json", 415), ("multipart/form-data", 400),
                             ("multipart/form-data; boundary=" + "x" * 71, 400)]:
            self.assertEqual(self.ask("POST", "/upload", b"x", {"Content-Type": kind})[0], status)
        fields = {"Content-Type": "multipart/form-data; boundary=x1"}
        self.assertEqual(self.ask("POST", "/upload", b"x", fields)[0], 400)
        long_head = b"--x1\r\nA: " + b"x" * 20_000 + b"\r\n\r\n"
        self.assertEqual(self.ask("POST", "/upload", long_head, fields)[0], 413)

    # --- Downloads ---

    def test_a_whole_file_with_its_fields(self):
        content = noise(5_000_000)
        self.put("/down/a.bin", content)
        status, fields, got = self.ask("GET", "/download/down/a.bin")
        self.assertEqual((status, hashlib.sha256(got).digest()),
                         (200, hashlib.sha256(content).digest()))
        for name, value in {"Content-Length": "5000000", "Accept-Ranges": "bytes",
                            "Content-Type": "application/octet-stream",
                            "Content-Disposition": 'attachment; filename="a.bin"',
                            "X-Content-Type-Options": "nosniff",
                            "Content-Security-Policy": "sandbox"}.items():
            self.assertEqual(fields[name], value)
        self.assertRegex(fields["ETag"], r'^"[0-9a-f-]+"$')
        self.assertRegex(fields["Last-Modified"], r"GMT$")
        head = self.ask("HEAD", "/download/down/a.bin")
        self.assertEqual((head[0], head[2]), (200, b""))
        self.assertEqual({k: v for k, v in head[1].items() if k != "Date"},
                         {k: v for k, v in fields.items() if k != "Date"})
        self.put("/down/empty")
        self.assertEqual(self.ask("GET", "/download/down/empty")[::2], (200, b""))

    def test_ranges(self):
        content = noise(3_000_000)
        self.put("/down/r.bin?block_size=1M", content)
        for asked, first, last in [("0-0", 0, 0), ("1048570-1048580", 1048570, 1048580),
                                   ("2999990-", 2999990, 2999999), ("-5", 2999995, 2999999),
                                   ("5-9999999999", 5, 2999999)]:
            status, fields, got = self.ask("GET", "/download/down/r.bin", None,
                                           {"Range": f"bytes={asked}"})
            self.assertEqual((status, fields["Content-Range"], got),
                             (206, f"bytes {first}-{last}/3000000", content[first:last + 1]))
        status, fields, _ = self.ask("GET", "/download/down/r.bin", None, {"Range": "bytes=3000000-"})
        self.assertEqual((status, fields["Content-Range"]), (416, "bytes */3000000"))
        self.assertEqual(self.ask("GET", "/download/down/r.bin", None, {"Range": "lines=1-2"})[0], 200)
        self.assertEqual(self.ask("HEAD", "/download/down/r.bin", None, {"Range": "bytes=0-0"})[0], 200)

    def test_several_ranges(self):
        content = noise(3_000_000)
        self.put("/down/m.bin?block_size=1M", content)
        status, fields, got = self.ask("GET", "/download/down/m.bin", None,
                                       {"Range": "bytes=2000000-2000099, 0-9,-1"})
        self.assertEqual((status, int(fields["Content-Length"])), (206, len(got)))
        message = email.parser.BytesParser().parsebytes(
            b"Content-Type: " + fields["Content-Type"].encode() + b"\r\n\r\n" + got)
        self.assertEqual(message.get_content_type(), "multipart/byteranges")
        boundary = message.get_boundary().encode()
        parts = got.split(b"\r\n--" + boundary)[1:-1]
        found = [part.split(b"\r\n\r\n", 1) for part in parts]
        self.assertEqual([body for _, body in found],
                         [content[2000000:2000100], content[:10], content[-1:]])
        self.assertIn(b"Content-Range: bytes 0-9/3000000", found[1][0])
        many = "bytes=" + ",".join(f"{at}-{at}" for at in range(40))
        self.assertEqual(self.ask("GET", "/download/down/m.bin", None, {"Range": many})[0], 200)

    def test_conditions(self):
        self.put("/down/c.txt", b"one")
        fields = self.ask("GET", "/download/down/c.txt")[1]
        tag, date = fields["ETag"], fields["Last-Modified"]

        def status(**headers):
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            return self.ask("GET", "/download/down/c.txt", None, names)[0]

        self.assertEqual(status(If_None_Match=tag), 304)
        self.assertEqual(status(If_None_Match='"x"'), 200)
        self.assertEqual(status(If_Modified_Since=date), 304)
        self.assertEqual(status(If_Match='"x"'), 412)
        self.assertEqual(status(Range="bytes=0-0", If_Range=tag), 206)
        self.assertEqual(status(Range="bytes=0-0", If_Range='"x"'), 200)
        self.put("/down/c.txt", b"two")
        self.assertEqual(status(If_None_Match=tag), 200)
        self.assertEqual(status(Range="bytes=0-0", If_Range=tag), 200)

    def test_nothing_is_shown_as_a_page_of_this_server(self):
        for name, saved, shown in [("p.html", "text/html", "text/plain; charset=utf-8"),
                                   ("p.png", "image/png", "image/png"),
                                   ("p.svg", "image/svg+xml", None)]:
            self.put("/down/" + name, b"<script>")
            self.assertEqual(self.ask("GET", f"/download/down/{name}")[1]["Content-Type"], saved)
            fields = self.ask("GET", f"/download/down/{name}?inline=true")[1]
            kind = fields["Content-Disposition"].split(";")[0]
            self.assertEqual((kind, fields["Content-Type"]),
                             ("inline", shown) if shown else ("attachment", saved))
            self.assertEqual(fields["Content-Security-Policy"], "sandbox")
        name = 'a"; \u20ac\r\nX: y'
        self.put("/down/" + self.cluster_quote(name), b"x")
        fields = self.ask("GET", "/download/down/" + self.cluster_quote(name))[1]
        self.assertNotIn("X", fields)
        self.assertTrue(fields["Content-Disposition"].endswith(
            "filename*=UTF-8''a%22%3B%20%E2%82%AC%0D%0AX%3A%20y"), fields["Content-Disposition"])

    # --- The rest ---

    def test_the_state_of_the_cluster(self):
        status, _, cluster = self.ask("GET", "/cluster")
        self.assertEqual(status, 200)
        self.assertRegex(cluster["cluster"], r"^[0-9a-f]{32}$")
        self.assertEqual(cluster["leader"], self.cluster.namenode)
        self.assertFalse(cluster["safe_mode"])
        self.assertEqual([node["state"] for node in cluster["nodes"]], ["live", "live"])
        self.assertEqual([member["state"] for member in cluster["namenodes"]], ["leader"])
        self.assertGreater(cluster["capacity"], cluster["free"] - 1)
        self.assertEqual(cluster["missing"], 0)

    def test_what_the_server_has_seen(self):
        content = noise(1_000_000)
        until = time.monotonic() + 30
        found = []
        while not found and time.monotonic() < until:
            self.put("/seen", content)
            time.sleep(1)
            status, _, history = self.ask("GET", "/cluster/history")
            self.assertEqual(status, 200)
            found = [sample for sample in history["samples"] if sample["received"] > 20_000]
        sample = found[0]
        self.assertGreater(sample["operations"], 0)
        self.assertGreater(sample["latency_95_ms"], 0)
        self.assertGreaterEqual(sample["latency_95_ms"], sample["latency_median_ms"])
        self.assertEqual((sample["live"], sample["nodes"], sample["missing"]), (2, 2, 0))
        later = self.ask("GET", f"/cluster/history?after={sample['number']}")[2]
        self.assertEqual(later["server"], history["server"])
        self.assertTrue(all(each["number"] > sample["number"] for each in later["samples"]))
        events = self.ask("GET", "/cluster/events?after=7")
        self.assertEqual((events[0], events[2]), (200, {"server": history["server"], "events": []}))
        for name in ("history", "events"):
            self.assert_error(self.ask("GET", f"/cluster/{name}?after=x"), 400, "invalid argument")

    def test_the_description_names_what_is_answered(self):
        status, _, document = self.ask("GET", "/openapi.json")
        self.assertEqual((status, document["servers"]), (200, [{"url": API}]))
        described = set(document["components"]["schemas"]["Cluster"]["properties"])
        self.assertLessEqual(set(self.ask("GET", "/cluster")[2]), described)

    def test_the_short_names(self):
        fields = {"Content-Type": "multipart/form-data; boundary=x1"}
        status, _, _ = self.cluster.request("POST", "/upload", form_of([("short", b"s")]), fields)
        self.assertEqual(status, 201)
        self.assertEqual(self.cluster.request("GET", "/download/short")[::2], (200, b"s"))
        names = json.loads(self.cluster.request("GET", "/files")[2])["entries"]
        self.assertIn("short", [entry["name"] for entry in names])


if __name__ == "__main__":
    unittest.main()
