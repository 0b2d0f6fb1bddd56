"""A cluster in one process, with HTTP, for as long as a test needs it."""
import http.client
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.parse

PREFIX = "/webhdfs/v1"


class Requests:
    """Of the HTTP server at `self.port`."""

    def request(self, method, target, body=None, headers=None, chunked=False, at=None):
        """One request over a connection of its own: (status, headers, body). `at`: another server
        than the cluster's, (host, port)."""
        connection = http.client.HTTPConnection(*(at or ("127.0.0.1", self.port)), timeout=60)
        connection.request(method, target, body=body, headers=headers or {},
                           encode_chunked=chunked)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, dict(answer.getheaders()), content

    def operation(self, method, path, op, body=None, headers=None, **parameters):
        """A step of WebHDFS."""
        query = urllib.parse.urlencode({"op": op, "user.name": "alice", **parameters})
        return self.request(method, f"{PREFIX}{urllib.parse.quote(path)}?{query}", body, headers)

    def follow(self, method, path, op, body=None, **parameters):
        """Both steps: the second one's answer."""
        status, headers, content = self.operation(method, path, op, **parameters)
        if status != 307:
            return status, headers, content
        place = urllib.parse.urlsplit(headers["Location"])
        return self.request(method, f"{place.path}?{place.query}", body,
                            at=(place.hostname, place.port))


class LocalCluster(Requests):
    def __init__(self, binary, *flags):
        self.binary = binary
        self.directory = tempfile.mkdtemp(prefix="minidfs-http-")
        self.log_path = os.path.join(self.directory, "log")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [binary, "--role=local", "--datanodes=2", "--port=0", "--http-port=0",
                 f"--data-dir={self.directory}/data", *flags], stderr=log,
                env={**os.environ, "MINIDFS_DATANODE_PORT": "0", "MINIDFS_CLIENT_REPLICATION": "2"})
        self.port = int(self._logged(r"serving http://127\.0\.0\.1:(\d+)/"))
        self.namenode = f"127.0.0.1:{self._logged(r'namenode: listening on 127.0.0.1:([0-9]+),')}"

    def _logged(self, pattern, within=30):
        until = time.monotonic() + within
        while time.monotonic() < until:
            with open(self.log_path, encoding="utf-8", errors="replace") as log:
                found = re.search(pattern, log.read())
            if found:
                return found.group(1)
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            raise RuntimeError(f"the cluster did not log '{pattern}':\n{log.read()}")

    def verb(self, *words, data=None):
        done = subprocess.run([self.binary, *words], input=data, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False,
                              env={**os.environ, "MINIDFS_NAMENODE": self.namenode})
        if done.returncode != 0:
            raise RuntimeError(f"minidfs {' '.join(words)}: {done.stderr.decode()}")
        return done.stdout

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=30)
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            text = log.read()
        shutil.rmtree(self.directory)
        if failure[0] is None and (code != 0 or "ERROR: AddressSanitizer" in text):
            raise RuntimeError(f"the cluster ended with {code}:\n{text[-4000:]}")
