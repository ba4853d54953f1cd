"""The harness of the whole-system tests: real programs, each test in a SPHERULE_HOME of its own.

Home is a folder with the state of any number of devices; Device is a Home with one device in it. Leaving either
stops what was started, ends by pid file what did not stop, and fails the test when processes, control groups or
mounts were left behind. Nothing is ever touched that does not hang off the test's own folder.

A test that can only be of one kind of device says so with only("native", reason) or only("virtual", reason).

Environment:
  SPHERULE_BUILD         the build folder: bin/ with the programs, samples/, tests/system/ (ctest sets it)
  SPHERULE_DEVICE_BUILD  the same for the 32-bit ARM programs of virtual devices; else build/device
  SPHERULE_TEST_BACKEND  native (default) or virtual: which kind of device the suites run on
  SPHERULE_FIXTURES      image packages from elsewhere; else ../shared/fixtures beside the source tree
"""
import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import typing
import unittest
import unittest.util

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.abspath(os.environ.get("SPHERULE_BUILD", os.path.join(ROOT, "build", "dev")))
BACKEND = os.environ.get("SPHERULE_TEST_BACKEND", "native")
IS_VIRTUAL = BACKEND == "virtual"
DEVICE_BUILD = os.path.abspath(os.environ.get("SPHERULE_DEVICE_BUILD", os.path.join(ROOT, "build", "device")))
APPS_BUILD = DEVICE_BUILD if IS_VIRTUAL else BUILD  # where programs are that run on the device
SKIP = 77
unittest.util._MAX_LENGTH = 4000  # a failure shows what was compared, not its first characters
PAGE = 4096
RATION = 64 * PAGE

LEAK_ADD, LEAK_DELETE = 12, 13  # the buttons of the leak samples; pressed is low


class Result(typing.NamedTuple):
    status: int
    out: str
    err: str


def program(name):
    return os.path.join(BUILD, "bin", name)


def only(backend, reason):
    """Decorator of a test or a class of tests that the other kind of device cannot have."""
    return unittest.skipUnless(BACKEND == backend, f"{backend} devices only: {reason}")


def sample(name):
    """Path of a sample's image package; the test is skipped where it is not built."""
    path = os.path.join(APPS_BUILD, "samples", f"{name}.imagepackage")
    if not os.path.exists(path):
        raise unittest.SkipTest(f"the sample {name} is not built")
    return path


def sample_id(name):
    with open(os.path.join(ROOT, "samples", name, "app_manifest.json"), encoding="utf-8") as file:
        return json.load(file)["ComponentId"].lower()


def probe(kind):
    """The test program probe.c as an executable: "static", "musl", "foreign" (musl, with a loader of its package's
    own: ld.so) or (natively) "glibc"."""
    return os.path.join(APPS_BUILD, "tests", "system", f"probe-{kind}")


def musl_loader():
    """The device's loader, which is musl."""
    if IS_VIRTUAL:
        return os.path.join(DEVICE_BUILD, "image", "sysroot", "usr", "lib", "arm-linux-musleabihf", "libc.so")
    return f"/lib/ld-musl-{os.uname().machine}.so.1"


def store():
    """store.c as an executable: an application that treats its mutable storage badly."""
    return os.path.join(APPS_BUILD, "tests", "system", "store")


def fixture(name):
    folder = os.environ.get("SPHERULE_FIXTURES", os.path.join(os.path.dirname(ROOT), "shared", "fixtures"))
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        raise unittest.SkipTest(f"no {name}: set SPHERULE_FIXTURES to the folder that has it")
    return path


def why_not():
    """The reason why these tests cannot run here, or None."""
    if BACKEND not in ("native", "virtual"):
        return f"SPHERULE_TEST_BACKEND={BACKEND}: there are native and virtual"
    if not os.path.exists(program("spherule")):
        return f"there is no {program('spherule')}: build first, or set SPHERULE_BUILD"
    if IS_VIRTUAL:
        images = os.path.join(os.path.dirname(BUILD), "device", "image", "images")
        return None if os.path.exists(images) else "the virtual device is not built: run make device"
    release = os.uname().release
    if tuple(int(part) for part in release.split("-")[0].split(".")[:2]) < (6, 2):
        return f"metering on this machine itself needs Linux 6.2 or newer, this is {release}"
    if os.geteuid() != 0:
        return "metering on this machine itself needs root"
    return None


