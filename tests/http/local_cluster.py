"""A cluster in one process, with HTTP, for as long as a test needs it."""
import http.client
import os
import shutil
import subprocess
import tempfile
import urllib.parse

from role import Role

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
        self.role = Role(binary, self.directory, "log", "--role=local", "--datanodes=2", "--port=0",
                         "--http-port=0", f"--data-dir={self.directory}/data", *flags,
                         environment={"MINIDFS_DATANODE_PORT": "0",
                                      "MINIDFS_CLIENT_REPLICATION": "2"})
        self.port = self.role.http_port()
        self.namenode = f"127.0.0.1:{self.role.logged(r'namenode: listening on 127.0.0.1:([0-9]+),')}"

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
        code = self.role.stop()
        text = self.role.log()
        shutil.rmtree(self.directory)
        if failure[0] is None and (code != 0 or "ERROR: AddressSanitizer" in text):
            raise RuntimeError(f"the cluster ended with {code}:\n{text[-4000:]}")
