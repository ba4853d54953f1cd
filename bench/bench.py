#!/usr/bin/env python3
"""Measures Spherule's speed and size beside the plain alternative of the same run, and prints ratios.

Nothing here is asserted: a benchmark states, a test judges. Runs as root, on a device in a folder of its own.
usage: bench.py [--bin DIR] [--runs N]
"""
import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
REST = "/stats/memory/groups/applications"


def milliseconds(command, environment):
    started = time.perf_counter()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    return 1000 * (time.perf_counter() - started)


def interleaved(commands, runs, environment):
    """Medians of each command; one round runs each once, so that load falls on all alike."""
    times = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            times[name].append(milliseconds(command, environment))
    return {name: (min(row), statistics.median(row)) for name, row in times.items()}


def resident_kib(pid):
    """Resident memory, and the part of it that is nobody else's."""
    figures = {}
    with open(f"/proc/{pid}/smaps_rollup") as file:
        for line in file:
            name, _, rest = line.partition(":")
            if rest.strip().endswith("kB"):
                figures[name] = int(rest.split()[0])
    return figures["Rss"], figures["Private_Clean"] + figures["Private_Dirty"]


def pid_of(home, name):
    with open(os.path.join(home, "devices", "bench", name)) as file:
        return int(file.read().split()[0])


def bench_stats(spherule, home, environment, runs):
    socket = os.path.join(home, "devices", "bench", "rest.sock")
    rows = interleaved({
        "/bin/true": ["/bin/true"],
        "curl (GET over the socket)": ["curl", "-s", "--unix-socket", socket, "http://device" + REST],
        "spherule device app show-memory-stats": [spherule, "device", "app", "show-memory-stats"],
    }, runs, environment)
    base = rows["/bin/true"][1]
    print(f"\none reading, shell to shell ({runs} interleaved runs; target 5 ms)")
    for name, (least, median) in rows.items():
        print(f"  {name:42} median {median:6.2f} ms, least {least:6.2f} ms, {median / base:5.2f} x /bin/true")


def bench_resident(home, busy):
    idle = subprocess.Popen(["sleep", "60"])
    try:
        time.sleep(0.2)
        plain = resident_kib(idle.pid)
        rows = [("sleep (a dynamic glibc program)", plain, None),
                ("spherule-agent, at rest", resident_kib(pid_of(home, "agent.pid")), 1024),
                ("spherule-agent, right after readings", busy, None),
                ("spheruled", resident_kib(pid_of(home, "gateway.pid")), 8192)]
    finally:
        idle.kill()
        idle.wait()
    print("\nresident memory, with one app running")
    for name, (rss, private), target in rows:
        note = f", target {target} KiB: {100 * rss // target} % of it" if target else ""
        print(f"  {name:42} {rss:6} KiB ({private} KiB private), {rss / plain[0]:5.2f} x sleep{note}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", default=os.path.join(ROOT, "build", "bin"))
    parser.add_argument("--runs", type=int, default=100)
    args = parser.parse_args()
    if os.geteuid() != 0:
        print("bench: metering natively needs root; nothing was measured", file=sys.stderr)
        return 5
    preset = os.path.dirname(os.path.realpath(args.bin))
    spherule = os.path.join(args.bin, "spherule")
    print(f"kernel {os.uname().release}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.2f}")
    subprocess.run([os.path.join(preset, "bench", "fault_cost")], check=True)
    with tempfile.TemporaryDirectory(prefix="spherule-bench-") as home:
        environment = dict(os.environ, SPHERULE_HOME=home, SPHERULE_DEVICE="bench")

        def run(*words):
            done = subprocess.run([spherule, *words], env=environment, capture_output=True, text=True)
            if done.returncode != 0:
                sys.exit(f"bench: 'spherule {' '.join(words)}' failed: {done.stderr.strip()}")
        run("device", "create", "bench")
        run("device", "start", "bench")
        try:
            samples = os.path.join(preset, "samples")
            run("trust", "add", os.path.join(samples, "signer.pem"))
            run("device", "sideload", "deploy", "--image-package", os.path.join(samples, "leak.imagepackage"))
            bench_stats(spherule, home, environment, args.runs)
            busy = resident_kib(pid_of(home, "agent.pid"))
            time.sleep(2)  # at rest: the agent gives back what only work needed
            bench_resident(home, busy)
        finally:
            run("device", "stop", "bench")
    return 0


if __name__ == "__main__":
    sys.exit(main())
