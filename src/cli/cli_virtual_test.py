#!/usr/bin/env python3
"""Virtual devices by the whole command line, with stand-ins for gateway and machine: made, started, used, interrupted
and deleted, by an ordinary user, and `spherule run` of a program for 32-bit ARM.

usage: cli_virtual_test.py BIN-DIR
"""
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
BIN = "."
NOBODY = 65534
SDK = "a8d5cc6958f48710140d7a26160fc1cfc31f5df0"  # the original SDK's development signer


def arm_program(loader=None):
    """The least that is an executable for 32-bit ARM: headers, and the loader's name."""
    name = loader.encode() + b"\0" if loader else b""
    header = struct.pack("<4s12sHHIIIIIHHHHHH", b"\x7fELF", b"\x01\x01\x01", 2, 40, 1, 0, 52, 0, 0, 52, 32, 1, 0, 0, 0)
    return header + struct.pack("<IIIIIIII", 3 if loader else 1, 84, 0, 0, len(name), len(name), 4, 4) + name


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.tmp = tempfile.mkdtemp(prefix="spherule-cli-")
        os.chmod(self.tmp, 0o777)
        self.home = os.path.join(self.tmp, "home")
        self.env = {k: v for k, v in os.environ.items()
                    if not k.startswith("SPHERULE") and k not in ("SUDO_UID", "SUDO_GID")}
        libexec = os.path.join(self.tmp, "libexec")
        os.mkdir(libexec)
        with open(os.path.join(libexec, "spheruled"), "w") as f:  # its name in argv[0] is what counts
            f.write(f"#!{sys.executable}\nimport os, sys\n"
                    f"os.environ['PYTHONHOME'] = {sys.base_prefix!r}\n"
                    f"os.execv({sys.executable!r}, ['spheruled', '-B', {os.path.join(self.tmp, 'fake_spheruled.py')!r}] + "
                    "sys.argv[1:])\n")
        os.chmod(os.path.join(libexec, "spheruled"), 0o755)
        for name in ("fake_spheruled.py", "fake_device.py"):
            shutil.copy(os.path.join(HERE, name), self.tmp)
        self.env.update(SPHERULE_HOME=self.home, SPHERULE_LIBEXEC=libexec, LC_ALL="C.UTF-8", TZ="UTC")
        self.as_user = {}

    def tearDown(self):
        for name in self.devices():
            self.run_cli("device", "delete", "--force", name)
        left = self.devices()
        shutil.rmtree(self.tmp)
        self.assertEqual(left, [])

    def start_cli(self, *args):
        return subprocess.Popen([os.path.join(BIN, "spherule"), *args], env=self.env, stdin=subprocess.DEVNULL, cwd="/",
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, **self.as_user)

    def finish(self, process):
        out, err = process.communicate(timeout=60)
        return process.returncode, out.decode(), err.decode()

    def run_cli(self, *args):
        return self.finish(self.start_cli(*args))

    def expect(self, args, status, err, out=""):
        self.assertEqual(self.run_cli(*args), (status, out, err), args)

    def devices(self):
        return [line.split("\t")[0] for line in self.run_cli("device", "list", "-o", "tsv")[1].splitlines()]

    def state(self):
        return self.run_cli("device", "list", "-o", "tsv")[1].split("\t")[1]

    def pid(self, file):
        with open(os.path.join(self.home, "devices", self.devices()[0], file)) as f:
            return int(f.read())

    def how(self, word):
        self.env["FAKE_SPHERULED"] = word

    def make(self):
        self.expect(["device", "create", "v", "--virtual"], 0, "Device 'v' created. Start it with 'spherule device start v'.\n")

    def wait_for(self, what, seconds=10):
        end = time.monotonic() + seconds
        while not what():
            self.assertLess(time.monotonic(), end, "waited in vain")
            time.sleep(0.01)

    def write(self, name, data):
        path = os.path.join(self.tmp, name)
        with open(path, "wb") as f:
            f.write(data)
        return path


