"""Two builds of minidfs in turns, for `scripts/bench --against BINARY`: each round does the same work with
one and then with the other, and the next round the other way round, so that a ratio holds although the
machine's speed drifts. Figures only: how good they are is for the reader to say."""
import collections
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import time

import caches

SMALL_FILES = 2000


def metadata_bench_beside(binary):
    return pathlib.Path(binary).parent / "bench" / "bench_metadata"


class Side:
    """One build with a cluster that syncs and one that does not, both of three datanodes."""

    def __init__(self, name, binary, metadata_bench, directory, make_cluster):
        self.name = name
        self.binary = binary
        self.metadata_bench = metadata_bench
        self.directory = directory
        self.make_cluster = make_cluster
        self.clusters = {
            sync: make_cluster(directory / f"{name}-{'synced' if sync else 'fast'}", 3,
                               {"MINIDFS_DATANODE_SYNC": "full" if sync else "none"}, binary).ready()
            for sync in (False, True)}
        self.scratch = directory / f"{name}-scratch"
        self.copies = 0
        self.starts = 0

    def start_of_an_empty_namenode(self):
        self.starts += 1
        alone = self.make_cluster(self.directory / f"{self.name}-alone-{self.starts}", 0, {}, self.binary)
        alone.run("stat", "/", stdout=subprocess.DEVNULL)
        seconds = time.monotonic() - alone.begun
        alone.stop()
        return seconds

    def stop(self):
        for cluster in self.clusters.values():
            cluster.stop()


