"""Draws what happens to namenodes, from a seed: of the leader, of a follower, of both."""
import random
import time

from cluster import fill, relieve

SLOW_SYNC_MS = 1000


class Nemesis:
    """One fault at a time, on one or two namenodes. `disks`: what slows their disks
    (hung_disk.HangingCalls), or None; `small_disks`: whether each has a file system of its own."""

    def __init__(self, cluster, seed, disks=None, small_disks=False):
        self.cluster = cluster
        self.namenodes = cluster.namenode
        self.choice = random.Random(seed)
        self.disks = disks
        self.faults = {"kill": self._kill, "stop": self._stop}
        if cluster.network:
            self.faults.update({"cut": self._cut, "cut out": self._cut, "cut in": self._cut})
            if len(self.namenodes.roles) > 1:
                self.faults["cut between"] = self._cut_between
        if disks:
            self.faults["slow disk"] = self._slow_disk
        if small_disks:
            self.faults["full disk"] = self._full_disk
        self.log = []

    def step(self):
        """One fault, and a while of peace."""
        # Each kind in turn, in an order of its own, so that no short schedule is all kills.
        if not getattr(self, "bag", None):
            self.bag = sorted(self.faults)
            self.choice.shuffle(self.bag)
        fault = self.bag.pop()
        whose, victims = self._victims()
        away = self.choice.choice([0.1, 0.4, 1.0, 2.0, 4.0])
        self.log.append(f"{fault} of {whose} {victims} for {away} s")
        heal = self.faults[fault](fault, victims)
        time.sleep(away)
        heal()
        time.sleep(self.choice.uniform(0.2, 2.0))

    def heal(self):
        """Whatever has ended by itself is started again, as whoever runs services does."""
        self.namenodes.start()

    def _victims(self):
        count = len(self.namenodes.roles)
        if count == 1:
            return "the only one", [0]
        whose = self.choice.choice(["the leader", "the leader", "a follower", "both"])
        leader = self.namenodes.leader(60)
        follower = self.choice.choice([i for i in range(count) if i != leader])
        return whose, {"the leader": [leader], "a follower": [follower],
                       "both": [leader, follower]}[whose]

    def _roles(self, victims):
        return [self.namenodes.roles[i] for i in victims]

    # Each begins a fault and returns what ends it.

    def _kill(self, _, victims):
        for role in self._roles(victims):
            role.kill()
        return self.namenodes.start

    def _stop(self, _, victims):
        for role in self._roles(victims):
            role.pause()
        return self.namenodes.resume

    def _cut(self, fault, victims):
        direction = fault.removeprefix("cut").strip() or "both"
        machines = [self.namenodes.machine(i) for i in victims]
        for machine in machines:
            self.cluster.network.cut(machine, direction)
        return lambda: [self.cluster.network.heal(machine) for machine in machines]

    def _cut_between(self, _, victims):
        """One way, between two namenodes that clients and datanodes go on to reach."""
        others = [i for i in range(len(self.namenodes.roles)) if i != victims[0]]
        pair = [victims[0], self.choice.choice(others)]
        self.choice.shuffle(pair)
        sender, receiver = (self.namenodes.machine(i) for i in pair)
        self.cluster.network.silence(sender, receiver)
        return lambda: self.cluster.network.heal(sender)

    def _slow_disk(self, _, victims):
        self.disks.delay(["sync"], [self.namenodes.directory(i) for i in victims], SLOW_SYNC_MS)
        return self.disks.heal

    def _full_disk(self, _, victims):
        for i in victims:
            fill(self.namenodes.directory(i))

        def heal():
            for i in victims:
                relieve(self.namenodes.directory(i))
            self.heal()

        return heal
