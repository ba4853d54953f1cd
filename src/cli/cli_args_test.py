#!/usr/bin/env python3
"""The whole program from outside: for each wrong argument, missing file, broken manifest, unknown id and dead
gateway its own sentence and exit status, and the answers in every form. Devices are stand-ins, so nothing here needs
root or the other programs.

usage: cli_args_test.py BIN-DIR
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fake_device import FakeDevice, hold_pid_file  # noqa: E402

BIN = "."
ID = "2f074b0f-d99d-4692-82d9-ef93a7d6463c"
EVENTS = "/spherule/v1/events?hold=1"
ID2 = "ae4714aa-03aa-492b-9663-962f966a9cc3"
MEMORY = {"memoryStats": {"currentMemoryUsageInBytes": 65536, "userModeMemoryUsageInBytes": 36864,
                          "peakUserModeMemoryUsageInBytes": 36864}}
APPS = {"apps": [{"componentId": ID, "imageId": ID2, "name": "blink", "imageType": 10, "state": "running",
                  "packageBytes": 16596, "isStaged": False, "isDebugger": False}],
        "hasStaged": False, "flashUsedBytes": 16596, "flashLimitBytes": 1048576}
MANIFEST = {"SchemaVersion": 1, "Name": "probe", "ComponentId": ID, "EntryPoint": "/bin/app", "CmdArgs": [],
            "Capabilities": {}, "ApplicationType": "Default"}


def refusal(number, message="", name="X"):
    return {"error": number, "name": name, "message": message}


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.tmp = tempfile.mkdtemp(prefix="spherule-cli-")
        self.home = os.path.join(self.tmp, "home")
        self.env = {k: v for k, v in os.environ.items()
                    if not k.startswith("SPHERULE") and k not in ("NO_COLOR", "SUDO_UID", "SUDO_GID")}
        self.env.update(SPHERULE_HOME=self.home, LC_ALL="C.UTF-8", TZ="UTC")
        self.fakes = []
        self.pids = []

    def tearDown(self):
        for fake in self.fakes:
            fake.close()
        for pid in self.pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            try:
                os.waitpid(pid, 0)
            except ChildProcessError:
                pass
        shutil.rmtree(self.tmp)

    def run_cli(self, *args, program="spherule", env=None, cwd=None, binary=False):
        done = subprocess.run([os.path.join(BIN, program), *args], env={**self.env, **(env or {})}, cwd=cwd or self.tmp,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        out = done.stdout if binary else done.stdout.decode()
        return done.returncode, out, done.stderr.decode()

    def folder(self, name="default"):
        return os.path.join(self.home, "devices", name)

    def make_device(self, name="default"):
        status, _, err = self.run_cli("device", "create", name)
        self.assertEqual(status, 0, err)

    def fake(self, answers, name="default"):
        if not os.path.exists(self.folder(name)):
            self.make_device(name)
        fake = FakeDevice(self.folder(name), answers)
        self.fakes.append(fake)
        return fake

    def hold(self, file, program, name="default"):
        pid = hold_pid_file(self.folder(name), file, program)
        self.pids.append(pid)
        return pid

    def write(self, name, data):
        path = os.path.join(self.tmp, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())
        return path

    def expect(self, args, status, stderr, stdout=""):
        got = self.run_cli(*args)
        self.assertEqual((got[0], got[1], got[2]), (status, stdout, stderr), f"spherule {' '.join(args)}")

    def expect_error(self, args, status, sentence):
        """Exactly one line on standard error, nothing on standard output."""
        self.expect(args, status, f"error: {sentence}\n")

    def expect_usage(self, args, sentence, command=None, status=2):
        see = f"See 'spherule {command} --help'.\n" if command else ""
        self.expect(args, status, f"error: {sentence}\n{see}")

    def package(self, manifest=None, files=None, *options):
        folder = os.path.join(self.tmp, "approot")
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(os.path.join(folder, "bin"))
        text = manifest if isinstance(manifest, str) else json.dumps(manifest or MANIFEST)
        self.write("approot/app_manifest.json", text)
        for path, data in (files or {"bin/app": b"\x7fELF probe"}).items():
            self.write(os.path.join("approot", path), data)
        path = os.path.join(self.tmp, "probe.imagepackage")
        return path, self.run_cli("image-package", "pack-application", "--package-directory", folder, "--destination",
                                  path, *options)


class Usage(Case):
    def test_wrong_command_lines(self):
        table = [
            (["devise"], "'spherule' has no command 'devise'; did you mean 'device'?", None),
            (["device", "creat"], "'spherule device' has no command 'creat'; did you mean 'create'?", None),
            (["device", "list", "--outptu", "json"], "unknown option '--outptu'; did you mean '--output'?", "device list"),
            (["device", "list", "-o", "xml"], "'xml' is no value for --output; use table, json, jsonc, yaml, tsv or none",
             "device list"),
            (["device", "list", "x"], "unexpected argument 'x'", "device list"),
            (["device", "start", "-d"], "option '--device' needs a value: NAME", "device start"),
            (["device", "sideload", "deploy"], "option '--image-package PATH' is missing", "device sideload deploy"),
            (["device", "sideload", "delete", "-i", "x", "-e", ID], "--component-id and --except-component-ids cannot go "
             "together", None),
            (["device", "sideload", "delete", "-e", f"{ID},x"], "'x' is no component id: it looks like " + ID, None),
            (["device", "gpio", "get", "76"], "'76' is no pin: they have the numbers 0 to 75", None),
            (["device", "gpio", "get", "-1"], "unknown option '-1'", "device gpio get"),
            (["device", "gpio", "set", "x", "1"], "'x' is no pin: they have the numbers 0 to 75", None),
            (["device", "gpio", "set", "1", "2"], "'2' is no value for LEVEL; use 0 or 1", "device gpio set"),
            (["device", "app", "show-status", "-i", "zz"], "'zz' is no component id: it looks like " + ID, None),
            (["device", "app", "show-kills", "none"], "'none' is no report: give its number, or 'last'", None),
            (["trust", "remove", "abc"], "'abc' is no thumbprint: it has 40 hexadecimal digits", None),
            (["trust", "add"], "give either a certificate or --sdk-development", None),
            (["trust", "add", "x.pem", "--sdk-development"], "give either a certificate or --sdk-development", None),
            (["image-package", "show"], "option '--image-package PATH' is missing", None),
            (["image-package", "pack-application", "--package-directory", "."], "option '--destination FILE' is missing",
             "image-package pack-application"),
            (["image-package", "pack-application", "--package-directory", ".", "--destination", "x",
              "--target-api-set", "lts"], "'lts' is no API set: it is a number such as 16", None),
            (["completion", "tcsh"], "'tcsh' is no value for SHELL; use bash, zsh or fish", "completion"),
            (["device", "delete"], "say which device to delete", None),
            (["device", "create", "a/b"], "'a/b' is no name for a device: use 1 to 32 letters, digits, '.', '_' and "
             "'-', beginning with a letter or digit", None),
            (["device", "create", "x" * 33], "'" + "x" * 33 + "' is no name for a device: use 1 to 32 letters, digits, "
             "'.', '_' and '-', beginning with a letter or digit", None),
            (["device", "create", "--ram", "many"], "'many' is no size for --ram: write bytes, or 256K, or 1M", None),
            (["device", "create", "--ram", "8K"], "--ram must be from 16 KiB to 1048576 KiB, not 8192 bytes", None),
            (["device", "create", "--ram", "2G"], "--ram must be from 16 KiB to 1048576 KiB, not 2147483648 bytes", None),
            (["device", "create", "--ram", "100000"], "--ram must be a whole number of pages of 4096 bytes, not 100000 "
             "bytes", None),
            (["device", "create", "--flash", "1"], "--flash must be from 16 KiB to 1048576 KiB, not 1 bytes", None),
        ]
        for args, sentence, command in table:
            with self.subTest(args=args):
                self.expect_usage(args, sentence, command)
        self.assertFalse(os.path.exists(self.folder()))

    def test_run_has_a_status_of_its_own_for_mistakes(self):
        self.expect_usage(["run"], "argument PACKAGE-or-EXECUTABLE is missing", "run", status=125)
        self.expect_usage(["run", "--rma", "x"], "unknown option '--rma'; did you mean '--ram'?", "run", status=125)
        path = self.write("x", "neither")
        self.expect_usage(["run", "--ram", "1K", path], "--ram must be from 16 KiB to 1048576 KiB, not 1024 bytes",
                          status=125)

    def test_a_group_alone_shows_its_help(self):
        status, out, err = self.run_cli("device", "app")
        self.assertEqual((status, out), (2, ""))
        self.assertTrue(err.startswith("error: 'spherule device app' needs a command\n\nUsage:\n spherule device app "
                                       "COMMAND\n"), err)

    def test_help_goes_to_standard_output(self):
        for args in (["--help"], ["device", "-h"], ["device", "sideload", "deploy", "--help"], ["run", "--help"]):
            status, out, err = self.run_cli(*args)
            self.assertEqual((status, err), (0, ""))
            self.assertTrue(out.startswith("Usage:\n spherule"), out)

    def test_version_and_the_other_name(self):
        status, out, err = self.run_cli("version")
        self.assertEqual((status, err), (0, ""))
        self.assertRegex(out, r"^Spherule \d+\.\d+\.\d+\n$")
        self.assertEqual(self.run_cli("--version")[1], out)
        status, out, _ = self.run_cli("show-version", "--output", "json", program="azsphere")
        self.assertEqual(sorted(json.loads(out)), ["Azure Sphere SDK", "Spherule"])
        _, out, _ = self.run_cli("device", "--help", program="azsphere")
        self.assertTrue(out.startswith("Usage:\n azsphere device COMMAND\n"), out)

    def test_a_closed_standard_output_is_an_error(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([os.path.join(BIN, "spherule"), "version"], env=self.env, stdout=full,
                                  stderr=subprocess.PIPE, timeout=60)
        self.assertEqual((done.returncode, done.stderr.decode()),
                         (7, "error: cannot write to standard output: No space left on device\n"))


class Devices(Case):
    def test_unknown_and_missing_devices(self):
        none = "there is no device; make one with 'spherule device create'"
        for args in (["device", "start"], ["device", "stop"], ["device", "app", "show-memory-stats"], ["device", "log"]):
            self.expect_error(args, 6, none)
        self.assertFalse(os.path.exists(self.home))
        missing = "there is no device 'x'; make it with 'spherule device create x'"
        self.make_device()
        for args in (["device", "start", "x"], ["device", "delete", "x"], ["device", "restart", "-d", "x"]):
            self.expect_error(args, 6, missing)
        self.expect_error(["device", "start", "../x"], 2, "'../x' is no name for a device")

    def test_which_device_is_meant(self):
        self.make_device("b")
        self.expect_error(["device", "log"], 3, "device 'b' is not running; start it with 'spherule device start b'")
        self.make_device("a")
        self.expect_error(["device", "log"], 2, "there are several devices (a, b): say which one with --device")
        self.make_device("default")
        self.expect_error(["device", "log"], 3,
                          "device 'default' is not running; start it with 'spherule device start default'")
        self.env["SPHERULE_DEVICE"] = "a"
        self.expect_error(["device", "log"], 3, "device 'a' is not running; start it with 'spherule device start a'")
        self.expect_error(["device", "log", "-d", "b"], 3,
                          "device 'b' is not running; start it with 'spherule device start b'")

    def test_create_list_delete(self):
        self.expect(["device", "list"], 0, "", "Name  State  Backend  Profile  RAM  Flash\n")
        self.expect(["device", "create", "a", "--ram", "64K"], 0,
                    "Device 'a' created. Start it with 'spherule device start a'.\n")
        self.expect_error(["device", "create", "a"], 1, "there is a device 'a' already")
        with open(os.path.join(self.folder("a"), "device.json")) as f:
            config = json.load(f)
        self.assertEqual({k: config[k] for k in ("name", "backend", "hostLibraries")},
                         {"name": "a", "backend": "native", "hostLibraries": False})
        profile = config["profile"]
        self.assertEqual({k: v for k, v in profile.items() if k != "core"},
                         {"name": "mt3620", "ramBytes": 65536, "flashBytes": 1048576, "storageBytes": 65536,
                          "pageBytes": 4096})
        self.expect(["device", "list"], 0, "", "Name  State    Backend  Profile  RAM    Flash\n"
                                               "a     stopped  native   mt3620   65536  1048576\n")
        self.expect(["device", "list", "-o", "tsv"], 0, "", "a\tstopped\tnative\tmt3620\t65536\t1048576\n")
        self.assertEqual(json.loads(self.run_cli("device", "list", "-o", "json")[1]),
                         [{"name": "a", "state": "stopped", "backend": "native", "profile": "mt3620", "ramBytes": 65536,
                           "flashBytes": 1048576}])
        self.expect(["device", "list", "-o", "none"], 0, "", "")
        self.expect(["device", "stop", "a"], 0, "Device 'a' is not running.\n")
        self.expect(["device", "delete", "a"], 0, "Device 'a' deleted.\n")
        self.assertFalse(os.path.exists(self.folder("a")))

    def test_a_broken_device_is_shown(self):
        self.make_device("a")
        self.write("home/devices/a/device.json", '{"profile":{"ramBytes":"x"}}')
        self.expect(["device", "list", "-o", "tsv"], 0,
                    "warn: device 'a': device.json: line 1, column 24: ramBytes: not a whole number\n", "a\tbroken\t\t\t\t\n")

    def test_profiles(self):
        self.expect_error(["device", "create", "--profile", "nowhere.json"], 4,
                          "cannot open the profile 'nowhere.json': No such file or directory")
        table = [
            ("{", "line 1, column 2: "),
            ("[]", "line 1, column 1: a profile is a JSON object"),
            ('{"ramBytes":1.5}', "line 1, column 13: ramBytes: not a whole number"),
            ('{"ramBytes":4096}', "line 1, column 13: ramBytes must be from 16 KiB to 1048576 KiB, not 4096 bytes"),
            ('{"pageBytes":65536}', "line 1, column 14: pageBytes must be from 4 KiB to 4 KiB, not 65536 bytes"),
            ('{\n"colour":1}', "line 2, column 10: 'colour' is not a key of a profile"),
            ('{"name":7}', "line 1, column 9: name: not a text of at most 31 bytes"),
        ]
        for text, sentence in table:
            path = self.write("p.json", text)
            status, out, err = self.run_cli("device", "create", "--profile", path)
            self.assertEqual((status, out), (4, ""), text)
            self.assertTrue(err.startswith(f"error: {path}: {sentence}"), err)
        path = self.write("p.json", '{"name":"big","ramBytes":1048576,"flashBytes":2097152}')
        self.assertEqual(self.run_cli("device", "create", "--profile", path, "--ram", "512K")[0], 0)
        self.expect(["device", "list", "-o", "tsv"], 0, "", "default\tstopped\tnative\tbig\t524288\t2097152\n")

    def test_a_virtual_device_by_pid_files(self):
        self.expect(["device", "create", "--virtual"], 0, "Device 'default' created. Start it with 'spherule device start "
                    "default'.\n")
        row = "default\t%s\tvirtual\tmt3620\t262144\t1048576\n"
        machine = self.hold("machine.pid", "qemu-system-arm")
        self.expect(["device", "list", "-o", "tsv"], 0, "", row % "agent only")
        gateway = self.hold("gateway.pid", "spheruled")
        self.expect(["device", "list", "-o", "tsv"], 0, "", row % "running")
        reaper = threading.Thread(target=lambda: [os.waitpid(p, 0) for p in (machine, gateway)])
        reaper.start()
        self.expect(["device", "stop"], 0, "Device 'default' stopped.\n")
        reaper.join(10)
        self.assertFalse(reaper.is_alive())
        self.expect(["device", "list", "-o", "tsv"], 0, "", row % "stopped")

    def test_states_by_pid_files(self):
        self.make_device()
        self.hold("gateway.pid", "spheruled")
        self.expect(["device", "list", "-o", "tsv"], 0, "", "default\tgateway only\tnative\tmt3620\t262144\t1048576\n")
        agent = self.hold("agent.pid", "spherule-agent")
        self.expect(["device", "list", "-o", "tsv"], 0, "", "default\trunning\tnative\tmt3620\t262144\t1048576\n")
        self.expect_error(["device", "delete", "default"], 1,
                          "device 'default' is running; stop it first, or use --force")
        os.kill(agent, signal.SIGKILL)
        os.waitpid(agent, 0)
        self.expect(["device", "list", "-o", "tsv"], 0, "", "default\tgateway only\tnative\tmt3620\t262144\t1048576\n")

    def test_a_stranger_with_the_pid_is_not_the_device(self):
        self.make_device()
        pid = self.hold("other.pid", "stranger")
        self.write("home/devices/default/agent.pid", f"{pid}\n")
        self.write("home/devices/default/gateway.pid", "1\n")
        self.expect(["device", "stop"], 0, "Device 'default' is not running.\n")
        os.kill(pid, 0)

    def test_stop_ends_what_does_not_answer(self):
        self.make_device()
        agent = self.hold("agent.pid", "spherule-agent")
        gateway = self.hold("gateway.pid", "spheruled")
        reaper = threading.Thread(target=lambda: [os.waitpid(p, 0) for p in (agent, gateway)])
        reaper.start()
        self.expect(["device", "stop"], 0, "Device 'default' stopped.\n")
        reaper.join(10)
        self.assertFalse(reaper.is_alive())

    def test_start_without_its_programs(self):
        self.make_device()
        empty = os.path.join(self.tmp, "empty")
        os.mkdir(empty)
        self.env["SPHERULE_LIBEXEC"] = empty
        self.expect_error(["device", "start"], 7, f"cannot find spherule-agent in {empty}; set SPHERULE_LIBEXEC to the "
                          "folder that has it")

    def programs(self, agent, gateway="#!/bin/sh\nexit 1\n"):
        for name, text in (("spherule-agent", agent), ("spheruled", gateway)):
            path = self.write(f"libexec/{name}", text)
            os.chmod(path, 0o755)
        self.env["SPHERULE_LIBEXEC"] = os.path.join(self.tmp, "libexec")

    def start_with(self, agent):
        self.programs(agent)
        return self.run_cli("device", "start")

    @unittest.skipUnless(os.geteuid() == 0, "the agent is started directly only by root")
    def test_start_passes_the_programs_refusal_on(self):
        self.make_device()
        say = "#!/bin/sh\necho '%s' >&3\nexit %d\n"
        self.assertEqual(self.start_with(say % ("this kernel cannot", 5)),
                         (5, "", "error: this kernel cannot; a virtual device needs neither root nor a new kernel: make "
                                 "one with 'spherule device create NAME --virtual'\n"))
        self.assertEqual(self.start_with(say % ("the disk is broken", 1)), (1, "", "error: the disk is broken\n"))
        self.assertEqual(self.start_with("#!/bin/sh\nexit 1\n"),
                         (1, "", "error: spherule-agent ended before it was ready; see agent.log in its folder\n"))
        self.assertEqual(self.start_with(say % ("ok", 0)),
                         (1, "", "error: spheruled ended before it was ready; see gateway.log in its folder\n"))

    @unittest.skipUnless(os.geteuid() == 0, "needs root to become another user")
    def test_another_user_goes_through_sudo(self):
        os.chmod(self.tmp, 0o777)

        def run(*args):
            done = subprocess.run([os.path.join(BIN, "spherule"), *args], env=self.env, cwd="/", user=65534, group=65534,
                                  extra_groups=[], stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
            return done.returncode, done.stdout.decode(), done.stderr.decode()
        self.assertEqual(run("device", "create")[0], 0)
        refused = ("error: the agent could not be started as root (tried 'sudo -n'): metering on this machine itself needs "
                   "root and Linux 6.2 or newer; a virtual device needs neither root nor a new kernel: make one with "
                   "'spherule device create NAME --virtual'\n")
        self.env["PATH"] = os.path.join(self.tmp, "path") + ":" + self.env["PATH"]
        os.chmod(self.write("path/sudo", "#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n"), 0o755)
        self.programs("#!/bin/sh\necho \"$@\" > \"$2/args\"\necho no more room\nexit 1\n")
        self.assertEqual(run("device", "start"), (5, "", refused))
        os.unlink(os.path.join(self.tmp, "path/sudo"))
        os.chmod(self.write("path/sudo", "#!/bin/sh\n[ $1 = -n ] && shift && exec \"$@\"\n"), 0o755)
        self.assertEqual(run("device", "start"), (1, "", "error: no more room\n"))
        with open(os.path.join(self.folder(), "args")) as f:
            self.assertEqual(f.read(), f"--device {self.folder()} --owner 65534 --ready-fd 1\n")

    @unittest.skipUnless(os.geteuid() == 0, "the agent is started directly only by root")
    def test_two_starts_at_once_start_one(self):
        self.make_device()
        program = ("#!/usr/bin/env python3\nimport sys, os\nsys.path.insert(0, %r)\nfrom fake_device import *\n"
                   "import time\nfolder = sys.argv[sys.argv.index('--device') + 1]\n"
                   "open(os.path.join(folder, 'starts'), 'a').write('%s\\n')\n"
                   "pid = hold_pid_file(folder, '%s', '%s')\nopen(os.path.join(folder, 'pids'), 'a').write(f'{pid}\\n')\n"
                   "%stime.sleep(0.2)\nos.write(3, b'ok\\n')\nos.close(3)\n%s")
        here = os.path.dirname(os.path.abspath(__file__))
        serve = ("FakeDevice(folder, {('GET', '/spherule/v1/gateway'): (200, {'connected': True}), "
                 "('POST', '/spherule/v1/trust'): (201, {})})\n")
        agent = program % (here, "agent", "agent.pid", "spherule-agent", "", "")
        gateway = program % (here, "gateway", "gateway.pid", "spheruled", serve, "time.sleep(15)\n")
        results = []
        self.programs(agent, gateway)
        threads = [threading.Thread(target=lambda: results.append(self.run_cli("device", "start"))) for _ in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        with open(os.path.join(self.folder(), "pids")) as f:
            pids = [int(line) for line in f]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        with open(os.path.join(self.folder(), "starts")) as f:
            self.assertEqual(f.read(), "agent\ngateway\n")
        self.assertEqual(sorted(r[2] for r in results), ["Device 'default' is running already.\n"] * 3 +
                         ["Device 'default' started.\n"])
        self.assertEqual([r[0] for r in results], [0] * 4)


class Answers(Case):
    def test_memory_table_is_the_documents(self):
        self.fake({("GET", "/stats/memory/groups/applications"): (200, MEMORY)})
        args = ["device", "app", "show-memory-stats"]
        self.expect(args, 0, "", " -------------------------- -------------\n"
                                 " Name                       Usage (bytes)\n"
                                 " ========================================\n"
                                 " Total (Kernel + User Mode) 65536\n"
                                 " -------------------------- -------------\n"
                                 " User Mode                  36864\n"
                                 " -------------------------- -------------\n"
                                 " Peak User Mode             36864\n"
                                 " -------------------------- -------------\n")
        self.expect(args + ["-o", "tsv"], 0, "",
                    "Total (Kernel + User Mode)\t65536\nUser Mode\t36864\nPeak User Mode\t36864\n")
        self.assertEqual(json.loads(self.run_cli(*args, "-o", "json")[1]), MEMORY)
        self.assertEqual(self.run_cli(*args, "-o", "jsonc")[1], self.run_cli(*args, "-o", "json")[1])

    def test_heap_lines(self):
        stats = {**MEMORY, "apps": [{"componentId": ID, "processes": [{"pid": 1, "heapUsageByCaller": [
            {"name": "App + Static Libraries", "usageInBytes": 1234}, {"name": "libcurl.so.4", "usageInBytes": 5}]}]}]}
        self.fake({("GET", "/stats/memory/groups/applications"): (200, stats)})
        out = self.run_cli("device", "app", "show-memory-stats")[1]
        self.assertIn("\n Heap: App + Static Libraries 1234\n", out)
        self.assertIn("\n Heap: libcurl.so.4           5\n", out)

    def test_status_start_stop_quota_images(self):
        fake = self.fake({
            ("GET", "/spherule/v1/apps"): (200, APPS),
            ("GET", f"/app/status/{ID2}"): (200, {"state": "notPresent"}),
            ("PATCH", f"/app/status/{ID}"): lambda h, body: (200, {"state": "running" if b"start" in body else "stopped"}),
            ("GET", f"/app/quota/{ID}"): (200, {"UsageKB": 1, "LimitKB": 8}),
            ("GET", f"/spherule/v1/storage/{ID}"): (200, {"writes": 4, "bytesWritten": 900, "blocksErased": 3,
                                                          "idleWrites": 2}),
        })
        self.expect(["device", "app", "show-status"], 0, "", f"{ID}: App state: running\n")
        self.expect(["device", "app", "show-status", "-i", ID2.upper()], 0, "", f"{ID2}: App state: notPresent\n")
        self.expect(["device", "app", "stop"], 0, "", f"{ID}: App state: stopped\n")
        self.expect(["device", "app", "start", "-i", ID], 0, "", f"{ID}: App state: running\n")
        self.assertIn(("PATCH", f"/app/status/{ID}", "application/json", b'{"trigger":"start"}'), fake.requests)
        self.expect(["device", "app", "show-quota", "-o", "tsv"], 0, "", f"{ID}\t1\t8\t4\t900\t3\t2\n")
        self.expect(["device", "image", "list-installed"], 0, "",
                    f"Installed images:\n --> blink\n   --> Image type:   Application\n   --> Component ID: {ID}\n"
                    f"   --> Image ID:     {ID2}\n")

    def test_unknown_ids(self):
        self.fake({("GET", "/spherule/v1/apps"): (200, APPS),
                   ("GET", "/spherule/v1/kills/9"): (404, refusal(2, "There is no report 9.")),
                   ("GET", "/spherule/v1/kills"): (200, {"reports": [], "dropped": 0})})
        sentence = f"Application is not present (no application {ID2} on device 'default')"
        for args in (["device", "app", "start"], ["device", "app", "stop"], ["device", "app", "show-quota"],
                     ["device", "sideload", "delete"]):
            self.expect_error(args + ["-i", ID2], 6, sentence)
        self.expect_error(["device", "app", "show-kills", "9"], 6, "Not found (There is no report 9.)")
        self.expect_error(["device", "app", "show-kills", "last"], 6, "device 'default' has no reports")

    def test_a_device_without_applications(self):
        self.fake({("GET", "/spherule/v1/apps"): (200, {"apps": []})})
        self.expect_error(["device", "app", "stop"], 6, "no application is installed on device 'default'")
        self.expect(["device", "app", "show-status"], 0, "No application is installed on device 'default'.\n", "")
        self.expect(["device", "sideload", "delete"], 0, "", "")

    def test_every_refusal_of_the_device(self):
        table = [
            (400, refusal(7340047, "Signer unknown."), 1, "Image not trusted by device; check if application development "
             "capability is enabled ('azsphere device enable-development') (Signer unknown.)"),
            (400, refusal(14680082), 7, "Insufficient free space on the device"),
            (400, refusal(7340050, "No."), 4, "Image could not be staged; check that it is a valid image package (No.)"),
            (403, refusal(13), 5, "Permission denied; application development capability may be required ('azsphere device "
             "enable-development')"),
            (409, refusal(14680076), 6, "Application is not present"),
            (500, refusal(12345678, "It broke."), 1, "It broke. (error 12345678)"),
            (500, refusal(12345678), 1, "Unknown device error: 12345678"),
            (500, "not json", 1, "device 'default' answered with HTTP status 500"),
            (503, refusal(10485765, "Connecting."), 3, "the agent of device 'default' is away; 'spherule device start "
             "default' brings it back (Connecting.)"),
            (504, refusal(110), 3, "the agent of device 'default' did not answer in time"),
            (200, "{", 1, "device 'default' gave an answer that is not JSON: line 1, column 2: "),
            (200, "[]", 1, "device 'default' gave an answer that is no JSON object"),
            (200, "{}", 1, "device 'default' answered without memory statistics"),
        ]
        answers = {}
        self.fake(answers)
        for http, body, status, sentence in table:
            with self.subTest(sentence=sentence):
                answers[("GET", "/stats/memory/groups/applications")] = (http, body)
                got = self.run_cli("device", "app", "show-memory-stats")
                self.assertEqual((got[0], got[1]), (status, ""))
                self.assertTrue(got[2].startswith(f"error: {sentence}"), got[2])

    def test_the_sentence_may_come_in_a_header(self):
        self.fake({("GET", "/stats/memory/groups/applications"):
                   (409, {"error": 14680076}, {"Spherule-Error": "No such thing."})})
        self.expect_error(["device", "app", "show-memory-stats"], 6, "Application is not present (No such thing.)")

    def test_gateways_that_are_not_there(self):
        self.make_device()
        args = ["device", "app", "show-memory-stats"]
        self.expect_error(args, 3, "device 'default' is not running; start it with 'spherule device start default'")
        self.hold("agent.pid", "spherule-agent")
        self.expect_error(args, 3, "the gateway of device 'default' is not running; 'spherule device start default' brings "
                          "it back")
        self.hold("gateway.pid", "spheruled")
        self.expect_error(args, 3, "the gateway of device 'default' runs but cannot be connected to: rest.sock is not open "
                          "to you")

    def test_a_gateway_that_breaks_off(self):
        def vanish(handler, body):
            handler.close_connection = True
            handler.connection.shutdown(2)
        self.fake({("GET", "/stats/memory/groups/applications"): vanish})
        self.expect_error(["device", "app", "show-memory-stats"], 3,
                          "the connection to device 'default' broke off: it closed without an answer")

    def test_log(self):
        pieces = [(b"one\n", "4"), (b"two\n", "8")]

        def follow(handler, body):
            cursor = handler.path.split("cursor=")[1].split("&")[0]
            i = {"0": 0, "4": 1}.get(cursor)
            if i is None:
                return 503, refusal(10485765)
            return 200, pieces[i][0], {"Spherule-Log-Cursor": pieces[i][1], "Spherule-Log-Lost": "3" if i else "0"}
        answers = {("GET", "/log"): (200, b"a\xff\nb\n")}
        for cursor in ("0", "4", "8"):
            answers[("GET", f"/spherule/v1/log?cursor={cursor}&waitMs=20000")] = follow
        self.fake(answers)
        self.assertEqual(self.run_cli("device", "log", binary=True), (0, b"a\xff\nb\n", ""))
        status, out, err = self.run_cli("device", "log", "--follow")
        self.assertEqual((status, out), (3, "one\ntwo\n"))
        self.assertEqual(err, "warn: 3 bytes of the log were overwritten before they could be shown\n"
                              "error: the agent of device 'default' is away; 'spherule device start default' brings it "
                              "back\n")

    def test_follow_ends_by_interrupt(self):
        def slow(handler, body):
            time.sleep(5)
            return 200, b"", {"Spherule-Log-Cursor": "0", "Spherule-Log-Lost": "0"}
        self.fake({("GET", "/spherule/v1/log?cursor=0&waitMs=20000"): slow})
        process = subprocess.Popen([os.path.join(BIN, "spherule"), "device", "log", "-f"], env=self.env,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        start = time.monotonic()
        out, err = process.communicate(timeout=10)
        self.assertEqual((process.returncode, out, err), (0, b"", b""))
        self.assertLess(time.monotonic() - start, 3)

    def test_gpio(self):
        pin = {"pin": 12, "value": 1, "use": "input", "componentId": ID}
        fake = self.fake({("GET", "/spherule/v1/gpio/12"): (200, pin), ("GET", "/spherule/v1/gpio"): (200, {"pins": [pin]}),
                          ("PUT", "/spherule/v1/gpio/12"): (200, pin),
                          ("PUT", "/spherule/v1/gpio/13"): (409, refusal(16, "An application drives pin 13."))})
        self.expect(["device", "gpio", "get", "12"], 0, "", "1\n")
        self.expect(["device", "gpio", "set", "12", "0"], 0, "", "")
        self.assertIn(("PUT", "/spherule/v1/gpio/12", "application/json", b'{"value":0}'), fake.requests)
        self.expect_error(["device", "gpio", "set", "13", "0"], 1, "The resource is in use (An application drives pin 13.)")
        self.expect(["device", "gpio", "list", "-o", "tsv"], 0, "", f"12\t1\tinput\t\t{ID}\n")

    def test_restart_waits_for_the_new_boot(self):
        boots = iter(["a", "a", None, "b"])

        def device(handler, body):
            boot = next(boots)
            return (200, {"bootId": boot}) if boot else (503, refusal(10485765))
        fake = self.fake({("POST", "/restart"): (200, {"restartingSystem": True}),
                          ("GET", "/spherule/v1/device"): device})
        self.expect(["device", "restart"], 0, "Device 'default' restarted.\n")
        self.assertEqual(fake.requests[1], ("POST", "/restart", "text/plain", b""))
        self.assertEqual(len(fake.requests), 5)


class Packages(Case):
    def test_input_files(self):
        self.make_device()
        broken = self.write("broken", b"x" * 5000)
        empty = self.write("empty", b"")
        no_such = "No such file or directory"
        table = [
            (["device", "sideload", "deploy", "-p", "none"], f"cannot open the image package 'none': {no_such}"),
            (["device", "sideload", "deploy", "-p", self.tmp], f"the image package '{self.tmp}' is not a file"),
            (["device", "sideload", "deploy", "-p", broken], f"{broken}: "),
            (["device", "sideload", "deploy", "-p", empty], f"{empty}: "),
            (["image-package", "show", "-p", "none"], f"cannot open the image package 'none': {no_such}"),
            (["image-package", "show", broken], f"{broken}: "),
            (["trust", "add", "none.pem"], f"cannot open the certificate 'none.pem': {no_such}"),
            (["trust", "add", broken], f"{broken}: "),
            (["image-package", "pack-application", "--package-directory", "none", "--destination", "x"],
             f"cannot open the package directory 'none': {no_such}"),
            (["image-package", "pack-application", "--package-directory", broken, "--destination", "x"],
             f"the package directory '{broken}' is not a directory"),
        ]
        for args, sentence in table:
            with self.subTest(args=args):
                status, out, err = self.run_cli(*args)
                self.assertEqual((status, out), (4, ""))
                self.assertTrue(err.startswith(f"error: {sentence}"), err)
                self.assertEqual(err.count("\n"), 1)

    def test_pack_show_and_verbose(self):
        path, (status, out, err) = self.package(None, None, "--verbose", "--target-api-set", "10+Beta2105")
        self.assertEqual((status, out), (0, ""), err)
        lines = err.splitlines()
        self.assertTrue(all(line.startswith("verbose: ") for line in lines), err)
        self.assertEqual(lines[0], "verbose: Creating image package.")
        self.assertEqual(lines[1], "verbose: Azure Sphere application image package written.")
        self.assertEqual(lines[2], "verbose: Appending metadata.")
        self.assertEqual(lines[3], "verbose: Wrote metadata:")
        self.assertEqual(lines[-2], "verbose: Packaging completed successfully.")
        self.assertEqual(lines[-1], f"verbose: Output file is at: {path}")
        self.assertIn("verbose:     Depends on:           ApplicationRuntime, version 10", lines)
        shown = json.loads(self.run_cli("image-package", "show", "--image-package", path, "-o", "json")[1])
        self.assertEqual(shown["Identity"]["ImageType"], "Application")
        self.assertEqual(shown["Identity"]["ComponentId"], ID)
        self.assertEqual(shown["Size"], os.path.getsize(path))
        self.assertEqual([(f["Path"], f["Executable"]) for f in shown["Files"]],
                         [("app_manifest.json", False), ("bin/app", True)])
        _, out, _ = self.run_cli("image-package", "show", path)
        self.assertIn(f"  Image ID:             {shown['Identity']['ImageId']}\n", out)
        self.assertEqual(os.stat(os.path.join(self.home, "sdk", "sdk-development-key.pem")).st_mode & 0o777, 0o600)

    def test_broken_manifests(self):
        def without(key):
            return {k: v for k, v in MANIFEST.items() if k != key}
        table = [
            ("{", "line 1, column 2"), (without("SchemaVersion"), "SchemaVersion"), ({**MANIFEST, "SchemaVersion": 2},
             "SchemaVersion"), (without("ComponentId"), "ComponentId"), ({**MANIFEST, "ComponentId": "x"}, "ComponentId"),
            (without("EntryPoint"), "EntryPoint"), (without("Capabilities"), "Capabilities"),
            ({**MANIFEST, "CmdArgs": "x"}, "CmdArgs"), ({**MANIFEST, "ApplicationType": "Odd"}, "ApplicationType"),
            ({**MANIFEST, "Capabilities": {"Gpio": [1, "x"]}}, "Capabilities.Gpio[1]"),
            ({**MANIFEST, "Capabilities": {"MutableStorage": {"SizeKB": 65}}}, "Capabilities.MutableStorage"),
        ]
        for manifest, word in table:
            with self.subTest(word=word, manifest=manifest):
                path, (status, out, err) = self.package(manifest)
                self.assertEqual((status, out), (4, ""))
                self.assertTrue(err.startswith("error: app_manifest.json"), err)
                self.assertIn(word, err)
                self.assertEqual(err.count("\n"), 1)
                self.assertFalse(os.path.exists(path))

    def test_missing_parts(self):
        _, (status, _, err) = self.package(None, {"other": b"x"})
        self.assertEqual(status, 4)
        self.assertIn("/bin/app", err)
        os.unlink(os.path.join(self.tmp, "approot", "app_manifest.json"))
        folder = os.path.join(self.tmp, "approot")
        self.expect_error(["image-package", "pack-application", "--package-directory", folder, "--destination", "x"], 4,
                          f"cannot open the application manifest '{folder}/app_manifest.json': No such file or directory")
        os.mkfifo(os.path.join(folder, "pipe"))
        self.expect_error(["image-package", "pack-application", "--package-directory", folder, "--destination", "x"], 4,
                          f"'{folder}/pipe' is neither a file nor a folder")

    def test_destination_that_cannot_be_written(self):
        self.package()
        status, out, err = self.run_cli("image-package", "pack-application", "--package-directory",
                                        os.path.join(self.tmp, "approot"), "--destination", "none/x")
        self.assertEqual((status, out, err), (7, "", "error: cannot write 'none/x': No such file or directory\n"))

    def test_heap_tracking_needs_both_halves(self):
        heap = {**MANIFEST, "Capabilities": {"HeapMemStats": True}}
        files = {"bin/app": b"\x7fELF", "libmalloc.so.0": b"\x7fELF"}
        half = "warn: heap tracking is only half set up: "
        table = [(heap, False, half + "app_manifest.json has HeapMemStats, but the package has no libmalloc.so.0; add DEBUG_LIB "
                  "\"libmalloc\" to azsphere_target_add_image_package in CMakeLists.txt\n"),
                 (MANIFEST, True, half + "the package has libmalloc.so.0 (DEBUG_LIB in CMakeLists.txt), but HeapMemStats is "
                  "missing; add \"HeapMemStats\": true to Capabilities in app_manifest.json\n"),
                 (heap, True, ""), (MANIFEST, False, "")]
        for manifest, with_library, warning in table:
            _, got = self.package(manifest, files if with_library else None)
            self.assertEqual(got, (0, "", warning))

    def test_executables_and_hardware(self):
        definitions = self.write("hw/board.json", json.dumps({
            "Metadata": {"Type": "Azure Sphere Hardware Definition", "Version": 1}, "Imports": [],
            "Peripherals": [{"Name": "LED", "Type": "Gpio", "Mapping": "CHIP_8"},
                            {"Name": "CHIP_8", "Type": "Gpio", "MainCoreHeaderValue": "8", "AppManifestValue": 8}]}))
        manifest = {**MANIFEST, "Capabilities": {"Gpio": ["$LED", 3]}}
        path, (status, _, err) = self.package(manifest, {"bin/app": b"\x7fELF", "run.sh": b"#!", "b.sh": b"#!"},
                                              "--hardware-definitions", f"nowhere,{os.path.dirname(definitions)}",
                                              "--target-definition-filename", "board.json", "--executables", "x,/run.sh")
        self.assertEqual((status, err), (0, ""))
        with open(path, "rb") as f:
            self.assertIn(b'"Gpio":[8,3]', f.read())
        shown = json.loads(self.run_cli("image-package", "show", path, "-o", "json")[1])
        self.assertEqual({f["Path"] for f in shown["Files"] if f["Executable"]}, {"bin/app", "run.sh"})
        _, (status, _, err) = self.package(manifest, None, "--target-definition-filename", "nope.json")
        self.assertEqual((status, err), (4, "error: hardware definition 'nope.json' is in none of the folders given\n"))
        _, (status, _, err) = self.package(manifest)
        self.assertEqual(status, 4)
        self.assertIn("Capabilities.Gpio: '$LED'", err)

    def test_deploy(self):
        path, _ = self.package()
        answers = {("PUT", "/update/stage"): (200, {}), ("POST", "/update/install"): (200, {})}
        fake = self.fake(answers)
        done = (f"Deploying '{path}' to the attached device.\n"
                f"Image package '{path}' has been deployed to the attached device.\n")
        self.expect(["device", "sideload", "deploy", "-p", path], 0, done)
        with open(path, "rb") as f:
            package = f.read()
        self.assertEqual(fake.requests, [("PUT", "/update/stage", "application/octet-stream", package),
                                         ("POST", "/update/install", "application/json", b'{"appControlMode":"Auto"}'),
                                         ("GET", "/spherule/v1/apps", None, b"")])  # which there is not
        self.expect(["dev", "sl", "deploy", "-mp", path], 0, done)
        self.assertEqual(fake.requests[-1][3], b'{"appControlMode":"Manual"}')
        self.expect(["device", "sideload", "deploy", "-p", path, "-o", "none"], 0, "")
        answers[("POST", "/update/install")] = (400, refusal(7340056))
        self.expect(["device", "sideload", "deploy", "-p", path], 1,
                    f"Deploying '{path}' to the attached device.\nerror: Could not deploy application to device: Installation "
                    "failed; check if application development capability is enabled ('azsphere device "
                    "enable-development')\n")

    def test_force_sends_anything(self):
        path = self.write("odd", b"odd")
        fake = self.fake({("PUT", "/update/stage"): (400, refusal(7340050))})
        status, _, err = self.run_cli("device", "sideload", "deploy", "--force", "-p", path)
        self.assertEqual(status, 4)
        self.assertEqual(fake.requests[0][3], b"odd")

    def test_delete(self):
        fake = self.fake({("GET", "/spherule/v1/apps"): (200, {"apps": APPS["apps"] + [{"componentId": ID2}]}),
                          ("DELETE", f"/app/image/{ID}"): (200, {}), ("DELETE", f"/app/image/{ID2}"): (200, {})})
        self.expect(["device", "sideload", "delete"], 0, f"Component '{ID}' deleted.\nComponent '{ID2}' deleted.\n")
        self.expect(["device", "sideload", "delete", "-i", ID], 0, f"Component '{ID}' deleted.\n")
        self.expect(["device", "sideload", "delete", "-e", f"{{{ID.upper()}}}"], 0, f"Component '{ID2}' deleted.\n")
        self.assertEqual(len([r for r in fake.requests if r[0] == "DELETE"]), 4)

    def test_trust(self):
        self.package()  # makes the key
        cert = os.path.join(self.home, "sdk", "sdk-development-certificate.pem")
        answers = {("POST", "/spherule/v1/trust"): (201, {}), ("GET", "/spherule/v1/trust"):
                   (200, {"entries": [{"thumbprint": "ab" * 20, "point": "04", "name": "CN=x", "kind": "development"}]}),
                   ("DELETE", "/spherule/v1/trust/" + "cd" * 20): (404, refusal(2, "It is not trusted."))}
        fake = self.fake(answers)
        status, _, err = self.run_cli("trust", "add", cert)
        self.assertEqual(status, 0)
        self.assertRegex(err, r"^Device 'default' now trusts 'CN=.*'\.\n$")
        body = json.loads(fake.requests[0][3])
        self.assertEqual((len(body["thumbprint"]), len(body["point"]), body["point"][:2]), (40, 130, "04"))
        answers[("DELETE", "/spherule/v1/trust/" + body["thumbprint"])] = (200, {})
        self.expect(["trust", "list", "-o", "tsv"], 0, "", "ab" * 20 + "\tdevelopment\tCN=x\n")
        self.expect(["trust", "remove"], 0, f"Device 'default' no longer trusts {body['thumbprint']}.\n")
        self.expect_error(["trust", "remove", "CD" * 20], 6, "Not found (It is not trusted.)")
        self.assertEqual(self.run_cli("trust", "add", "--sdk-development")[0], 0)
        self.assertEqual(json.loads(fake.requests[-1][3])["thumbprint"], "a8d5cc6958f48710140d7a26160fc1cfc31f5df0")
        answers[("POST", "/spherule/v1/trust")] = (409, refusal(17, "It is trusted already."))
        self.assertEqual(self.run_cli("trust", "add", cert)[0], 0)


class Run(Case):
    """`run` on a device that is there: the throw-away one needs the real programs."""

    REPORT = {"id": 3, "componentId": ID, "imageId": ID2, "name": "probe", "pid": 5, "timeMs": 1700000000000, "uptimeMs": 1,
              "runMs": 1500, "why": "exit", "exitCode": 0, "signal": 0, "signalName": "", "willRestart": False,
              "limitBytes": 262144, "userBytes": 36864, "peakUserBytes": 40960, "totalBytes": 65536, "kernelBytes": 28672,
              "userExact": True, "userHow": "kmem:rss_stat", "kernelExact": True, "kernelHow": "x", "stack": [],
              "stackHow": "", "mappings": [], "mappingsDropped": 0, "pagesHow": "", "log": ""}

    def serve(self, report, lines=None):
        def events(handler, body):
            handler.stream([{"kind": "subscribed", "lastSeq": 0}, ""] + (lines or []) +
                           [{"kind": "ended", "componentId": ID, "reportId": 3, "why": report["why"]}])
        answers = {("PUT", "/update/stage"): (200, {}), ("POST", "/update/install"): (200, {}),
                   ("GET", f"/app/status/{ID}"): (200, {"state": "notPresent"}),
                   ("GET", EVENTS): events, ("DELETE", f"/app/image/{ID}"): (200, {}),
                   ("POST", f"/spherule/v1/apps/{ID}/run"): (200, {"state": "running", "pid": 5}),
                   ("GET", "/spherule/v1/kills/3"): (200, report)}
        return self.fake(answers), answers

    def test_each_end_has_its_status(self):
        path, _ = self.package()
        table = [
            ({"why": "exit", "exitCode": 0}, 0, "it exited with status 0"),
            ({"why": "exit", "exitCode": 99}, 99, "it exited with status 99"),
            ({"why": "exit", "exitCode": 120}, 99, "it exited with status 120"),
            ({"why": "stopped", "exitCode": 4}, 4, "it was asked to stop, and did, with status 4"),
            ({"why": "ration", "signal": 9, "crossing": {"userBytes": 266240}}, 120, "it went over its ration of 262144 bytes "
             "(the next page would have made 266240)"),
            ({"why": "crash", "signalName": "SIGSEGV", "faultAddress": "0x8"}, 121, "it crashed by SIGSEGV at address 0x8"),
            ({"why": "killed", "signalName": "SIGKILL"}, 122, "it was killed by SIGKILL from elsewhere"),
            ({"why": "sigtermIgnored"}, 122, "it was asked to stop, did not, and was killed after the grace time"),
            ({"why": "startFailed"}, 125, "it could not be started"),
        ]
        report = dict(self.REPORT)
        self.serve(report)
        for change, expected, sentence in table:
            report.clear()
            report.update({**self.REPORT, **change})
            with self.subTest(change=change):
                status, out, err = self.run_cli("run", "--device", "default", path)
                self.assertEqual((status, out), (expected, ""), err)
                self.assertTrue(err.startswith(f"probe ({ID}) ended at 2023-11-14T22:13:20.000Z after 1.500 s: {sentence}.\n"),
                                err)
                if change.get("exitCode") == 120:
                    self.assertTrue(err.endswith("warn: its exit status was 120; statuses above 99 end as 99\n"))

    def test_output_is_passed_through(self):
        path, _ = self.package()
        self.serve(self.REPORT, [
            {"kind": "output", "componentId": ID, "stream": "stdout", "text": "to out \u00e4\n"},
            {"kind": "output", "componentId": ID2, "stream": "stdout", "text": "of another\n"},
            {"kind": "output", "componentId": ID, "stream": "stdout", "hex": "00ff0a"},
            {"kind": "output", "componentId": ID, "stream": "stderr", "text": "to err\n"},
            {"kind": "newPeak", "componentId": ID}, {"kind": "lost", "count": 2}])
        status, out, err = self.run_cli("run", "-d", "default", "-o", "none", path, binary=True)
        self.assertEqual((status, out), (0, "to out ä\n".encode() + b"\x00\xff\n"))
        self.assertEqual(err, "to err\nwarn: 2 events were lost: some of the application's output may be missing\n")

    def test_a_gap_in_the_numbers_is_told(self):
        path, _ = self.package()
        out = {"kind": "output", "componentId": ID, "stream": "stdout", "text": "x"}
        self.serve(self.REPORT, [{**out, "seq": 7}, {**out, "seq": 8}, {**out, "seq": 11}, {**out, "seq": 1},
                                 {**out, "seq": 2}])
        status, stdout, err = self.run_cli("run", "-d", "default", "-o", "none", path)
        self.assertEqual((status, stdout, err),
                         (0, "xxxxx", "warn: 2 events were lost: some of the application's output may be missing\n"))

    def test_a_loss_that_was_told_is_not_told_again(self):
        path, _ = self.package()
        out = {"kind": "output", "componentId": ID, "stream": "stdout", "text": "x"}
        self.serve(self.REPORT, [{**out, "seq": 7}, {"kind": "lost", "count": 3}, {**out, "seq": 11}])
        status, stdout, err = self.run_cli("run", "-d", "default", "-o", "none", path)
        self.assertEqual((status, stdout, err),
                         (0, "xx", "warn: 3 events were lost: some of the application's output may be missing\n"))

    def test_report_as_json_and_what_is_asked(self):
        path, _ = self.package()
        fake, _ = self.serve(self.REPORT)
        status, out, err = self.run_cli("run", "-d", "default", "-o", "json", path)
        self.assertEqual((status, out, json.loads(err)), (0, "", self.REPORT))
        self.assertEqual([r[:2] for r in fake.requests],
                         [("GET", f"/app/status/{ID}"), ("PUT", "/update/stage"), ("POST", "/update/install"),
                          ("GET", EVENTS), ("POST", f"/spherule/v1/apps/{ID}/run"),
                          ("GET", "/spherule/v1/kills/3"), ("DELETE", f"/app/image/{ID}")])
        fake.requests.clear()
        self.run_cli("run", "-d", "default", "--keep", path)
        self.assertNotIn("DELETE", [r[0] for r in fake.requests])

    def test_arguments_replace_those_of_the_manifest(self):
        path, _ = self.package({**MANIFEST, "CmdArgs": ["old"]})
        fake, _ = self.serve(self.REPORT)
        self.run_cli("run", "-d", "default", path, "new", "--keep", "\u00e4\"")
        staged = [r[3] for r in fake.requests if r[0] == "PUT"][0]
        self.assertIn('"CmdArgs":["new","--keep","ä\\""]'.encode(), staged)
        self.assertNotIn(b'"old"', staged)
        new = self.write("new.imagepackage", staged)
        self.assertEqual(self.run_cli("image-package", "show", new)[0], 0)

    def test_failures_before_the_application_runs(self):
        path, _ = self.package()
        text = self.write("text.txt", "hello, this is text")
        no_such = "No such file or directory"
        self.expect_error(["run", "none"], 125, f"cannot open the file 'none': {no_such}")
        status, _, err = self.run_cli("run", text)
        self.assertEqual(status, 125)
        self.assertTrue(err.startswith(f"error: {text}: "), err)
        self.make_device()
        self.expect_error(["run", "-d", "default", path], 125,
                          "device 'default' is not running; start it with 'spherule device start default'")
        self.expect_error(["run", "-d", "other", path], 125,
                          "there is no device 'other'; make it with 'spherule device create other'")
        self.expect_error(["run", "-d", "default", "--ram", "64K", path], 125,
                          "--ram cannot be used with --device: the device has its limit")
        _, answers = self.serve(self.REPORT)
        answers[("POST", f"/spherule/v1/apps/{ID}/run")] = (400, refusal(1048591, "Bad ELF."))
        self.expect_error(["run", "-d", "default", path], 125, "The application could not be started; check that its "
                          "executable is valid for this device (Bad ELF.)")
        answers[("PUT", "/update/stage")] = (400, refusal(7340047))
        self.expect_error(["run", "-d", "default", path], 125, "Image not trusted by device; check if application development "
                          "capability is enabled ('azsphere device enable-development')")

    def test_nobody_reads_the_output_any_more(self):
        path, _ = self.package()
        fake, answers = self.serve(self.REPORT, [{"kind": "output", "componentId": ID, "stream": "stdout", "text": "x"}] * 3)
        answers[("PATCH", f"/app/status/{ID}")] = (200, {"state": "stopped"})
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run([os.path.join(BIN, "spherule"), "run", "-d", "default", path], env=self.env, stdout=writer,
                              stderr=subprocess.PIPE, timeout=60)
        os.close(writer)
        self.assertEqual((done.returncode, done.stderr), (141, b""))
        self.assertIn("PATCH", [r[0] for r in fake.requests])
        self.assertIn("DELETE", [r[0] for r in fake.requests])

    def test_device_lost_and_gateway_ended(self):
        path, _ = self.package()
        _, answers = self.serve(self.REPORT)
        answers[("GET", EVENTS)] = lambda h, b: h.stream([{"kind": "deviceLost"}])
        self.expect_error(["run", "-d", "default", path], 125, f"the device went away while '{ID}' ran")
        answers[("GET", EVENTS)] = lambda h, b: h.stream([{"kind": "subscribed"}])
        self.expect_error(["run", "-d", "default", path], 125,
                          "the gateway of device 'default' ended while the application ran")

    def test_interrupts_stop_the_application(self):
        path, _ = self.package()
        for number in (signal.SIGINT, signal.SIGTERM):
            fake, answers = self.serve(self.REPORT)
            started = threading.Event()

            def events(handler, body):
                handler.stream([{"kind": "subscribed"}])
                started.set()
                time.sleep(8)
            answers[("GET", EVENTS)] = events
            answers[("PATCH", f"/app/status/{ID}")] = (200, {"state": "stopped"})
            process = subprocess.Popen([os.path.join(BIN, "spherule"), "run", "-d", "default", path], env=self.env,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            started.wait(10)
            time.sleep(0.3)
            process.send_signal(number)
            start = time.monotonic()
            out, err = process.communicate(timeout=20)
            self.assertEqual((process.returncode, out, err), (128 + number, b"", b""))
            self.assertLess(time.monotonic() - start, 4)
            self.assertIn(("PATCH", f"/app/status/{ID}", "application/json", b'{"trigger":"stop"}'), fake.requests)
            self.fakes.remove(fake)
            fake.close()


class Completion(Case):
    def shell(self, program, script):
        if not shutil.which(program):
            self.skipTest(f"{program} is not installed")
        env = {**self.env, "PATH": BIN + ":" + self.env["PATH"], "HOME": self.tmp}
        done = subprocess.run([program, "-c", script], env=env, cwd=self.tmp, stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=60)
        self.assertEqual(done.stderr.decode(), "")
        return done.stdout.decode().split()

    TABLE = [
        ("spherule ", ["check", "completion", "device", "image", "image-package", "run", "trust", "version"]),
        ("spherule device s", ["show-attached", "show-os-version", "sideload", "start", "stop"]),
        ("spherule -o json device app sh", ["show-heap", "show-kills", "show-memory-stats", "show-quota", "show-status"]),
        ("azsphere dev sl d", ["delete", "deploy"]),
        ("spherule device list --output t", ["table", "tsv"]),
        ("spherule completion ", ["bash", "fish", "zsh"]),
        ("spherule device stop a", ["alpha"]),
        ("spherule device sideload deploy --image-package fi", ["file.imagepackage"]),
        ("spherule device sideload deploy --man", ["--manual-start"]),
    ]

    def setUp(self):
        super().setUp()
        self.make_device("alpha")
        self.write("file.imagepackage", "")

    def test_bash(self):
        for line, expected in self.TABLE:
            words = line.split(" ")
            array = " ".join(f"'{w}'" for w in words)
            script = (f"source <(spherule completion bash); COMP_WORDS=({array}); COMP_CWORD={len(words) - 1}; "
                      "compopt() { :; }; _spherule; printf '%s\\n' \"${COMPREPLY[@]}\"")
            with self.subTest(line=line):
                self.assertEqual(sorted(self.shell("bash", script)), expected)

    def test_zsh(self):
        for line, expected in self.TABLE:
            words = line.split(" ")
            array = " ".join(f"'{w}'" for w in words)
            script = ("compdef() { :; }; eval \"$(spherule completion zsh)\"; "
                      "compadd() { shift; print -l -- \"$@\"; }; _files() { print -l *.imagepackage; }; "
                      "_describe() { local e; for e in $commands; do print -r -- \"${e%%:*}\"; done; }; "
                      f"words=({array}); CURRENT={len(words)}; _spherule")
            with self.subTest(line=line):
                offered = [w for w in self.shell("zsh", script) if w.startswith(words[-1])]
                self.assertEqual(sorted(offered), expected)

    def test_fish(self):
        for line, expected in self.TABLE:
            script = f"spherule completion fish | source; complete -C '{line}'"
            with self.subTest(line=line):
                if not shutil.which("fish"):
                    self.skipTest("fish is not installed")
                env = {**self.env, "PATH": BIN + ":" + self.env["PATH"], "HOME": self.tmp}
                done = subprocess.run(["fish", "-c", script], env=env, cwd=self.tmp, stdin=subprocess.DEVNULL,
                                      capture_output=True, timeout=60)
                offered = [row.split("\t")[0] for row in done.stdout.decode().splitlines()]
                self.assertEqual(sorted(offered), expected)


if __name__ == "__main__":
    BIN = os.path.abspath(sys.argv.pop(1))
    unittest.main()
