#!/usr/bin/env python3
"""Runs the samples without a device: a small agent in this process answers their questions.

usage: samples_test.py SAMPLES-BUILD LIBRARY-FOLDER [unittest arguments]
SAMPLES-BUILD holds work/NAME/NAME.out; LIBRARY-FOLDER the libapplibs.so.0 that looks for ./agent.sock.
"""
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

BUILD = pathlib.Path(sys.argv[1]).resolve()
LIBRARIES = pathlib.Path(sys.argv[2]).resolve()
REQUEST, REPLY = struct.Struct("=2I4I"), struct.Struct("=IiQ256s")
MEMORY, GPIO_INPUT, OPEN_MUTABLE, WATCH = 1, 3, 5, 8
PAGE = 4096


class App:
    """A running sample, its agent, its pins and its log."""

    def __init__(self, name, folder):
        self.folder = pathlib.Path(folder)
        self.floor = None
        self.peak = 0
        self.lines = []
        self.warning = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.watched = None
        for pin in (12, 13):
            (self.folder / f"pin{pin}").write_bytes(b"\1")
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        path = self.folder / "agent.sock"
        path.unlink(missing_ok=True)
        self.listener.bind(str(path))
        self.listener.listen(8)
        threading.Thread(target=self.serve, daemon=True).start()
        self.process = subprocess.Popen([str(BUILD / "work" / name / f"{name}.out")], cwd=folder, stderr=subprocess.PIPE,
                                        env={"LD_LIBRARY_PATH": str(LIBRARIES)}, text=True)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stderr:
            self.lines.append(line.rstrip("\n"))

    def serve(self):
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            with connection:
                _, operation, argument, *_ = REQUEST.unpack(connection.recv(REQUEST.size))
                name = {GPIO_INPUT: f"pin{argument}", OPEN_MUTABLE: "mutable"}.get(operation)
                number = 0
                if operation == MEMORY:
                    number = self.user() if argument != 2 else self.peak
                fds = [os.open(self.folder / name, os.O_RDWR | os.O_CREAT)] if name else []
                if operation == WATCH:
                    self.watched = argument
                    fds = [os.dup(self.warning)]
                socket.send_fds(connection, [REPLY.pack(1, 0, number, b"")], fds)
                for fd in fds:
                    os.close(fd)

    def user(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Anonymous:"):
                self.peak = max(self.peak, int(line.split()[1]) * 1024)
                return int(line.split()[1]) * 1024
        return 0

    def wait_for(self, line, count=1):
        end = time.monotonic() + 10
        while time.monotonic() < end:
            if self.lines.count(line) >= count:
                return
            time.sleep(0.002)
        raise AssertionError(f"no line {line!r} in {self.lines}")

    def wait_for_match(self, pattern, count):
        end = time.monotonic() + 10
        while time.monotonic() < end:
            if sum(re.fullmatch(pattern, line) is not None for line in self.lines) >= count:
                return
            time.sleep(0.002)
        raise AssertionError(f"no {count} lines like {pattern!r} in {self.lines}")

    def set(self, pin, level):
        with open(self.folder / f"pin{pin}", "r+b") as file:
            file.write(level)

    def press(self, pin, line, count=1):
        """Down until the app says so, and up long enough for it to see that too."""
        self.set(pin, b"\0")
        self.wait_for(line, count)
        self.set(pin, b"\1")
        time.sleep(0.05)

    def finish(self, terminate=True):
        if terminate:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=10)
        self.reader.join(timeout=10)
        self.process.stderr.close()
        self.listener.close()
        os.close(self.warning)
        return status


class Samples(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="spherule-samples-")
        self.addCleanup(scratch.cleanup)
        self.folder = scratch.name

    def start(self, name):
        app = App(name, self.folder)
        self.addCleanup(lambda: app.process.poll() is None and app.process.kill())
        return app

    def grow_and_shrink(self, name):
        """User memory, in pages, before, after each of 4 adds, and after each of 4 deletes."""
        app = self.start(name)
        app.wait_for("Button 1 adds a node of 20000 bytes, button 2 deletes one")
        app.press(12, "Added a node: 1 in the list")
        app.press(13, "Deleted a node: 0 in the list")
        figures = [app.user()]
        for count in (1, 2, 3, 4):
            app.press(12, f"Added a node: {count} in the list", 2 if count == 1 else 1)
            figures.append(app.user())
        for count in (3, 2, 1, 0):
            app.press(13, f"Deleted a node: {count} in the list", 2 if count == 0 else 1)
            figures.append(app.user())
        app.press(13, "The list is empty")
        self.assertEqual(app.finish(), 0)
        self.assertEqual(app.lines[-1], "Asked to end")
        return [(figure - figures[0]) // PAGE for figure in figures]

    def test_leak_never_gives_back(self):
        self.assertEqual(self.grow_and_shrink("leak"), [0, 5, 10, 15, 20, 20, 20, 20, 20])

    def test_leak_fixed_gives_back(self):
        self.assertEqual(self.grow_and_shrink("leak-fixed"), [0, 5, 10, 15, 20, 15, 10, 5, 0])

    def test_no_agent(self):
        for name in ("leak", "leak-fixed", "overuse-check", "storage-counter"):
            done = subprocess.run([str(BUILD / "work" / name / f"{name}.out")], cwd=self.folder, text=True,
                                  capture_output=True, env={"LD_LIBRARY_PATH": str(LIBRARIES)}, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, r"cannot be (opened|kept): I/O error|Set-up failed: I/O error")

    def test_overuse_check_ends_in_time(self):
        app = self.start("overuse-check")
        app.wait_for("Started in mode 0")
        app.press(12, "Mode 1")
        self.assertEqual(app.finish(terminate=False), 0)
        self.assertEqual(app.lines[-1], "Stored mode 1")
        self.assertRegex(app.lines[-2], r"^2\d\d KiB in use \(peak 2\d\d, total 2\d\d\): ending in time$")
        self.assertLess(app.peak, 256 * 1024)

        written = (pathlib.Path(self.folder) / "mutable").stat().st_mtime_ns
        app = self.start("overuse-check")
        app.wait_for("Started in mode 1")
        self.assertEqual(app.finish(), 0)
        self.assertEqual(app.lines[-1], "Mode 1 is stored already")
        self.assertEqual((pathlib.Path(self.folder) / "mutable").stat().st_mtime_ns, written)

    def test_early_warning_gives_back(self):
        app = self.start("early-warning")
        app.wait_for("Filling a cache until warned at 80 % of the ration")
        self.assertEqual(app.watched, 80)
        for count in (1, 2):
            before = app.user()
            while app.user() < before + 8 * PAGE:
                time.sleep(0.01)
            full = app.user()
            os.eventfd_write(app.warning, 1)
            app.wait_for_match(r"Warned at 80 %: gave \d+ pages back", count)
            self.assertLess(app.user(), full)
        self.assertEqual(app.finish(), 0)

    @unittest.skipUnless((BUILD / "work/heap-tracking").exists(), "heap-tracking is not built")
    def test_heap_tracking_leaks(self):
        app = self.start("heap-tracking")
        app.wait_for("Keeping messages of 1000 bytes")
        before = app.user()
        app.wait_for("20 messages")
        self.assertGreater(app.user(), before + 2 * PAGE)
        self.assertEqual(app.finish(), 0)

    def test_storage_counter(self):
        for number in (1, 2, 3):
            app = self.start("storage-counter")
            app.wait_for(f"Start number {number}")
            self.assertEqual(app.finish(), 0)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
