#!/usr/bin/env python3
"""WebHDFS of a real cluster, as its clients use it: what they send, and what they look for in the
answers."""
import json
import os
import socket
import sys
import unittest

from local_cluster import LocalCluster

BINARY = sys.argv.pop(1) if len(sys.argv) > 1 else "build/dev/minidfs"
BLOCK = 1 << 20


def remote(content):
    return json.loads(content)["RemoteException"]


class WebHdfs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = LocalCluster(BINARY)

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__(None, None, None)

    def ok(self, method, path, op, expected=200, **parameters):
        status, _, content = self.cluster.operation(method, path, op, **parameters)
        self.assertEqual(status, expected, content)
        return json.loads(content) if content else None

    def fails(self, method, path, op, status, exception, **parameters):
        found, headers, content = self.cluster.operation(method, path, op, **parameters)
        self.assertEqual(found, status, content)
        self.assertEqual(headers["Content-Type"], "application/json")
        problem = remote(content)
        self.assertEqual(problem["exception"], exception)
        self.assertTrue(problem["javaClassName"].endswith("." + exception))
        return problem["message"]

    def create(self, path, data, **parameters):
        status, headers, content = self.cluster.follow("PUT", path, "CREATE", data, **parameters)
        self.assertEqual(status, 201, content)
        self.assertIn("Location", headers)
        self.assertEqual(headers["Content-Length"], "0")

    def read(self, path, **parameters):
        status, headers, content = self.cluster.follow("GET", path, "OPEN", **parameters)
        self.assertEqual(status, 200, content)
        self.assertEqual(headers["Content-Type"], "application/octet-stream")
        self.assertEqual(int(headers["Content-Length"]), len(content))
        return content

    # --- Bytes ---

    def test_a_file_comes_back_byte_for_byte(self):
        data = os.urandom(3 * BLOCK + 12345)
        self.create("/bytes/file", data, blocksize=BLOCK, overwrite="true")
        self.assertEqual(self.read("/bytes/file"), data)
        self.assertEqual(self.cluster.verb("cat", "/bytes/file"), data)
        for offset, length in [(0, 1), (BLOCK - 1, 2), (BLOCK, BLOCK), (3 * BLOCK + 12000, 10**9)]:
            expected = data[offset:offset + length]
            self.assertEqual(self.read("/bytes/file", offset=offset, length=length), expected)
        self.assertEqual(self.read("/bytes/file", offset=5, length=0), b"")

    def test_empty_and_small_files(self):
        for size in [0, 1, 65536, 65537]:
            data = os.urandom(size)
            self.create(f"/small/{size}", data)
            self.assertEqual(self.read(f"/small/{size}"), data)

    def create_in_chunks(self, path, pieces):
        _, headers, _ = self.cluster.operation("PUT", path, "CREATE", overwrite="false")
        target = "/" + headers["Location"].split("/", 3)[3]
        return self.cluster.request("PUT", target, iter(pieces), chunked=True)

    def test_a_body_without_a_length(self):
        # One of up to 64 KiB is written as a whole.
        for sizes in [(1, 300_000, 2, 70_000), (), (5,), (65_000, 536), (65_000, 537), (65_537,)]:
            path = "/chunked/of" + "-".join(str(size) for size in sizes)
            pieces = [os.urandom(size) for size in sizes]
            status, _, content = self.create_in_chunks(path, pieces)
            self.assertEqual(status, 201, content)
            self.assertEqual(self.read(path), b"".join(pieces), sizes)
            for size in [3, 100_000]:
                status, _, content = self.create_in_chunks(path, [os.urandom(size)])
                self.assertEqual(status, 403, content)
                self.assertEqual(remote(content)["exception"], "FileAlreadyExistsException")
            self.assertEqual(self.read(path), b"".join(pieces), sizes)

    def test_what_exists_is_kept_without_overwrite(self):
        self.create("/kept", b"old")
        status, _, content = self.cluster.follow("PUT", "/kept", "CREATE", b"new", overwrite="False")
        self.assertEqual(status, 403)
        self.assertEqual(remote(content)["exception"], "FileAlreadyExistsException")
        self.assertEqual(self.read("/kept"), b"old")
        self.create("/kept", b"new", overwrite="True")
        self.assertEqual(self.read("/kept"), b"new")

    def test_a_body_that_ends_early_leaves_nothing(self):
        _, headers, _ = self.cluster.operation("PUT", "/half", "CREATE")
        target = "/" + headers["Location"].split("/", 3)[3]
        with socket.create_connection(("127.0.0.1", self.cluster.port)) as client:
            client.sendall(f"PUT {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
                           .encode() + b"x" * 5000)
        self.fails("GET", "/half", "GETFILESTATUS", 404, "FileNotFoundException")

    def test_the_second_step_is_where_the_client_is(self):
        status, headers, content = self.cluster.operation("GET", "/", "OPEN")
        self.assertEqual(status, 404)
        self.create("/placed", b"x")
        status, headers, content = self.cluster.operation("GET", "/placed", "OPEN")
        self.assertEqual((status, content), (307, b""))
        place = headers["Location"]
        self.assertTrue(place.startswith(f"http://127.0.0.1:{self.cluster.port}/webhdfs/v1/placed?"))
        self.assertIn("offset=0", place)
        told = self.ok("GET", "/placed", "OPEN", noredirect="true")
        self.assertEqual(told["Location"].split("?")[0], place.split("?")[0])

    def test_offsets_behind_the_end(self):
        self.create("/ten", b"0123456789")
        message = self.fails("GET", "/ten", "OPEN", 403, "IOException", offset=10)
        self.assertIn("out of the range [0, 10)", message)
        _, headers, _ = self.cluster.operation("GET", "/ten", "OPEN")
        target = "/" + headers["Location"].split("/", 3)[3]
        at_end = target.replace("offset=0", "offset=10")
        self.assertEqual(self.cluster.request("GET", at_end)[::2], (200, b""))
        status, _, content = self.cluster.request("GET", target.replace("offset=0", "offset=11"))
        self.assertEqual((status, remote(content)["exception"]), (403, "EOFException"))

    # --- Names ---

    def test_status_of_files_and_directories(self):
        self.create("/status/file", b"hello", replication=2, permission="640", blocksize=BLOCK)
        status = self.ok("GET", "/status/file", "GETFILESTATUS")["FileStatus"]
        for key, value in {"type": "FILE", "length": 5, "owner": "alice", "permission": "640",
                           "replication": 2, "blockSize": BLOCK, "pathSuffix": "",
                           "childrenNum": 0, "storagePolicy": 0}.items():
            self.assertEqual(status[key], value, key)
        listed = self.ok("GET", "/status", "LISTSTATUS")["FileStatuses"]["FileStatus"]
        self.assertEqual(listed, [{**status, "pathSuffix": "file"}])
        alone = self.ok("GET", "/status/file", "LISTSTATUS")["FileStatuses"]["FileStatus"]
        self.assertEqual(alone, [status])
        directory = self.ok("GET", "/status", "GETFILESTATUS")["FileStatus"]
        self.assertEqual([directory[key] for key in ("type", "length", "blockSize", "replication",
                                                     "accessTime", "childrenNum")],
                         ["DIRECTORY", 0, 0, 0, 0, 1])

    def test_what_is_missing(self):
        message = self.fails("GET", "/none", "GETFILESTATUS", 404, "FileNotFoundException")
        self.assertEqual(message, "File does not exist: /none")
        message = self.fails("GET", "/none", "LISTSTATUS", 404, "FileNotFoundException")
        self.assertEqual(message, "File /none does not exist.")
        self.create("/afile", b"x")
        self.fails("GET", "/afile/below", "GETFILESTATUS", 404, "FileNotFoundException")
        self.fails("GET", "/none", "OPEN", 404, "FileNotFoundException")
        self.fails("GET", "/none", "GETCONTENTSUMMARY", 404, "FileNotFoundException")

    def test_a_directory_page_by_page(self):
        names = [f"n{i:04}" for i in range(2300)]
        files = os.path.join(self.cluster.directory, "many")
        os.mkdir(files)
        for name in names:
            with open(os.path.join(files, name), "w", encoding="ascii"):
                pass
        self.cluster.verb("put", "-r", files, "/many")
        listed = self.ok("GET", "/many", "LISTSTATUS")["FileStatuses"]["FileStatus"]
        self.assertEqual([entry["pathSuffix"] for entry in listed], names)
        found, after = [], ""
        while True:
            page = self.ok("GET", "/many", "LISTSTATUS_BATCH", startAfter=after)["DirectoryListing"]
            entries = page["partialListing"]["FileStatuses"]["FileStatus"]
            found += [entry["pathSuffix"] for entry in entries]
            if page["remainingEntries"] == 0:
                break
            after = found[-1]
        self.assertEqual(found, names)

    def test_directories_are_made_and_removed(self):
        self.assertEqual(self.ok("PUT", "/made/a/b", "MKDIRS", permission="1777"), {"boolean": True})
        self.assertEqual(self.ok("PUT", "/made/a/b", "MKDIRS"), {"boolean": True})
        status = self.ok("GET", "/made/a/b", "GETFILESTATUS")["FileStatus"]
        self.assertEqual((status["permission"], status["type"]), ("1777", "DIRECTORY"))
        self.create("/made/a/f", b"x")
        self.fails("PUT", "/made/a/f", "MKDIRS", 403, "FileAlreadyExistsException")
        self.fails("PUT", "/made/a/f/x", "MKDIRS", 403, "ParentNotDirectoryException")
        message = self.fails("DELETE", "/made", "DELETE", 403, "PathIsNotEmptyDirectoryException")
        self.assertIn("`/made is non empty': Directory is not empty", message)
        self.assertEqual(self.ok("DELETE", "/made", "DELETE", recursive="True"), {"boolean": True})
        self.assertEqual(self.ok("DELETE", "/made", "DELETE"), {"boolean": False})
        self.assertEqual(self.ok("DELETE", "/", "DELETE", recursive="true"), {"boolean": False})

    def rename(self, source, target, **parameters):
        return self.ok("PUT", source, "RENAME", destination=target, **parameters)["boolean"]

    def test_renames_as_hdfs_has_them(self):
        self.create("/r/a", b"a")
        self.create("/r/b", b"b")
        self.ok("PUT", "/r/d", "MKDIRS")
        self.assertTrue(self.rename("/r/a", "/r/c"))
        self.assertFalse(self.rename("/r/a", "/r/x"), "nothing is there any more")
        self.assertFalse(self.rename("/r/c", "/r/b"), "the target exists")
        self.assertFalse(self.rename("/r/c", "/none/x"), "the target's parent is missing")
        self.assertFalse(self.rename("/r/d", "/r/d/e"), "below itself")
        self.assertTrue(self.rename("/r/c", "/r/c"), "a file onto itself")
        self.assertFalse(self.rename("/r/d", "/r/d"), "a directory onto itself")
        self.assertTrue(self.rename("/r/c", "/r/d"), "into a directory")
        self.assertEqual(self.read("/r/d/c"), b"a")
        self.fails("PUT", "/r/b", "RENAME", 403, "ParentNotDirectoryException",
                   destination="/r/d/c/x")
        self.fails("PUT", "/r/b", "RENAME", 403, "IOException", destination="/r/d",
                   renameoptions="NONE")
        self.assertTrue(self.rename("/r/b", "/r/e", renameoptions="none"))
        self.assertIn("Required param destination for op: RENAME is null or empty",
                      self.fails("PUT", "/r/e", "RENAME", 400, "IllegalArgumentException"))

    def test_a_rename_with_overwrite_replaces(self):
        def refused(source, target, status, exception, options="OVERWRITE"):
            return self.fails("PUT", source, "RENAME", status, exception, destination=target,
                              renameoptions=options)

        self.create("/o/a", b"new")
        self.create("/o/b", b"old")
        self.ok("PUT", "/o/empty", "MKDIRS")
        self.create("/o/full/f", b"x")
        self.assertIn("rename destination /o/b already exists",
                      refused("/o/a", "/o/b", 403, "FileAlreadyExistsException", "NONE"))
        self.assertEqual(self.read("/o/b"), b"old")
        self.assertTrue(self.rename("/o/a", "/o/b", renameoptions="overwrite,none"))
        self.assertEqual(self.read("/o/b"), b"new")
        self.fails("GET", "/o/a", "GETFILESTATUS", 404, "FileNotFoundException")
        self.assertIn("must both be directories", refused("/o/b", "/o/empty", 403, "IOException"))
        self.assertIn("must both be directories", refused("/o/empty", "/o/b", 403, "IOException"))
        self.assertIn("is not empty: /o/full", refused("/o/empty", "/o/full", 403, "IOException"))
        refused("/o/none", "/o/b", 404, "FileNotFoundException")
        refused("/o/b", "/none/b", 404, "FileNotFoundException")
        refused("/o/full", "/o/b/x", 403, "ParentNotDirectoryException")
        refused("/o/b", "/o/b", 403, "FileAlreadyExistsException")
        refused("/o/full", "/o/full/f/x", 403, "IOException")
        refused("/o/full", "/", 403, "IOException")
        self.assertTrue(self.rename("/o/full", "/o/empty", renameoptions="OVERWRITE"))
        self.assertEqual(self.read("/o/empty/f"), b"x")

    def test_odd_names(self):
        for name in ["a b", "a+b", "100%", "q?x=1&y", "h#h", "semi;colon", 'quo"te', "ümläut", "日本"]:
            path = "/odd/" + name
            self.create(path, name.encode())
            self.assertEqual(self.read(path), name.encode())
            self.assertEqual(self.cluster.verb("cat", path), name.encode())
        listed = self.ok("GET", "/odd", "LISTSTATUS")["FileStatuses"]["FileStatus"]
        self.assertIn("a+b", [entry["pathSuffix"] for entry in listed])

    def test_raw_utf8_and_slashes(self):
        self.create("/raw/ü", b"x")
        with socket.create_connection(("127.0.0.1", self.cluster.port)) as client:
            client.sendall("GET /webhdfs/v1//raw//ü/?op=getfilestatus HTTP/1.0\r\n\r\n".encode())
            self.assertTrue(client.recv(1000).startswith(b"HTTP/1.1 200 OK"))
        status, _, content = self.cluster.request("GET", "/webhdfs/v1/?op=LISTSTATUS")
        self.assertEqual(status, 200, content)
        status, _, content = self.cluster.request("GET", "/webhdfs/v1?op=LISTSTATUS")
        self.assertEqual(status, 200, content)
        for escape in ["/..", "/%2e%2e/x", "/a/%2E%2E/b", "/a/./b", "/a%00b", "/%zz"]:
            status, _, content = self.cluster.request("GET", f"/webhdfs/v1{escape}?op=GETFILESTATUS")
            self.assertEqual(status, 400, escape)

    # --- Attributes, sums, places ---

    def test_attributes(self):
        self.create("/attributes", b"x")
        self.assertIsNone(self.ok("PUT", "/attributes", "SETPERMISSION", permission="0600"))
        self.assertIsNone(self.ok("PUT", "/attributes", "SETTIMES", modificationtime=1000,
                                  accesstime=2000))
        self.assertEqual(self.ok("PUT", "/attributes", "SETREPLICATION", replication=1),
                         {"boolean": True})
        status = self.ok("GET", "/attributes", "GETFILESTATUS")["FileStatus"]
        self.assertEqual([status[key] for key in ("permission", "modificationTime", "accessTime",
                                                  "replication")], ["600", 1000, 2000, 1])
        self.assertEqual(self.ok("PUT", "/", "SETREPLICATION", replication=1), {"boolean": False})
        self.fails("PUT", "/none", "SETPERMISSION", 404, "FileNotFoundException", permission="600")

    def test_owners(self):
        self.create("/owned", b"x")
        self.assertIsNone(self.ok("PUT", "/owned", "SETOWNER", owner="bob"))
        self.assertIsNone(self.ok("PUT", "/owned", "SETOWNER", group="staff"))
        status = self.ok("GET", "/owned", "GETFILESTATUS")["FileStatus"]
        self.assertEqual((status["owner"], status["group"]), ("bob", "staff"))
        self.fails("PUT", "/owned", "SETOWNER", 400, "IllegalArgumentException")
        self.fails("PUT", "/none", "SETOWNER", 404, "FileNotFoundException", owner="bob")

    def test_files_are_joined(self):
        parts = [os.urandom(BLOCK + 1), os.urandom(5), os.urandom(2 * BLOCK)]
        for i, part in enumerate(parts):
            self.create(f"/joined/{i}", part, blocksize=BLOCK)
        self.assertIsNone(self.ok("POST", "/joined/0", "CONCAT", sources="/joined/1,/joined/2"))
        self.assertEqual(self.read("/joined/0"), b"".join(parts))
        self.assertEqual(self.read("/joined/0", offset=BLOCK - 1, length=10),
                         b"".join(parts)[BLOCK - 1:BLOCK + 9])
        self.fails("GET", "/joined/1", "GETFILESTATUS", 404, "FileNotFoundException")
        self.fails("POST", "/joined/0", "CONCAT", 400, "IllegalArgumentException")
        self.fails("POST", "/joined/0", "CONCAT", 400, "IllegalArgumentException",
                   sources="/joined/0")

    def test_files_grow(self):
        status, _, content = self.cluster.follow("POST", "/grown", "APPEND", b"x")
        self.assertEqual((status, remote(content)["exception"]), (404, "FileNotFoundException"))
        pieces = [b"", os.urandom(10), os.urandom(BLOCK), b"", os.urandom(2 * BLOCK + 7)]
        self.create("/grown", b"", blocksize=BLOCK)
        _, headers, _ = self.cluster.operation("POST", "/grown", "APPEND")
        target = "/" + headers["Location"].split("/", 3)[3]
        for piece in pieces:  # As fsspec does it: all to the same place.
            status, headers, content = self.cluster.request("POST", target, piece)
            self.assertEqual((status, content), (200, b""))
        data = b"".join(pieces)
        self.assertEqual(self.read("/grown"), data)
        self.assertEqual(self.cluster.verb("cat", "/grown"), data)
        self.assertEqual(self.read("/grown", offset=5, length=BLOCK), data[5:5 + BLOCK])
        self.ok("PUT", "/grownd", "MKDIRS")
        self.fails("POST", "/grownd", "APPEND", 403, "FileAlreadyExistsException")

    def checksum(self, path):
        status, _, content = self.cluster.follow("GET", path, "GETFILECHECKSUM")
        self.assertEqual(status, 200, content)
        return json.loads(content)["FileChecksum"]

    def test_checksums_are_those_of_hdfs(self):
        self.create("/hello", b"hello")
        self.assertEqual(self.checksum("/hello"),
                         {"algorithm": "MD5-of-0MD5-of-512CRC32C", "length": 28, "bytes":
                          "0000020000000000000000002ebac5fafc444475c9720587791d7412"})
        self.create("/nothing", b"")
        self.assertEqual(self.checksum("/nothing"),
                         {"algorithm": "MD5-of-0MD5-of-0CRC32", "length": 28, "bytes":
                          "000000000000000000000000" "70bc8f4b72a86921468bf8e8441dce51"})
        self.create("/blocks3", os.urandom(2 * BLOCK + 700), blocksize=BLOCK)
        self.assertEqual(self.checksum("/blocks3")["algorithm"], "MD5-of-2048MD5-of-512CRC32C")
        self.fails("GET", "/", "GETFILECHECKSUM", 404, "FileNotFoundException")

    def test_sums(self):
        for i in range(3):
            self.create(f"/sum/d{i}/f", b"12345", replication=2)
        summary = self.ok("GET", "/sum", "GETCONTENTSUMMARY")["ContentSummary"]
        self.assertEqual([summary[key] for key in ("length", "fileCount", "directoryCount",
                                                   "spaceConsumed", "quota")], [15, 3, 4, 30, -1])
        of_file = self.ok("GET", "/sum/d0/f", "GETCONTENTSUMMARY")["ContentSummary"]
        self.assertEqual((of_file["fileCount"], of_file["directoryCount"]), (1, 0))

    def test_where_blocks_are(self):
        self.create("/blocks", os.urandom(2 * BLOCK + 1), blocksize=BLOCK, replication=2)
        places = self.ok("GET", "/blocks", "GETFILEBLOCKLOCATIONS", offset=BLOCK, length=BLOCK + 1)
        blocks = places["BlockLocations"]["BlockLocation"]
        self.assertEqual([(block["offset"], block["length"]) for block in blocks],
                         [(BLOCK, BLOCK), (2 * BLOCK, 1)])
        self.assertEqual(len(blocks[0]["names"]), 2)
        located = self.ok("GET", "/blocks", "GET_BLOCK_LOCATIONS")["LocatedBlocks"]
        self.assertEqual((located["fileLength"], len(located["locatedBlocks"])), (2 * BLOCK + 1, 3))
        self.create("/empty", b"")
        nothing = self.ok("GET", "/empty", "GETFILEBLOCKLOCATIONS")
        self.assertEqual(nothing, {"BlockLocations": {"BlockLocation": []}})

    def test_the_cluster(self):
        self.assertEqual(self.ok("GET", "/", "GETHOMEDIRECTORY"), {"Path": "/user/alice"})
        self.assertEqual(self.ok("GET", "/", "GETTRASHROOT"), {"Path": "/user/alice/.Trash"})
        self.assertEqual(self.ok("GET", "/", "GETDELEGATIONTOKEN"), {"Token": None})
        defaults = self.ok("GET", "/", "GETSERVERDEFAULTS")["FsServerDefaults"]
        self.assertEqual([defaults[key] for key in ("checksumType", "bytesPerChecksum",
                                                    "encryptDataTransfer")], [2, 512, False])
        space = self.ok("GET", "/", "GETSTATUS")["FsStatus"]
        self.assertGreater(space["capacity"], space["remaining"] // 2)
        self.assertIsNone(self.ok("GET", "/", "CHECKACCESS", fsaction="r-x"))

    # --- What cannot be ---

    def test_bad_parameters_in_hdfs_words(self):
        say = lambda op, **given: self.fails("GET", "/", op, 400, "IllegalArgumentException", **given)
        self.assertEqual(say("FOO"), 'Invalid value for webhdfs parameter "op": '
                                     'FOO is not a valid GET operation.')
        self.assertEqual(say("OPEN", offset="x"),
                         'Invalid value for webhdfs parameter "offset": '
                         'Failed to parse "x" as a radix-10 long integer.')
        self.assertEqual(say("OPEN", offset="-1"), 'Invalid value for webhdfs parameter "offset": '
                                                   'Invalid parameter range: offset = -1 < 0')
        self.fails("PUT", "/x", "CREATE", 400, "IllegalArgumentException", overwrite="maybe")
        self.fails("PUT", "/x", "CREATE", 400, "IllegalArgumentException", replication=0)
        self.fails("PUT", "/x", "MKDIRS", 400, "IllegalArgumentException", permission="999")
        status, _, content = self.cluster.request("GET", "/webhdfs/v1/?user.name=a%20b&op=LISTSTATUS")
        self.assertEqual((status, remote(content)["exception"]), (400, "IllegalArgumentException"))
        status, _, content = self.cluster.request("GET", "/webhdfs/v1/?")
        self.assertEqual((status, remote(content)["exception"]),
                         (400, "UnsupportedOperationException"))

    def test_what_is_not_served(self):
        message = self.fails("PUT", "/x", "SETXATTR", 400, "UnsupportedOperationException")
        self.assertIn("SETXATTR", message)
        self.fails("GET", "/", "LISTSTATUS", 403, "AuthorizationException", doas="bob")
        self.ok("GET", "/", "LISTSTATUS", doas="alice")


if __name__ == "__main__":
    unittest.main(verbosity=1)
