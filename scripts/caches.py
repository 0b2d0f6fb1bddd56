"""datanode.write_cache both ways and as it is chosen, in turns, for `scripts/bench --only write_cache`: a synced
put of three copies, a read right after it, and a read once the page cache has forgotten the blocks, beside a
direct read of the same files from the disk."""
import mmap
import os
import statistics
import time

MODES = ("cached", "direct", "auto")
STEP = 1 << 20


def drop_from_page_cache(directory):
    """Forgets the bytes of a datanode's files without touching the kernel's settings."""
    os.sync()
    for path in directory.rglob("*"):
        if path.is_file():
            fd = os.open(path, os.O_RDONLY)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(fd)


def direct_read_rate(directory):
    """MiB/s of the disk itself: the files of large blocks, one after another, past the page cache."""
    buffer = mmap.mmap(-1, STEP)
    done, begun = 0, time.monotonic()
    for path in sorted(directory.rglob("blocks/*")):
        fd = os.open(path, os.O_RDONLY | os.O_DIRECT)
        offset = 0
        while count := os.preadv(fd, [buffer], offset):
            offset += count
        os.close(fd)
        done += offset
    return done / (1 << 20) / (time.monotonic() - begun)


class WriteCaches:
    def __init__(self, options, directory, source, make_cluster, measured, spread):
        self.options = options
        self.source = str(source)
        self.measured = measured
        self.spread = spread
        self.clusters = {mode: make_cluster(directory / f"cluster-{mode}", 3,
                                            {"MINIDFS_DATANODE_WRITE_CACHE": mode}).ready()
                         for mode in MODES}
        self.figures = {mode: {} for mode in MODES}

    def note(self, mode, name, value):
        self.figures[mode].setdefault(name, []).append(value)

    def work(self, mode, name, *arguments):
        cluster, mib = self.clusters[mode], self.options.size_mib
        seconds, cpu = self.measured(cluster, lambda: cluster.run(*arguments))
        self.note(mode, name, mib / seconds)
        self.note(mode, name + ", CPU s", cpu * 1024 / mib)

    def one_round(self, mode):
        cluster = self.clusters[mode]
        self.work(mode, "put", "put", "--replication=3", self.source, "/f")
        self.work(mode, "get at once", "get", "/f", "/dev/null")
        drop_from_page_cache(cluster.directory)
        self.note(mode, "disk", direct_read_rate(cluster.directory / "datanode0"))
        self.work(mode, "get later", "get", "/f", "/dev/null")
        cluster.run("rm", "/f")
        cluster.wait_until_empty()

    def run(self):
        for i in range(self.options.rounds + 1):
            if i == 1:  # All have paid for their first use of everything.
                self.figures = {mode: {} for mode in MODES}
            for mode in MODES if i % 2 == 0 else reversed(MODES):
                self.one_round(mode)
        for cluster in self.clusters.values():
            cluster.stop()
        print(f"\n{self.options.size_mib} MiB, 3 copies, synced; MiB/s and CPU seconds per GiB of all processes, "
              f"median (min–max) of {self.options.rounds} rounds in turns\n")
        print("| write_cache | put | CPU | get right after it | CPU | get later | CPU | direct read of the disk |")
        print("|---|---|---|---|---|---|---|---|")
        for mode in MODES:
            cells = [self.spread(self.figures[mode][name], digits)
                     for work in ("put", "get at once", "get later")
                     for name, digits in ((work, 0), (work + ", CPU s", 2))]
            print(f"| {mode} | {' | '.join(cells)} | {self.spread(self.figures[mode]['disk'])} |")
        for mode in MODES:
            later, disk = (statistics.median(self.figures[mode][name]) for name in ("get later", "disk"))
            print(f"\n{mode}: get later is {later / disk:.2f} of a direct read of the disk", flush=True)
