"""Lines 17 to 19: what clients feel when the leader of three namenodes is lost."""
import hashlib
import os
import shutil
import statistics
import subprocess
import threading
import time

from clients import SteadyClients
from cluster import Cluster, die_with_parent, fill, random_bytes, relieve
from hung_disk import HangingCalls
from nodes_lost import needs_network, settings
from recording import Recording, longest_pause
from scenario import Skip, check, scenario

NAMENODES = 3
NAMENODE_DISK = 512 << 20
MEDIAN_MAX = 1.0  # Seconds without any success.
PAUSE_MAX = 2.0


def lose_leader(context, how, times, machines=False, disks=None, small_disks=False):
    """`how(cluster, i)` loses namenode i and returns what brings it back. Verbs and 16 clients that
    record work all the while; none may fail, and all must be linearizable."""
    with Cluster(context, 3, machines, settings(context),
                 environment=disks.environment if disks else None, namenodes=NAMENODES,
                 namenode_machines=machines,
                 namenode_disks=NAMENODE_DISK if small_disks else None) as cluster:
        losses = []
        with SteadyClients(cluster, seed=context.seed, flags=("--timeout", "60s")) as verbs:
            recording = Recording(cluster, context.seed, 3600)
            try:
                for _ in range(times):
                    time.sleep(context.random.uniform(1, 2))
                    leader = cluster.namenode.leader()
                    lost = time.monotonic_ns()
                    back = how(cluster, leader)
                    losses.append((lost, time.monotonic_ns()))
                    back()
                    cluster.namenode.start()
                    cluster.namenode.wait_all()
                time.sleep(2)
                recording.finish()
            except BaseException:
                recording.abandon()
                raise
            successes = recording.successes()
        operations, leaderships, _, refused = recording.judge()
        check(refused == 0, f"operations: expected none to be refused, found {refused}")
        cluster.namenode.verify()
        # From a moment before the loss, as it is not known when the last answer was under way.
        pauses = [longest_pause(successes, lost - 10_000_000, gone + 3_000_000_000)
                  for lost, gone in losses]
        median, longest = statistics.median(pauses), max(pauses)
        # One that is alone has nobody to go on in its place.
        alone = len(cluster.namenode.roles) == 1
        check(alone or median <= context.slack(MEDIAN_MAX) and longest <= context.slack(PAUSE_MAX),
              f"time without any success: expected at most {MEDIAN_MAX} s in the median and "
              f"{PAUSE_MAX} s at most, found {sorted(round(pause, 2) for pause in pauses)}")
        return (f"{times} times, {leaderships} leaderships: no success for {median:.2f} s in the "
                f"median (bound {MEDIAN_MAX} s), {longest:.2f} s at most (bound {PAUSE_MAX} s); "
                f"{operations:,} operations of 16 clients linearizable, {verbs.operations} puts and "
                f"cats without error")


@scenario(17, "kill -9 of the leader under 16 clients")
def kill(context):
    def how(cluster, i):
        cluster.namenode.roles[i].kill()
        time.sleep(2)
        return lambda: None

    return lose_leader(context, how, context.pick(3, 20))


@scenario(17, "SIGSTOP of the leader for 10 s")
def stop(context):
    def how(cluster, i):
        cluster.namenode.roles[i].pause()
        time.sleep(10)
        return cluster.namenode.roles[i].resume

    return lose_leader(context, how, context.pick(1, 5))


def cut(context, direction):
    needs_network()

    def how(cluster, i):
        machine = cluster.namenode.machine(i)
        cluster.network.cut(machine, direction)
        time.sleep(5)
        return lambda: cluster.network.heal(machine)

    return lose_leader(context, how, context.pick(1, 5), machines=True)


@scenario(17, "nothing that the leader sends arrives")
def cut_out(context):
    return cut(context, "out")


@scenario(17, "nothing that is sent to the leader arrives")
def cut_in(context):
    return cut(context, "in")


@scenario(17, "the leader's network cut, both ways")
def cut_both(context):
    return cut(context, "both")


@scenario(17, "the leader's disk is full")
def full_disk(context):
    needs_network()  # What a small file system needs.

    def how(cluster, i):
        fill(cluster.namenode.directory(i))
        time.sleep(5)
        return lambda: relieve(cluster.namenode.directory(i))

    return lose_leader(context, how, context.pick(1, 5), small_disks=True)


@scenario(17, "each sync of the leader's disk takes a second")
def slow_disk(context):
    disks = HangingCalls(context)

    def how(cluster, i):
        disks.delay(["sync"], [cluster.namenode.directory(i)], 1000)
        time.sleep(8)
        return disks.heal

    return lose_leader(context, how, context.pick(1, 5), disks=disks)


# --- 500 stats a second ------------------------------------------------------------------------


STATS_P95_MAX = 0.05
STATS_MAX = 1.5