def main():
    """Runs the calling file's tests; status 77 with the reason when none could run."""
    reason = why_not()
    if reason:
        print(f"skipped: {reason}")
        sys.exit(SKIP)
    outcome = unittest.main(module="__main__", exit=False, verbosity=2).result
    for test, skipped in outcome.skipped:
        print(f"skipped: {test}: {skipped}")
    if not outcome.wasSuccessful():
        sys.exit(1)
    if outcome.testsRun and len(outcome.skipped) == outcome.testsRun:
        sys.exit(SKIP)


def wait_for(condition, seconds=10.0, step=0.01, what="condition"):
    """Polls until the condition gives something true, which is returned."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(step)


# --- what /proc and the control groups say ------------------------------------------------------------------------


def read_text(path):
    """A file's text, or "" when it is not there (a process may end at any moment)."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def is_alive(pid):
    """True for a process of which a thread runs; a zombie has none. The first thread may end before the others."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return False
    states = [read_text(f"/proc/{pid}/task/{thread}/stat").rpartition(")")[2].split() for thread in threads]
    return any(state and state[0] not in "ZX" for state in states)


def all_pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def working_folder(pid):
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return ""


def command_line(pid):
    return read_text(f"/proc/{pid}/cmdline").split("\0")[:-1]


def smaps_user(pid):
    """User of one process as the kernel's own walk counts it: anonymous and shared-memory pages, in bytes."""
    anonymous = shared = 0
    for line in read_text(f"/proc/{pid}/smaps_rollup").splitlines():
        key, _, rest = line.partition(":")
        if key == "Anonymous":
            anonymous = int(rest.split()[0]) * 1024
    for line in read_text(f"/proc/{pid}/status").splitlines():
        key, _, rest = line.partition(":")
        if key == "RssShmem":
            shared = int(rest.split()[0]) * 1024
    return anonymous + shared


def cgroup_roots():
    """Where cgroup hierarchies are mounted that Spherule makes groups in."""
    roots = []
    for line in read_text("/proc/self/mounts").splitlines():
        _, where, kind, options = line.split()[:4]
        if kind == "cgroup2" or (kind == "cgroup" and "memory" in options.split(",")):
            roots.append(where)
    return roots


def group_name(device_dir, name):
    """The control group of a device: its name and the FNV-1a hash of its folder's path."""
    value = 2166136261
    for byte in os.fsencode(os.path.realpath(device_dir)):
        value = ((value ^ byte) * 16777619) & 0xFFFFFFFF
    return f"spherule-{name}-{value:08x}"


def group_folders(name):
    return [path for root in cgroup_roots() if os.path.isdir(path := os.path.join(root, name))]


def group_pids(name):
    pids = set()
    for top in group_folders(name):
        for folder, _, _ in os.walk(top):
            pids.update(int(word) for word in read_text(os.path.join(folder, "cgroup.procs")).split())
    return sorted(pids)


