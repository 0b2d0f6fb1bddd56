#!/usr/bin/env python3
"""A server of the page and of its JSON interface, with a small file system in memory: what the page
is tested against, and a place to work on it.

  tests/page/mock_server.py [--port PORT]

It answers as the namenode does; beside that it can be slow and break connections when told so.
"""
import argparse
import hashlib
import http.server
import json
import pathlib
import threading
import time
import urllib.parse

import mock_history
import mock_uploads
from mock_files import (Directory, File, FileSystem, Refusal, bytes_of, describe, fill,
                        healthy_cluster, locations, BLOCK)

WEB = pathlib.Path(__file__).resolve().parents[2] / "web"
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
         ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
# As src/http/page/page_answer.cpp says it.
POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
          "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
          "require-trusted-types-for 'script'; trusted-types 'none'")
SAFE_PICTURES = {"png": "image/png", "jpg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}


def unquote(address):
    return urllib.parse.unquote(address, errors="surrogateescape")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", type_=None, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if type_:
            self.send_header("Content-Type", type_)
        self.send_header("X-Content-Type-Options", "nosniff")
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def answer_json(self, status, value):
        text = json.dumps(value, ensure_ascii=False)
        self.answer(status, text.encode(errors="replace"), "application/json")

    def handle_method(self):
        mock = self.server.mock
        address, _, query = self.path.partition("?")
        self.query = dict(urllib.parse.parse_qsl(query, errors="surrogateescape"))
        mock.requests.append((time.monotonic(), self.command, urllib.parse.unquote(self.path)))
        time.sleep(mock.delay)
        if mock.down and address.startswith("/api/"):
            self.close_connection = True
            return
        try:
            if address.startswith("/api/v1/files/"):
                path = "/" + unquote(address[len("/api/v1/files/"):])
                getattr(self, f"files_{self.command}")(mock.files, path)
            elif address.startswith("/api/v1/download/"):
                self.download(mock.files, "/" + unquote(address[len("/api/v1/download/"):]))
            elif address == "/api/v1/cluster":
                self.answer_json(200, mock.cluster)
            elif address == "/api/v1/cluster/history":
                after = int(self.query["after"])
                self.answer_json(200, {**mock.history, "samples": mock.history["samples"][after:]})
            elif address == "/api/v1/cluster/events":
                self.answer_json(200, mock.events.after(int(self.query["after"])))
            elif address.startswith("/api/v1/uploads"):
                self.upload(mock.uploads, *address.split("/")[4:])
            else:
                self.page_file(address)
        except Refusal as refusal:
            error = {"code": refusal.code, "message": str(refusal)}
            self.answer_json(refusal.status, {"error": error})

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_method

    def page_file(self, address):
        path = (WEB / (address[1:] or "index.html")).resolve()
        if WEB not in path.parents or not path.is_file():
            raise Refusal(404, "not found", address)
        content = path.read_bytes()
        tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        headers = [("ETag", tag), ("Cache-Control", "no-cache"),
                   ("Content-Security-Policy", POLICY)]
        if self.headers.get("If-None-Match") == tag:
            self.answer(304, headers=headers)
        else:
            self.answer(200, content, TYPES[path.suffix], headers)

    def files_GET(self, files, path):
        with files.lock:
            node = files.find(path)
            said = describe(path, node)
            if isinstance(node, Directory):
                entries, more = node.page(unquote(self.query.get("cursor", "")),
                                          min(1000, int(self.query.get("limit", 1000))))
                last = urllib.parse.quote(bytes_of(entries[-1][0])) if more else None
                said = {"path": path, "type": "directory", "next": last,
                        "entries": [describe(path.rstrip("/") + "/" + name, child)
                                    for name, child in entries]}
            else:
                said |= {"block_size": BLOCK, "locations": locations(node.size)}
        self.answer_json(200, said)

    def files_PUT(self, files, path):
        if self.headers.get("If-None-Match") == "*" and files.exists(path):
            self.close_connection = True
            raise Refusal(412, "exists", f"{path}: it exists already")
        content = self.read_body()
        if content is None:
            return
        files.store(path, content)
        self.answer_json(201, {"path": path, "size": len(content)})

    def read_body(self):
        """None when it is broken off."""
        mock = self.server.mock
        left = int(self.headers["Content-Length"])
        content = bytearray()
        while left > 0:
            part = self.rfile.read(min(left, 64 << 10))
            if not part or (mock.breaks and len(content) > (256 << 10)):
                self.close_connection = True
                return None
            content += part
            left -= len(part)
            if mock.upload_rate:
                time.sleep(len(part) / mock.upload_rate)
        return bytes(content)

    def upload(self, uploads, name=None, what=None, number=None):
        body = self.read_body() if "Content-Length" in self.headers else b""
        if body is None:
            return
        if name is None:
            self.answer_json(201, uploads.begin(json.loads(body)))
        elif what == "parts":
            self.answer_json(200, uploads.put(name, int(number), body))
        elif what == "complete":
            self.answer_json(200, uploads.complete(name, self.query.get("overwrite") == "true"))
        elif self.command == "DELETE":
            uploads.abandon(name)
            self.answer(204)
        else:
            self.answer_json(200, uploads.describe(name))

    def files_POST(self, files, path):
        if "rename" in self.query:
            files.rename(path, self.query["rename"])
            self.answer_json(200, {"path": self.query["rename"]})
            return
        if files.exists(path) and isinstance(files.find(path), File):
            raise Refusal(409, "exists", f"{path}: a file is in the way")
        files.make_directory(path)
        self.answer_json(201, {"path": path})

    def files_DELETE(self, files, path):
        files.remove(path)
        self.answer(204)

    def download(self, files, path):
        content = files.find(path).content
        name = urllib.parse.quote(bytes_of(path.rpartition("/")[2]))
        inline = self.query.get("inline") == "true" and SAFE_PICTURES.get(path.rpartition(".")[2])
        disposition = "inline" if inline else f"attachment; filename*=UTF-8''{name}"
        headers = [("Accept-Ranges", "bytes"), ("Content-Disposition", disposition)]
        wanted = self.headers.get("Range", "")
        if wanted.startswith("bytes=0-"):
            part = content[:int(wanted[8:]) + 1]
            headers.append(("Content-Range", f"bytes 0-{len(part) - 1}/{len(content)}"))
            self.answer(206, part, "application/octet-stream", headers)
        else:
            self.answer(200, content, inline or "application/octet-stream", headers)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # A browser that goes away is none.


class Mock:
    def __init__(self, port=0):
        self.files = FileSystem()
        self.uploads = mock_uploads.Uploads(self.files)
        self.cluster = healthy_cluster()
        self.history = mock_history.history()
        self.events = mock_history.Events()
        self.requests = []  # (when, method, address)
        self.behave()
        self.server = Server(("127.0.0.1", port), Handler)
        self.server.mock = self
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def behave(self):
        self.delay = 0.0
        self.upload_rate = 0  # Bytes in a second for each connection; 0: as they come.
        self.breaks = False  # Uploads are broken off in the middle.
        self.down = False

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8000)
    mock = Mock(parser.parse_args().port)
    fill(mock.files)
    print(f"listening on {mock.address}", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
