"""The namenodes of a cluster, one or several, seen as one: what a scenario does to "the namenode"
happens to the one that leads."""
import json
import re

from scenario import check, wait_until

START_LIMIT = 60


class Namenodes:
    """Made by Cluster. With several, the first is a cluster of one that the others join."""

    def __init__(self, cluster, count, machines):
        """machines: the machine of each namenode, in the cluster's network."""
        self.cluster = cluster
        self.count = count
        self.roles = []
        self.machines = machines
        for i in range(count):
            self.add(machines[i])

    def add(self, machine=0):
        """One more, that joins the first; it is not started."""
        i = len(self.roles)
        name = "namenode" if self.count == 1 and i == 0 else f"namenode{i}"
        more = [f"--join={self.roles[0].address}"] if i > 0 else []
        self.roles.append(self.cluster.new_role(name, machine, self.cluster.namenode_port(i), *more))
        return self.roles[-1]

    def begin(self):
        """Starts all for the first time, until all are voters."""
        for i, role in enumerate(self.roles):
            role.start(START_LIMIT)
            if i > 0:
                self.wait_voters(i + 1)

    def address(self):
        return ",".join(role.address for role in self.roles)

    def machine(self, i):
        return self.machines[i]

    def directory(self, i):
        return self.cluster.directory / self.roles[i].name

    # Who leads.

    def quorum(self, limit="5s"):
        """What a leader says of the members; None when none answers in time."""
        done = self.cluster.verb("quorum", "--json", "--timeout", limit)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def index_of(self, quorum, member_id):
        for member in quorum["members"]:
            if member["id"] == member_id:
                addresses = [role.address for role in self.roles]
                return addresses.index(member["address"]) if member["address"] in addresses else None
        return None

    def leader(self, limit=30):
        """Which one leads. Of one that is alone nobody needs to be asked."""
        if len(self.roles) == 1:
            return 0
        found = []

        def known():
            quorum = self.quorum()
            if quorum is None:
                return "no answer"
            index = self.index_of(quorum, quorum["leader"])
            if index is None:
                return f"{quorum}"
            found.append(index)
            return True

        wait_until(limit, "a leader among the namenodes", known, 0.05)
        return found[0]

    def term(self):
        """(term, who leads) by now, or None. One that is alone begins a term with each start."""
        if len(self.roles) == 1:
            role = self.roles[0]
            status = self.cluster.status("1s") if role.running() else None
            return (role.starts, role.address) if status is not None else None
        quorum = self.quorum("1s")
        index = self.index_of(quorum, quorum["leader"]) if quorum else None
        return (quorum["term"], self.roles[index].address) if index is not None else None

    def wait_voters(self, count, limit=START_LIMIT):
        def all_vote():
            quorum = self.quorum()
            if quorum is None:
                return "no answer"
            voters = [member for member in quorum["members"]
                      if member["role"] == "voter" and member["state"] in ("leader", "follower")]
            return True if len(voters) >= count else f"{quorum['members']}"

        return wait_until(limit, f"{count} voters that answer", all_vote)

    def wait_all(self):
        if len(self.roles) > 1:
            self.wait_voters(len(self.roles))

    # As one.

    def kill(self):
        self.roles[self.leader()].kill()

    def kill_all(self):
        for role in self.roles:
            role.kill()

    def start(self):
        """All that do not run."""
        for role in self.roles:
            if not role.running():
                role.start(START_LIMIT)

    def pause(self):
        self.roles[self.leader()].pause()

    def resume(self):
        for role in self.roles:
            if role.stopped:
                role.resume()

    def tail(self):
        return "\n".join(f"{role.name}: {role.tail()}" for role in self.roles)

    def logged(self, pattern):
        """All lines of their logs with the pattern."""
        lines = []
        for role in self.roles:
            with open(role.log, encoding="utf-8", errors="replace") as log:
                lines += [line.strip() for line in log if re.search(pattern, line)]
        return lines

    def verify(self):
        """That all members have the same namespace, where there is more than one."""
        if len(self.roles) == 1:
            return
        self.wait_all()
        done = self.cluster.verb("quorum", "verify")
        check(done.returncode == 0, f"quorum verify: expected equal members, found exit code "
              f"{done.returncode}: {(done.stdout + done.stderr).decode(errors='replace').strip()}")
