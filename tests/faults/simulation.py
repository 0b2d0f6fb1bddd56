"""Lines 8 and 14, the same ideas without processes: what a seed makes of nodes, clients and a clock."""
import os
import pathlib
import re
import subprocess
import time

from scenario import Skip, check, scenario


def simulate(context, words, environment=None, program="test_sim"):
    """Runs test cases of the simulator; returns what they printed and the seconds that it took."""
    if not context.simulation:
        raise Skip("runs among the other tests")
    start = time.monotonic()
    done = subprocess.run([pathlib.Path(context.simulation).with_name(program), words], capture_output=True, text=True,
                          env={**os.environ, **(environment or {})})
    check(done.returncode == 0, f"expected no violation, found:\n{done.stdout[-3000:]}")
    return done.stdout, time.monotonic() - start


@scenario(8, "100,000 random schedules with fake nodes and a fake clock", clusters=False)
def simulated_schedules(context):
    _, took = simulate(context, "No schedule of faults loses*")
    check(took < 60, f"expected them within 60 s, found {took:.0f} s")
    return f"every invariant held in every step; {took:.0f} s (bound 60 s)"


@scenario(14, "whole clusters in the simulator, as many schedules as ten minutes allow",
          clusters=False)
def whole_clusters(context):
    # From another seed each time: those that scripts/test runs are known by then.
    text, took = simulate(context, "[whole]",
                          {"MINIDFS_SIM_SECONDS": str(context.pick(30, 600)),
                           "MINIDFS_SIM_SEED": str(context.seed % 1_000_000 * 1_000_000)})
    found = re.search(r"(\d+) schedules, (\d+) events under faults, (\d+) operations", text)
    rare = [line.strip() for line in text.splitlines() if re.match(r"\s+\d+ times ", line)]
    fewest = min(rare, key=lambda line: int(line.split()[0]))
    schedules, events, operations = (int(number) for number in found.groups())
    return (f"{schedules:,} schedules from seed {context.seed % 1_000_000 * 1_000_000} in "
            f"{took:.0f} s: {events:,} events under faults, {operations:,} operations, every "
            f"invariant held; {len(rare)} rare states reached, the rarest {fewest}")


@scenario(14, "Raft clusters in the simulator, as many schedules as an hour allows", clusters=False)
def raft_clusters(context):
    first = context.seed % 1_000_000 * 1_000_000
    text, took = simulate(context, "[raft]",
                          {"MINIDFS_SIM_SECONDS": str(context.pick(30, 3600)),
                           "MINIDFS_SIM_SEED": str(first)}, "test_sim_raft")
    found = re.search(r"(\d+) schedules, (\d+) events under faults, (\d+) changes and (\d+) reads", text)
    rare = [line.strip() for line in text.splitlines() if re.match(r"\s+\d+ times ", line)]
    fewest = min(rare, key=lambda line: int(line.split()[0]))
    schedules, events, changes, reads = (int(number) for number in found.groups())
    return (f"{schedules:,} schedules from seed {first} in {took:.0f} s: {events:,} events under "
            f"faults, {changes:,} changes and {reads:,} reads, every invariant held; {len(rare)} rare "
            f"states reached, the rarest {fewest}")