class Comparison:
    def __init__(self, options, directory, source, make_cluster, measured, spread):
        self.options = options
        self.source = source
        self.measured = measured
        self.spread = spread
        self.tree = directory / "small"
        own_bench = metadata_bench_beside(options.binary)
        # It speaks its build's version of the protocol; where the other build has none, this one may do.
        other_bench = metadata_bench_beside(options.against)
        self.sides = [
            Side("this", options.binary, own_bench, directory, make_cluster),
            Side("other", options.against, other_bench if other_bench.exists() else own_bench, directory,
                 make_cluster)]
        self.rows = []
        self.disk_rates = []
        self.dear = None

    def make_tree(self):
        for i in range(SMALL_FILES):
            path = self.tree / f"d{i % 20}"
            path.mkdir(parents=True, exist_ok=True)
            (path / f"f{i}").write_bytes(os.urandom(4096))

    def row(self, name, *arguments, **options):
        self.rows.append((name, *self.in_turns(*arguments, **options)))

    def turns(self):
        """Whose turn it is, and whether it counts: not in the first round, in which both pay for their first
        use of everything."""
        for i in range(self.options.rounds + 1):
            for side in self.sides if i % 2 == 0 else reversed(self.sides):
                yield side, i > 0

    def by_side(self):
        return {side.name: [] for side in self.sides}

    def in_turns(self, amount, sync, work, prepare=None, tidy=None, around=contextlib.nullcontext):
        """`work(side, cluster)` does `amount` of something; prepare, tidy and what `around()` does when it is
        entered and left are not measured."""
        rates, cpu = self.by_side(), self.by_side()
        for side, counts in self.turns():
            cluster = side.clusters[sync]
            if prepare:
                prepare(side, cluster)
            with around():
                seconds, used = self.measured(cluster, lambda: work(side, cluster))
            if tidy:
                tidy(side, cluster)
            if counts:
                rates[side.name].append(amount / seconds)
                cpu[side.name].append(used)
        return rates, cpu

    def run(self):
        for name in self.options.only:
            getattr(self, name)()
        for side in self.sides:
            side.stop()
        self.print()

    def remove(self, side, cluster):
        cluster.run("rm", "-r", "/f")
        cluster.wait_until_empty()

    def put(self, copies):
        return lambda side, cluster: cluster.run("put", f"--replication={copies}", str(self.source), "/f")

    def large(self):
        mib = self.options.size_mib

        def get(side, cluster):
            cluster.run("get", "/f", "/dev/null")

        def make_cold(side, cluster):
            self.put(1)(side, cluster)
            caches.drop_from_page_cache(cluster.directory)
            self.disk_rates.append(caches.direct_read_rate(cluster.directory))

        for sync in (False, True):
            for copies in (3, 1):
                name = f"put, {copies} copies, {'synced' if sync else 'not synced'}, MiB/s"
                self.row(name, mib, sync, self.put(copies), tidy=self.remove)
        self.row("get, warm, MiB/s", mib, False, get, prepare=self.put(1), tidy=self.remove)
        self.row("get, cold, MiB/s", mib, False, get, prepare=make_cold, tidy=self.remove)
        self.dear = ("put, 3 copies, synced, dear pages, MiB/s",
                     *self.in_turns(mib, True, self.put(3), tidy=self.remove, around=caches.PagesAtHand))

    def small(self):
        self.make_tree()

        def put_tree(side, cluster):
            cluster.run("put", "-r", str(self.tree), "/f")

        # The copies stay until the end: for some seconds after many files were deleted ext4 creates new ones
        # slowly, whoever asks.
        def get_tree(side, cluster):
            side.copies += 1
            cluster.run("get", "-r", "/f", f"{side.scratch}-{side.copies}")

        self.row("put -r of 4 KiB, synced, files/s", SMALL_FILES, True, put_tree, tidy=self.remove)
        self.row("get -r of 4 KiB, files/s", SMALL_FILES, True, get_tree, prepare=put_tree,
                 tidy=self.remove)

    def metadata(self):
        for in_flight, operations in ((1, 2000), (64, 20000)):
            rates = collections.defaultdict(self.by_side)
            for side, counts in self.turns():
                table = subprocess.run(
                    [side.metadata_bench, f"--namenode={side.clusters[True].address}",
                     f"--in-flight={in_flight}", f"--operations={operations}", "--json"],
                    check=True, stdout=subprocess.PIPE).stdout
                for line in json.loads(table) if counts else ():
                    rates[line["operation"]][side.name].append(line["per_second"])
            for operation, of in rates.items():
                self.rows.append((f"{operation}, {in_flight} in flight, 1/s", of, None))

    def processes(self):
        self.row("stat /, processes/s", 20, False,
                 lambda side, cluster: [cluster.run("stat", "/", stdout=subprocess.DEVNULL)
                                        for _ in range(20)])

    def start(self):
        rates = self.by_side()
        for side, counts in self.turns():
            seconds = side.start_of_an_empty_namenode()
            if counts:
                rates[side.name].append(1 / seconds)
        self.rows.append(("an empty namenode, from exec to its first answer, 1/s", rates, None))

    def print(self):
        print(f"\n{self.options.binary} (this) and {self.options.against} (other), "
              f"{self.options.rounds} rounds in turns, {self.options.size_mib} MiB; "
              "median (min–max), ratios of the medians\n")
        self.print_header()
        ratios = [self.print_row(*row) for row in self.rows]
        if "get, cold, MiB/s" in [name for name, _, _ in self.rows]:
            cold = dict((name, rates) for name, rates, _ in self.rows)["get, cold, MiB/s"]["this"]
            disk = statistics.median(self.disk_rates)
            print(f"\nA direct read of the disk: {self.spread(self.disk_rates)} MiB/s; get, cold is "
                  f"{statistics.median(cold) / disk:.2f} of it")
        print(f"\nGeometric mean of the ratios: {statistics.geometric_mean(ratios):.3f}; "
              f"the lowest: {min(ratios):.3f}")
        if not self.dear:
            return
        print("\nBesides, with the memory held that the kernel would hand out first (on a machine whose host "
              "takes free memory back, new page-cache pages are dear then):\n")
        self.print_header()
        self.print_row(*self.dear)

    def print_header(self):
        print("| work | this | other | ratio | CPU s this | CPU s other | CPU ratio |")
        print("|---|---|---|---|---|---|---|")

    def print_row(self, name, rates, cpu):
        ratio = statistics.median(rates["this"]) / statistics.median(rates["other"])
        cells = ["–"] * 3
        if cpu:
            cells[:2] = (self.spread(cpu[side], 2) for side in ("this", "other"))
            other_cpu = statistics.median(cpu["other"])
            if other_cpu:
                cells[2] = f"{statistics.median(cpu['this']) / other_cpu:.2f}"
        print(f"| {name} | {self.spread(rates['this'], 1)} | {self.spread(rates['other'], 1)} | "
              f"{ratio:.3f} | {' | '.join(cells)} |", flush=True)
        return ratio
