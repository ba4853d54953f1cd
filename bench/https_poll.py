#!/usr/bin/env python3
"""Measures HTTPS: one client polls memory statistics at a fixed rate on one connection; the same on the user's own
socket beside it. Prints latencies, the gateway's share of a processor, and how its memory and the agent's have changed
since the end of the first tenth.

Nothing here is asserted: a benchmark states, a test judges. Natively, so it runs as root.
usage: https_poll.py [--seconds N] [--rate N]
"""
import argparse
import http.client
import json
import os
import ssl
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "system"))
os.environ.setdefault("SPHERULE_BUILD", os.path.join(ROOT, "build", "release"))
import device as harness  # noqa: E402

STATISTICS = "/stats/memory/groups/applications"
HELLO = "00000000-1111-2222-3333-000000000001"


def private_kib(pid):
    """Written pages of a process: what its heap and stacks take."""
    return sum(int(line.split()[1]) for line in harness.read_text(f"/proc/{pid}/smaps_rollup").splitlines()
               if line.startswith("Private_Dirty"))


def cpu_seconds(pid):
    words = harness.read_text(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def open_https(device):
    status, _, body = device.request("POST", "/spherule/v1/listen", b'{"address":"127.0.0.1:0"}',
                                     {"Content-Type": "application/json"})
    if status != 200:
        sys.exit(f"https_poll: {body.decode()}")
    state = json.loads(body)
    authority = device.request("GET", "/spherule/v1/listen/ca")[2].decode()
    host, _, port = state["address"].rpartition(":")
    connection = http.client.HTTPSConnection(host, int(port), context=ssl.create_default_context(cadata=authority))
    return connection, {"Authorization": f"Bearer {state['token']}"}


def poll(connection, headers, seconds, rate, look):
    """Milliseconds of each answer, and what look() gave after the first tenth and at the end."""
    times, begin, looks = [], time.monotonic(), []
    for number in range(int(seconds * rate)):
        due = begin + number / rate
        time.sleep(max(0, due - time.monotonic()))
        if not looks and number >= seconds * rate / 10:
            looks.append(look())
        start = time.perf_counter()
        connection.request("GET", STATISTICS, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        times.append((time.perf_counter() - start) * 1000)
        if answer.status != 200:
            sys.exit(f"https_poll: {answer.status} {body.decode()}")
    looks.append(look())
    return times, looks, time.monotonic() - begin


def show(name, times, looks, elapsed, pids):
    times.sort()
    print(f"{name}: {len(times)} polls in {elapsed:.1f} s: median {statistics.median(times):.2f} ms, "
          f"99 of 100 within {times[len(times) * 99 // 100 - 1]:.2f} ms, slowest {times[-1]:.2f} ms")
    for what in pids:
        (before, cpu), (after, cpu_after) = looks[0][what], looks[1][what]
        print(f"  {what}: {after} KiB written memory ({after - before:+d} KiB since the first tenth), "
              f"{(cpu_after - cpu) / (elapsed * 0.9) * 100:.1f} % of a processor")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=float, default=100)
    options = parser.parse_args()
    reason = harness.why_not()
    if reason:
        sys.exit(f"https_poll: {reason}")
    with harness.Device() as device:
        hello = os.path.join(device.top, "hello")
        subprocess.run([harness.program("spherule-cc"), "-Os", "-o", hello, os.path.join(ROOT, "bench", "hello.c")],
                       check=True)
        device.deploy(harness.pack(device, HELLO, executable=hello))
        pids = {"gateway": device.gateway(), "agent": device.agent()}

        def look():
            return {what: (private_kib(pid), cpu_seconds(pid)) for what, pid in pids.items()}
        for name, (connection, headers) in (("HTTPS", open_https(device)),
                                            ("the user's own socket", (harness.UnixConnection(device.dir), {}))):
            show(name, *poll(connection, headers, options.seconds, options.rate, look), pids)
            connection.close()


main()