class Device(Case):
    def check_life(self):
        self.make()
        self.expect(["device", "start"], 0, "Device 'v' started.\n")
        self.assertEqual(self.state(), "running")
        machine = self.pid("machine.pid")
        self.expect(["device", "start"], 0, "Device 'v' is running already.\n")
        os.kill(machine, signal.SIGKILL)
        self.wait_for(lambda: self.state() == "gateway only")
        self.expect(["device", "start"], 0, "Device 'v' started.\n")
        self.assertNotEqual(self.pid("machine.pid"), machine)
        os.kill(self.pid("gateway.pid"), signal.SIGKILL)
        self.wait_for(lambda: self.state() == "agent only")
        self.expect(["device", "stop"], 0, "Device 'v' stopped.\n")
        self.expect(["device", "start"], 0, "Device 'v' started.\n")
        self.expect(["device", "delete", "v"], 1, "error: device 'v' is running; stop it first, or use --force\n")
        self.expect(["device", "delete", "v", "--force"], 0, "Device 'v' deleted.\n")
        self.assertEqual(self.devices(), [])

    def test_a_life(self):
        self.check_life()

    @unittest.skipUnless(os.geteuid() == 0, "needs root to become another user")
    def test_a_life_without_root(self):
        """And without a sudo that could be asked: it would be found in PATH, and tell."""
        path = self.write("sudo", b"#!/bin/sh\ntouch \"$0.called\"\nexit 1\n")
        os.chmod(path, 0o755)
        self.env["PATH"] = self.tmp + ":" + self.env["PATH"]
        self.as_user = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        for program in (sys.executable, os.path.join(BIN, "spherule")):
            try:
                subprocess.run([program, "--version"], capture_output=True, check=True, **self.as_user)
            except PermissionError:
                self.skipTest(f"{program} is not for others")
        self.check_life()
        self.assertFalse(os.path.exists(path + ".called"))

    def test_starts_that_fail(self):
        """Each with its sentence, and nothing is left running."""
        self.make()
        for how, status, sentence in (
                ("refuses", 1, "the images are damaged: 'make device' builds them anew"),
                ("silent", 1, "spheruled ended before it was ready; see gateway.log in its folder"),
                ("dies", 3, "the machine ended: no kernel")):
            with self.subTest(how=how):
                self.how(how)
                self.expect(["device", "start"], status, f"error: {sentence}\n")
                self.assertEqual(self.state(), "stopped")

    def test_interrupted(self):
        """While the gateway starts, and while the machine does; what ran before goes on."""
        self.make()
        for how, number in (("hangs", signal.SIGINT), ("deaf", signal.SIGINT), ("deaf", signal.SIGTERM)):
            with self.subTest(how=how, signal=number):
                self.how(how)
                process = self.start_cli("device", "start")
                self.wait_for(lambda: self.state() == "running")
                process.send_signal(number)
                self.assertEqual(self.finish(process), (128 + number, "", ""))
                self.assertEqual(self.state(), "stopped")

    def test_two_at_once(self):
        self.make()
        starts = [self.start_cli("device", "start") for _ in range(3)]
        results = [self.finish(p) for p in starts]
        self.assertEqual([r[0] for r in results], [0] * 3, results)
        self.assertEqual(sorted(r[2] for r in results), ["Device 'v' is running already.\n"] * 2 + ["Device 'v' started.\n"])
        both = [self.start_cli("device", "stop"), self.start_cli("device", "start")]
        self.assertEqual([self.finish(p)[0] for p in both], [0] * 2)


