"""What every scenario uses: its registration, its context, and how it ends."""
import dataclasses
import random
import time

REGISTERED = []


class Failure(Exception):
    """Something is not as it must be; the message says what was expected and what was found."""


class Skip(Exception):
    """The scenario cannot run here; the message says what is missing."""


class Missing(Exception):
    """The program lacks a verb that the scenario needs."""


@dataclasses.dataclass
class Scenario:
    line: int  # Of the list "what it must show".
    name: str
    run: object
    clusters: bool  # Whether it starts clusters, whose number of namenodes makes a difference.


def scenario(line, name, clusters=True):
    """Registers a function of a Context, which returns what it found as one line of text."""

    def register(function):
        REGISTERED.append(Scenario(line, name, function, clusters))
        return function

    return register


@dataclasses.dataclass
class Context:
    binary: str
    long: bool
    seed: int
    cluster_tests: str = ""
    simulation: str = ""
    file_faults: str = ""
    history_programs: str = ""  # The directory of minidfs_record_histories and those beside it.
    porcupine: str = ""
    namenodes: int = 0  # Of each cluster; 0: as its scenario has it.
    large_bytes: int = 4 << 30  # Of the largest file in the long form.

    def __post_init__(self):
        self.random = random.Random(self.seed)

    def pick(self, short, long):
        return long if self.long else short

    def slack(self, seconds):
        """A limit in time. The short form runs beside other tests and with sanitizers."""
        return seconds if self.long else 3 * seconds + 10


def check(condition, message):
    if not condition:
        raise Failure(message)


def wait_until(limit_seconds, what, condition, interval=0.2):
    """Waits for a condition and returns the seconds that it took. `condition` returns True, or a
    text that says what it found instead."""
    start = time.monotonic()
    while True:
        found = condition()
        if found is True:
            return time.monotonic() - start
        if time.monotonic() - start > limit_seconds:
            raise Failure(f"{what} not within {limit_seconds:.0f} s; last found: {found}")
        time.sleep(interval)
