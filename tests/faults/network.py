"""Networks that can be cut: one network namespace for the clients and, where they have no machines
of their own, the namenodes; one for each other machine; joined by a bridge. Needs root and `ip`.

Addresses of neighbours are fixed, so a cut is silence, as a cut somewhere between two switches is:
- both ways: the machine's end of the cable is taken off the bridge;
- one way only: packets of one direction are sent to a hardware address that nobody has; so are
  those from one machine to another, while both hear all others.
"""
import os
import shutil
import subprocess

NOWHERE = "02:00:00:00:ff:ff"


def why_unavailable():
    """Why there can be no network here; None when there can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    for tool in ("ip", "nsenter"):
        if shutil.which(tool) is None:
            return f"the tool '{tool}' is missing"
    name = f"mdfs{os.getpid()}-try"
    tried = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    if tried.returncode != 0:
        return f"no network namespace can be made: {tried.stderr.strip()}"
    subprocess.run(["ip", "netns", "del", name], check=False)
    return None


def ip(*arguments):
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


class Network:
    """The machine number 0 is the middle, where the clients are. Others are 1, 2, ..."""

    made = 0

    def __init__(self, machines):
        Network.made += 1
        self.prefix = f"mdfs{os.getpid()}-{Network.made}-"
        self.machines = machines
        self.cut_machines = set()
        ip("netns", "add", self.namespace(0))
        core = ("-n", self.namespace(0))
        ip(*core, "link", "add", "bridge", "type", "bridge")
        ip(*core, "link", "set", "bridge", "address", self.hardware(0))
        ip(*core, "addr", "add", f"{self.address(0)}/24", "dev", "bridge")
        ip(*core, "link", "set", "bridge", "up")
        ip(*core, "link", "set", "lo", "up")
        for i in range(1, machines + 1):
            here = ("-n", self.namespace(i))
            ip("netns", "add", self.namespace(i))
            ip(*core, "link", "add", f"to{i}", "type", "veth", "peer", "name", "net", "netns",
               self.namespace(i))
            ip(*here, "link", "set", "net", "address", self.hardware(i))
            ip(*here, "addr", "add", f"{self.address(i)}/24", "dev", "net")
            ip(*here, "link", "set", "net", "up")
            ip(*here, "link", "set", "lo", "up")
            ip(*core, "link", "set", f"to{i}", "master", "bridge", "up")
        for i in range(machines + 1):
            for j in range(machines + 1):
                if i != j:
                    self._neighbour(i, j, self.hardware(j))

    def namespace(self, i):
        return f"{self.prefix}{i}"

    def address(self, i):
        return f"10.77.0.{i + 1}"

    @staticmethod
    def hardware(i):
        return f"02:00:00:00:00:{i + 1:02x}"

    def _neighbour(self, i, j, hardware):
        device = "bridge" if i == 0 else "net"
        ip("-n", self.namespace(i), "neigh", "replace", self.address(j), "lladdr", hardware, "dev",
           device, "nud", "permanent")

    def inside(self, i):
        """The words before a command that runs on machine i."""
        return ["nsenter", f"--net=/run/netns/{self.namespace(i)}"]

    def cut(self, i, direction="both"):
        """direction: both, out (nothing it sends arrives) or in (nothing arrives at it)."""
        self.cut_machines.add(i)
        if direction == "both":
            ip("-n", self.namespace(0), "link", "set", f"to{i}", "nomaster")
        for j in range(self.machines + 1):
            if j != i and direction == "out":
                self._neighbour(i, j, NOWHERE)
            if j != i and direction == "in":
                self._neighbour(j, i, NOWHERE)

    def silence(self, i, j):
        """Nothing that machine i sends to machine j arrives."""
        self._neighbour(i, j, NOWHERE)

    def heal(self, i):
        self.cut_machines.discard(i)
        ip("-n", self.namespace(0), "link", "set", f"to{i}", "master", "bridge")
        for j in range(self.machines + 1):
            if j != i:
                self._neighbour(i, j, self.hardware(j))
                self._neighbour(j, i, self.hardware(i))

    def close(self):
        for i in range(self.machines + 1):
            subprocess.run(["ip", "netns", "del", self.namespace(i)], capture_output=True,
                           check=False)