def stats_around(cluster, seconds, loss_at, lose):
    """Asks 500 times a second; returns the sorted latencies, in seconds, of all that were due
    within 5 s of the loss."""
    programs = cluster.context.history_programs
    inside = cluster.network.inside(0) if cluster.network else []
    process = subprocess.Popen(
        [*inside, os.path.join(os.path.abspath(programs), "minidfs_steady_stats"),
         f"--namenodes={cluster.namenode_address()}", "--path=/asked", f"--seconds={seconds}",
         *cluster.secret_flags()],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=cluster.environment, text=True,
        preexec_fn=die_with_parent)
    time.sleep(loss_at)
    lost = time.monotonic_ns()
    lose()
    out, _ = process.communicate(timeout=seconds + 90)
    check(process.returncode == 0, f"stats: expected success, found {process.returncode}")
    latencies = []
    for line in out.splitlines():
        due, latency, outcome = line.split(" ", 2)
        check(outcome == "ok", f"stat: expected success, found: {outcome}")
        if abs(int(due) - lost) <= 5_000_000_000:
            latencies.append(int(latency) / 1e9)
    return sorted(latencies)


def lose(cluster, leader):
    cluster.namenode.roles[leader].kill()
    if len(cluster.namenode.roles) == 1:
        cluster.namenode.start()


@scenario(18, "500 stats a second around the death of the leader")
def steady_stats(context):
    if not context.history_programs:
        raise Skip("the program that asks is not named")
    worst_p95 = worst = 0.0
    times = context.pick(1, 10)
    with Cluster(context, 0, settings=settings(context), namenodes=NAMENODES) as cluster:
        cluster.ok("mkdir", "/asked")
        for _ in range(times):
            leader = cluster.namenode.leader()
            latencies = stats_around(cluster, 12, 6, lambda: lose(cluster, leader))
            worst_p95 = max(worst_p95, latencies[len(latencies) * 95 // 100])
            worst = max(worst, latencies[-1])
            cluster.namenode.start()
            cluster.namenode.wait_all()
        alone = len(cluster.namenode.roles) == 1
    check(alone or worst_p95 <= context.slack(STATS_P95_MAX) and worst <= context.slack(STATS_MAX),
          f"stats: expected p95 at most {STATS_P95_MAX} s and none above {STATS_MAX} s, found "
          f"{worst_p95:.3f} s and {worst:.2f} s")
    return (f"{times} deaths: p95 of the 10 s around each at most {worst_p95 * 1000:.0f} ms (bound 50 "
            f"ms), the slowest {worst:.2f} s (bound {STATS_MAX} s)")


# --- A large put and get -----------------------------------------------------------------------


def write_random(path, size, seed):
    """A file that no two parts of are equal, and its digest."""
    digest = hashlib.blake2b()
    piece = random_bytes(1 << 20, seed)
    with open(path, "wb") as file:
        for i in range(size >> 20):
            part = i.to_bytes(8, "big") + piece[8:]
            file.write(part)
            digest.update(part)
    return digest.hexdigest()


def digest_of(path):
    digest = hashlib.blake2b()
    with open(path, "rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()


def through_deaths(cluster, words, first, between, times):
    """Runs a verb, and kills and starts the leader a few times meanwhile. Returns the seconds that
    the verb took, and the deaths."""
    # The verb has the thread, as what a thread starts ends with it.
    start = time.monotonic()
    failures = []

    def work():
        try:
            cluster.ok(*words, limit=900)
        except Exception as failure:
            failures.append(failure)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    deaths = 0
    thread.join(first)
    while deaths < times and thread.is_alive():
        cluster.namenode.kill()
        deaths += 1
        time.sleep(min(1.0, between / 2))
        cluster.namenode.start()
        thread.join(between)
    thread.join()
    took = time.monotonic() - start
    cluster.namenode.wait_all()
    if failures:
        raise failures[0]
    return took, deaths


@scenario(19, "a large put and a get of it through three deaths of the leader each")
def large_file(context):
    size = min(context.pick(192 << 20, context.large_bytes), context.large_bytes)
    with Cluster(context, 3, settings=settings(context), namenodes=NAMENODES) as cluster:
        free = shutil.disk_usage(cluster.directory).free
        check(free > 6 * size, f"free space: expected at least {6 * size} bytes, found {free}")
        local, back = cluster.directory / "local", cluster.directory / "back"
        wanted = write_random(local, size, context.seed)
        start = time.monotonic()
        cluster.ok("put", "--block-size", "16MiB", local, "/calm", limit=900)
        calm = time.monotonic() - start
        cluster.ok("rm", "/calm")
        took = {}
        for what, words in (("put", ["put", "--block-size", "16MiB", local, "/large"]),
                            ("get", ["get", "/large", back])):
            took[what] = through_deaths(cluster, words, calm / 8, max(calm / 5, 0.5), 3)
        found = digest_of(back)
        check(found == wanted, f"get /large: expected digest {wanted}, found {found}")
        cluster.namenode.verify()
        return (f"{size >> 20} MiB, byte for byte: the put took {took['put'][0]:.1f} s with "
                f"{took['put'][1]} deaths ({calm:.1f} s without), the get {took['get'][0]:.1f} s with "
                f"{took['get'][1]}")
