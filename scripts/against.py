"""Two builds of minidfs in turns, for `scripts/bench --against BINARY`: each round does the same work with
one and then with the other, and the next round the other way round, so that a ratio holds although the
machine's speed drifts. Figures only: how good they are is for the reader to say."""
import contextlib
import os
import statistics
import subprocess

import caches

SMALL_FILES = 2000


class Side:
    """One build with a cluster that syncs and one that does not, both of three datanodes."""

    def __init__(self, name, binary, directory, make_cluster):
        self.name = name
        self.clusters = {
            sync: make_cluster(directory / f"{name}-{'synced' if sync else 'fast'}", 3,
                               {"MINIDFS_DATANODE_SYNC": "full" if sync else "none"}, binary).ready()
            for sync in (False, True)}
        self.scratch = directory / f"{name}-scratch"
        self.copies = 0

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
        self.sides = [Side("this", options.binary, directory, make_cluster),
                      Side("other", options.against, directory, make_cluster)]
        self.rows = []
        self.disk_rates = []

    def make_tree(self):
        for i in range(SMALL_FILES):
            path = self.tree / f"d{i % 20}"
            path.mkdir(parents=True, exist_ok=True)
            (path / f"f{i}").write_bytes(os.urandom(4096))

    def row(self, name, *arguments, **options):
        self.rows.append((name, *self.in_turns(*arguments, **options)))

    def in_turns(self, amount, sync, work, prepare=None, tidy=None, around=contextlib.nullcontext):
        """`work(side, cluster)` does `amount` of something; prepare, tidy and what `around()` does when it is
        entered and left are not measured."""
        rates = {side.name: [] for side in self.sides}
        cpu = {side.name: [] for side in self.sides}
        for i in range(self.options.rounds + 1):
            for side in self.sides if i % 2 == 0 else reversed(self.sides):
                cluster = side.clusters[sync]
                if prepare:
                    prepare(side, cluster)
                with around():
                    seconds, used = self.measured(cluster, lambda: work(side, cluster))
                if tidy:
                    tidy(side, cluster)
                if i > 0:  # Both have paid for their first use of everything.
                    rates[side.name].append(amount / seconds)
                    cpu[side.name].append(used)
        return rates, cpu

    def run(self):
        self.make_tree()
        file, mib = str(self.source), self.options.size_mib

        def remove(side, cluster, path="/f"):
            cluster.run("rm", "-r", path)
            cluster.wait_until_empty()

        def put(copies):
            return lambda side, cluster: cluster.run("put", f"--replication={copies}", file, "/f")

        def get(side, cluster):
            cluster.run("get", "/f", "/dev/null")

        def make_cold(side, cluster):
            put(1)(side, cluster)
            caches.drop_from_page_cache(cluster.directory)
            self.disk_rates.append(caches.direct_read_rate(cluster.directory))

        for sync in (False, True):
            for copies in (3, 1):
                name = f"put, {copies} copies, {'synced' if sync else 'not synced'}, MiB/s"
                self.row(name, mib, sync, put(copies), tidy=remove)
        self.row("get, warm, MiB/s", mib, False, get, prepare=put(1), tidy=remove)
        self.row("get, cold, MiB/s", mib, False, get, prepare=make_cold, tidy=remove)

        def put_tree(side, cluster):
            cluster.run("put", "-r", str(self.tree), "/f")

        # The copies stay until the end: for some seconds after many files were deleted ext4 creates new ones
        # slowly, whoever asks.
        def get_tree(side, cluster):
            side.copies += 1
            cluster.run("get", "-r", "/f", f"{side.scratch}-{side.copies}")

        self.row("put -r of 4 KiB, synced, files/s", SMALL_FILES, True, put_tree, tidy=remove)
        self.row("get -r of 4 KiB, files/s", SMALL_FILES, True, get_tree, prepare=put_tree,
                 tidy=remove)
        self.row("stat /, processes/s", 20, False,
                 lambda side, cluster: [cluster.run("stat", "/", stdout=subprocess.DEVNULL)
                                        for _ in range(20)])
        self.dear = ("put, 3 copies, synced, dear pages, MiB/s",
                     *self.in_turns(mib, True, put(3), tidy=remove, around=caches.PagesAtHand))
        for side in self.sides:
            side.stop()
        self.print()

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
        print("\nBesides, with the memory held that the kernel would hand out first (on a machine whose host "
              "takes free memory back, new page-cache pages are dear then):\n")
        self.print_header()
        self.print_row(*self.dear)

    def print_header(self):
        print("| work | this | other | ratio | CPU s this | CPU s other | CPU ratio |")
        print("|---|---|---|---|---|---|---|")

    def print_row(self, name, rates, cpu):
        ratio = statistics.median(rates["this"]) / statistics.median(rates["other"])
        other_cpu = statistics.median(cpu["other"])
        cpu_ratio = f"{statistics.median(cpu['this']) / other_cpu:.2f}" if other_cpu else "–"
        print(f"| {name} | {self.spread(rates['this'], 1)} | {self.spread(rates['other'], 1)} | "
              f"{ratio:.3f} | {self.spread(cpu['this'], 2)} | {self.spread(cpu['other'], 2)} | {cpu_ratio} |",
              flush=True)
        return ratio
