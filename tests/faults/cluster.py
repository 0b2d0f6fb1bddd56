"""A real cluster for a scenario: processes, directories, disks, and, if wanted, machines with a
network between them. Everything is gone when the cluster is closed."""
import ctypes
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import network
from namenodes import Namenodes
from scenario import Failure, Missing, Skip, check, wait_until

LIBC = ctypes.CDLL(None, use_errno=True)
MNT_DETACH = 2
PR_SET_PDEATHSIG = 1


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def die_with_parent():
    """Runs in the child: it shall not outlive a scenario that was killed, nor the thread that has
    started it."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def random_bytes(size, seed):
    return random.Random(seed).randbytes(size)


def fill(directory):
    """A file of somebody else's takes all that is left of the file system."""
    with open(directory / "somebody-else", "ab", buffering=0) as file:
        piece = 1 << 20
        while piece >= 4096:
            try:
                file.write(bytes(piece))
            except OSError:
                piece //= 2


def relieve(directory):
    (directory / "somebody-else").unlink(missing_ok=True)


class Role:
    """One process of the cluster, started again at will with the same command."""

    def __init__(self, name, address, command, environment, log):
        self.name = name
        self.address = address
        self.command = command
        self.environment = environment
        self.log = log
        self.process = None
        self.stopped = False
        self.starts = 0

    def start(self, listening_limit=30):
        self.starts += 1
        start = os.path.getsize(self.log) if os.path.exists(self.log) else 0
        with open(self.log, "ab") as out:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=out, env=self.environment,
                                            preexec_fn=die_with_parent)

        def listens():
            if b"listening on " in pathlib.Path(self.log).read_bytes()[start:]:
                return True
            check(self.process.poll() is None, f"{' '.join(self.command)} ended: {self.tail()}")
            return "no line that says where it listens"

        wait_until(listening_limit, "start of " + self.command[-1], listens, 0.02)

    def running(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        if self.running():
            self.process.send_signal(number)

    def pause(self):
        self.stopped = True
        self.signal(signal.SIGSTOP)

    def resume(self):
        self.stopped = False
        self.signal(signal.SIGCONT)

    def kill(self):
        if self.process is not None:
            self.signal(signal.SIGKILL)
            self.process.wait()
        self.stopped = False

    def tail(self, lines=15):
        text = pathlib.Path(self.log).read_text(errors="replace") if os.path.exists(self.log) else ""
        return "\n".join(text.splitlines()[-lines:])


class Cluster:
    def __init__(self, context, datanodes, machines=False, settings=None, disks=None, racks=None,
                 environment=None, namenodes=1, namenode_machines=False, namenode_disks=None):
        """machines: give each datanode a network namespace of its own, and with namenode_machines
        each namenode too; else these are where the clients are. settings: options as
        {"namenode.dead_after": "4s"}. disks: {datanode: bytes}, file systems of their own;
        namenode_disks: bytes of each namenode's. racks: {datanode: rack}. environment: what the
        processes get besides, told the cluster's own directory. namenodes: how many, unless the
        whole run has another number."""
        self.context = context
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="minidfs-faults-"))
        self.mounts = []
        self.network = None
        self.datanodes = []
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("MINIDFS_")}
        # All of them would want the same ports.
        self.environment["MINIDFS_NAMENODE_HTTP_PORT"] = "off"
        self.environment["MINIDFS_DATANODE_HTTP_PORT"] = "off"
        self.environment["ASAN_OPTIONS"] = (
            "quarantine_size_mb=16:detect_leaks=0:verify_asan_link_order=0")
        self.environment.update(environment(self.directory) if environment else {})
        for option, value in (settings or {}).items():
            self.environment["MINIDFS_" + option.replace(".", "_").upper()] = str(value)
        try:
            count = context.namenodes or namenodes
            if count > 1:
                self.needs_verb("quorum")
            own = count if machines and namenode_machines else 0
            if machines:
                self._share_secret()
                self.network = network.Network(datanodes + own)
            places = [datanodes + 1 + i if own else 0 for i in range(count)]
            self.namenode = Namenodes(self, count, places)
            for i in range(count if namenode_disks else 0):
                self._mount(self.namenode.directory(i), namenode_disks)
            self.namenode.begin()
            self.racks = racks or {}
            for i in range(datanodes):
                self.add_datanode((disks or {}).get(i))
            self.wait_live(datanodes)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind is not None and issubclass(kind, Failure):
            error.args = (f"{error}\n--- namenode's log ---\n{self.namenode.tail()}",)
        self.close()

    # Processes and machines.

    def _host(self, machine):
        return self.network.address(machine) if self.network else "127.0.0.1"

    def namenode_port(self, i):
        return 8020 + i if self.network else free_port()

    def new_role(self, name, machine, port, *more):
        inside = self.network.inside(machine) if self.network else []
        role = name.rstrip("0123456789")
        command = [*inside, self.context.binary, f"--role={role}", f"--port={port}",
                   f"--listen={self._host(machine)}", f"--data-dir={self.directory / name}", *more]
        return Role(name, f"{self._host(machine)}:{port}", command, self.environment,
                    str(self.directory / f"{name}.log"))

    def _share_secret(self):
        """Who can be reached from other machines asks for one."""
        secret = self.directory / "secret"
        subprocess.run([self.context.binary, "secret", "new", secret], check=True)
        self.environment["MINIDFS_COMMON_SECRET_FILE"] = str(secret)

    def secret_flags(self):
        """For the programs of tests/history."""
        secret = self.environment.get("MINIDFS_COMMON_SECRET_FILE")
        return [f"--secret-file={secret}"] if secret else []

    def add_datanode(self, disk_bytes=None):
        i = len(self.datanodes)
        port = 9866 if self.network else free_port()
        if disk_bytes is not None:
            self._mount(self.data(i), disk_bytes)
        more = [f"--namenode={self.namenode_address()}"]
        if i in self.racks:
            more.append(f"--rack={self.racks[i]}")
        role = self.new_role(f"datanode{i}", i + 1, port, *more)
        self.datanodes.append(role)
        role.start()
        return role

    def namenode_address(self):
        """Of all namenodes."""
        return self.namenode.address()

    def data(self, i):
        return self.directory / f"datanode{i}"

    def cut(self, i, direction="both"):
        self.network.cut(i + 1, direction)

    def heal(self, i):
        self.network.heal(i + 1)

    def _mount(self, path, size_bytes):
        path.mkdir(parents=True, exist_ok=True)
        if LIBC.mount(b"minidfs-faults", bytes(path), b"tmpfs", 0, f"size={size_bytes}".encode()):
            raise Skip(f"no small file system can be mounted: {os.strerror(ctypes.get_errno())}")
        self.mounts.append(path)

    def fill_disk(self, i):
        fill(self.data(i))

    def relieve_disk(self, i):
        relieve(self.data(i))

    def close(self):
        namenodes = getattr(self, "namenode", None)
        for role in [*self.datanodes, *(namenodes.roles if namenodes else [])]:
            role.kill()
        if self.network:
            self.network.close()
        for path in self.mounts:
            LIBC.umount2(bytes(path), MNT_DETACH)
        shutil.rmtree(self.directory, ignore_errors=True)

    # Verbs.

    def verb(self, *arguments, data=None, limit=120, environment=None):
        inside = self.network.inside(0) if self.network else []
        variables = {**self.environment, "MINIDFS_NAMENODE": self.namenode_address(),
                     **(environment or {})}
        process = subprocess.Popen([*inside, self.context.binary, *map(str, arguments)],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=variables,
                                   preexec_fn=die_with_parent)
        try:
            out, err = process.communicate(data, timeout=limit)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            return subprocess.CompletedProcess(arguments, 124, out, err + b" (no end)")
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def ok(self, *arguments, data=None, limit=120):
        done = self.verb(*arguments, data=data, limit=limit)
        check(done.returncode == 0, f"minidfs {' '.join(map(str, arguments))}: expected success, "
              f"found exit code {done.returncode}: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout

    def scrub(self, limit=300):
        """Checks all replicas. Exit code 1 without an error only says that bad ones were found."""
        done = self.verb("scrub", "--now", "--wait", limit=limit)
        check(done.returncode == 0 or (done.returncode == 1 and not done.stderr),
              f"scrub --now: expected an end, found exit code {done.returncode}: "
              f"{done.stderr.decode(errors='replace').strip()}")

    def knows_verb(self, verb, word=""):
        """Whether the program has the verb, with `word` in its help."""
        help_text = subprocess.run([self.context.binary, verb, "--help"], capture_output=True,
                                   text=True, env=self.environment)
        return help_text.returncode == 0 and word in help_text.stdout

    def needs_verb(self, verb, word=""):
        if not self.knows_verb(verb, word):
            raise Missing(f"{verb} {word}".strip())

    def status(self, limit="5s"):
        """None when the namenode does not answer in time."""
        done = self.verb("status", "--json", "--timeout", limit)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def node(self, status, i):
        for node in status["nodes"]:
            if node["name"] == self.datanodes[i].address:
                return node
        raise Failure(f"{self.datanodes[i].address} is not among the nodes of `minidfs status`: "
                      f"{[node['name'] for node in status['nodes']]}")

    def wait_live(self, count, limit=30):
        def live():
            status = self.status()
            if status is None:
                return "no answer"
            states = [node["state"] for node in status["nodes"]]
            if states.count("live") >= count and not status["safe_mode"]:
                return True
            return f"states {states}, safe mode {status['safe_mode']}"

        return wait_until(limit, f"{count} live datanodes", live)

    def wait_state(self, i, state, limit):
        def is_so():
            status = self.status()
            if status is None:
                return "no answer"
            found = self.node(status, i)["state"]
            return True if found == state else f"state {found}"

        return wait_until(limit, f"{self.datanodes[i].address} {state}", is_so, 0.1)

    def wait_whole(self, limit):
        """Until no block is missing or below its target, and no copy is under way."""

        def whole():
            status = self.status()
            if status is None:
                return "no answer"
            blocks = status["blocks"]
            wrong = {k: v for k, v in blocks.items() if k != "total" and v}
            return True if not wrong and not status["safe_mode"] else f"{blocks}"

        return wait_until(limit, "every block at its target", whole)

    # What really is on the disks.

    def replicas(self, nodes=None):
        """{block id: set of datanodes} of the large replicas that lie in data directories."""
        found = {}
        for i in range(len(self.datanodes)) if nodes is None else nodes:
            try:
                names = os.listdir(self.data(i) / "blocks")
            except FileNotFoundError:
                continue
            for name in names:
                block = name.split("-")[0]
                if len(name) == 33:
                    found.setdefault(block, set()).add(i)
        return found

    def fewest(self, blocks, nodes=None):
        """How many copies the block with the fewest has; of those in `blocks`."""
        found = self.replicas(nodes)
        return min(len(found.get(block, ())) for block in blocks)
