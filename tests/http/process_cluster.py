"""A cluster of a process for each role, with HTTP at each of them."""
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

from local_cluster import Requests


class Role:
    """A process, and what it says."""

    def __init__(self, name, directory, command):
        self.log_path = os.path.join(directory, name + ".log")
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(command, stderr=log)

    def logged(self, pattern, within=30):
        until = time.monotonic() + within
        while time.monotonic() < until:
            found = re.search(pattern, self.log())
            if found:
                return found.group(1)
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise RuntimeError(f"not logged: '{pattern}':\n{self.log()}")

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(timeout=30)
        if "ERROR: AddressSanitizer" in self.log():
            raise RuntimeError(self.log()[-4000:])
        return code


class Datanode(Role):
    def __init__(self, *arguments, http=True):
        super().__init__(*arguments)
        self.data_port = int(self.logged(r"datanode: listening on [^ ]*:(\d+),"))
        self.port = int(self.logged(r"serving WebHDFS at http://[^ ]*:(\d+)/")) if http else None


class ProcessCluster(Requests):
    def __init__(self, binary, datanodes=3, flags=(), datanode_flags=("--http-port=0",)):
        self.binary = binary
        self.directory = tempfile.mkdtemp(prefix="minidfs-http-")
        self.namenode = Role("namenode", self.directory, [
            binary, "--role=namenode", "--port=0", "--http-port=0",
            f"--data-dir={self.directory}/namenode", *flags])
        self.address = "127.0.0.1:" + self.namenode.logged(r"namenode: listening on [^ ]*:(\d+),")
        self.port = int(self.namenode.logged(r"serving http://[^ ]*:(\d+)/"))
        self.datanodes = []
        self.others = []
        for _ in range(datanodes):
            self.add_datanode(*datanode_flags)

    def add_datanode(self, *flags):
        number = len(self.datanodes)
        node = Datanode(f"datanode{number}", self.directory, [
            self.binary, "--role=datanode", "--port=0", f"--namenode={self.address}",
            f"--data-dir={self.directory}/datanode{number}", *flags],
            http="--http-port=off" not in flags)
        self.datanodes.append(node)
        if node.port:
            self.namenode.logged(f"datanode [^ ]*:{node.data_port} (serves HTTP)")
        else:
            self.namenode.logged(f"datanode [^ ]*:{node.data_port} .*(registered)")
        return node

    def add_gateway(self):
        """The port at which it serves."""
        self.others.append(Role("gateway", self.directory, [
            self.binary, "--role=gateway", f"--namenode={self.address}", "--http-port=0"]))
        return int(self.others[-1].logged(r"serving http://[^ ]*:(\d+)/"))

    def verb(self, *words, data=None):
        return subprocess.run([self.binary, *words], input=data, stdout=subprocess.PIPE, check=True,
                              env={**os.environ, "MINIDFS_NAMENODE": self.address}).stdout

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        for role in [*self.others, *self.datanodes, self.namenode]:
            role.stop()
        shutil.rmtree(self.directory)
