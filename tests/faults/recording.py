"""Clients of tests/history that record what they see while a scenario goes on, and its judgement."""
import bisect
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading
import time

from cluster import die_with_parent
from scenario import Failure, Skip, check

# What a namenode says that refuses changes because its disk is full.
REFUSAL = "bytes free on its disk"
# Which the client library repeats an operation for; longer than any scenario has no leader.
PATIENCE_SECONDS = 300


class LeaderWatch(threading.Thread):
    """Who leads, asked again and again: the leaderships, as checkers of histories want them."""

    def __init__(self, cluster, interval=0.2):
        super().__init__(daemon=True)
        self.cluster = cluster
        self.interval = interval
        self.stop_event = threading.Event()
        self.leaderships = []  # [begin, end, term, leader], in nanoseconds of CLOCK_MONOTONIC.
        self.start()

    def run(self):
        while not self.stop_event.wait(self.interval):
            asked = time.monotonic_ns()
            found = self.cluster.namenode.term()
            if found is None:
                continue
            last = self.leaderships[-1] if self.leaderships else None
            if last and last[2:] == list(found):
                last[1] = asked
            else:
                self.leaderships.append([asked, asked, *found])

    def stop(self):
        self.stop_event.set()
        self.join()


class Recording:
    """16 clients in the background, from the start until finish()."""

    def __init__(self, cluster, seed, seconds, pause_us=5000):
        programs = cluster.context.history_programs
        if not programs:
            raise Skip("the programs that record histories are not named")
        self.cluster = cluster
        self.programs = pathlib.Path(programs).resolve()
        self.directory = cluster.directory / f"histories-{seed}"
        self.directory.mkdir()
        inside = cluster.network.inside(0) if cluster.network else []
        self.log = self.directory / "log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [*inside, self.programs / "minidfs_record_histories",
                 f"--namenodes={cluster.namenode_address()}", f"--histories={self.directory}",
                 f"--seconds={seconds}", f"--seed={seed}", f"--pause-us={pause_us}",
                 f"--patience-seconds={PATIENCE_SECONDS}", f"--root=/histories-{seed}",
                 *cluster.secret_flags()],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=cluster.environment,
                preexec_fn=die_with_parent)
        self.watch = LeaderWatch(cluster)

    def finish(self, limit=60):
        """Ends the clients once their last calls have returned, and what watches the leaders."""
        self.process.terminate()
        try:
            code = self.process.wait(limit)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Failure(f"clients: expected an end of their last calls within {limit} s after the "
                          f"last fault, found none{self.keep()}") from None
        finally:
            self.watch.stop()
        said = self.log.read_text(errors="replace").strip()
        check(code == 0, f"clients that record: expected success, found exit code {code}: {said}")
        lines = "".join(" ".join(map(str, one)) + "\n" for one in self.watch.leaderships)
        (self.directory / "leaderships").write_text(lines)

    def abandon(self):
        self.process.kill()
        self.process.wait()
        self.watch.stop()

    def judge(self):
        """Fails unless all is linearizable and every outcome known, but that of a change which was
        refused because of a full disk. Returns the numbers of operations, leaderships, leaderships
        in which reads overlapped changes, and refusals."""
        done = subprocess.run([self.programs / "minidfs_check_histories",
                               f"--histories={self.directory}"], capture_output=True, text=True)
        if done.returncode != 0:
            raise Failure(f"histories: expected them to be linearizable, found:\n"
                          f"{done.stdout[-8000:]}{done.stderr}{self.keep()}")
        numbers = re.match(r"\d+ directories, (\d+) operations of \d+ clients, \d+ of unknown "
                           r"outcome; (\d+) leaderships, (\d+) of", done.stdout)
        unknown = self._unknown()
        failed = [line for line in unknown if REFUSAL not in line]
        check(not failed, f"operations: expected every outcome to become known, found {len(failed)} "
              f"of {numbers[1]} that are not:\n" + "".join(failed[:5]))
        self._cross_check()
        return *map(int, numbers.groups()), len(unknown)

    def _unknown(self):
        found = []
        for name in sorted(os.listdir(self.directory)):
            if name.startswith("client-"):
                with open(self.directory / name, encoding="utf-8", errors="replace") as lines:
                    found += [line for line in lines if line.startswith("<") and " unknown " in line]
        return found

    def _cross_check(self):
        porcupine = self.cluster.context.porcupine
        if not porcupine:
            return
        done = subprocess.run([porcupine, self.directory], capture_output=True, text=True)
        if done.returncode != 0:
            raise Failure(f"Porcupine: expected what minidfs_check_histories found, found:\n"
                          f"{done.stdout[-4000:]}{done.stderr}{self.keep()}")

    def keep(self):
        """Keeps what was recorded for whoever looks into it, and says where."""
        kept = tempfile.mkdtemp(prefix="minidfs-histories-")
        shutil.copytree(self.directory, kept, dirs_exist_ok=True)
        return f"\nkept: {kept}"

    def successes(self):
        """When operations returned with an answer, sorted, in nanoseconds of CLOCK_MONOTONIC."""
        times = []
        for name in os.listdir(self.directory):
            if not name.startswith("client-"):
                continue
            with open(self.directory / name, encoding="ascii", errors="replace") as lines:
                for line in lines:
                    fields = line.split(" ", 2)
                    if fields[0] == "<" and len(fields) == 3 and not fields[2].startswith("unknown"):
                        times.append(int(fields[1]))
        return sorted(times)


def longest_pause(times, begin, end):
    """The longest time without any of `times` that has its beginning between two moments, in
    seconds."""
    first = max(bisect.bisect_right(times, begin) - 1, 0)
    last = bisect.bisect_left(times, end)
    pauses = [after - before for before, after in zip(times[first:last], times[first + 1:last + 1])]
    return max(pauses, default=end - begin) / 1e9
