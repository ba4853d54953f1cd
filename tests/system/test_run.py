"""`spherule run`: the exit status tells what became of the app, and its output comes through untouched."""
import os
import re
import signal
import subprocess
import time
import unittest

from device import IS_VIRTUAL, PAGE, RATION, Home, fixture, group_pids, main, only, pack, probe, wait_for

OVER = f"it went over its ration of {RATION} bytes (the next page would have made {RATION + PAGE})."
PROBE = "00000000-1111-2222-3333-444444444444"
# Before the first byte of the app's:
CHOSEN = "Running on a virtual device: it is a program for 32-bit ARM.\n" if IS_VIRTUAL else \
         "Running natively: this machine can meter it.\n"


class Run(unittest.TestCase):
    def setUp(self):
        self.home = self.enterContext(Home())

    def run_app(self, *args, **options):
        """The result, with the line about the device taken off: it is there whenever there was a device."""
        result = self.home.run("run", *args, **options)
        self.assertTrue("--device" in args or result.err.startswith((CHOSEN, "error: ")), result)
        return result._replace(err=result.err.removeprefix(CHOSEN))

    def assert_nothing_left(self):
        wait_for(lambda: not self.home.leftovers(), 3, what=f"nothing left ({self.home.leftovers()})")
        self.assertEqual(self.home.names(), [])
        self.assertEqual(os.listdir(self.home.temp), [])

    # (arguments of the probe, exit status, what the report's first line ends with)
    ENDS = (
        (["exit", "0"], 0, "it exited with status 0."),
        ([], 0, "it exited with status 0."),
        (["exit", "1"], 1, "it exited with status 1."),
        (["exit", "42"], 42, "it exited with status 42."),
        (["exit", "99"], 99, "it exited with status 99."),
        (["exit", "100"], 99, "it exited with status 100."),
        (["exit", "120"], 99, "it exited with status 120."),
        (["exit", "255"], 99, "it exited with status 255."),
        (["eat", "0"], 120, OVER),
        (["child", "0", "rest", "5000"], 120, OVER),
        (["crash"], 121, "it crashed by SIGSEGV at address 0x10."),
        (["abort"], 121, "it crashed by SIGABRT."),
        (["raise", str(int(signal.SIGTERM))], 121, "it crashed by SIGTERM."),  # of its own making
        (["raise", str(int(signal.SIGKILL))], 122, "it was killed by SIGKILL from elsewhere."),  # has no sender
    )

    def test_exit_status(self):
        for arguments, status, ending in self.ENDS:
            with self.subTest(arguments=arguments):
                result = self.run_app(probe("static"), *arguments)
                self.assertEqual((result.status, result.out), (status, ""), result)
                first = result.err.splitlines()[0] if result.err else ""
                self.assertRegex(first, r"^probe-static \([0-9a-f-]{36}\) ended at .* after \d+\.\d{3} s: ")
                self.assertTrue(first.endswith(ending), result.err)
        self.assert_nothing_left()

    @only("native", "nobody outside sees a process of a machine")
    def test_killed_from_outside(self):
        for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT):
            with self.subTest(signal=number):
                process = self.home.popen("run", probe("static"), "stay")
                self.assertEqual(process.stdout.readline(), b"staying\n")
                self.home.note_groups()
                pids = [pid for group in self.home.groups for pid in group_pids(group)]
                self.assertEqual(len(pids), 1)
                os.kill(pids[0], number)
                _, err = process.communicate(timeout=20)
                self.assertEqual(process.returncode, 122, err)
                self.assertIn(f": it was killed by {number.name} from elsewhere.\n", err.decode())
        self.assert_nothing_left()

    def test_every_kind_of_executable(self):
        for kind in ("static", "musl") if IS_VIRTUAL else ("static", "musl", "glibc"):
            with self.subTest(kind=kind):
                result = self.run_app(probe(kind), "out", "hello", "err", "there", "exit", "7")
                self.assertEqual((result.status, result.out), (7, "hello\n"), result)
                self.assertTrue(result.err.startswith("there\n"), result.err)
                result = self.run_app(probe(kind), "eat", "0")
                self.assertEqual((result.status, result.out), (120, ""), result)
        self.assert_nothing_left()

    def test_package(self):
        package = pack(self.home, PROBE, ["out", "packed", "exit", "5"])
        result = self.run_app(package)
        self.assertEqual((result.status, result.out), (5, "packed\n"), result)
        self.assertIn(f"Probe ({PROBE}) ended at", result.err)
        self.assert_nothing_left()

    def test_arguments(self):
        words = ["", "two words", "--help", "-x", "a\tb", "ä€", "$HOME", "'\"\\", "--", "*"]
        result = self.run_app(probe("static"), "arguments", *words)
        self.assertEqual((result.status, result.out),
                         (0, "".join(f"{i} [{word}]\n" for i, word in enumerate(words))), result)

    def test_streams_are_kept_apart(self):
        result = self.run_app(probe("static"), *["out", "one", "err", "two"] * 20)
        self.assertEqual((result.status, result.out), (0, "one\n" * 20), result)
        self.assertTrue(result.err.startswith("two\n" * 20), result.err)
        self.assertNotIn("one", result.err)

    def test_megabytes_of_output(self):
        size = 4 << 20
        result = self.run_app(probe("static"), "flood", size, timeout=120)
        lines = size // 64
        self.assertEqual(result.status, 0, result.err[-500:])
        self.check_stream(result.out, "o", lines)
        errors = result.err.splitlines(keepends=True)
        self.check_stream("".join(errors[:lines]), "e", lines)

    def test_any_bytes(self):
        """No text at all, in pieces that cut wherever they like."""
        size = 1 << 20
        process = self.home.popen("run", probe("static"), "bytes", size)
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, err)
        self.assertTrue(out == bytes(range(256)) * (size // 256), (len(out), err))

    def test_slow_reader(self):
        """Whoever reads slowly is waited for, as with any pipe."""
        size = 1 << 20
        process = self.home.popen("run", probe("static"), "flood", size, stderr=subprocess.DEVNULL)
        out = process.stdout.read(1000)
        for _ in range(4):  # longer than anything in between has patience for one that is stuck
            time.sleep(1)
            began = time.monotonic()
            self.home.ok("device", "app", "show-memory-stats", "--device", self.home.names()[0])
            self.assertLess(time.monotonic() - began, 1)  # and nobody else waits
        self.assertIsNone(process.poll())
        out += process.stdout.read()
        self.assertEqual(process.wait(timeout=20), 0)
        process.stdout.close()
        self.check_stream(out.decode(), "o", size // 64)

    def check_stream(self, text, letter, count):
        expected = "".join(f"{letter}{i:010d} {0:051d}\n" for i in range(count))
        if text != expected:  # a diff of megabytes helps nobody
            for i, (got, wanted) in enumerate(zip(text.splitlines(), expected.splitlines())):
                self.assertEqual(got, wanted, f"line {i}")
            self.assertEqual(len(text), len(expected))

    def test_ram(self):
        for ram, pages in (("64K", 16), ("1M", 256), (str(32 * PAGE), 32)):
            with self.subTest(ram=ram):
                result = self.run_app("--ram", ram, probe("static"), "eat", "0")
                self.assertEqual(result.status, 120, result)
                self.assertIn(f"ration of {pages * PAGE} bytes", result.err)
        self.assertEqual(self.run_app("--ram", "1M", probe("static"), "eat", "200").status, 0)

    def test_arm_package(self):
        result = self.run_app("--native", fixture("azure_sphere_blink.imagepackage"))
        self.assertEqual((result.status, result.out), (125, ""), result)
        self.assertEqual(len(result.err.splitlines()), 1, result.err)
        self.assertRegex(result.err, r"^error: .*azure_sphere_blink.imagepackage: .*ARM.*\n$")
        self.assert_nothing_left()

    @only("native", "a machine has no other loader than musl's")
    def test_missing_interpreter(self):
        """The loader's name inside the file is exchanged for one of the same length."""
        with open(probe("glibc"), "rb") as file:
            data = file.read()
        name = re.search(rb"/lib[0-9a-z]*/ld-linux[-a-z0-9_.]*\.so\.[0-9]+", data).group()
        wrong = b"/no" + name[3:]
        path = os.path.join(self.home.top, "no-loader")
        with open(path, "wb") as file:
            file.write(data.replace(name + b"\0", wrong + b"\0"))
        os.chmod(path, 0o755)
        result = self.run_app(path)
        self.assertEqual((result.status, result.out), (125, ""), result)
        self.assertEqual(len(result.err.splitlines()), 1, result.err)
        self.assertIn(f"wants the loader {wrong.decode()}, which this computer does not have", result.err)
        self.assert_nothing_left()

    def test_not_a_program(self):
        text = os.path.join(self.home.top, "text")
        with open(text, "w", encoding="utf-8") as file:
            file.write("no program\n")
        for path, part in ((os.path.join(self.home.top, "none"), "No such file or directory"),
                           (text, text), (self.home.top, self.home.top), ("/dev/null", "/dev/null")):
            with self.subTest(path=path):
                result = self.run_app(path)
                self.assertEqual((result.status, result.out), (125, ""), result)
                self.assertTrue(result.err.startswith("error: ") and result.err.count("\n") == 1, result.err)
                self.assertIn(part, result.err)
        self.assert_nothing_left()

    def test_on_a_named_device(self):
        """The device stays, and keeps the report."""
        self.home.create("kept", *([] if IS_VIRTUAL else ["--host-libraries"]))
        self.home.ok("device", "start", "kept")
        result = self.run_app("--device", "kept", probe("static"), "out", "here", "exit", "9")
        self.assertEqual((result.status, result.out), (9, "here\n"), result)
        self.assertEqual(self.home.names(), ["kept"])
        self.assertTrue(self.home.pid("kept", "agent"))
        self.assertEqual(self.run_app("--device", "none", probe("static")).status, 125)

    def test_two_at_once(self):
        began = time.monotonic()
        runs = [self.home.popen("run", "--ram", ram, probe("static"), "out", ram, "rest", "500", "eat", "0")
                for ram in ("64K", "128K", "512K")]
        for ram, process in zip(("64K", "128K", "512K"), runs):
            out, err = (text.decode() for text in process.communicate(timeout=60))
            self.assertEqual((process.returncode, out), (120, ram + "\n"), err)
            self.assertIn(f"ration of {int(ram[:-1]) * 1024} bytes", err)
        self.assertLess(time.monotonic() - began, 20)
        self.assert_nothing_left()

    def run_until(self, *arguments):
        """A run whose app has begun, and the name of the device that was made for it."""
        process = self.home.popen("run", probe("static"), "out", "begun", *arguments)
        self.assertEqual(process.stdout.readline(), b"begun\n")
        self.home.note_groups()
        return process, self.home.names()[0]

    def test_agent_dies(self):
        process, device = self.run_until("stay")
        os.kill(self.home.pid(device, "agent"), signal.SIGKILL)
        _, err = process.communicate(timeout=20)
        self.assertEqual((process.returncode, err.count(b"\n")), (125, 2), err)
        self.assertRegex(err.decode(), f"^{re.escape(CHOSEN)}error: the device went away while ")
        self.assert_nothing_left()

    def test_gateway_dies(self):
        process, device = self.run_until("stay")
        os.kill(self.home.pid(device, "gateway"), signal.SIGKILL)
        _, err = process.communicate(timeout=20)
        self.assertEqual((process.returncode, err.count(b"\n")), (125, 2), err)
        self.assertRegex(err.decode(), f"^{re.escape(CHOSEN)}error: the (gateway of|connection to) device ")
        self.assert_nothing_left()

    def test_sudden_death_is_tidied_up(self):
        """What a run that was killed leaves behind, the next one takes away."""
        process, device = self.run_until("stay")
        process.kill()
        process.communicate()
        self.assertEqual(self.home.names(), [device])
        self.assertEqual(self.run_app(probe("static")).status, 0)
        self.assertEqual(self.home.names(), [device])  # it is young: its maker might be about to lock it
        past = time.time() - 60
        os.utime(os.path.join(self.home.folder(device), "run.lock"), (past, past))
        self.assertEqual(self.run_app(probe("static")).status, 0)
        self.assert_nothing_left()

    def test_interrupted(self):
        """Ctrl+C ends the app, and everything that was made for it is gone."""
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(signal=number):
                process = self.home.popen("run", probe("static"), "child", "3", "stay")
                seen = b""
                while b"staying" not in seen or b"child" not in seen:
                    seen += process.stdout.readline()
                self.home.note_groups()
                self.assertTrue(self.home.own_pids())
                process.send_signal(number)
                process.communicate(timeout=20)
                self.assertEqual(process.returncode, 128 + number)
                self.assert_nothing_left()

    def test_interrupted_while_starting(self):
        """At whatever moment it comes."""
        later = (0.2, 0.4, 0.6, 0.8, 1.0) if IS_VIRTUAL else ()
        for delay in (0.001, 0.003, 0.006, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12, *later):
            with self.subTest(delay=delay):
                process = self.home.popen("run", probe("static"), "stay")
                time.sleep(delay)
                self.home.note_groups()
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=30)
                self.assertIn(process.returncode, (128 + signal.SIGINT, -signal.SIGINT))
                if process.returncode == -signal.SIGINT:  # it had not begun to listen: nothing was made yet
                    self.assertLess(delay, 0.02)
                self.assert_nothing_left()

    def test_reader_goes_away(self):
        """`spherule run … | head`: the app is ended, not left behind."""
        process = self.home.popen("run", probe("static"), "tick", "5")
        process.stdout.readline()
        self.home.note_groups()
        process.stdout.close()
        process.stdout = None
        self.assertIsNotNone(process.wait(timeout=20))
        process.stderr.close()
        self.assert_nothing_left()


if __name__ == "__main__":
    main()
