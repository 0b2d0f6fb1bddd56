"""One process of a cluster."""
import os
import re
import signal
import subprocess
import time


class Role:
    """Its log is kept, below that of those that had the same name before."""

    def __init__(self, binary, directory, name, *flags, environment=None):
        self.log_path = os.path.join(directory, f"{name}.log")
        self._begins_at = os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([binary, *flags], stderr=log,
                                            env={**os.environ, **(environment or {})})

    def log(self):
        """What it has said itself."""
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            log.seek(self._begins_at)
            return log.read()

    def logged(self, pattern, within=30):
        """What the first group of the pattern has matched in its log, which is waited for."""
        until = time.monotonic() + within
        while time.monotonic() < until:
            found = re.search(pattern, self.log())
            if found:
                return found.group(1)
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise RuntimeError(f"'{pattern}' was not logged:\n{self.log()}")

    def http_port(self):
        """Where it serves all that there is."""
        return int(self.logged(r"serving http://[^ ]*:(\d+)/"))

    def kill(self):
        self.process.kill()
        self.process.wait(timeout=30)

    def stop(self, number=signal.SIGTERM):
        """The code that it ends with, or has ended with before."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout=30)
