"""The virtual device's machine: what is wrong has a sentence, what is killed leaves nothing, and it needs no root."""
import contextlib
import os
import re
import signal
import socket
import struct
import subprocess
import time
import unittest
import zlib

from device import (BUILD, PAGE, RATION, Device, Home, UnixConnection, is_alive, main, only, pack, probe, read_text,
                    wait_for)

PROBE = "00000000-1111-2222-3333-444444444444"
IMAGES = os.path.join(os.path.dirname(BUILD), "device", "image")


def free_port():
    with socket.socket() as probe_socket:
        probe_socket.bind(("127.0.0.1", 0))
        return probe_socket.getsockname()[1]


@only("virtual", "it is about the machine")
class Machine(unittest.TestCase):
    def test_one_page_too_many(self):
        """The app counts its own pages: it gets all 64 of the ration, and not one more."""
        with Device() as device:
            device.deploy(pack(device, PROBE, ["count"]), "--manual-start")
            counted = set()
            for _ in range(20):
                place = device.log_end()
                device.request("POST", f"/spherule/v1/apps/{PROBE}/run")
                report = device.kill(device.wait_kills(1)[0]["id"])
                device.ok("device", "app", "show-kills", "--delete")
                _, _, data = device.request("GET", f"/spherule/v1/log?cursor={place}")
                text = data.decode()
                begin = int(re.search(r"pages (\d+)", text).group(1))
                dots = re.findall(r"(?:^|: )(\.+)$", text, re.MULTILINE)  # lines begin with their time
                counted.add((begin + sum(map(len, dots)), report["why"], report["userBytes"]))
            self.assertEqual(counted, {(RATION // PAGE, "ration", RATION)})

    def test_figures_are_exact(self):
        with Device() as device:
            device.deploy(pack(device, PROBE, ["eat", "5", "stay"]))
            device.wait_log("staying")
            memory = device.get("/spherule/v1/memory")
            self.assertEqual((memory["userExact"], memory["kernelExact"]), (True, True), memory)
            about = device.get("/spherule/v1/device")
            self.assertEqual((about["backend"], about["core"]), ("virtual", "cortex-a7"))
            self.assertRegex(about["kernel"], r"^6\.1\.")

    def test_clock(self):
        """Within a second of the host's, from the first report on."""
        with Device() as device:
            device.deploy(pack(device, PROBE, ["exit", "1"]))
            report = device.wait_kills(1)[0]
            self.assertLess(abs(report["timeMs"] / 1000 - time.time()), 5)

    def test_forwards(self):
        """Only what is asked for, and on loopback only; an app without the capability has no network."""
        port, silent = free_port(), free_port()
        with Device(create=["--forward", f"{port}:8080", "--forward", f"{silent}:8081"]) as device:
            device.deploy(pack(device, PROBE, ["serve", "8080"], AllowedTcpServerPorts=[8080]))
            device.wait_log("serving")
            with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
                self.assertEqual(client.recv(100), b"served\n")
            listening = {line.split()[1] for line in read_text("/proc/net/tcp").splitlines()[1:] if line.split()[3] == "0A"}
            self.assertIn(f"0100007F:{port:04X}", listening)
            self.assertNotIn(f"00000000:{port:04X}", listening)
            device.deploy(pack(device, PROBE, ["serve", "8081"]))
            device.wait_log("serving", 2)
            with socket.create_connection(("127.0.0.1", silent), timeout=10) as client:
                client.settimeout(3)
                with self.assertRaises((TimeoutError, ConnectionError)):
                    if client.recv(100) == b"":
                        raise ConnectionError("closed without a word")

    def test_machine_dies(self):
        """The gateway says that it is gone and how, and a start brings it back; nothing starts it by itself."""
        with Device() as device:
            gateway, machine = device.gateway(), device.agent()
            os.kill(machine, signal.SIGKILL)
            wait_for(lambda: not is_alive(machine), what="its end")
            wait_for(lambda: device.request("GET", "/status")[0] == 503, what="503")
            message = wait_for(lambda: (seen := device.get("/spherule/v1/gateway")) and not seen["machineRuns"] and seen,
                               2, what="the gateway's notice of it")
            self.assertFalse(message["connected"])
            self.assertIn("the virtual machine", message["message"])
            self.assertIn("start the device again", message["message"])
            result = device.run("device", "app", "show-memory-stats")
            self.assertEqual((result.status, result.out, result.err.count("\n")), (3, "", 1), result)
            time.sleep(1.5)
            self.assertIsNone(device.agent())
            self.assertEqual(device.json("device", "list")[0]["state"], "gateway only")
            device.ok("device", "start")
            self.assertEqual(device.gateway(), gateway)
            self.assertEqual(device.stats()[1], 0)

    def test_noise_on_the_port(self):
        """While the gateway is away others may say anything: the next gateway finds the same agent, unharmed."""
        with Device() as device:
            device.deploy(pack(device, PROBE, ["stay"]))
            device.wait_log("staying")
            boot, apps = device.boot_id(), device.all_app_pids()
            head = struct.pack("<4sBBHIII", b"SpH\xf7", 1, 1, 1, 1, 60000, 0)
            for noise in (os.urandom(100000), b"SpH\xf7" * 5000, b"", head + struct.pack("<I", zlib.crc32(head))):
                os.kill(device.gateway(), signal.SIGKILL)
                wait_for(lambda: not device.gateway(), what="the gateway's end")
                port = UnixConnection(device.dir, "agent.sock", timeout=0.5)
                port.connect()
                with port.sock as sock, contextlib.suppress(OSError):
                    sock.sendall(noise)
                    sock.recv(65536)
                self.assertEqual(device.run("device", "start"), (0, "", "Device 'dev' started.\n"))
                self.assertEqual((device.boot_id(), device.all_app_pids()), (boot, apps))

    def test_second_device_of_a_name(self):
        with Device() as device:
            result = device.run("device", "create", device.name, "--virtual")
            self.assertEqual(result, (1, "", f"error: there is a device '{device.name}' already\n"))

    def refused(self, device, *parts, **env):
        """A start that is refused: one sentence, and nothing runs."""
        result = device.run("device", "start", env=env)
        self.assertNotEqual(result.status, 0)
        self.assertEqual((result.out, result.err.count("\n")), ("", 1), result)
        for part in parts:
            self.assertIn(part, result.err)
        self.assertEqual(device.own_pids(), [])
        return result.status

    def test_no_qemu(self):
        with Device(start=False) as device:
            folder = os.path.join(device.top, "bin")
            os.mkdir(folder)
            self.refused(device, "qemu-system-arm", PATH=folder)
            device.ok("device", "start")

    def test_images_missing_or_damaged(self):
        with Device(start=False) as device:
            copy = os.path.join(device.top, "images")
            self.refused(device, "make device", SPHERULE_DEVICE_IMAGES=copy)
            subprocess.run(["cp", "-rL", IMAGES, copy], check=True)
            kernel = os.path.join(copy, "kernel")
            with open(kernel, "r+b") as file:
                file.seek(1000)
                byte = file.read(1)
                file.seek(1000)
                file.write(bytes([byte[0] ^ 1]))
            self.refused(device, "kernel", "make device", SPHERULE_DEVICE_IMAGES=copy)
            os.truncate(kernel, 100)
            self.refused(device, "kernel", "make device", SPHERULE_DEVICE_IMAGES=copy)
            os.unlink(os.path.join(copy, "initramfs"))
            self.refused(device, SPHERULE_DEVICE_IMAGES=copy)
            device.ok("device", "start")

    def test_damaged_disk(self):
        """A disk that is no file system: the machine says so and ends; nothing is overwritten."""
        with Device() as device:
            device.ok("device", "stop")
            path = os.path.join(device.dir, "state.img")
            with open(path, "r+b") as file:
                file.write(b"\xa5" * 65536)
            self.refused(device)
            with open(path, "rb") as file:
                self.assertEqual(file.read(65536), b"\xa5" * 65536)

    def test_port_is_taken(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            with Device(start=False, create=["--forward", f"{port}:80"]) as device:
                self.refused(device, str(port))

    def test_interrupted_start(self):
        """Ctrl+C at any moment of the start: nothing stays that was not there before."""
        for delay in (0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.7):
            with self.subTest(delay=delay), Device(start=False) as device:
                process = device.popen("device", "start")
                time.sleep(delay)
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=30)
                if process.returncode != 0:  # it may have been ready already
                    wait_for(lambda: not device.own_pids(), 5, what=f"nothing running ({device.own_pids()})")

    def test_without_root(self):
        """An ordinary user without sudo has everything."""
        with Home() as home:
            os.mkdir(home.home)
            os.chown(home.home, 54321, 54321)

            def run(*words):
                return home.run(*words, user=54321, group=54321, extra_groups=[],
                                env={"PATH": "/usr/bin:/bin", "HOME": home.home})
            if home.run("version", user=54321, group=54321, extra_groups=[]).status != 0:
                raise unittest.SkipTest("other users cannot read the build folder")
            for words in (("device", "create", "dev", "--virtual"), ("device", "start", "dev"),
                          ("device", "app", "show-memory-stats"), ("device", "stop", "dev"),
                          ("device", "delete", "dev")):
                result = run(*words)
                self.assertEqual(result.status, 0, (words, result))
            result = run("run", probe("static"), "out", "hello", "exit", "7")
            self.assertEqual((result.status, result.out), (7, "hello\n"), result)
            self.assertEqual(home.own_pids(), [])


if __name__ == "__main__":
    main()
