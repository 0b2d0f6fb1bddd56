"""A small file system in memory, and what a server says of it and of its cluster."""
import base64
import bisect
import datetime
import threading
import urllib.parse

BLOCK = 64 << 20
NODES = [{"address": f"10.0.{rack}.{node}:9866", "rack": f"/rack-{rack}"}
         for rack in (1, 2) for node in (11, 12)]


class Refusal(Exception):
    def __init__(self, status, code, message):
        super().__init__(message)
        self.status, self.code = status, code


def now_text(when=None):
    when = when or datetime.datetime.now(datetime.timezone.utc)
    return when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{when.microsecond // 1000:03}Z"


def bytes_of(name):
    return name.encode(errors="surrogateescape")


class File:
    def __init__(self, content, size=None, modified=None):
        self.content = content
        self.size = len(content) if size is None else size
        self.modified = modified or now_text()


class Directory:
    def __init__(self):
        self.children = {}
        self.modified = now_text()

    def page(self, start, limit):
        """The entries whose names follow `start`, and whether more come after them."""
        names = sorted(self.children, key=bytes_of)
        first = bisect.bisect_right(names, bytes_of(start), key=bytes_of) if start else 0
        return ([(name, self.children[name]) for name in names[first:first + limit]],
                first + limit < len(names))


class HugeDirectory(Directory):
    """As many files as one likes, which cost nothing."""

    def __init__(self, count):
        super().__init__()
        self.count = count

    def page(self, start, limit):
        first = int(start[5:12]) + 1 if start else 0
        last = min(self.count, first + limit)
        return ([(f"file-{i:07}.bin", File(b"", size=i * 37)) for i in range(first, last)],
                last < self.count)


class FileSystem:
    """All of it; every call is one step under a lock."""

    def __init__(self):
        self.lock = threading.RLock()
        self.root = Directory()

    def find(self, path):
        node = self.root
        for part in path.split("/")[1:]:
            if part == "":
                continue
            node = node.children.get(part) if isinstance(node, Directory) else None
            if node is None:
                raise Refusal(404, "not found", f"{path}: no such file or directory")
        return node

    def make_directory(self, path):
        with self.lock:
            node = self.root
            for part in filter(None, path.split("/")):
                node = node.children.setdefault(part, Directory())
                if not isinstance(node, Directory):
                    raise Refusal(409, "exists", f"{path}: a file is in the way")
            return node

    def store(self, path, content, **more):
        with self.lock:
            above, _, name = path.rpartition("/")
            self.make_directory(above).children[name] = File(content, **more)

    def exists(self, path):
        with self.lock:
            try:
                self.find(path)
                return True
            except Refusal:
                return False

    def remove(self, path):
        with self.lock:
            self.find(path)
            above, _, name = path.rpartition("/")
            del self.find(above).children[name]

    def rename(self, path, new_path):
        with self.lock:
            node = self.find(path)
            above, _, name = new_path.rpartition("/")
            if name in self.find(above).children:
                raise Refusal(409, "exists", f"{new_path}: it exists already")
            self.find(above).children[name] = node
            self.remove(path)


def said_name(name):
    """JSON is UTF-8; the bytes of a name that is none stand beside it."""
    escaped = name.encode(errors="surrogateescape")
    shown = {"name": escaped.decode(errors="replace")}
    return shown if shown["name"] == name else shown | {"name_bytes": urllib.parse.quote(escaped)}


def describe(path, node):
    directory = isinstance(node, Directory)
    size = 0 if directory else node.size
    return {**said_name(path.rpartition("/")[2]), "path": path, "size": size,
            "type": "directory" if directory else "file", "blocks": -(-size // BLOCK),
            "replicas": 0 if directory else 3, "modified": node.modified,
            "permission": "755" if directory else "644", "owner": "ada", "group": "staff"}


def locations(size):
    return [{"offset": at, "length": min(BLOCK, size - at), "id": f"{1000 + at // BLOCK}",
             "nodes": [NODES[(at // BLOCK + i) % len(NODES)] for i in range(3)]}
            for at in range(0, size, BLOCK)]


def healthy_cluster():
    gib = 1 << 30
    nodes = [{**node, "id": f"node-{i}", "state": "live", "admin": "in service",
              "capacity": 2000 * gib, "used": (400 + 230 * i) * gib, "free": (1600 - 230 * i) * gib,
              "blocks": 41_800 + 977 * i, "last_heartbeat_ms": 400}
             for i, node in enumerate(NODES)]
    return {"cluster": "5c0ffee1d00dfeed5c0ffee1d00dfeed", "leader": "10.0.0.1:8020", "safe_mode": False, "files": 1_204_311,
            "blocks": 61_202, "capacity": 8000 * gib, "used": 2980 * gib, "free": 5020 * gib,
            "under_replicated": 0, "missing": 0, "corrupt": 0,
            "repairs": {"pending": 0, "running": 0, "bytes_left": 0}, "nodes": nodes,
            "namenodes": [{"address": f"10.0.0.{i}:8020", "id": f"{i}", "role": "voter",
                           "state": "leader" if i == 1 else "follower", "applied": 88_121 - i // 3,
                           "lag": i // 3} for i in (1, 2, 3)]}


PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAACAAAAAgCAIAAAD8GO2jAAAAQklEQVR42mNgGAWjYBSMglEwCkbBKBgFo2AUjIJR"
    "MApGwSgYBaNgFIyCUTAKRsEoGAWjYBSMglEwCkbBKBgFo2AUAAAP4AABZcC2zAAAAABJRU5ErkJggg==")


def fill(files):
    """Something to look at."""
    for name in ("datasets", "experiments/2026-11", "photos", "models"):
        files.make_directory(f"/{name}")
    files.root.children["million"] = HugeDirectory(1_000_000)
    rows = "".join(f"{i},station {i % 7},{15 + i % 9}.{i % 10},\"clear, calm\"\n"
                   for i in range(5000))
    files.store("/measurements.csv", b"id,station,temperature,sky\n" + rows.encode(),
                modified="2026-11-12T09:30:00.000Z")
    files.store("/readme.txt", b"minidfs keeps what you give it.\n\nEvery block has copies.\n",
                modified="2026-10-03T17:05:00.000Z")
    files.store("/<img src=x onerror=alert(1)>", b"<script>alert(2)</script>\n")
    files.store("/backup-2026-11-30.tar.zst", b"\0" * 100, size=9_663_676_416)
    files.store("/A name that is longer than anybody would like to read, but which somebody has "
                "given to a file nevertheless.txt", b"", modified="2024-02-29T11:00:00.000Z")
    files.store("/photos/square.png", PICTURE)
