"""A cluster of processes, each of which can be killed, with a gateway that serves HTTP."""
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

START_SECONDS = 30


class Process:
    def __init__(self, binary, directory, name, *flags, **environment):
        self.log_path = os.path.join(directory, name + ".log")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([binary, *flags], stderr=log,
                                            env={**os.environ, **environment})

    def logged(self, pattern):
        """What the first group of the pattern has matched in the log, which is waited for."""
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and self.process.poll() is None:
            with open(self.log_path, encoding="utf-8", errors="replace") as log:
                found = re.search(pattern, log.read())
            if found:
                return found.group(1)
            time.sleep(0.02)
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            raise RuntimeError(f"'{pattern}' was not logged:\n{log.read()}")

    def kill(self):
        self.process.kill()
        self.process.wait(timeout=30)

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.kill()


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
        self.port = int(self.gateway.logged(r"serving http://127\.0\.0\.1:(\d+)/"))
        self.wait_for_nodes(datanodes)

    def start(self, name, *flags):
        return Process(self.binary, self.directory, name, *flags,
                       MINIDFS_NAMENODE=",".join(self.namenodes) or "127.0.0.1:1")

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
            process.close()
        shutil.rmtree(self.directory)
