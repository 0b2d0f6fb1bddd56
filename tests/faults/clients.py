"""Clients in the background that compare every answer with what they know."""
import random
import threading

from cluster import random_bytes
from scenario import Failure


class SteadyClients:
    """Readers and writers to whom nothing must happen: any error is one of the scenario."""

    def __init__(self, cluster, count=2, seed=1, replication=3, size=300_000, flags=()):
        self.cluster = cluster
        self.flags = flags  # Of every verb.
        self.replication = replication
        self.size = size
        self.stop_event = threading.Event()
        self.errors = []
        self.operations = 0
        self.slowest = 0.0
        cluster.ok("mkdir", "-p", "/clients")
        self.threads = [threading.Thread(target=self._work, args=(seed + i,), daemon=True)
                        for i in range(count)]
        for thread in self.threads:
            thread.start()

    def _work(self, seed):
        choice = random.Random(seed)
        files = {}
        while not self.stop_event.is_set():
            if len(files) < 3 or choice.random() < 0.5:
                name = f"/clients/{seed}-{choice.getrandbits(40):x}"
                content = random_bytes(choice.randrange(1, self.size), choice.getrandbits(32))
                done = self.cluster.verb("put", *self.flags, "--replication", self.replication, "-",
                                         name, data=content)
                files[name] = content
                what = f"put {name}"
                good = done.returncode == 0
            else:
                name = choice.choice(sorted(files))
                done = self.cluster.verb("cat", *self.flags, name)
                what = f"cat {name}"
                good = done.returncode == 0 and done.stdout == files[name]
            self.operations += 1
            if not good:
                self.errors.append(f"{what}: exit code {done.returncode}: "
                                   f"{done.stderr.decode(errors='replace').strip()}")
                files.pop(name, None)

    def stop(self):
        self.stop_event.set()
        for thread in self.threads:
            thread.join()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.stop()
        if kind is None and self.errors:
            raise Failure(f"clients: expected no error, found {len(self.errors)} in "
                          f"{self.operations} operations: " + "; ".join(self.errors[:5]))


class RecordingClient(threading.Thread):
    """Changes files in a directory of its own and records what was acknowledged. `contents` has for
    each path the set of contents that it may have; None stands for "it is not there". Several when
    an operation failed, which may have been done or not."""

    def __init__(self, cluster, number, seed):
        super().__init__(daemon=True)
        self.cluster = cluster
        self.home = f"/r{number}"
        self.choice = random.Random(seed)
        self.stop_event = threading.Event()
        self.contents = {}
        self.acknowledged = 0
        self.failed = 0
        self.wrong = []

    def run(self):
        while not self.stop_event.is_set():
            path = f"{self.home}/f{self.choice.randrange(25)}"
            action = self.choice.random()
            if action < 0.55:
                self._put(path)
            elif action < 0.7:
                self._remove(path)
            else:
                self._read(path)

    def _settle(self, path, acknowledged, after):
        before = self.contents.get(path, {None})
        self.contents[path] = {after} if acknowledged else before | {after}
        if acknowledged:
            self.acknowledged += 1
        else:
            self.failed += 1

    def _put(self, path):
        seed = self.choice.getrandbits(32)
        size = self.choice.choice([0, 100, 5_000, 70_000, 400_000])
        done = self.cluster.verb("put", "-f", "--block-size", "128KiB", "-", path,
                                 data=random_bytes(size, seed))
        self._settle(path, done.returncode == 0, (size, seed))

    def _remove(self, path):
        if self.contents.get(path, {None}) == {None}:
            return
        done = self.cluster.verb("rm", path)
        if done.returncode == 0 or None not in self.contents[path]:
            self._settle(path, done.returncode == 0, None)

    def _read(self, path):
        if self.contents.get(path, {None}) == {None}:
            return
        done = self.cluster.verb("cat", path)
        if done.returncode == 0:
            self.judge(path, done.stdout)
        else:
            self.failed += 1

    def judge(self, path, found):
        """Compares what was read (None: not there) with what may be."""
        allowed = self.contents.get(path, {None})
        for content in allowed:
            if content is None and found is None:
                return
            if content is not None and found is not None and len(found) == content[0] \
                    and found == random_bytes(*content):
                return
        is_there = "not there" if found is None else f"{len(found)} bytes"
        self.wrong.append(f"{path}: expected one of {sorted(map(str, allowed))} (size, seed), "
                          f"found {is_there}")
