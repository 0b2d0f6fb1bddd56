#!/usr/bin/env python3
"""Runs fault scenarios on real processes and prints one line for each.

  tests/faults/run.py --binary build/release/minidfs [--long] [--only WORD[,WORD...]] [--seed N]
                      [--cluster-tests build/release/tests/cluster/test_cluster]
                      [--simulation build/release/tests/sim/test_sim]
                      [--file-faults build/release/tests/cluster/libminidfs_file_faults.so]
                      [--history-programs build/release/tests/history] [--porcupine PROGRAM]
                      [--namenodes N] [--large-bytes BYTES] [--table]

WORD is the number of a line or a part of a scenario's name. Exit code 1 when a scenario failed, and
when it could not run because the program lacks a verb (in the long form). A scenario that needs
what the system does not grant (root, network namespaces) says that it is skipped.
"""
import argparse
import pathlib
import signal
import sys
import time
import traceback

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import scenario
import bit_rot  # noqa: F401 (registers its scenarios, as the following do)
import failover  # noqa: F401
import histories  # noqa: F401
import hostile  # noqa: F401
import hung_disk  # noqa: F401
import joining  # noqa: F401
import membership  # noqa: F401
import nodes_lost  # noqa: F401
import paused_writers  # noqa: F401
import restarts  # noqa: F401
import schedule  # noqa: F401
import simulation  # noqa: F401
import standstill  # noqa: F401
import writes  # noqa: F401

SKIPPED_CODE = 77  # When nothing at all could run; test runners know it.


def wanted(item, words, namenodes):
    if namenodes > 1 and not item.clusters:
        return False
    return not words or any(word == str(item.line) or (not word.isdigit() and word in item.name)
                            for word in words)


def run_one(item, arguments):
    context = scenario.Context(str(pathlib.Path(arguments.binary).resolve()), arguments.long,
                               arguments.seed, arguments.cluster_tests, arguments.simulation,
                               arguments.file_faults, arguments.history_programs,
                               arguments.porcupine, arguments.namenodes, arguments.large_bytes)
    try:
        return "ok", item.run(context)
    except scenario.Skip as reason:
        return "SKIPPED", str(reason)
    except scenario.Missing as verb:
        return ("FAILED" if arguments.long else "SKIPPED"), f"not yet: verb missing: {verb}"
    except scenario.Failure as failure:
        return "FAILED", str(failure)
    except Exception:
        return "FAILED", traceback.format_exc()


def table(rows):
    print("| line | scenario | result | found | s |\n|---|---|---|---|---|")
    for item, result, text, seconds in rows:
        first = text.splitlines()[0] if text else ""
        print(f"| {item.line} | {item.name} | {result} | {first} | {seconds:.0f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--cluster-tests", default="")
    parser.add_argument("--simulation", default="")
    parser.add_argument("--file-faults", default="")
    parser.add_argument("--history-programs", default="")
    parser.add_argument("--porcupine", default="")
    parser.add_argument("--namenodes", type=int, default=0)
    parser.add_argument("--large-bytes", type=int, default=4 << 30)
    parser.add_argument("--table", action="store_true")
    arguments = parser.parse_args()
    # So that a time-out of whoever runs this takes the processes with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    words = [word for word in arguments.only.split(",") if word]
    rows = []
    for item in sorted(scenario.REGISTERED, key=lambda item: item.line):
        if not wanted(item, words, arguments.namenodes):
            continue
        start = time.monotonic()
        result, text = run_one(item, arguments)
        rows.append((item, result, text, time.monotonic() - start))
        seed = f" (seed {arguments.seed})" if result == "FAILED" else ""
        print(f"{item.line:2} {item.name}: {result}{seed}, {rows[-1][3]:.0f} s: {text}", flush=True)
    if arguments.table:
        table(rows)
    if not rows:
        print(f"no scenario is called {arguments.only}", file=sys.stderr)
        return 2
    results = {result for _, result, _, _ in rows}
    return 1 if "FAILED" in results else SKIPPED_CODE if results == {"SKIPPED"} else 0


if __name__ == "__main__":
    sys.exit(main())
