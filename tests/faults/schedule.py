"""Line 8: random faults under clients that keep a record, then peace, then the audit."""
import os
import random
import time

import network
from clients import RecordingClient
from cluster import Cluster
from nodes_lost import settings
from scenario import check, scenario

DATANODES = 5
DISK = 600 << 20


def flip_byte(path, choice):
    """Changes one byte at a random place of a file; None when the file is empty."""
    size = os.path.getsize(path)
    if size == 0:
        return None
    at = choice.randrange(size)
    with open(path, "r+b", buffering=0) as file:
        file.seek(at)
        old = file.read(1)
        file.seek(at)
        file.write(bytes([old[0] ^ (1 << choice.randrange(8))]))
    return at


def replica_files(cluster, i):
    return [os.path.join(root, name) for root, _, names in os.walk(cluster.data(i))
            for name in names if os.path.basename(root) in ("blocks", "packs")]


class Schedule:
    """Draws faults from a seed. At most one datanode is away at a time, and bytes flip on one disk
    only (the last datanode's): with three copies that is what must be survived without loss."""

    def __init__(self, cluster, seed, machines):
        self.cluster = cluster
        self.choice = random.Random(seed)
        self.faults = ["kill", "stop", "flip", "fill", "namenode"]
        if machines:
            self.faults += ["cut", "cut_out", "cut_in"]
        self.log = []

    def say(self, text):
        self.log.append(text)

    def step(self):
        fault = self.choice.choice(self.faults)
        victim = self.choice.randrange(DATANODES)
        away = self.choice.choice([0.1, 0.5, 1.0, 2.0, 7.0])
        self.say(f"{fault} {victim} {away}")
        role = self.cluster.datanodes[victim]
        if fault == "kill":
            role.kill()
            time.sleep(away)
            role.start()
        elif fault == "stop":
            role.pause()
            time.sleep(away)
            role.resume()
        elif fault == "namenode":
            self.cluster.namenode.kill()
            time.sleep(min(away, 1.0))
            self.cluster.namenode.start()
        elif fault == "flip":
            files = replica_files(self.cluster, DATANODES - 1)
            if files:
                try:
                    flip_byte(self.choice.choice(sorted(files)), self.choice)
                except FileNotFoundError:
                    pass  # Its block was deleted meanwhile.
        elif fault == "fill":
            self.cluster.fill_disk(0)
            time.sleep(away)
            self.cluster.relieve_disk(0)
        else:
            self.cluster.cut(victim, {"cut": "both", "cut_out": "out", "cut_in": "in"}[fault])
            time.sleep(away)
            self.cluster.heal(victim)
        time.sleep(self.choice.uniform(0.1, 1.0))


def audit(cluster, clients):
    """Compares everything with the records: all files of all directories, and all that are gone."""
    files = 0
    for client in clients:
        back = cluster.directory / ("back" + client.home.replace("/", "-"))
        got = cluster.verb("get", "-r", client.home, back, limit=300)
        check(got.returncode == 0, f"get -r {client.home}: expected success, found "
              f"{got.stderr.decode(errors='replace').strip()}")
        there = set(os.listdir(back))
        for path in client.contents:
            name = os.path.basename(path)
            client.judge(path, (back / name).read_bytes() if name in there else None)
            there.discard(name)
            files += 1
        client.wrong += [f"{client.home}/{name}: expected no such file" for name in there]
        check(not client.wrong, f"{len(client.wrong)} wrong: " + "; ".join(client.wrong[:5]))
    return files


@scenario(8, "random faults under 16 clients that keep a record")
def random_schedule(context):
    machines = network.why_unavailable() is None
    options = {**settings(context), "datanode.reserved_space": "64MiB", "client.timeout": "20s"}
    with Cluster(context, DATANODES, machines, options, {0: DISK}) as cluster:
        clients = [RecordingClient(cluster, i, context.seed * 100 + i) for i in range(16)]
        for client in clients:
            cluster.ok("mkdir", client.home)
        for client in clients:
            client.start()
        schedule = Schedule(cluster, context.seed, machines)
        end = time.monotonic() + context.pick(45, 600)
        while time.monotonic() < end:
            schedule.step()
        for client in clients:
            client.stop_event.set()
        for client in clients:
            client.join()
        try:
            cluster.wait_live(DATANODES)
            if cluster.knows_verb("scrub"):
                cluster.scrub()
            took = cluster.wait_whole(context.slack(60))
            files = audit(cluster, clients)
        except Exception as failure:
            failure.args = (f"{failure}\nschedule: {'; '.join(schedule.log)}",)
            raise
        acknowledged = sum(client.acknowledged for client in clients)
        failed = sum(client.failed for client in clients)
        return (f"seed {context.seed}, {len(schedule.log)} faults"
                f"{'' if machines else ' (no cuts: root is missing)'}; {acknowledged} changes "
                f"acknowledged, {failed} operations failed; {files} paths right afterwards; every "
                f"block at its target {took:.1f} s after the last fault")
