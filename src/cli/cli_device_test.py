#!/usr/bin/env python3
"""The command line with the real agent and gateway: devices started, used, broken and stopped, and `spherule run` to
every kind of end. Needs root and a kernel that can meter; else it is skipped (status 77) with the reason.

usage: cli_device_test.py BIN-DIR TEST-APP
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

BIN = APP = "."


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.tmp = tempfile.mkdtemp(prefix="spherule-cli-")
        os.chmod(self.tmp, 0o755)
        self.home = os.path.join(self.tmp, "home")
        self.env = {k: v for k, v in os.environ.items()
                    if not k.startswith("SPHERULE") and k not in ("SUDO_UID", "SUDO_GID")}
        self.env.update(SPHERULE_HOME=self.home, LC_ALL="C.UTF-8", TZ="UTC")

    def tearDown(self):
        for name in self.devices():
            self.run_cli("device", "delete", "--force", name)
        left = self.devices()
        shutil.rmtree(self.tmp)
        self.assertEqual(left, [])

    def start_cli(self, *args):
        return subprocess.Popen([os.path.join(BIN, "spherule"), *args], env=self.env, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def finish(self, process):
        out, err = process.communicate(timeout=90)
        return process.returncode, out.decode(), err.decode()

    def run_cli(self, *args):
        return self.finish(self.start_cli(*args))

    def good(self, *args):
        status, out, err = self.run_cli(*args)
        self.assertEqual(status, 0, f"spherule {' '.join(args)}: {err}")
        return out

    def devices(self):
        return [line.split("\t")[0] for line in self.run_cli("device", "list", "-o", "tsv")[1].splitlines()]

    def state(self, name="default"):
        return dict(line.split("\t")[:2] for line in self.good("device", "list", "-o", "tsv").splitlines())[name]

    def pid(self, file, name="default"):
        with open(os.path.join(self.home, "devices", name, file)) as f:
            return int(f.read())

    def is_alive(self, pid):
        """A process that ended has no command line, even if nobody has collected it yet."""
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                return f.read() != b""
        except FileNotFoundError:
            return False

    def wait_for(self, what, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if what():
                return
            time.sleep(0.02)
        self.fail("waited in vain")


class Run(Case):
    def test_each_end(self):
        table = [(["exit"], 0, "it exited with status 0"), (["exit", "7"], 7, "it exited with status 7"),
                 (["exit", "200"], 99, "it exited with status 200"), (["crash"], 121, "it crashed by SIGSEGV"),
                 (["abort"], 121, "it crashed by SIGABRT"),
                 (["grow"], 120, "it went over its ration of 262144 bytes (the next page would have made 266240)")]
        for args, expected, sentence in table:
            with self.subTest(args=args):
                status, out, err = self.run_cli("run", APP, *args)
                self.assertEqual((status, out), (expected, "".join(f"[{a}]" for a in args) + "\n"), err)
                self.assertIn("to standard error\n", err)
                self.assertIn(sentence, err)
        self.assertEqual(self.devices(), [])

    def test_the_ration_is_exact(self):
        for ram, limit in (("64K", 65536), ("256K", 262144), ("1M", 1048576)):
            status, _, err = self.run_cli("run", "--ram", ram, APP, "grow")
            self.assertEqual(status, 120, err)
            self.assertRegex(err, rf"(?m)^ User Mode +{limit}$")
            self.assertRegex(err, rf"(?m)^ Peak User Mode +{limit}$")
            pages = sum(int(n) for n in re.findall(r"(?m)^(\d+) +\d+ +\w+ +[\[(/]", err))
            self.assertEqual(pages, limit // 4096 + 1, "pages by mapping, with the one that crossed")
            self.assertIn("bin/app+0x", err)

    def test_report_as_json(self):
        status, out, err = self.run_cli("run", "-o", "json", APP, "grow")
        report = json.loads(err[err.index("{"):])
        self.assertEqual((status, report["why"], report["userBytes"], report["signal"]), (120, "ration", 262144, 9))

    def test_interrupts_leave_nothing(self):
        for number, what in ((signal.SIGINT, "wait"), (signal.SIGTERM, "wait"), (signal.SIGINT, "deaf")):
            process = self.start_cli("run", APP, what)
            self.assertEqual(process.stdout.readline(), f"[{what}]\n".encode())
            name = self.devices()[0]
            agent, gateway = self.pid("agent.pid", name), self.pid("gateway.pid", name)
            process.send_signal(number)
            status, out, err = self.finish(process)
            self.assertEqual((status, out), (128 + number, ""), err)
            self.assertEqual(self.devices(), [])
            for pid in (agent, gateway):
                self.assertFalse(self.is_alive(pid))

    def test_what_a_killed_run_left_is_cleared_away(self):
        process = self.start_cli("run", APP, "wait")
        process.stdout.readline()
        name = self.devices()[0]
        process.kill()
        process.communicate()
        self.assertEqual(self.devices(), [name])
        lock = os.path.join(self.home, "devices", name, "run.lock")
        os.utime(lock, (time.time() - 60, time.time() - 60))
        status, _, err = self.run_cli("run", "--verbose", APP)
        self.assertEqual(status, 0, err)
        self.assertIn(f"verbose: Removing device '{name}', whose maker is gone.\n", err)
        self.assertEqual(self.devices(), [])

    def test_keep(self):
        status, _, err = self.run_cli("run", "--keep", APP, "exit", "3")
        self.assertEqual(status, 3, err)
        name = self.devices()[0]
        self.assertIn(f"Device '{name}' is kept.\n", err)
        self.assertEqual(self.state(name), "running")
        self.assertEqual(len(json.loads(self.good("device", "app", "show-kills", "-d", name, "-o", "json"))), 1)

    def test_several_at_once(self):
        processes = [self.start_cli("run", APP, "exit", str(i)) for i in range(4)]
        self.assertEqual([self.finish(p)[0] for p in processes], [0, 1, 2, 3])
        self.assertEqual(self.devices(), [])

    def test_on_a_named_device(self):
        self.good("device", "create", "mine")
        self.good("device", "start", "mine")
        self.assertEqual(self.run_cli("run", "-d", "mine", APP, "exit", "5")[0], 5)
        self.assertEqual(self.good("device", "image", "list-installed", "-d", "mine"), "Installed images:\n")
        self.assertEqual(self.state("mine"), "running")


class Device(Case):
    def pack(self, *args):
        folder = os.path.join(self.tmp, "approot")
        os.makedirs(os.path.join(folder, "bin"))
        shutil.copy(APP, os.path.join(folder, "bin", "app"))
        manifest = {"SchemaVersion": 1, "Name": "probe", "ComponentId": "2f074b0f-d99d-4692-82d9-ef93a7d6463c",
                    "EntryPoint": "/bin/app", "CmdArgs": list(args), "Capabilities": {"MutableStorage": {"SizeKB": 8}},
                    "ApplicationType": "Default"}
        with open(os.path.join(folder, "app_manifest.json"), "w") as f:
            json.dump(manifest, f)
        path = os.path.join(self.tmp, "probe.imagepackage")
        self.good("image-package", "pack-application", "--package-directory", folder, "--destination", path)
        return manifest["ComponentId"], path

    def make(self):
        self.good("device", "create")
        self.good("device", "start")

    def test_an_application_over_its_whole_life(self):
        self.make()
        component, path = self.pack("wait")
        self.good("device", "sideload", "deploy", "-p", path)
        self.assertEqual(self.good("device", "app", "show-status"), f"{component}: App state: running\n")
        rows = dict(line.split("\t") for line in self.good("device", "app", "show-memory-stats", "-o", "tsv").splitlines())
        user, total = int(rows["User Mode"]), int(rows["Total (Kernel + User Mode)"])
        self.assertTrue(0 < user <= int(rows["Peak User Mode"]) <= 262144 and user % 4096 == 0 and total > user, rows)
        self.assertTrue(self.good("device", "app", "show-quota", "-o", "tsv").startswith(f"{component}\t0\t8\t"))
        self.wait_for(lambda: "[wait]" in self.good("device", "log"))
        self.assertEqual(self.good("device", "app", "stop"), f"{component}: App state: stopped\n")
        self.assertEqual(self.good("device", "app", "start", "-i", component), f"{component}: App state: running\n")
        self.good("device", "restart")
        self.wait_for(lambda: "running" in self.good("device", "app", "show-status"))
        self.assertIn("why", json.loads(self.good("device", "app", "show-kills", "last", "-o", "json")))
        self.good("device", "sideload", "delete")
        self.assertEqual(self.good("device", "app", "show-status", "-i", component), f"{component}: App state: notPresent\n")

    def test_an_application_that_ends_at_once(self):
        self.make()
        component, path = self.pack("exit", "3")
        warning = (f"\nwarn: application {component} ended right after its start: exit, exit code 3 "
                   r"\(report (\d+)\); 'device app show-kills \1' has the story\n$")

        def is_warned_of():
            status, _, err = self.run_cli("device", "sideload", "deploy", "-p", path)
            self.assertEqual(status, 0)
            return re.search(warning, err)
        self.wait_for(is_warned_of)  # a busy machine may take longer than the command waits
        waiting = (r"^\S+: App state: stopped\n  Last end: exit, exit code 3 \(report \d+\)\n"
                   r"  Starts again in \d+ ms\n$")
        self.wait_for(lambda: re.search(waiting, self.good("device", "app", "show-status")))
        row = json.loads(self.good("device", "app", "show-status", "-o", "json"))[0]
        self.assertEqual((row["lastWhy"], row["lastExitCode"], row["lastSignal"]), ("exit", 3, 0))

    def test_trust_decides(self):
        self.make()
        _, path = self.pack("wait")
        self.good("trust", "remove")
        status, _, err = self.run_cli("device", "sideload", "deploy", "-p", path)
        self.assertEqual(status, 1)
        self.assertIn("error: Could not deploy application to device: Image not trusted by device", err)
        self.good("device", "stop")
        self.good("device", "start")
        self.assertEqual(self.good("trust", "list", "-o", "tsv"), "")
        self.good("trust", "add", os.path.join(self.home, "sdk", "sdk-development-certificate.pem"))
        self.good("device", "sideload", "deploy", "-p", path)

    def test_pins(self):
        self.make()
        self.assertEqual(self.good("device", "gpio", "get", "12"), "1\n")
        self.good("device", "gpio", "set", "12", "0")
        self.assertEqual(self.good("device", "gpio", "get", "12"), "0\n")
        self.assertIn("12\t0\t", self.good("device", "gpio", "list", "-o", "tsv"))

    def test_starting_again_starts_what_is_missing(self):
        self.make()
        agent, gateway = self.pid("agent.pid"), self.pid("gateway.pid")
        os.kill(gateway, signal.SIGKILL)
        self.wait_for(lambda: self.state() == "agent only")
        self.assertEqual(self.run_cli("device", "start")[2], "Device 'default' started.\n")
        self.assertEqual(self.pid("agent.pid"), agent)
        gateway = self.pid("gateway.pid")
        os.kill(agent, signal.SIGKILL)
        self.wait_for(lambda: self.state() == "gateway only")
        self.assertEqual(self.run_cli("device", "start")[2], "Device 'default' started.\n")
        self.assertEqual(self.pid("gateway.pid"), gateway)
        self.assertNotEqual(self.pid("agent.pid"), agent)
        self.assertEqual(self.run_cli("device", "start")[2], "Device 'default' is running already.\n")

    def test_starts_and_stops_at_once(self):
        self.good("device", "create")
        starts = [self.start_cli("device", "start") for _ in range(4)]
        results = [self.finish(p) for p in starts]
        self.assertEqual([r[0] for r in results], [0] * 4, results)
        self.assertEqual(sorted(r[2] for r in results)[-1], "Device 'default' started.\n")
        both = [self.start_cli("device", "stop"), self.start_cli("device", "start"), self.start_cli("device", "stop")]
        self.assertEqual([self.finish(p)[0] for p in both], [0] * 3)
        self.good("device", "stop")
        self.assertEqual(self.state(), "stopped")

    def test_stop_without_the_gateway(self):
        self.make()
        agent, gateway = self.pid("agent.pid"), self.pid("gateway.pid")
        os.kill(gateway, signal.SIGKILL)
        self.wait_for(lambda: self.state() == "agent only")
        self.good("device", "stop")
        self.assertFalse(self.is_alive(agent))

    def test_delete_refuses_while_it_runs(self):
        self.make()
        self.assertEqual(self.run_cli("device", "delete", "default")[::2],
                         (1, "error: device 'default' is running; stop it first, or use --force\n"))
        self.good("device", "delete", "default", "--force")
        self.assertEqual(self.devices(), [])

    def test_a_long_path(self):
        self.home = os.path.join(self.tmp, "long" * 50, "home")
        self.env["SPHERULE_HOME"] = self.home
        self.make()
        self.good("device", "app", "show-memory-stats")

    def test_agent_gone_is_told(self):
        self.make()
        os.kill(self.pid("agent.pid"), signal.SIGKILL)
        self.wait_for(lambda: self.run_cli("device", "app", "show-memory-stats")[0] == 3)
        err = self.run_cli("device", "app", "show-memory-stats")[2]
        self.assertIn("error: the agent of device 'default' is away; 'spherule device start default' brings it back", err)


def reason_to_skip():
    if os.geteuid() != 0:
        return "the agent needs root"
    with tempfile.TemporaryDirectory(prefix="spherule-cli-") as home:
        os.chmod(home, 0o755)
        env = {**os.environ, "SPHERULE_HOME": home}
        cli = os.path.join(BIN, "spherule")
        subprocess.run([cli, "device", "create", "probe"], env=env, check=True, capture_output=True)
        done = subprocess.run([cli, "device", "start", "probe"], env=env, capture_output=True, timeout=90)
        if done.returncode == 5:
            return done.stderr.decode().strip()
        subprocess.run([cli, "device", "stop", "probe"], env=env, capture_output=True, timeout=90)
    return None


if __name__ == "__main__":
    BIN = os.path.abspath(sys.argv.pop(1))
    APP = os.path.abspath(sys.argv.pop(1))
    reason = reason_to_skip()
    if reason:
        print(f"skipped: {reason}")
        sys.exit(77)
    unittest.main()
