"""Uploads in parts, as a server answers that keeps them in memory."""
import secrets
import threading
import urllib.parse

from mock_files import Refusal, said_name

PART = 64 << 20


class Uploads:
    def __init__(self, files):
        self.files = files
        self.lock = threading.RLock()
        self.all = {}

    def begin(self, wanted):
        path = urllib.parse.unquote(wanted.get("path_bytes") or wanted["path"],
                                    errors="surrogateescape")
        self.check_place(path, wanted["overwrite"])
        upload = {"id": secrets.token_hex(16), "path": path, "size": wanted["size"],
                  "overwrite": wanted["overwrite"], "parts": {}, "complete": False}
        with self.lock:
            self.all[upload["id"]] = upload
        return self.describe(upload["id"])

    def check_place(self, path, overwrite):
        if self.files.exists(path) and not overwrite:
            raise Refusal(409, "already exists", f"{path}: already exists")

    def find(self, name):
        with self.lock:
            if name not in self.all:
                raise Refusal(404, "not found", f"upload {name}: not found")
            return self.all[name]

    def describe(self, name):
        upload = self.find(name)
        shown = said_name(upload["path"])
        return {**upload, "path": shown["name"], "part_size": PART,
                "parts": [{"number": number, "size": len(part)}
                          for number, part in sorted(upload["parts"].items())]}

    def put(self, name, number, content):
        self.find(name)["parts"][number] = content
        return {"number": number, "size": len(content)}

    def complete(self, name, overwrite):
        upload = self.find(name)
        if not upload["complete"]:
            content = b"".join(part for _, part in sorted(upload["parts"].items()))
            if len(content) != upload["size"]:
                raise Refusal(409, "invalid argument", f"{upload['path']}: parts are missing")
            self.check_place(upload["path"], upload["overwrite"] or overwrite)
            self.files.store(upload["path"], content)
            upload.update(complete=True, parts={})
        return {"path": said_name(upload["path"])["name"], "size": upload["size"]}

    def abandon(self, name):
        self.find(name)
        with self.lock:
            del self.all[name]