class Run(Case):
    def test_a_program_for_arm(self):
        for loader in (None, "/lib/ld-musl-armhf.so.1"):
            path = self.write("app", arm_program(loader))
            status, out, err = self.run_cli("run", "-o", "json", path)
            self.assertEqual((status, out), (7, "hello\n"), err)
            chosen, report = err.split("\n", 1)
            self.assertEqual(chosen, "Running on a virtual device: it is a program for 32-bit ARM.")
            self.assertEqual(json.loads(report), {"why": "exit", "exitCode": 7})
            self.assertEqual(self.devices(), [])
            self.assertEqual(self.run_cli("run", "--virtual", "-o", "none", path), (7, "hello\n", ""))

    def test_a_package_of_the_original_sdk(self):
        """Who names it asks for it: the throw-away device is told to trust its signer, and no other device is."""
        folder = os.path.join(self.tmp, "tree")
        os.makedirs(os.path.join(folder, "bin"))
        self.write("tree/bin/app", arm_program("/lib/ld-musl-armhf.so.1"))
        manifest = {"SchemaVersion": 1, "Name": "a", "ComponentId": "2f074b0f-d99d-4692-82d9-ef93a7d6463c",
                    "EntryPoint": "/bin/app", "CmdArgs": [], "Capabilities": {}, "ApplicationType": "Default"}
        self.write("tree/app_manifest.json", json.dumps(manifest).encode())
        own = os.path.join(self.tmp, "own.imagepackage")
        self.assertEqual(self.run_cli("image-package", "pack-application", "--package-directory", folder, "--destination",
                                      own)[0], 0)
        cert = json.loads(self.run_cli("image-package", "show", "-o", "json", own)[1])["Signature"]["Cert"]
        with open(own, "rb") as f:  # the device would refuse it; who signed it is only read here
            data = f.read().replace(bytes.fromhex(cert), bytes.fromhex(SDK))
        for path, trusts in ((own, 1), (self.write("sdk.imagepackage", data), 2)):
            self.write("requests", b"")
            status, out, err = self.run_cli("run", path)
            self.assertEqual((status, out), (7, "hello\n"), err)
            with open(os.path.join(self.tmp, "requests")) as f:
                self.assertEqual(f.read().count("POST /spherule/v1/trust\n"), trusts)

    def test_what_cannot_be_chosen(self):
        arm = self.write("app", arm_program())
        glibc = self.write("glibc", arm_program("/lib/ld-linux-armhf.so.3"))
        own = os.path.join(BIN, "spherule")
        for args, pattern in (
                (["--native", arm], r"this program is for 32-bit ARM and this machine is .*: it runs on a virtual device, "
                                    r"without --native"),
                ([glibc], r"this program needs the loader '/lib/ld-linux-armhf.so.3' and the C library behind it, which a "
                          r"virtual device does not have: build it with 'spherule-cc --target arm', or link it statically"),
                (["--virtual", own], r"this program is for .* and a virtual device runs those for 32-bit ARM: build it with "
                                     r"'spherule-cc --target arm'")):
            status, out, err = self.run_cli("run", *args)
            self.assertEqual((status, out), (125, ""))
            self.assertRegex(err, rf"\Aerror: {args[-1]}: {pattern}\n\Z")
        self.expect(["run", "--native", "--virtual", arm], 125, "error: --native and --virtual cannot go together\n")
        self.expect(["run", "--virtual", "-d", "x", arm], 125,
                    "error: --virtual cannot be used with --device: the device is of a kind already\n")
        self.expect(["run", "--ram", "64M", arm], 125, "error: --ram of a virtual device must be from 16 KiB to 32768 KiB, "
                                                       "not 67108864 bytes\n")
        self.assertEqual(self.devices(), [])

    def test_a_device_that_does_not_start(self):
        path = self.write("app", arm_program())
        self.how("refuses")
        self.expect(["run", path], 125, "error: the images are damaged: 'make device' builds them anew\n")
        self.assertEqual(self.devices(), [])
        self.how("deaf")
        process = self.start_cli("run", path)
        self.wait_for(lambda: self.devices() and self.state() == "running")
        process.send_signal(signal.SIGINT)
        self.assertEqual(self.finish(process), (128 + signal.SIGINT, "", ""))
        self.assertEqual(self.devices(), [])


if __name__ == "__main__":
    BIN = os.path.abspath(sys.argv.pop(1))
    unittest.main()
