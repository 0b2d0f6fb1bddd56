"""An hour of a cluster that works, and what happened in it."""
import datetime
import math

from mock_files import now_text

SAMPLES = 360
SECONDS = 10


def history():
    now = datetime.datetime.now(datetime.timezone.utc)
    samples = []
    for number in range(1, SAMPLES + 1):
        ago = (SAMPLES - number) * SECONDS
        wave = 1.1 + math.sin(number / 23) * math.cos(number / 7) + (number * 7919 % 13) / 20
        samples.append({
            "number": number, "time": now_text(now - datetime.timedelta(seconds=ago)),
            "received": 30e6 * wave, "sent": 48e6 * (3 - wave) if number % 90 < 70 else 0,
            "operations": 140 * wave, "latency_median_ms": 1.4 + wave / 3,
            "latency_95_ms": 9 + 6 * wave, "nodes": 4, "live": 4, "under_replicated": 0,
            "missing": 0})
    return {"server": "a", "samples": samples}


class Events:
    def __init__(self):
        self.all = []

    def add(self, kind, **more):
        self.all.append({"number": len(self.all) + 1, "time": now_text(), "kind": kind, **more})

    def after(self, number):
        return {"server": "a", "events": self.all[number:]}
