#!/usr/bin/env python3
"""Measures the virtual device: cold start, memory and idle load on the host, and prints its programs' figures.

Nothing here is asserted: a benchmark states, a test judges. Needs `make device`, no root.
usage: machine.py [--runs N] [--table]      --table: only the memory table of docs/memory-figures.md
"""
import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "system"))
os.environ.setdefault("SPHERULE_BUILD", os.path.join(ROOT, "build", "release"))
import device as harness  # noqa: E402

DOCUMENT = (65536, 36864)  # Total and User of the sample in the original's document
BLINK, STORAGE = "2f074b0f-d99d-4692-82d9-ef93a7d6463c", "ae4714aa-03aa-492b-9663-962f966a9cc3"
HELLO = "00000000-1111-2222-3333-000000000001"


def select(backend):
    """Points the harness at one kind of device."""
    harness.BACKEND, harness.IS_VIRTUAL = backend, backend == "virtual"
    harness.APPS_BUILD = harness.DEVICE_BUILD if harness.IS_VIRTUAL else harness.BUILD


def compile_hello(folder, *options):
    path = os.path.join(folder, "hello")
    target = ["--target", "arm"] if harness.IS_VIRTUAL else []
    subprocess.run([harness.program("spherule-cc"), *target, "-Os", *options, "-o", path,
                    os.path.join(ROOT, "bench", "hello.c")], check=True)
    return path


def settled(device):
    """The figures once they have held still for a while."""
    last, end = None, time.monotonic() + 10
    while time.monotonic() < end:
        time.sleep(0.5)
        now = device.stats()
        if now == last:
            return now
        last = now
    return last


def figures(install):
    """(Total, User) of what `install` puts on a fresh device, or None where it cannot run."""
    with harness.Device() as device:
        if install(device) is False:
            return None
        total, user, _ = settled(device)
        return total, user


def hello(*options):
    def install(device):
        with tempfile.TemporaryDirectory() as folder:
            device.deploy(harness.pack(device, HELLO, executable=compile_hello(folder, *options), name="hello"))
    return install


def sample(name):
    def install(device):
        for pin in (harness.LEAK_ADD, harness.LEAK_DELETE):
            device.set_pin(pin, 1)
        device.deploy_sample(name)
    return install


def original(name):
    def install(device):
        if not harness.IS_VIRTUAL:
            return False
        device.ok("trust", "add", "--sdk-development")
        device.deploy(harness.fixture(name))
    return install


ROWS = (
    ("hello, static musl", hello("-static")),
    ("hello, dynamic musl", hello()),
    ("leak (first stage of the sample)", sample("leak")),
    ("leak-fixed (second stage)", sample("leak-fixed")),
    ("Blink, as the original SDK built it", original("azure_sphere_blink.imagepackage")),
    ("MutableStorage, likewise", original("MutableStorage.imagepackage")),
)


def table():
    shown = {}
    for backend in ("virtual", "native"):
        select(backend)
        if harness.why_not():
            print(f"({backend}: {harness.why_not()})", file=sys.stderr)
            continue
        for name, install in ROWS:
            shown[name, backend] = figures(install)
    print("| program | virtual ARM: Total | User | native x86-64: Total | User | document: Total | User |")
    print("|---|---|---|---|---|---|---|")
    for name, _ in ROWS:
        cells = [shown.get((name, backend)) or ("–", "–") for backend in ("virtual", "native")]
        cells.append(DOCUMENT if name.startswith("Blink") else ("–", "–"))
        flat = [f"{cell:,}" if isinstance(cell, int) else cell for pair in cells for cell in pair]
        print(f"| {name} | " + " | ".join(flat) + " |")


def cpu_ticks(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def resident_kib(pid):
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def cold_start(device):
    """Seconds from a stopped device to the first answer of show-memory-stats."""
    began = time.perf_counter()
    device.ok("device", "start")
    device.ok("device", "app", "show-memory-stats")
    return time.perf_counter() - began


def starts(runs):
    select("virtual")
    cold, fresh = [], []
    with harness.Device(start=False) as device:
        for _ in range(runs):
            cold.append(cold_start(device))
            device.ok("device", "stop")
    for _ in range(max(3, runs // 3)):
        with harness.Device(start=False) as device:
            fresh.append(cold_start(device))
    print(f"cold start to the first show-memory-stats ({runs} runs; target 1 s at the median)")
    for name, row in (("stopped device", cold), ("new device (its disk is made too)", fresh)):
        print(f"  {name:36} median {statistics.median(row):5.2f} s, least {min(row):5.2f} s, most {max(row):5.2f} s")


def rest():
    with harness.Device() as device:
        device.deploy_sample("leak")
        machine = device.agent()
        time.sleep(3)
        began, ticks = time.monotonic(), cpu_ticks(machine)
        time.sleep(20)
        share = 100 * (cpu_ticks(machine) - ticks) / os.sysconf("SC_CLK_TCK") / (time.monotonic() - began)
        print("one machine, one app that polls two buttons")
        print(f"  QEMU resident                        {resident_kib(machine) / 1024:5.1f} MiB (target 120 MB)")
        print(f"  load of one core                     {share:5.2f} %")
        device.ok("device", "app", "stop")
        time.sleep(2)
        began, ticks = time.monotonic(), cpu_ticks(machine)
        time.sleep(20)
        share = 100 * (cpu_ticks(machine) - ticks) / os.sysconf("SC_CLK_TCK") / (time.monotonic() - began)
        print(f"  the same without an app              {share:5.2f} % (target below 1 %)")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--table", action="store_true")
    args = parser.parse_args()
    select("virtual")
    if harness.why_not():
        print(f"bench: nothing was measured: {harness.why_not()}", file=sys.stderr)
        return 5
    if not args.table:
        print(f"\nvirtual device, {os.cpu_count()} processors, load {os.getloadavg()[0]:.2f}")
        starts(args.runs)
        rest()
        print()
    table()
    return 0


if __name__ == "__main__":
    sys.exit(main())
