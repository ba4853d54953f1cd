"""Robustness: sudden death at any moment, two of everything at once, full and read-only disks, other users."""
import ctypes
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import unittest

from device import (IS_VIRTUAL, PAGE, RATION, Device, Home, is_alive, main, only, pack, probe, program, wait_for)

PROBE = "00000000-1111-2222-3333-444444444444"
OTHER = "00000000-1111-2222-3333-555555555555"
SEED = int(os.environ.get("SPHERULE_TEST_SEED", str(random.randrange(1 << 30))))
ROUNDS = 6  # of sudden death, at moments that the seed chooses
DEATH_MS = 100  # in which nothing of an app may be left


class SuddenDeath(unittest.TestCase):
    """The agent by SIGKILL; of a virtual device the whole machine, which is a power cut."""

    def setUp(self):
        self.random = random.Random(SEED)
        print(f"(seed {SEED})", end=" ", flush=True)

    def kill_agent(self, device):
        """SIGKILL; the milliseconds until no process of an app was left."""
        agent, apps = device.agent(), [] if IS_VIRTUAL else device.all_app_pids()
        os.kill(agent, signal.SIGKILL)
        began = time.monotonic()
        while any(is_alive(pid) for pid in apps) or device.all_app_pids():
            if time.monotonic() - began > 5:
                break
            time.sleep(0.001)
        taken = (time.monotonic() - began) * 1000
        self.assertLess(taken, DEATH_MS, (apps, device.all_app_pids()))
        wait_for(lambda: not is_alive(agent), what="the agent's end")
        return taken

    def test_while_apps_run(self):
        """Threads and children included; the device comes back with its apps, the gateway never left."""
        worst = 0.0
        with Device() as device:
            gateway = device.gateway()
            device.deploy(pack(device, PROBE, ["child", "3", "child", "3", "tick", "20"]))
            device.deploy(pack(device, OTHER, ["ignore-term", "stay"], name="Other"))
            for _ in range(ROUNDS):
                wait_for(lambda: len(device.all_app_pids()) >= 4, what="all processes")
                time.sleep(self.random.random() * 0.05)
                worst = max(worst, self.kill_agent(device))
                self.assertEqual(device.run("device", "start"), (0, "", "Device 'dev' started.\n"))
                self.assertEqual((device.state(PROBE), device.state(OTHER)), ("running", "running"))
                self.assertEqual(device.gateway(), gateway)
        print(f"nothing of an app after {worst:.1f} ms at most;", end=" ")

    def test_while_an_app_grows(self):
        """An app that takes a page each moment does not get one beyond its ration by the agent's death."""
        with Device() as device:
            device.deploy(pack(device, PROBE, ["child", "0", "eat", "0"]), "--manual-start")
            for _ in range(ROUNDS):
                device.request("PATCH", f"/app/status/{PROBE}", '{"trigger":"start"}')
                time.sleep(self.random.random() * 0.02)
                self.kill_agent(device)
                device.ok("device", "start")
                device.ok("device", "app", "stop")

    @only("native", "nothing of a machine outlives it")
    def test_ration_outlives_the_agent(self):
        """An app that grows while its agent dies is held to its ration until it is dead itself."""
        begin, most = 50, 0
        with Device() as device:
            device.deploy(pack(device, PROBE, ["eat", str(begin), "out", "full", "rest", "100", "grow", "20"]))
            for turn in range(12):
                device.wait_log("full")
                app = device.all_app_pids()[0]
                with open(f"/proc/{app}/statm", "rb", buffering=0) as statm:
                    time.sleep(0.07 + 0.002 * turn)
                    os.kill(device.agent(), signal.SIGKILL)
                    most = max(most, self.most_pages(statm))
                wait_for(lambda: not device.agent(), what="the agent's end")
                device.ok("device", "start")
        print(f"{most} pages at most;", end=" ")
        self.assertGreaterEqual(most, begin)
        self.assertLessEqual(most, RATION // PAGE + 1)  # with the page that crossed, which is mapped but not got

    @staticmethod
    def most_pages(statm):
        """Of its own pages the most that a process is seen with until it is gone."""
        most, end = 0, time.monotonic() + 0.2
        while time.monotonic() < end:
            try:
                statm.seek(0)
                fields = statm.read().split()
            except OSError:
                break
            if not fields or fields[0] == b"0":
                break
            most = max(most, int(fields[1]) - int(fields[2]))
        return most

    def test_while_idle(self):
        with Device() as device:
            device.deploy(pack(device, PROBE, ["stay"]), "--manual-start")
            images = device.get("/images")
            for _ in range(3):
                self.kill_agent(device)
                device.ok("device", "start")
                self.assertEqual(device.get("/images"), images)
                self.assertEqual(device.state(PROBE), "stopped")

    def test_while_installing(self):
        """The old version or the new one is there whole, and what was stored stays."""
        with Device() as device:
            filler = os.urandom(200 << 10)
            packages = [pack(device, PROBE, ["out", f"version {n}", "stay"], files={"filler": filler}) for n in (1, 2)]
            other = pack(device, OTHER, ["stay"], name="Other")
            device.deploy(packages[0])
            device.deploy(other)
            began = time.monotonic()
            device.deploy(packages[1])
            usual = time.monotonic() - began
            for n in range(ROUNDS):
                process = device.popen("device", "sideload", "deploy", "-p", packages[n % 2])
                time.sleep(self.random.random() * usual * 1.2)
                self.kill_agent(device)
                _, err = process.communicate(timeout=60)
                self.assertIn(process.returncode, (0, 1, 3), err)
                device.ok("device", "start")
                rows = {app["componentId"]: app["state"] for app in device.get("/spherule/v1/apps")["apps"]}
                self.assertEqual(rows, {PROBE: "running", OTHER: "running"})
                device.wait_log("version ")
                if not IS_VIRTUAL:
                    side = os.listdir(os.path.join(device.dir, "state", "packages"))
                    self.assertEqual(sorted(side), [PROBE, OTHER])
            device.deploy(packages[0])
            device.wait_log("version 1")

    def test_gateway(self):
        """The gateway's death costs the apps nothing."""
        with Device() as device:
            device.deploy(pack(device, PROBE, ["stay"]))
            agent, apps = device.agent(), device.all_app_pids()
            for _ in range(3):
                os.kill(device.gateway(), signal.SIGKILL)
                wait_for(lambda: not device.gateway(), what="the gateway's end")
                device.ok("device", "start")
                self.assertEqual((device.agent(), device.all_app_pids()), (agent, apps))

    @only("native", "a machine is not started by other means")
    def test_gateway_follows_by_itself(self):
        """An agent that is started by other means than `device start` is found within a second and a bit."""
        with Device() as device:
            self.kill_agent(device)
            wait_for(lambda: device.request("GET", "/status")[0] == 503, what="503")
            process = subprocess.Popen([program("spherule-agent"), "--device", device.dir, "--owner", "65534"],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                       start_new_session=True)
            try:
                wait_for(lambda: device.request("GET", "/status")[0] == 200, 3, what="the agent found again")
            finally:
                device.run("device", "stop")
                process.wait(timeout=10)


class AtOnce(unittest.TestCase):
    def test_two_starts(self):
        with Device(start=False) as device:
            starts = [device.popen("device", "start") for _ in range(4)]
            said = sorted(process.communicate(timeout=60)[1].decode() for process in starts)
            self.assertEqual([process.returncode for process in starts], [0] * 4, said)
            self.assertEqual(said, ["Device 'dev' is running already.\n"] * 3 + ["Device 'dev' started.\n"])
            self.assertEqual(len(device.own_pids()), 2)
            stops = [device.popen("device", "stop") for _ in range(3)]
            self.assertEqual([process.wait(timeout=60) for process in stops], [0] * 3)
            for process in stops:
                process.communicate()
            self.assertEqual(device.own_pids(), [])

    def test_start_and_stop(self):
        with Device() as device:
            for _ in range(3):
                both = [device.popen("device", verb) for verb in ("stop", "start", "stop", "start")]
                for process in both:
                    _, err = process.communicate(timeout=60)
                    self.assertEqual(process.returncode, 0, err)
                device.ok("device", "start")
                self.assertEqual(device.stats()[1], 0)

    def test_two_devices(self):
        """The same app on two rations: each is exact, neither feels the other."""
        with Home() as home:
            package = pack(home, PROBE, ["out", "begin", "rest", "300", "eat", "0"])
            devices = {"small": 24, "large": 200}
            for name, pages in devices.items():
                home.create(name, "--ram", str(pages * PAGE))
                home.ok("device", "start", name)
            for name in devices:
                home.ok("device", "sideload", "deploy", "-p", package, "-d", name)
            for name, pages in devices.items():
                rows = wait_for(lambda: home.json("device", "app", "show-kills", "-d", name), what=name)
                self.assertEqual({(row["why"], row["userBytes"], row["limitBytes"]) for row in rows},
                                 {("ration", pages * PAGE, pages * PAGE)})
                home.ok("device", "app", "stop", "-d", name)
            self.assertEqual(home.run("device", "app", "show-status"), (
                2, "", "error: there are several devices (large, small): say which one with --device\n"))
            home.ok("device", "stop", "small")
            self.assertEqual([row["state"] for row in home.json("device", "list")], ["running", "stopped"])
            for name in devices:
                home.ok("device", "delete", name, "--force")
            self.assertEqual(home.names(), [])

    def test_two_deploys(self):
        """Of two people one is told to wait, or both succeed one after the other; never half an app."""
        with Device() as device:
            packages = [pack(device, component, ["stay"], files={"filler": os.urandom(150 << 10)})
                        for component in (PROBE, OTHER)]
            both = [device.popen("device", "sideload", "deploy", "-p", package) for package in packages * 2]
            said = [process.communicate(timeout=60)[1].decode() for process in both]
            for process, err in zip(both, said):
                self.assertIn(process.returncode, (0, 1), err)
                if process.returncode:
                    self.assertRegex(err, r"error: Could not deploy application to device: The device is busy "
                                          r"\(.*\)\n$")
            self.assertIn(0, [process.returncode for process in both])
            for package in packages:
                device.deploy(package)
            self.assertEqual({app["state"] for app in device.get("/spherule/v1/apps")["apps"]}, {"running"})


class Follow(unittest.TestCase):
    def test_interrupted(self):
        """Ctrl+C is the way out of `log --follow`: status 0, what came was shown."""
        with Device() as device:
            device.deploy(pack(device, PROBE, ["tick", "20"]))
            process = device.popen("device", "log", "--follow")
            seen = b""
            while b"tick 9" not in seen:
                seen += process.stdout.readline()
            process.send_signal(signal.SIGINT)
            rest, err = process.communicate(timeout=5)
            self.assertEqual((process.returncode, err), (0, b""))
            ticks = [int(line.split()[-1]) for line in (seen + rest).decode().splitlines() if "tick" in line]
            self.assertEqual(ticks, list(range(len(ticks))))

    def test_device_stops(self):
        with Device() as device:
            process = device.popen("device", "log", "--follow")
            time.sleep(0.1)
            device.ok("device", "stop")
            _, err = process.communicate(timeout=10)
            self.assertEqual(process.returncode, 3, err)
            self.assertEqual(err.count(b"\n"), 1, err)


class Places(unittest.TestCase):
    """Where SPHERULE_HOME can be, and cannot."""

    def test_long_path(self):
        with Home() as home:
            home.env["SPHERULE_HOME"] = home.home = os.path.join(home.top, *["x" * 60] * 5)
            self.assertGreater(len(home.home), 300)
            home.create("dev")
            home.ok("device", "start")
            package = pack(home, PROBE, ["out", "far away", "stay"])
            home.ok("device", "sideload", "deploy", "-p", package)
            self.assertIn("running", home.ok("device", "app", "show-status"))
            wait_for(lambda: "far away" in home.ok("device", "log"), what="output")
            self.assertEqual(home.run("run", probe("static"), "exit", "4").status, 4)

    @only("native", "a machine's disk is all there before it starts")
    def test_full_disk(self):
        """Deploying on a full disk: one sentence, and the old version runs on."""
        with Device(start=False) as device:
            self.inside(device, "tmpfs", "full_disk")

    @only("virtual", "natively nothing is made at the start")
    def test_no_room_for_a_disk(self):
        with Device(start=False) as device:
            self.inside(device, "tmpfs", "no_room")

    def test_read_only(self):
        with Device(start=False) as device:
            self.inside(device, "ro", "read_only")

    def inside(self, device, kind, step):
        """Runs a step of this file in a mount namespace of its own, where the home is a small or read-only disk."""
        outcome = subprocess.run([sys.executable, __file__, "--inside", kind, step, device.top],
                                 capture_output=True, text=True, timeout=100, check=False)
        self.assertEqual(outcome.returncode, 0, outcome.stdout + outcome.stderr)

    def test_file_in_the_way(self):
        with Home() as home:
            with open(home.home, "w", encoding="utf-8") as file:
                file.write("no folder")
            result = home.run("device", "list")
            self.assertEqual((result.status, result.out, result.err.count("\n")), (7, "", 1), result)
            self.assertIn(home.home, result.err)


@only("native", "a machine needs no root: test_machine.py")
class OtherUser(unittest.TestCase):
    """Without root and without sudo."""

    def test_start(self):
        with Home() as home:
            path = self.plain_path(home)
            os.mkdir(home.home)
            os.chown(home.home, 54321, 54321)
            def run(*words):
                return home.run(*words, user=54321, group=54321, extra_groups=[], env={"PATH": path})
            self.assertEqual(run("device", "create", "dev").status, 0)
            native = ("metering on this machine itself needs root and Linux 6.2 or newer; a virtual device needs neither "
                      "root nor a new kernel: make one with 'spherule device create NAME --virtual'\n")
            chosen = ("this machine cannot meter it (that needs root, or a sudo without a password): build it with "
                      "'spherule-cc --target arm', and it runs on a virtual device\n")
            for words, status, sentence in ((("device", "start"), 5, native), (("run", probe("static")), 125, chosen),
                                            (("run", "--native", probe("static")), 125, native)):
                result = run(*words)
                self.assertEqual((result.status, result.out), (status, ""), result)
                self.assertTrue(result.err.startswith("error: ") and result.err.endswith(sentence), result.err)
                self.assertEqual(result.err.count("\n"), 1, result.err)
            self.assertEqual(home.names(), ["dev"])
            self.assertEqual(home.own_pids(), [])
            result = run("image-package", "show", self.package(home))
            self.assertEqual(result.status, 0, result)

    @staticmethod
    def plain_path(home):
        """A PATH without sudo, whatever this machine has."""
        folder = os.path.join(home.top, "bin")
        os.mkdir(folder)
        return folder

    @staticmethod
    def package(home):
        with Home() as maker:
            path = pack(maker, PROBE)
            copy = os.path.join(home.top, "app.imagepackage")
            shutil.copy(path, copy)
            os.chmod(copy, 0o644)
        return copy


# --- steps that run in a mount namespace of their own ---------------------------------------------------------------


def full_disk(device):
    filler = os.urandom(300 << 10)
    check = unittest.TestCase()
    old = pack(device, PROBE, ["out", "the old version", "stay"], files={"filler": filler})
    new = pack(device, PROBE, ["out", "the new version", "stay"], files={"filler": filler})
    device.create("dev")
    device.ok("device", "start")
    device.deploy(old)
    device.wait_log("the old version")
    pids = device.all_app_pids()
    blocker = os.path.join(device.home, "blocker")
    for leave in (0, 64 << 10, 350 << 10):  # nothing can be staged; a part of it; staged, but not unpacked
        fill(device.home, blocker, leave)
        result = device.run("device", "sideload", "deploy", "-p", new)
        check.assertIn(result.status, (1, 7), result)
        check.assertEqual(sum(line.startswith("error: ") for line in result.err.splitlines()), 1, result)
        check.assertRegex(result.err, "full|No space left|space")
        check.assertEqual(device.state(PROBE), "running", (leave, result))
        check.assertNotIn("the new version", device.log())
        if leave == 0:
            check.assertEqual(device.all_app_pids(), pids)
        os.unlink(blocker)
    device.deploy(new)
    device.wait_log("the new version")
    fill(device.home, blocker, 0)
    device.ok("device", "stop")  # and with a full disk it stops and starts
    device.ok("device", "start")
    device.wait_state(PROBE, "running")
    os.unlink(blocker)


def no_room(device):
    """A machine's disk does not fit: one sentence, nothing half made, nothing running; with room it starts."""
    check = unittest.TestCase()
    device.create("dev")
    result = device.run("device", "start")
    check.assertEqual((result.status, result.out, result.err.count("\n")), (7, "", 1), result)
    check.assertRegex(result.err, "^error: .*No space left on device")
    check.assertEqual(device.own_pids(), [])
    check.assertEqual([name for name in os.listdir(device.dir) if "state" in name], [])
    subprocess.run(["mount", "-o", "remount,size=64m", device.home], check=True)
    device.ok("device", "start")
    device.deploy(pack(device, PROBE, ["stay"]))


def fill(folder, path, leave):
    space = os.statvfs(folder)
    with open(path, "wb") as file:
        file.write(b"\0" * max(0, space.f_bavail * space.f_frsize - leave))


def read_only(device):
    check = unittest.TestCase()
    for words in (("device", "create", "dev"), ("device", "list"), ("run", probe("static")),
                  ("device", "start", "dev")):
        result = device.run(*words)
        check.assertLessEqual(result.err.count("\n"), 1, result)
        if words != ("device", "list"):
            check.assertNotEqual(result.status, 0, result)
            check.assertRegex(result.err, "^error: .*Read-only file system|^error: there is no device", result)
    check.assertEqual(device.own_pids(), [])


def run_inside(kind, step, top):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x00020000) != 0:  # CLONE_NEWNS
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    device = Device(start=False)
    os.mkdir(device.home)
    options = "size=2500k,mode=755" if kind == "tmpfs" else "size=100k,mode=755,ro"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", device.home], check=True)
    try:
        {"full_disk": full_disk, "no_room": no_room, "read_only": read_only}[step](device)
    except BaseException:
        device.show_logs()
        raise
    finally:
        device.close()
    device.problems.remove(f"mount {device.home}")  # ours; it goes with the namespace
    if device.problems:
        raise AssertionError(device.problems)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        run_inside(*sys.argv[2:])
    else:
        main()
