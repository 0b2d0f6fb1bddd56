"""A cluster whose roles are processes of their own, so that a test can kill one of them."""
import http.client
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

from role import Role


def ended_well(role):
    """Stops it; one that was killed before did."""
    if role.process.poll() is not None:
        return role.process.returncode == -signal.SIGKILL
    return role.stop() == 0


class Cluster:
    """Namenodes, datanodes and one gateway. Blocks that nobody owns are removed after a second."""

    def __init__(self, binary, namenodes=1, datanodes=3, replication=2):
        self.binary = binary
        self.directory = tempfile.mkdtemp(prefix="minidfs-http-")
        self.environment = {"MINIDFS_CLIENT_REPLICATION": str(replication),
                            "MINIDFS_NAMENODE_ORPHAN_GRACE": "1s"}
        self.roles, self.namenodes, self.addresses = [], [], []
        try:
            self._start_all(namenodes, datanodes)
        except BaseException as failure:
            self.__exit__(type(failure), failure, None)
            raise

    def _start_all(self, namenodes, datanodes):
        for number in range(namenodes):
            self._start_namenode(number)
        self.datanodes = [self._start(f"datanode{number}", "--role=datanode", "--port=0",
                                      "--http-port=off",
                                      f"--data-dir={self.directory}/datanode{number}",
                                      f"--namenode={','.join(self.addresses)}")
                          for number in range(datanodes)]
        for datanode in self.datanodes:
            datanode.logged(r"datanode: listening on 127.0.0.1:([0-9]+),")
        self.start_gateway()
        self.wait_for(lambda: len(self.status()["nodes"]) == datanodes, "all datanodes")
        if namenodes > 1:
            self.wait_for(self._all_vote, "all namenodes to vote")

    def _start(self, name, *flags):
        role = Role(self.binary, self.directory, name, *flags, environment=self.environment)
        self.roles.append(role)
        return role

    def _start_namenode(self, number):
        join = [f"--join={','.join(self.addresses)}"] if self.addresses else []
        namenode = self._start(f"namenode{number}", "--role=namenode", "--port=0", "--http-port=0",
                               f"--data-dir={self.directory}/namenode{number}", *join)
        port = namenode.logged(r"namenode: listening on 127.0.0.1:([0-9]+),", 60)
        self.namenodes.append(namenode)
        self.addresses.append(f"127.0.0.1:{port}")

    def start_gateway(self):
        self.gateway = self._start("gateway", "--role=gateway", "--http-port=0",
                                   f"--namenode={','.join(self.addresses)}")
        self.port = self.gateway.http_port()

    def _all_vote(self):
        members = json.loads(self.verb("quorum", "--json"))["members"]
        return sum(member["role"] == "voter" for member in members) == len(self.namenodes)

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        # Those first that others are asked by.
        all_well = all([ended_well(role) for role in reversed(self.roles)])
        logs = "\n".join(role.log()[-3000:] for role in self.roles)
        shutil.rmtree(self.directory)
        if failure[0] is None and (not all_well or "ERROR: AddressSanitizer" in logs):
            raise RuntimeError(f"a role did not end as it should:\n{logs}")
        if failure[0] is not None:
            print(logs)

    # --- What is seen of it ---

    def verb(self, *words):
        done = subprocess.run([self.binary, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              check=False,
                              env={**os.environ, "MINIDFS_NAMENODE": ",".join(self.addresses)})
        if done.returncode != 0:
            raise RuntimeError(f"minidfs {' '.join(words)}: {done.stderr.decode()}")
        return done.stdout

    def status(self):
        return json.loads(self.verb("status", "--json"))

    def used(self):
        """(bytes, blocks) of all datanodes that live."""
        nodes = [node for node in self.status()["nodes"] if node["state"] == "live"]
        return sum(node["used"] for node in nodes), sum(node["blocks"] for node in nodes)

    def leader(self):
        """The number of the namenode that leads."""
        quorum = json.loads(self.verb("quorum", "--json"))
        return next(self.addresses.index(member["address"]) for member in quorum["members"]
                    if member["id"] == quorum["leader"])

    def wait_for(self, holds, what, within=60):
        until = time.monotonic() + within
        while True:
            try:
                if holds():
                    return
            except RuntimeError:  # No answer is not the one that is waited for.
                pass
            if time.monotonic() > until:
                raise AssertionError(f"waited in vain for {what}")
            time.sleep(0.1)

    def request(self, method, target, body=None, port=None):
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=120)
        connection.request(method, target, body=body)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, dict(answer.getheaders()), content
