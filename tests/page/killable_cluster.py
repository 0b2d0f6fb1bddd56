"""A cluster of processes, each of which can be killed, with a gateway that serves HTTP."""
import json
import os
import shutil
import subprocess
import tempfile
import time

from role import Role

START_SECONDS = 30


def close(role):
    try:
        role.stop()
    except subprocess.TimeoutExpired:
        role.kill()


class ProcessCluster:
    """`namenodes` and `datanodes` are by address."""

    def __init__(self, binary, namenodes=3, datanodes=3):
        self.binary = binary
        self.directory = tempfile.mkdtemp(prefix="minidfs-processes-")
        self.namenodes = {}
        self.datanodes = {}
        for number in range(namenodes):
            self.start_namenode(number)
        for number in range(datanodes):
            self.start_datanode(number)
        self.gateway = self.start("gateway", "--role=gateway", "--http-port=0")
        self.port = self.gateway.http_port()
        self.wait_for_nodes(datanodes)

    def start(self, name, *flags):
        namenodes = ",".join(self.namenodes) or "127.0.0.1:1"
        return Role(self.binary, self.directory, name, *flags,
                    environment={"MINIDFS_NAMENODE": namenodes})

    def start_namenode(self, number):
        flags = ["--role=namenode", "--port=0", "--http-port=off",
                 f"--data-dir={self.directory}/n{number}"]
        if self.namenodes:
            flags.append("--join=" + ",".join(self.namenodes))
        process = self.start(f"n{number}", *flags)
        port = process.logged(r"listening on 127\.0\.0\.1:(\d+)")
        self.namenodes[f"127.0.0.1:{port}"] = process

    def start_datanode(self, number):
        process = self.start(f"d{number}", "--role=datanode", "--port=0", "--http-port=0",
                             f"--data-dir={self.directory}/d{number}")
        port = process.logged(r"listening on 127\.0\.0\.1:(\d+)")
        self.datanodes[f"127.0.0.1:{port}"] = process

    def verb_json(self, *words):
        done = subprocess.run([self.binary, *words, "--json"], stdout=subprocess.PIPE, check=False,
                              env={**os.environ, "MINIDFS_NAMENODE": ",".join(self.namenodes)})
        return json.loads(done.stdout) if done.returncode == 0 else None

    def wait_for_nodes(self, datanodes):
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            status = self.verb_json("status")
            if status and sum(node["state"] == "live" for node in status["nodes"]) == datanodes:
                voters = self.members("role", "voter")
                if len(voters) == len(self.namenodes):
                    return
            time.sleep(0.2)
        raise RuntimeError("the cluster is not whole")

    def members(self, key, value):
        """Addresses of the namenodes of which the leader says that."""
        quorum = self.verb_json("quorum") or {"members": []}
        return [member["address"] for member in quorum["members"] if member.get(key) == value]

    def kill_leader(self):
        leader = self.members("state", "leader")[0]
        self.namenodes[leader].kill()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in (self.gateway, *self.datanodes.values(), *self.namenodes.values()):
            close(process)
        shutil.rmtree(self.directory)
