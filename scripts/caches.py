"""datanode.write_cache both ways and as it is chosen, in turns, for `scripts/bench --only write_cache`: a synced
put of three copies, a read right after it, and a read once the page cache has forgotten the blocks, beside a
direct read of the same files from the disk."""
import mmap
import os
import statistics
import subprocess
import sys
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


class PagesAtHand:
    """Holds the memory that the kernel would hand out first. On a virtual machine whose host takes free memory
    back, what a program gets meanwhile was given back long ago: that is where new page-cache pages are dear.
    Elsewhere it changes nothing."""
    HOLD = ("import mmap, sys\n"
            "memory = mmap.mmap(-1, int(sys.argv[1]), mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE)\n"
            "print('held', flush=True)\n"
            "sys.stdin.read()\n")
    SHARE = 0.4  # Of the free memory: the put and its page cache need the rest.
    TAKEN_BACK_AFTER_S = 12  # What was just freed is at hand until the host has taken it.

    def __enter__(self):
        time.sleep(self.TAKEN_BACK_AFTER_S)
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        self.holder = subprocess.Popen([sys.executable, "-c", self.HOLD, str(int(free * self.SHARE))],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if not self.holder.stdout.readline():
            raise SystemExit("bench: the memory at hand could not be held")
        return self

    def __exit__(self, *_):
        self.holder.communicate()


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