def remove_group(name):
    for top in group_folders(name):
        for folder, _, _ in os.walk(top, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(folder)


def mounts_below(folder):
    return [line.split()[1] for line in read_text("/proc/self/mounts").splitlines()
            if line.split()[1].startswith(folder + "/")]


# --- a folder of devices ----------------------------------------------------------------------------------------------


class Home:
    """A SPHERULE_HOME below a temporary folder, which is also TMPDIR of everything that is started."""

    def __init__(self, home=None):
        self.top = tempfile.mkdtemp(prefix="sph-")
        os.chmod(self.top, 0o755)  # the gateway is an ordinary user's process
        self.home = home or os.path.join(self.top, "home")
        self.temp = os.path.join(self.top, "tmp")
        os.mkdir(self.temp)
        os.chmod(self.temp, 0o1777)
        self.env = {key: value for key, value in os.environ.items()
                    if not key.startswith(("SPHERULE", "SUDO_", "XDG_"))}
        self.env.update(SPHERULE_HOME=self.home, TMPDIR=self.temp, LC_ALL="C.UTF-8")
        self.groups = set()  # control groups that were seen to be ours
        self.problems = []  # what was left behind

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind and not issubclass(kind, unittest.SkipTest):
            self.show_logs()
        self.close()
        if kind is None and self.problems:
            raise AssertionError("left behind: " + "; ".join(self.problems))

    def show_logs(self):
        """What agents and gateways said last, for whoever reads a failure."""
        for name in self.names():
            for log in ("agent.log", "gateway.log", "machine.log", "console.log"):
                lines = read_text(os.path.join(self.folder(name), log)).splitlines()
                print("".join(f"\n{name}/{log}: {line}" for line in lines[-12:]), flush=True)

    # The command line

    def popen(self, *args, **options):
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        env = dict(self.env, **options.pop("env", {}))
        name = options.pop("program", "spherule")
        return subprocess.Popen([program(name), *map(str, args)], env=env, **options)

    def run(self, *args, timeout=60, **options):
        """One command: status, standard output and standard error as text."""
        with self.popen(*args, **options) as process:
            try:
                out, err = process.communicate(timeout=timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                out, err = process.communicate()
                raise AssertionError(f"spherule {' '.join(map(str, args))}: no end within {timeout} s\n"
                                     f"{out!r}\n{err!r}") from None
        return Result(process.returncode, out.decode(errors="replace"), err.decode(errors="replace"))

    def ok(self, *args, **options):
        """One command that must succeed; its standard output."""
        result = self.run(*args, **options)
        if result.status != 0:
            raise AssertionError(f"spherule {' '.join(map(str, args))}: status {result.status}\n"
                                 f"{result.out}{result.err}")
        return result.out

    def json(self, *args):
        return json.loads(self.ok(*args, "--output", "json"))

    # Devices by name

    def folder(self, name):
        return os.path.join(self.home, "devices", name)

    def names(self):
        """Names of the devices there are, whether or not they run."""
        try:
            return sorted(os.listdir(os.path.join(self.home, "devices")))
        except OSError:
            return []

    def create(self, name, *options):
        """Makes a device of the kind that this run is about."""
        self.ok("device", "create", name, *(["--virtual"] if IS_VIRTUAL else []), *options)

    def pid(self, name, who):
        """Pid of the running "agent" or "gateway" of a device, or None. A virtual device has its agent inside: what
        dies suddenly there is the machine."""
        who = "machine" if IS_VIRTUAL and who == "agent" else who
        text = read_text(os.path.join(self.folder(name), f"{who}.pid")).strip()
        wanted = {"agent": "spherule-agent", "gateway": "spheruled", "machine": "qemu-system-arm"}[who]
        if text.isdigit() and is_alive(int(text)) and read_text(f"/proc/{text}/comm").strip() == wanted[:15]:
            return int(text)
        return None

    def group(self, name):
        group = group_name(self.folder(name), name)
        self.groups.add(group)
        return group

    # What must not be left

    def own_pids(self):
        """Agents, machines and gateways of any device below the folder, also of throw-away ones."""
        found = []
        for pid in all_pids():
            words = command_line(pid)
            if words and os.path.basename(words[0]) == "qemu-system-arm" and is_alive(pid) and \
                    working_folder(pid).startswith((self.top + "/", self.home + "/")):
                found.append(pid)
            if len(words) > 2 and os.path.basename(words[0]) in ("spherule-agent", "spheruled") and is_alive(pid) and \
                    any(word.startswith((self.top + "/", self.home + "/")) for word in words):
                found.append(pid)
        return found

    def note_groups(self):
        """Remembers the control groups of every agent that runs now."""
        for pid in self.own_pids():
            words = command_line(pid)
            if os.path.basename(words[0]) == "spherule-agent" and "--device" in words:
                folder = words[words.index("--device") + 1]
                self.groups.add(group_name(folder, os.path.basename(folder)))
        for name in self.names():
            self.group(name)

    def leftovers(self):
        """What still runs or stands that hangs off this folder, in words."""
        found = [f"process {pid} ({' '.join(command_line(pid)[:1])})" for pid in self.own_pids()]
        for group in sorted(self.groups):
            found += [f"process {pid} in {group}" for pid in group_pids(group)]
            found += [f"control group {folder}" for folder in group_folders(group)]
        return found + [f"mount {where}" for where in mounts_below(self.top)]

    def close(self):
        self.note_groups()
        for name in self.names():
            if self.pid(name, "agent") or self.pid(name, "gateway"):
                with contextlib.suppress(AssertionError):
                    self.run("device", "stop", name)
        with contextlib.suppress(AssertionError):
            wait_for(lambda: not self.leftovers(), 3)
        self.problems = self.leftovers()
        for pid in self.own_pids() + [pid for group in self.groups for pid in group_pids(group)]:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(AssertionError):
            wait_for(lambda: not any(group_pids(group) for group in self.groups), 3)
        for group in self.groups:
            remove_group(group)
        for where in reversed(mounts_below(self.top)):
            subprocess.run(["umount", "-l", where], check=False)
        shutil.rmtree(self.top, ignore_errors=True)


# --- one device ---------------------------------------------------------------------------------------------------


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a socket file, reached through its folder so that the path may be long."""

    def __init__(self, folder, name="rest.sock", timeout=30):
        super().__init__("spherule", timeout=timeout)
        self.folder, self.name = folder, name

    def connect(self):
        fd = os.open(self.folder, os.O_PATH | os.O_DIRECTORY)
        try:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.settimeout(self.timeout)
            self.sock.connect(f"/proc/self/fd/{fd}/{self.name}")
        finally:
            os.close(fd)


class Device(Home):
    """A Home with one running device, named in SPHERULE_DEVICE."""

    def __init__(self, name="dev", start=True, create=(), **options):
        super().__init__(**options)
        self.name, self.starts, self.options = name, start, list(create)
        self.env["SPHERULE_DEVICE"] = name
        self._connection = None

    def __enter__(self):
        try:
            self.create(self.name, *self.options)
            if self.starts:
                self.ok("device", "start", self.name)
        except BaseException:
            self.close()
            raise
        return self

    def close(self):
        if self._connection:
            self._connection.close()
        super().close()

    @property
    def dir(self):
        return self.folder(self.name)

    def agent(self):
        return self.pid(self.name, "agent")

    def gateway(self):
        return self.pid(self.name, "gateway")

    # REST, for what a person does hundreds of times or never does

    def request(self, method, path, body=None, headers=None):
        """One request over a connection that is kept; (status, headers, body as bytes)."""
        for attempt in (1, 2):
            if not self._connection:
                self._connection = UnixConnection(self.dir)
            try:
                self._connection.request(method, path, body=body, headers=headers or {})
                answer = self._connection.getresponse()
                return answer.status, dict(answer.getheaders()), answer.read()
            except (http.client.HTTPException, OSError):
                self._connection.close()
                self._connection = None
                if attempt == 2:
                    raise

    def get(self, path):
        status, _, body = self.request("GET", path)
        if status != 200:
            raise AssertionError(f"GET {path}: {status} {body!r}")
        return json.loads(body)

    # The main job's verbs

    def deploy(self, package, *options):
        return self.ok("device", "sideload", "deploy", "--image-package", package, *options)

    def trust_samples(self):
        """The samples are signed with the key of the home that they were built in, not of this one."""
        self.ok("trust", "add", os.path.join(APPS_BUILD, "samples", "signer.pem"))

    def deploy_sample(self, name, *options):
        path = sample(name)
        self.trust_samples()
        return self.deploy(path, *options)

    def state(self, component):
        return self.get(f"/app/status/{component}")["state"]

    def stats(self):
        """The three figures of show-memory-stats, from the shell: (total, user, peak)."""
        stats = self.json("device", "app", "show-memory-stats")["memoryStats"]
        return tuple(stats[key] for key in ("currentMemoryUsageInBytes", "userModeMemoryUsageInBytes",
                                            "peakUserModeMemoryUsageInBytes"))

    def app(self, component):
        """The app's row of /spherule/v1/apps, or None."""
        rows = [row for row in self.get("/spherule/v1/apps")["apps"] if row["componentId"] == component]
        return rows[0] if rows else None

    def app_pids(self, component):
        """Pids of a running app; of this machine where the device is native."""
        rows = [row for row in self.get("/spherule/v1/memory")["apps"] if row["componentId"] == component]
        return rows[0]["pids"] if rows else []

    def all_app_pids(self):
        """Every process of the device's apps: as the control groups have it, or the machine's agent."""
        if not IS_VIRTUAL:
            return group_pids(self.group(self.name))
        if not self.agent() or self.request("GET", "/spherule/v1/memory")[0] == 503:
            return []  # the power is off, or about to be noticed to be
        return sorted(pid for row in self.get("/spherule/v1/memory")["apps"] for pid in row["pids"])

    def walked_user(self):
        """User by another way than the meter's: the kernel's walk over the page tables of every process. Natively that
        walk is ours; inside a machine it is the agent's."""
        if not IS_VIRTUAL:
            return sum(smaps_user(pid) for pid in self.all_app_pids())
        apps = [row["componentId"] for row in self.get("/spherule/v1/memory")["apps"]]
        pages = [self.get(f"/spherule/v1/memory/pages/{app}") for app in apps]
        return sum(row["anonymousPages"] + row["sharedPages"] for row in pages) * PAGE

    def boot_id(self):
        """Of the agent's present start, or None while it is away."""
        status, _, body = self.request("GET", "/spherule/v1/device")
        return json.loads(body)["bootId"] if status == 200 else None

    def set_pin(self, pin, value):
        status, _, body = self.request("PUT", f"/spherule/v1/gpio/{pin}", json.dumps({"value": value}),
                                       {"Content-Type": "application/json"})
        if status != 200:
            raise AssertionError(f"pin {pin}: {status} {body!r}")

    def press(self, button=LEAK_ADD, hold=0.03):
        """A finger on a button: low for a while, then high for a while."""
        self.set_pin(button, 0)
        time.sleep(hold)
        self.set_pin(button, 1)
        time.sleep(hold)

    def kills(self, component=None):
        query = f"?component={component}" if component else ""
        return self.get(f"/spherule/v1/kills{query}")["reports"]

    def kill(self, number):
        return self.get(f"/spherule/v1/kills/{number}")

    def wait_kills(self, count, seconds=10):
        return wait_for(lambda: len(reports := self.kills()) >= count and reports, seconds,
                        what=f"{count} reports")

    def wait_state(self, component, state, seconds=10):
        wait_for(lambda: self.state(component) == state, seconds, what=f"{component} is {state}")

    def log(self):
        return self.request("GET", "/log")[2].decode(errors="replace")

    def log_end(self):
        """Where the log ends now: a place to wait from, also when its beginning is overwritten meanwhile."""
        place = "0"
        while True:
            _, headers, data = self.request("GET", f"/spherule/v1/log?cursor={place}")
            place = headers["Spherule-Log-Cursor"]
            if not data:
                return place

    def wait_log_from(self, place, text, seconds=10):
        """Waits for a text behind that place."""
        seen, end = b"", time.monotonic() + seconds
        while text.encode() not in seen:
            if time.monotonic() > end:
                raise AssertionError(f"'{text}' is not in the log within {seconds} s: {seen!r}")
            _, headers, data = self.request("GET", f"/spherule/v1/log?cursor={place}&waitMs=500")
            place = headers["Spherule-Log-Cursor"]
            seen += data

    def wait_log(self, text, count=1, seconds=10):
        return wait_for(lambda: (log := self.log()).count(text) >= count and log, seconds,
                        what=f"'{text}' in the log {count} times")


# --- packages made for a test ---------------------------------------------------------------------------------------


def manifest(component, name="Probe", arguments=(), **capabilities):
    return {"SchemaVersion": 1, "Name": name, "ComponentId": component, "EntryPoint": "/bin/app",
            "CmdArgs": list(arguments), "Capabilities": capabilities, "ApplicationType": "Default"}


def pack(home, component, arguments=(), name="Probe", executable=None, files=None, text=None, options=(),
         **capabilities):
    """Packs probe.c (or another executable) with these arguments by pack-application (and options of that); path of
    the package."""
    folder = tempfile.mkdtemp(dir=home.top)
    os.mkdir(os.path.join(folder, "bin"))
    shutil.copy(executable or probe("musl"), os.path.join(folder, "bin", "app"))
    for path, data in (files or {}).items():
        with open(os.path.join(folder, path), "wb") as file:
            file.write(data)
    with open(os.path.join(folder, "app_manifest.json"), "w", encoding="utf-8") as file:
        file.write(text or json.dumps(manifest(component, name, arguments, **capabilities), indent=2))
    package = folder + ".imagepackage"
    home.ok("image-package", "pack-application", "--package-directory", folder, "--destination", package, *options)
    return package
