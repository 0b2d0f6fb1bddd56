#!/usr/bin/env python3
"""minidfs top, on a cluster that works and on one that goes away, into a pipe and on a terminal."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import unittest

from local_cluster import LocalCluster

BINARY = sys.argv.pop(1) if len(sys.argv) > 1 else "build/dev/minidfs"
ENTER = b"\x1b[?1049h"
LEAVE = b"\x1b[?1049l"


class Terminal:
    """A verb on a terminal of the given size."""

    def __init__(self, words, rows=24, columns=80):
        self.end, inner = pty.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.before = termios.tcgetattr(inner)
        self.inner = inner
        self.shown = b""
        self.process = subprocess.Popen([BINARY, *words], stdin=inner, stdout=inner, stderr=inner,
                                        start_new_session=True, preexec_fn=self._own_terminal)

    def _own_terminal(self):
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def wait_for(self, pattern, within=30):
        """What matches, of all that was shown from the last time on."""
        until = time.monotonic() + within
        while time.monotonic() < until:
            found = re.search(pattern, self.shown, re.DOTALL)
            if found:
                self.shown = self.shown[found.end():]
                return found.group(0)
            if select.select([self.end], [], [], 0.1)[0]:
                self.shown += os.read(self.end, 65536)
        raise RuntimeError(f"not shown: {pattern}:\n{self.shown.decode(errors='replace')}")

    def press(self, key):
        os.write(self.end, key)

    def code(self):
        return self.process.wait(timeout=20)

    def is_as_before(self):
        return termios.tcgetattr(self.inner) == self.before

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.end)
        os.close(self.inner)


class TopTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = LocalCluster(BINARY)
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)
        cls.where = f"--namenode={cls.cluster.namenode}"
        cls.http = f"--http=127.0.0.1:{cls.cluster.port}"

    def terminal(self, *words, **size):
        terminal = Terminal(["top", self.where, *words], **size)
        self.addCleanup(terminal.close)
        return terminal

    def test_blocks_of_lines(self):
        self.cluster.request("PUT", "/files/top", b"x" * 100)
        work_on = threading.Event()

        def work():
            while not work_on.wait(0.01):
                self.cluster.request("GET", "/download/top")
        worker = threading.Thread(target=work)
        worker.start()
        try:
            text = self.cluster.verb("top", self.http, "--batch", "--count=2",
                                     "--interval=1s").decode()
        finally:
            work_on.set()
            worker.join()
        first, second = text.split("\n\n")
        for block in (first, second):
            self.assertRegex(block, r"^minidfs top, \d{4}-\d\d-\d\d \d\d:\d\d:\d\d, cluster ")
            self.assertRegex(block, r"\nfiles: +1 in \d+ directories\n")
            self.assertIn("\ndatanodes:  2, 2 live, 0 dead\n", block)
            self.assertIn(f"\nnamenodes:  1, {self.cluster.namenode} leads", block)
        self.assertIn("\nrequests:   - a second", first)
        rate = re.search(r"\nrequests:   ([0-9.]+) a second, 0.0 failed", second)
        self.assertGreater(float(rate.group(1)), 1)
        self.assertRegex(second, r"changes: +[0-9.]+ a second, files 0.0 a second, stored ")
        self.assertNotIn("\x1b", text)

    def test_q_ends_it_and_brings_the_terminal_back(self):
        terminal = self.terminal()
        terminal.wait_for(rb"\x1b\[\?1049h")
        terminal.wait_for(rb"datanodes:  2, 2 live")
        self.assertFalse(terminal.is_as_before())
        terminal.press(b"x")
        terminal.press(b"q")
        terminal.wait_for(rb"\x1b\[\?1049l")
        self.assertEqual(terminal.code(), 0)
        self.assertTrue(terminal.is_as_before())

    def test_signals_bring_the_terminal_back(self):
        for key, number in ((b"\x03", signal.SIGINT), (None, signal.SIGTERM)):
            terminal = self.terminal()
            terminal.wait_for(rb"datanodes:  2, 2 live")
            if key:
                terminal.press(key)
            else:
                terminal.process.send_signal(number)
            terminal.wait_for(rb"\x1b\[\?1049l")
            self.assertEqual(terminal.code(), 128 + number)
            self.assertTrue(terminal.is_as_before())

    def test_what_is_shown_fits_the_window(self):
        terminal = self.terminal("--interval=30s", rows=6, columns=30)
        frame = terminal.wait_for(rb"\x1b\[H.*?\x1b\[J")
        self.assertEqual(frame.count(b"\r\n"), 5)
        lines = re.sub(rb"\x1b\[[A-Z]", b"", frame).split(b"\r\n")
        self.assertLessEqual(max(len(line) for line in lines), 30)
        self.assertRegex(lines[-1], rb"and \d+ more lines")
        # Another size is heeded at once, not with the next look.
        fcntl.ioctl(terminal.inner, termios.TIOCSWINSZ, struct.pack("HHHH", 4, 80, 0, 0))
        terminal.wait_for(rb"\x1b\[H(?:[^\n]*\n){3}[^\n]*and \d+ more lines\x1b\[K\x1b\[J", 10)

    def test_a_namenode_that_goes_away_is_shown_and_found_again(self):
        directory = tempfile.mkdtemp(prefix="minidfs-top-")

        def start(port):
            log = open(os.path.join(directory, "log"), "wb")
            process = subprocess.Popen([BINARY, "--role=namenode", f"--port={port}",
                                        "--http-port=off", f"--data-dir={directory}/nn"],
                                       stderr=log)
            self.addCleanup(process.kill)
            log.close()
            until = time.monotonic() + 30
            while time.monotonic() < until:
                with open(os.path.join(directory, "log"), encoding="utf-8") as log:
                    found = re.search(r"listening on 127\.0\.0\.1:(\d+),", log.read())
                if found:
                    return process, found.group(1)
                time.sleep(0.05)
            raise RuntimeError("the namenode does not listen")
        process, port = start(0)
        terminal = Terminal(["top", f"--namenode=127.0.0.1:{port}", "--interval=200ms"], columns=200)
        self.addCleanup(terminal.close)
        terminal.wait_for(rb"datanodes:  0, 0 live")
        process.terminate()
        process.wait(timeout=30)
        terminal.wait_for(rb"namenode:   AWAY: .*figures:    as they were")
        process, _ = start(port)
        terminal.wait_for(rb"\x1b\[Hminidfs top[^\n]*cluster[^\n]*\n[^\n]*safe mode:")
        terminal.press(b"q")
        self.assertEqual(terminal.code(), 0)
        process.terminate()
        process.wait(timeout=30)

    def test_nobody_there_is_an_error_at_the_end(self):
        done = subprocess.run([BINARY, "top", "--namenode=127.0.0.1:1", "--count=1"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                              timeout=60)
        self.assertEqual(done.returncode, 3)
        self.assertIn(b"\nnamenode:   AWAY: ", done.stdout)
        self.assertTrue(done.stderr.startswith(b"minidfs: "), done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=1)
