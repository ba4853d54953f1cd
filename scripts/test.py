#!/usr/bin/env python3
"""Runs every test and says in one closing line how many passed, failed and were skipped.

A stage is one CMake preset with the test labels that it runs. A label that must run on this machine and ran
nothing is a failure, so that a suite cannot go quiet unnoticed.

usage: test.py [-j JOBS] [STAGE…]      stages: see STAGES; all when none is named
"""
import argparse
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# stage: (preset, ctest arguments, labels that must have run something, tests side by side)
STAGES = {
    "dev": ("dev", ["-LE", "virtual"], ["unit", "layers", "sdk"], 1),
    "virtual": ("dev", ["-L", "virtual"], ["virtual"], 1),
    "asan": ("asan", ["-L", "unit"], ["unit"], None),
    "fuzz": ("fuzz", ["-L", "fuzz-smoke"], ["fuzz-smoke"], None),
    "release": ("release", ["-L", "demo"], [], 1),  # last: build/bin is then what users run
}
# By stage: what has to be there first; it shows its own progress.
FIRST = {"virtual": ["scripts/device.py", "--tests"]}
# By stage: these must run where root can meter (kernel 6.2 or newer).
ROOT_LABELS = {"dev": ["system", "cgroup"], "release": ["demo"]}


def can_meter():
    release = os.uname().release.split("-")[0].split(".")
    return os.geteuid() == 0 and tuple(int(part) for part in release[:2]) >= (6, 2)


def run(command, log):
    with open(log, "ab") as out:
        return subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=out).returncode


def tail(path, lines):
    with open(path, errors="replace") as file:
        return "".join(file.readlines()[-lines:])


def build(preset, jobs):
    """Configures and builds a preset; the output is shown only when it fails."""
    log = os.path.join(ROOT, "build", f"{preset}.build.log")
    os.makedirs(os.path.dirname(log), exist_ok=True)
    open(log, "w").close()
    for command in (["cmake", "--preset", preset], ["scripts/build.sh", preset, str(jobs)]):
        if run(command, log) != 0:
            print(tail(log, 40))
            print(f"test: '{' '.join(command)}' failed; the whole output is in {log}")
            return False
    return True


def labels_of(preset):
    """Test name -> set of labels, from ctest's own listing."""
    import json
    listing = subprocess.run(["ctest", "--preset", preset, "--show-only=json-v1"], cwd=ROOT,
                             capture_output=True, text=True, check=True).stdout
    found = {}
    for test in json.loads(listing)["tests"]:
        properties = {entry["name"]: entry["value"] for entry in test.get("properties", [])}
        found[test["name"]] = set(properties.get("LABELS", []))
    return found


def skip_reason(output):
    lines = [line.strip() for line in (output or "").splitlines() if line.strip()]
    for line in lines:
        if "skip" in line.lower():
            return line
    return lines[-1] if lines else "no reason printed"


def run_stage(name, jobs, totals):
    preset, selection, must_run, parallel = STAGES[name]
    started = time.monotonic()
    if name in FIRST and subprocess.run([*FIRST[name], "-j", str(jobs)], cwd=ROOT, check=False).returncode != 0:
        totals["failed"].append(f"{name}: {' '.join(FIRST[name])}")
        return
    if not build(preset, jobs):
        totals["failed"].append(f"{name}: build")
        return
    built = time.monotonic()
    junit = os.path.join(ROOT, "build", f"{name}.junit.xml")
    if os.path.exists(junit):
        os.unlink(junit)
    log = os.path.join(ROOT, "build", f"{name}.ctest.log")
    open(log, "w").close()
    run(["ctest", "--preset", preset, "--output-junit", junit, "-j", str(parallel or jobs), *selection], log)
    if not os.path.exists(junit):
        print(tail(log, 20))
        totals["failed"].append(f"{name}: ctest wrote no result")
        return
    labels, ran = labels_of(preset), {}
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for case in ElementTree.parse(junit).getroot().iter("testcase"):
        test, status = case.get("name"), case.get("status")
        output = case.findtext("system-out") or ""
        if status == "run":
            counts["passed"] += 1
            for label in labels.get(test, ()):
                ran[label] = ran.get(label, 0) + 1
        elif status in ("notrun", "disabled") and case.find("skipped") is not None:
            counts["skipped"] += 1
            totals["skipped"].append(f"{name}: {test}: {skip_reason(output)}")
        else:
            counts["failed"] += 1
            totals["failed"].append(f"{name}: {test}")
            print(f"--- {name}: {test} failed\n{output[-4000:]}")
    for label in must_run + (ROOT_LABELS.get(name, []) if can_meter() else []):
        if not ran.get(label):
            totals["failed"].append(f"{name}: label {label} must run here and ran nothing")
    totals["passed"] += counts["passed"]
    print(f"{name}: {counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped "
          f"(build {built - started:.0f} s, tests {time.monotonic() - built:.0f} s)", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-j", type=int, default=os.cpu_count(), dest="jobs")
    parser.add_argument("stage", nargs="*", choices=[[], *STAGES], help="default: all")
    args = parser.parse_args()
    totals = {"passed": 0, "failed": [], "skipped": []}
    if subprocess.run(["scripts/lint.sh"], cwd=ROOT).returncode != 0:
        totals["failed"].append("form: run make format, and see make lint")
    else:
        totals["passed"] += 1
    for name in args.stage or STAGES:
        run_stage(name, args.jobs, totals)
    for line in totals["skipped"]:
        print("skipped", line)
    for line in totals["failed"]:
        print("FAILED", line)
    print(f"{totals['passed']} passed, {len(totals['failed'])} failed, {len(totals['skipped'])} skipped")
    return 1 if totals["failed"] or not totals["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
