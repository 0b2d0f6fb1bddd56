"""Line 20: two namenodes join one that has many files and works."""
import os
import signal
import subprocess
import threading
import time

from cluster import Cluster, die_with_parent
from scenario import Skip, check, scenario

TREES = 10
THIRD_VOTER_MAX = 60.0  # Seconds from the start of the second process.
VERB_P99_MAX = 0.1


def percentile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


class TimedVerbs:
    """Threads that run verbs one after the other; each is known with its start and what it took."""

    def __init__(self, cluster, count=2):
        self.cluster = cluster
        self.verbs = []
        self.errors = []
        self.stopped = threading.Event()
        cluster.ok("mkdir", "/timed")
        self.threads = [threading.Thread(target=self._work, args=(f"/timed/{i}",), daemon=True)
                        for i in range(count)]
        for thread in self.threads:
            thread.start()

    def _work(self, home):
        number = 0
        while not self.stopped.is_set():
            number += 1
            name = f"{home}/{number}"
            for words in (["mkdir", "-p", name], ["put", "-", f"{name}/file"],
                          ["mv", f"{name}/file", f"{name}/moved"], ["stat", f"{name}/moved"],
                          ["ls", name], ["rm", "-r", name]):
                start = time.monotonic()
                done = self.cluster.verb(*words, data=b"" if words[0] == "put" else None)
                self.verbs.append((start, time.monotonic() - start))
                if done.returncode != 0:
                    self.errors.append(f"{' '.join(words)}: {done.stderr.decode(errors='replace')}")

    def stop(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def between(self, start, end):
        return [took for begun, took in self.verbs if start <= begun < end]


class SteadyStats:
    """500 stats a second, from when this is made until it is stopped."""

    def __init__(self, cluster):
        programs = os.path.abspath(cluster.context.history_programs)
        self.process = subprocess.Popen(
            [os.path.join(programs, "minidfs_steady_stats"),
             f"--namenodes={cluster.namenode_address()}", "--path=/timed", "--seconds=3600"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
            env=cluster.environment, preexec_fn=die_with_parent)

    def stop(self):
        """[(when it was due, what it took)], in seconds."""
        self.process.send_signal(signal.SIGTERM)
        out, _ = self.process.communicate(timeout=90)
        check(self.process.returncode == 0,
              f"stats: expected success, found {self.process.returncode}")
        stats = []
        for line in out.splitlines():
            due, took, outcome = line.split(" ", 2)
            check(outcome == "ok", f"stat: expected success, found: {outcome}")
            stats.append((int(due) / 1e9, int(took) / 1e9))
        return stats


def fill_namespace(cluster, files):
    tree = cluster.directory / "tree"
    for i in range(files // TREES):
        directory = tree / f"d{i % 100}"
        if i < 100:
            directory.mkdir(parents=True)
        (directory / f"f{i}").touch()
    for i in range(TREES):
        cluster.ok("put", "-r", tree, f"/tree{i}", limit=600)


@scenario(20, "two namenodes join one with many files under load", clusters=False)
def join(context):
    if not context.history_programs:
        raise Skip("the program that asks is not named")
    files = context.pick(20_000, 1_000_000)
    calm = context.pick(2, 15)
    with Cluster(context, 0, namenodes=1) as cluster:
        fill_namespace(cluster, files)
        verbs = TimedVerbs(cluster)
        stats = SteadyStats(cluster)
        time.sleep(calm)
        begun = time.monotonic()
        cluster.namenode.add().start()
        cluster.namenode.wait_voters(2)
        two = time.monotonic()
        cluster.namenode.add().start()
        cluster.namenode.wait_voters(3)
        end = time.monotonic()
        verbs.stop()
        asked = stats.stop()
        check(not verbs.errors, f"verbs: expected no error, found {verbs.errors[:5]}")
        cluster.namenode.verify()
    before, during = verbs.between(begun - calm, begun), verbs.between(begun, end)
    asked_before = [took for due, took in asked if due < begun]
    asked_during = [took for due, took in asked if begun <= due < end]
    verb_p99, stat_p99 = percentile(during, 0.99), percentile(asked_during, 0.99)
    check(end - begun <= context.slack(THIRD_VOTER_MAX),
          f"third voter: expected within {THIRD_VOTER_MAX} s, found {end - begun:.1f} s")
    check(verb_p99 <= context.slack(VERB_P99_MAX),
          f"verbs: expected p99 at most {VERB_P99_MAX} s, found {verb_p99:.3f} s "
          f"({percentile(before, 0.99):.3f} s before)")
    return (f"{files:,} files: second voter after {two - begun:.1f} s, third after "
            f"{end - begun:.1f} s (bound {THIRD_VOTER_MAX:.0f} s); p99 of {len(during)} verbs "
            f"{verb_p99 * 1000:.0f} ms (bound 100 ms; {percentile(before, 0.99) * 1000:.0f} ms "
            f"before), of {len(asked_during)} stats {stat_p99 * 1000:.1f} ms "
            f"({percentile(asked_before, 0.99) * 1000:.1f} ms before)")
