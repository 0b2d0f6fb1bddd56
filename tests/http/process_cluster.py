"""A cluster of a process for each role, with HTTP at each of them."""
import os
import shutil
import signal
import subprocess
import tempfile

from local_cluster import Requests
from role import Role


class CheckedRole(Role):
    """One that must not end with a report of the sanitizers."""

    def stop(self, number=signal.SIGTERM):
        code = super().stop(number)
        if "ERROR: AddressSanitizer" in self.log():
            raise RuntimeError(self.log()[-4000:])
        return code


class Datanode(CheckedRole):
    def __init__(self, *arguments, http=True):
        super().__init__(*arguments)
        self.data_port = int(self.logged(r"datanode: listening on [^ ]*:(\d+),"))
        self.port = int(self.logged(r"serving WebHDFS at http://[^ ]*:(\d+)/")) if http else None


class ProcessCluster(Requests):
    def __init__(self, binary, datanodes=3, flags=(), datanode_flags=("--http-port=0",)):
        self.binary = binary
        self.directory = tempfile.mkdtemp(prefix="minidfs-http-")
        self.namenode = CheckedRole(
            binary, self.directory, "namenode", "--role=namenode", "--port=0", "--http-port=0",
            f"--data-dir={self.directory}/namenode", *flags)
        self.address = "127.0.0.1:" + self.namenode.logged(r"namenode: listening on [^ ]*:(\d+),")
        self.port = self.namenode.http_port()
        self.datanodes = []
        self.others = []
        for _ in range(datanodes):
            self.add_datanode(*datanode_flags)

    def add_datanode(self, *flags):
        number = len(self.datanodes)
        node = Datanode(
            self.binary, self.directory, f"datanode{number}", "--role=datanode", "--port=0",
            f"--namenode={self.address}",
            f"--data-dir={self.directory}/datanode{number}", *flags,
            http="--http-port=off" not in flags)
        self.datanodes.append(node)
        if node.port:
            self.namenode.logged(f"datanode [^ ]*:{node.data_port} (serves HTTP)")
        else:
            self.namenode.logged(f"datanode [^ ]*:{node.data_port} .*(registered)")
        return node

    def add_gateway(self):
        """The port at which it serves."""
        self.others.append(CheckedRole(self.binary, self.directory, "gateway", "--role=gateway",
                                       f"--namenode={self.address}", "--http-port=0"))
        return self.others[-1].http_port()

    def verb(self, *words, data=None):
        return subprocess.run([self.binary, *words], input=data, stdout=subprocess.PIPE, check=True,
                              env={**os.environ, "MINIDFS_NAMENODE": self.address}).stdout

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        for role in [*self.others, *self.datanodes, self.namenode]:
            role.stop()
        shutil.rmtree(self.directory)
