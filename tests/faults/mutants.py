#!/usr/bin/env python3
"""Shows that the tests can fail: builds each deliberate mistake of tests/mutants and has it found.

  tests/faults/mutants.py [--only WORD[,WORD...]] [--check] [--jobs N]

A mutant is a patch: a line that says what the mistake is, a line "Test: TARGET FILTER" with the test
program that finds it, and a unified diff. Each place must be there exactly once, so that none is
applied elsewhere after an edit. The sources are copied to a temporary directory; there the tests are
built and must pass, then again with one mutant at a time. Exit code 1 when a mutant does not apply,
does not build, or is not found. --check only looks whether each still applies.
"""
import argparse
import dataclasses
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
CONFIGURE = ["-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_CXX_FLAGS_DEBUG=-O0 -g1",
             "-DMINIDFS_BENCH=OFF"]
BUILD_LIMIT = 3600
TEST_LIMIT = 1200


class Failure(Exception):
    """A mutant is of no use as it is; the message says why."""


@dataclasses.dataclass
class Hunk:
    path: str
    before: str = ""
    after: str = ""


@dataclasses.dataclass
class Mutant:
    name: str
    title: str
    target: str
    words: str  # Of the test program: which test cases run.
    hunks: list


def read_mutant(path):
    lines = path.read_text().splitlines(keepends=True)
    test = next((line for line in lines if line.startswith("Test: ")), None)
    if test is None:
        raise Failure(f"{path.name} names no test")
    target, words = test.removeprefix("Test: ").strip().split(" ", 1)
    hunks = []
    file = None
    for line in lines:
        if line.startswith("--- "):
            file = None
        elif line.startswith("+++ b/"):
            file = line.removeprefix("+++ b/").strip()
        elif file and line.startswith("@@"):
            hunks.append(Hunk(file))
        elif file and hunks:
            if line[0] in " -":
                hunks[-1].before += line[1:]
            if line[0] in " +":
                hunks[-1].after += line[1:]
    return Mutant(path.stem, lines[0].strip(), target, words, hunks)


def mutated(tree, mutant):
    """The new text of each file that the mutant touches."""
    texts = {}
    for hunk in mutant.hunks:
        path = tree / hunk.path
        if hunk.path not in texts:
            if not path.exists():
                raise Failure(f"does not apply: there is no {hunk.path}")
            texts[hunk.path] = path.read_text()
        # Whole lines: a place may not begin in the middle of one.
        text = "\n" + texts[hunk.path]
        count = text.count("\n" + hunk.before)
        if count != 1:
            raise Failure(f"does not apply: its place is in {hunk.path} {count} times, expected "
                          f"once:\n{hunk.before}")
        texts[hunk.path] = text.replace("\n" + hunk.before, "\n" + hunk.after)[1:]
    if not mutant.hunks:
        raise Failure("changes nothing")
    return texts


class Workshop:
    """A copy of the sources and its build."""

    def __init__(self, directory, jobs):
        self.tree = directory / "tree"
        self.build = self.tree / "build" / "mutants"  # As deep as others, for the compiler cache.
        self.jobs = jobs
        shutil.copytree(ROOT, self.tree, ignore=shutil.ignore_patterns("build*", ".git"))
        self.run(["cmake", "-S", self.tree, "-B", self.build, *CONFIGURE], BUILD_LIMIT)

    def run(self, command, limit):
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith("MINIDFS_")}
        try:
            done = subprocess.run([str(word) for word in command], cwd=self.tree,
                                  env=environment, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=limit)
        except subprocess.TimeoutExpired:
            raise Failure(f"{command[0]} has not ended after {limit} s") from None
        return done.returncode, done.stdout.decode(errors="replace")

    def make(self, target):
        code, text = self.run(["ninja", "-C", self.build, "-j", self.jobs, target], BUILD_LIMIT)
        if code != 0:
            raise Failure(f"does not build:\n{text[-3000:]}")

    def test(self, mutant):
        program = next(path for path in self.build.rglob(mutant.target)
                       if path.is_file() and os.access(path, os.X_OK))
        return self.run([program, mutant.words], TEST_LIMIT)

    def find(self, mutant):
        """What found the mutant."""
        texts = mutated(self.tree, mutant)
        originals = {path: (self.tree / path).read_text() for path in texts}
        try:
            for path, text in texts.items():
                (self.tree / path).write_text(text)
            self.make(mutant.target)
            code, output = self.test(mutant)
        finally:
            for path, text in originals.items():
                (self.tree / path).write_text(text)
        if code == 0:
            raise Failure(f"is not found by {mutant.target} \"{mutant.words}\"")
        return finding(mutant, output)


def finding(mutant, output):
    seed = re.search(r"\bseed (\d+)", output)
    if seed is None:
        failed = re.search(r"\n-{20,}\n(.*?)\n-{20,}\n", output, re.DOTALL)
        return f"{mutant.target}: {failed.group(1).strip() if failed else output[-300:]}"
    # Schedules are run from seed 1 on.
    why = re.search(r"\bat \d+ ms: (.*)", output)
    return f"seed {seed.group(1)}, the {seed.group(1)}. schedule: {why.group(1) if why else ''}"


def check(mutants):
    failures = 0
    for mutant in mutants:
        try:
            mutated(ROOT, mutant)
        except Failure as failure:
            failures += 1
            print(f"{mutant.name} {failure}")
    print(f"{len(mutants) - failures} of {len(mutants)} mutants apply")
    return failures


def hunt(mutants, jobs):
    failures = 0
    with tempfile.TemporaryDirectory(prefix="minidfs-mutants-") as directory:
        workshop = Workshop(pathlib.Path(directory), jobs)
        for target, words in sorted({(mutant.target, mutant.words) for mutant in mutants}):
            start = time.monotonic()
            sane = Mutant("none", "", target, words, [])
            workshop.make(target)
            code, output = workshop.test(sane)
            print(f"without a mutant, {target} \"{words}\": {'passes' if code == 0 else 'FAILS'}, "
                  f"{time.monotonic() - start:.0f} s", flush=True)
            if code != 0:
                print(output[-3000:])
                return 1
        for mutant in mutants:
            start = time.monotonic()
            try:
                result = "found by " + workshop.find(mutant)
            except Failure as failure:
                failures += 1
                result = f"FAILED: {failure}"
            print(f"{mutant.name}: {result} ({time.monotonic() - start:.0f} s)\n"
                  f"    {mutant.title}", flush=True)
    print(f"{len(mutants) - failures} of {len(mutants)} mutants found")
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    # So that whoever ends this ends the build with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    words = [word for word in arguments.only.split(",") if word]
    try:
        mutants = [read_mutant(path) for path in sorted((ROOT / "tests/mutants").glob("*.patch"))
                   if not words or any(word in path.stem for word in words)]
    except Failure as failure:
        print(failure, file=sys.stderr)
        return 1
    if not mutants:
        print(f"no mutant is called {arguments.only}", file=sys.stderr)
        return 2
    return 1 if (check(mutants) if arguments.check else hunt(mutants, arguments.jobs)) else 0


if __name__ == "__main__":
    sys.exit(main())
