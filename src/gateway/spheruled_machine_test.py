#!/usr/bin/env python3
"""Drives the real spheruled with a virtual device, whose QEMU is a stand-in (fake_qemu.py).

usage: spheruled_machine_test.py SPHERULED [unittest arguments]"""
import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import unittest
import zlib

from spheruled_test import APP, OWNER, SANITIZED, SPHERULED, GatewayTest

HERE = os.path.dirname(os.path.abspath(__file__))
AGAIN = "start the device again"
KILLED = "the virtual machine was ended by signal 9: " + AGAIN
DEVICE = {"name": "dev", "backend": "virtual",
          "profile": {"name": "mt3620", "ramBytes": 262144, "flashBytes": 1048576, "storageBytes": 65536,
                      "pageBytes": 4096}}


def wait_for(condition, seconds=10):
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, "not in time"
        time.sleep(0.005)
    return value


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


class MachineTest(GatewayTest):
    def setUp(self):
        self.scratch = self.enterContext(contextlib.ExitStack())
        top = subprocess.check_output(["mktemp", "-d", "/tmp/spherule-test-XXXXXX"], text=True).strip()
        self.addCleanup(shutil.rmtree, top)
        os.chmod(top, 0o755)
        self.folder, self.bin, self.images = (os.path.join(top, name) for name in ("device", "bin", "images"))
        for name in (self.folder, self.bin, self.images):
            os.mkdir(name)
        os.chown(self.folder, OWNER, -1)
        shutil.copy(os.path.join(HERE, "fake_agent.py"), self.bin)
        self.write_program("qemu-system-arm")
        self.write_images()
        self.write_device()
        self.env = {"PATH": self.bin, "SPHERULE_DEVICE_IMAGES": self.images,
                    "PYTHONDONTWRITEBYTECODE": "1"}
        self.addCleanup(self.end_machine)

    def write_program(self, name):
        """The stand-in, with a name of its own as a process; run by a Python that other users can run, too."""
        python = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
        with open(os.path.join(HERE, "fake_qemu.py"), encoding="ascii") as source:
            text = source.read().replace("#!/usr/bin/env python3", "#!" + python, 1)
        with open(os.path.join(self.bin, name), "w", encoding="ascii") as file:
            file.write(text)
        os.chmod(file.name, 0o755)

    def write_images(self):
        listing = ""
        for name, size in (("kernel", 300000), ("initramfs", 65536)):
            data = name.encode() * (size // len(name))
            with open(os.path.join(self.images, name), "wb") as file:
                file.write(data)
            listing += f"{zlib.crc32(data):08x} {len(data)} {name}\n"
        with open(os.path.join(self.images, "images"), "w", encoding="ascii") as file:
            file.write(listing)

    def write_device(self, **more):
        with open(os.path.join(self.folder, "device.json"), "w", encoding="ascii") as file:
            json.dump({**DEVICE, **more}, file)

    def path(self, name):
        return os.path.join(self.folder, name)

    def read(self, name):
        try:
            with open(self.path(name), encoding="ascii", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def start_gateway(self, *more, device=None):
        """As in the class above, in an environment of the test's own."""
        read, write = os.pipe()
        command = [SPHERULED, "--device", device or self.folder, "--owner", str(OWNER), "--ready-fd", str(write)]
        process = subprocess.Popen(command + list(more), pass_fds=[write], env={**os.environ, **self.env},
                                   stderr=None if SANITIZED else subprocess.DEVNULL)
        os.close(write)
        with os.fdopen(read) as pipe:
            sentence = pipe.read()
        self.addCleanup(self.end_gateway, process, 0 if sentence == "ok\n" else process.wait())
        return process, sentence

    def start(self):
        self.process, sentence = self.start_gateway()
        self.assertEqual(sentence, "ok\n")
        self.wait_connected()

    def machine(self):
        """Its pid, or None when nobody holds the lock."""
        try:
            with open(self.path("machine.pid"), "rb") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    return int(file.read())
        except FileNotFoundError:
            pass
        return None

    def kill_machine(self):
        pid = self.machine()
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not is_alive(pid))

    def end_machine(self):
        if self.machine():
            self.kill_machine()

    def order(self, text):
        word = text.split()[0]
        before = self.read("orders.log").count(word)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as orders:
            orders.sendto(text.encode(), self.path("fake.sock"))
        wait_for(lambda: self.read("orders.log").count(word) > before)

    def gateway(self):
        return self.call("GET", "/spherule/v1/gateway").json

    def refused(self, sentence):
        """No gateway, no machine, and why."""
        process, said = self.start_gateway()
        self.assertEqual(said, sentence + "\n")
        self.assertIsNone(self.machine())
        self.assertFalse(os.path.exists(self.path("rest.sock")))
        self.assertFalse(os.path.exists(self.path("state.img.new")))
        return process.wait()


class Starting(MachineTest):
    def test_what_qemu_is_given(self):
        self.write_device(network=True, forwards=["50080:80"])
        before = time.time()
        self.start()
        about = json.loads(self.read("qemu.json"))
        self.assertEqual((about["pid"], about["cwd"], about["sid"], about["comm"]),
                         (self.machine(), os.path.realpath(self.folder), about["pid"], "qemu-system-arm\n"))
        self.assertIn(f"\nUid:\t{OWNER}\t{OWNER}\t{OWNER}\t{OWNER}\n", about["status"])
        self.assertIn("\nNoNewPrivs:\t1\n", about["status"])
        self.assertIn("\nSigBlk:\t0000000000000000\n", about["status"])
        log, fds = self.path("machine.log"), about["fds"]
        inherited = {"0": "/dev/null", "1": log, "2": log, "3": self.path("machine.pid"),
                     "4": os.path.join(self.images, "kernel"), "5": os.path.join(self.images, "initramfs")}
        self.assertEqual({name: fds[name] for name in inherited}, inherited)
        # what more there is, Python has opened for itself
        self.assertNotIn("gateway.pid", str(fds))
        self.assertFalse([place for place in fds.values() if place.startswith(("socket:", "pipe:", "anon_inode:"))])
        argv = about["argv"]
        for option, value in [("-M", "virt,highmem=off"), ("-cpu", "cortex-a7"), ("-m", "64"), ("-display", "none"),
                              ("-kernel", "/proc/self/fd/4"), ("-initrd", "/proc/self/fd/5"),
                              ("-netdev", "user,id=net,restrict=off,hostfwd=tcp:127.0.0.1:50080-:80")]:
            self.assertEqual(argv[argv.index(option) + 1], value)
        self.assertFalse([word for word in argv[1:] if self.folder in word or self.images in word])
        self.assertEqual(self.gateway()["backend"], "virtual")
        self.assertIs(self.gateway()["machineRuns"], True)
        self.assertLess(abs(int(self.read("hello.log").split()[0]) / 1000 - before), 5)
        self.assertEqual(self.call("GET", "/spherule/v1/device").json["backend"], "virtual")
        self.assertEqual(self.read("hello.log").split()[1], "0")  # a question, not a new conversation
        info = os.stat(self.path("state.img"))
        self.assertEqual((info.st_size, stat.S_IMODE(info.st_mode), info.st_uid), (14 << 20, 0o600, OWNER))
        self.assertEqual(self.call("POST", "/spherule/v1/start").json, {"started": False})

    def test_gateway_is_killed(self):
        """The machine stays; the next gateway needs nothing but the folder, and finds the next frame."""
        self.start()
        pid, hellos = self.machine(), len(self.read("hello.log").split())
        self.order("half")
        self.process.kill()
        self.process.wait()
        self.assertEqual(self.machine(), pid)
        shutil.rmtree(self.images)
        self.env["PATH"] = "/nonexistent"
        self._cleanups = [entry for entry in self._cleanups if self.process not in entry[1]]
        self.start()
        self.assertEqual((self.machine(), self.read("qemu.json").count('"pid"')), (pid, 1))
        self.assertEqual(len(self.read("hello.log").split()), hellos + 1)
        self.assertEqual(self.call("GET", "/status").json, {"uptime": 634})
        self.kill_machine()  # of which this gateway is not the parent
        answer = self.call("GET", "/status")
        self.expect_error(answer, 503, 10485765, "the virtual machine has ended: " + AGAIN)

    def test_end_of_the_gateway_is_not_the_machines(self):
        self.start()
        pid = self.machine()
        self.end_gateway(self.process)
        self.assertEqual(self.machine(), pid)

    def test_agent_starts_anew(self):
        self.start()
        hellos = len(self.read("hello.log").split())
        self.order("anew")
        wait_for(lambda: len(self.read("hello.log").split()) == hellos + 1)
        self.wait_connected()

    def test_log_is_bounded(self):
        for size, left in ((1 << 20, 1 << 20), ((1 << 20) + 1, 0)):
            with open(self.path("machine.log"), "wb") as file:
                file.truncate(size)
            os.chown(self.path("machine.log"), OWNER, -1)
            self.start()
            self.assertEqual(os.path.getsize(self.path("machine.log")), left)
            self.end_gateway(self.process)
            self.kill_machine()


class Refusals(MachineTest):
    def test_no_qemu(self):
        self.env["PATH"] = "/nonexistent"
        self.refused("qemu-system-arm is not installed: install QEMU for ARM (on Debian 'apt-get install "
                     "qemu-system-arm')")

    def test_qemu_cannot(self):
        self.env["FAKE_QEMU"] = "refuse"
        self.refused("the virtual machine did not start: qemu-system-arm: -sandbox on: seccomp support is disabled")
        self.env["FAKE_QEMU"] = "mute"  # and not what the one before it has said
        self.refused("the virtual machine did not start: see machine.log in the device's folder")

    def test_images(self):
        remedy = "run 'make device' to build the virtual device's images"
        kernel = os.path.join(self.images, "kernel")
        os.chmod(kernel, 0o666)
        with open(kernel, "r+b") as file:
            file.write(b"K")
        self.refused(f"the image 'kernel' is damaged: {remedy}")
        os.truncate(kernel, 10)
        self.refused(f"the image 'kernel' is damaged: {remedy}")
        os.unlink(kernel)
        self.refused(f"cannot open the image 'kernel' ({remedy}): No such file or directory")
        shutil.rmtree(self.images)
        self.refused(f"there are no images in {self.images} ({remedy}): No such file or directory")
        os.mkdir(self.images)
        self.write_images()
        self.start()

    def test_state(self):
        advice = "delete the device and create it anew"
        with open(self.path("state.img"), "wb") as file:
            file.truncate(1 << 20)
        os.chown(self.path("state.img"), OWNER, -1)
        self.refused("the device's disk state.img has 1048576 bytes and its profile needs 14680064: " + advice)
        os.truncate(self.path("state.img"), 14 << 20)
        self.refused(f"the device's disk state.img is damaged (there is no file system on it): {advice}")
        self.assertEqual(os.path.getsize(self.path("state.img")), 14 << 20)  # as it was

    def test_mke2fs_fails(self):
        with open(os.path.join(self.bin, "mke2fs"), "w", encoding="ascii") as file:
            file.write("#!/bin/sh\nexit 1\n")
        os.chmod(file.name, 0o755)
        self.refused("cannot make the device's disk: mke2fs failed")
        self.assertFalse(os.path.exists(self.path("state.img")))

    def test_full_disk(self):
        if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", f"size=4m,uid={OWNER}", "none",
                                                self.folder], capture_output=True, check=False).returncode != 0:
            self.skipTest("needs the right to mount")
        self.addCleanup(subprocess.run, ["umount", self.folder], check=True)
        self.write_device()
        self.assertEqual(self.refused("cannot make the device's disk state.img of 14680064 bytes: No space left on "
                                      "device"), 7)

    def test_port_is_taken(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            self.write_device(forwards=[f"{port}:80"])
            self.refused(f"port {port} of this computer is taken: end the program that listens on it, or change "
                         "forwards in device.json")
        self.start()

    def test_device_json(self):
        self.write_device(forwards=["80:80,hostfwd=tcp::1-:2"])
        self.refused('device.json: forwards holds something that is no "8080:80" (host port, device port)')
        os.unlink(self.path("device.json"))
        self.assertRegex(self.start_gateway()[1], "device.json.*: No such file or directory\n$")

    def test_second_gateway(self):
        self.start()
        self.assertEqual(self.start_gateway()[1], "a gateway of this device is running already\n")
        self.assertTrue(self.machine())


class Ends(MachineTest):
    def test_machine_is_killed(self):
        self.start()
        stream = self.stream()
        self.line(stream)
        results = []
        thread = threading.Thread(target=lambda: results.append(self.call("GET", "/spherule/v1/memory")))
        thread.start()  # it is never answered
        time.sleep(0.1)
        self.kill_machine()
        thread.join(5)
        self.assertEqual((results[0].status, results[0].json["message"]), (503, KILLED))
        self.assertEqual(self.line(stream), {"kind": "deviceLost", "message": KILLED})
        self.expect_error(self.call("GET", "/status"), 503, 10485765, KILLED)
        about = self.gateway()
        self.assertEqual((about["machineRuns"], about["connected"], about["message"]), (False, False, KILLED))
        time.sleep(1.2)  # nobody starts it by himself
        self.assertIsNone(self.machine())
        self.assertEqual(self.gateway()["message"], KILLED)
        self.assertEqual(self.call("POST", "/spherule/v1/start", {}).json, {"started": True})
        self.wait_connected()
        back = self.line(stream)
        self.assertEqual((back["kind"], back["restarted"]), ("deviceBack", True))

    def test_end_is_seen_at_once(self):
        """Whoever has seen it end and asks the gateway hears so."""
        for _ in range(5):
            self.start()
            self.kill_machine()
            about = self.gateway()
            self.assertEqual((about["machineRuns"], about["message"]), (False, KILLED))
            self.assertEqual(self.call("POST", "/spherule/v1/start").json, {"started": True})
            self.wait_connected()
            self.end_gateway(self.process)
            self.kill_machine()

    def test_start_that_fails(self):
        self.start()
        self.kill_machine()
        shutil.rmtree(self.images)
        answer = self.call("POST", "/spherule/v1/start")
        self.assertEqual(answer.status, 503)
        self.assertEqual(answer.json["message"], f"there are no images in {self.images} (run 'make device' to build "
                                                 "the virtual device's images): No such file or directory")
        os.mkdir(self.images)
        self.write_images()
        self.assertEqual(self.call("POST", "/spherule/v1/start").json, {"started": True})
        self.wait_connected()

    def test_silent_agent(self):
        """The machine runs and nobody reads its port: there is no connection, and requests are refused at once."""
        self.env["FAKE_QEMU"] = "silent"
        self.process, sentence = self.start_gateway()
        self.assertEqual(sentence, "ok\n")
        time.sleep(0.2)
        self.expect_error(self.call("GET", "/status"), 503, 10485765,
                          "the gateway is connecting to the device's agent")
        self.assertIs(self.gateway()["machineRuns"], True)


class Debugging(MachineTest):
    def debug(self):
        return self.call("PATCH", "/app/status/" + APP, {"trigger": "startDebug"})

    def status(self):
        return self.call("GET", "/app/status/" + APP).json

    def commands(self):
        return self.read("commands.log").splitlines()

    def test_port(self):
        self.start()
        self.assertEqual(self.status(), {"state": "stopped"})
        answer = self.debug().json
        port = answer["gdbPort"]
        self.assertEqual(answer, {"state": "debugging", "gdbPort": port})
        self.assertNotEqual(port, 2345)
        self.assertEqual(self.status(), {"state": "debugging", "gdbPort": port})
        self.assertEqual(self.debug().json["gdbPort"], port)
        self.assertEqual(self.commands(), [f"hostfwd_add net tcp:127.0.0.1:{port}-:2345"])
        self.order("event 1 5")
        wait_for(lambda: len(self.commands()) == 2)
        self.assertEqual(self.commands()[1], f"hostfwd_remove net tcp:127.0.0.1:{port}")
        self.assertEqual(self.status(), {"state": "debugging"})  # the stand-in does not know that it has ended

    def test_port_that_is_taken(self):
        self.env["FAKE_QEMU"] = "busy"
        self.start()
        port = self.debug().json["gdbPort"]
        self.assertEqual([line.split("-")[0].rpartition(":")[2] == str(port) for line in self.commands()],
                         [False, True])

    def test_deaf_qemu_holds_nobody_up(self):
        self.env["FAKE_QEMU"] = "deaf"
        self.start()
        results = []
        thread = threading.Thread(target=lambda: results.append(self.debug()))
        thread.start()
        time.sleep(0.1)
        begin = time.monotonic()
        self.assertEqual(self.call("GET", "/status").status, 200)
        self.assertLess(time.monotonic() - begin, 0.5)
        thread.join(5)
        self.expect_error(results[0], 500, 5, "the virtual machine does not take commands: Connection timed out")

    def test_machine_is_gone_with_its_port(self):
        self.env["FAKE_QEMU"] = "deaf"
        self.start()
        results = []
        thread = threading.Thread(target=lambda: results.append(self.debug()))
        thread.start()
        time.sleep(0.1)
        self.kill_machine()
        thread.join(5)
        self.assertEqual(results[0].status, 500)
        self.assertRegex(results[0].headers["Spherule-Error"], "^the virtual machine (has ended|does not take commands)")


if __name__ == "__main__":
    unittest.main(verbosity=2)
