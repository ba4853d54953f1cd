#!/usr/bin/env python3
"""Measures what heap tracking costs, beside other heap profilers on the same programs.

Each round runs the program plain and tracked, a second or so each, so that load falls on both alike; the other tools run
in every fifth round. Shown are medians, ratios to the same program plain, and the memory that each adds: to User, and to
the program's peak RSS. Nothing is asserted: a benchmark states, a test judges. Runs as root. Tools that are missing are
named with the Debian package that has them.
usage: heap.py [--bin DIR] [--rounds N]
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LIBRARIES = "/usr/lib/x86_64-linux-gnu"
GOALS = {"pair-64": {"glibc": "+8 ns", "musl": "+12 ns"}, "storm-1000": {"glibc": "1.2 x"},
         "exchange-2-threads": {"glibc": "1.6 x"},
         "sqlite-200000-ms": {"glibc": "1.03 x"}}
PEAK = "peak-rss-kib"  # of the program itself: what a tool runs beside it is not in it
OTHERS_EVERY = 5  # rounds
ONCE = {"heap_pair.c": ["1"], "heap_rows.c": []}  # arguments with which a program does its work once
SOURCE_FLAGS = ["-std=gnu17", "-D_GNU_SOURCE", "-O2", "-fno-builtin", "-pthread"]


def figures(text):
    """The programs' own lines: a word and a number."""
    found = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) == 2:
            try:
                found[words[0]] = float(words[1])
            except ValueError:
                pass
    return found


class Bench:
    def __init__(self, bin_dir, folder):
        self.bin, self.folder = bin_dir, folder
        self.environment = {**os.environ, "SPHERULE_HOME": os.path.join(folder, "home")}

    def compile(self, compiler, source, name, libraries=()):
        out = os.path.join(self.folder, name)
        result = subprocess.run([compiler, *SOURCE_FLAGS, "-o", out, os.path.join(ROOT, "bench", source), *libraries],
                                capture_output=True, text=True, check=False)
        return out if result.returncode == 0 else None

    def spherule(self, program, arguments, heap):
        options = ["--heap"] if heap else []
        result = subprocess.run([os.path.join(self.bin, "spherule"), "--output", "json", "run", "--native", "--ram",
                                 "64M", *options, program, *arguments], env=self.environment, capture_output=True,
                                text=True, check=False)
        if result.returncode != 0:
            sys.exit(f"heap: spherule run {program}: {result.stderr.strip()[-400:]}")
        report = json.loads(result.stderr[result.stderr.index("{\n"):])
        return figures(result.stdout), report["peakUserBytes"]

    def under(self, command, extra):
        environment = {**os.environ, **extra}
        result = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=self.folder, check=False)
        return figures(result.stdout), None

    def variants(self, kind, program, arguments):
        rows = {"plain": lambda: self.spherule(program, arguments, False),
                "spherule --heap": lambda: self.spherule(program, arguments, True)}
        if kind != "glibc":
            return rows
        memusage, jemalloc = f"{LIBRARIES}/libmemusage.so", f"{LIBRARIES}/libjemalloc.so.2"
        tcmalloc = f"{LIBRARIES}/libtcmalloc_and_profiler.so.4"
        tools = [("heaptrack", shutil.which("heaptrack"), "heaptrack",
                  ["heaptrack", "-o", os.path.join(self.folder, "ht"), program, *arguments], {}),
                 ("memusage (glibc)", os.path.exists(memusage), "libc6", [program, *arguments], {"LD_PRELOAD": memusage}),
                 ("jemalloc prof:true", os.path.exists(jemalloc), "libjemalloc2", [program, *arguments],
                  {"LD_PRELOAD": jemalloc, "MALLOC_CONF": f"prof:true,prof_prefix:{self.folder}/je"}),
                 ("gperftools HEAPPROFILE", os.path.exists(tcmalloc), "libgoogle-perftools4", [program, *arguments],
                  {"LD_PRELOAD": tcmalloc, "HEAPPROFILE": os.path.join(self.folder, "gp")})]
        for name, is_there, package, command, extra in tools:
            if is_there:
                rows[name] = lambda command=command, extra=extra: self.under(command, extra)
            else:
                print(f"heap: {name} is missing: apt-get install {package}")
        return rows


def measure(rows, rounds):
    """Variant -> work -> median; and the median User of those that run on a device."""
    seen, users = {name: {} for name in rows}, {}
    for number in range(rounds):
        for place, (name, run) in enumerate(rows.items()):
            if place > 1 and number % OTHERS_EVERY:
                continue
            works, user = run()
            for work, value in works.items():
                seen[name].setdefault(work, []).append(value)
            if user is not None:
                users.setdefault(name, []).append(user)
    medians = {name: {work: statistics.median(values) for work, values in works.items()} for name, works in seen.items()}
    return medians, {name: statistics.median(values) for name, values in users.items()}


def show(kind, program, medians, users):
    print(f"\n{program}, {kind} (CPU ns a pair of malloc and free, or ms; medians; ratio to plain)")
    for work, plain in medians["plain"].items():
        if work == PEAK:
            continue
        goal = GOALS.get(work, {}).get(kind)
        print(f"  {work}{f', goal {goal}' if goal else ''}")
        for name, works in medians.items():
            if work in works:
                print(f"    {name:24} {works[work]:8.1f}  {works[work] / plain:5.2f} x  {works[work] - plain:+8.1f}")
    if len(users) == 2:
        print(f"  User added by tracking: {users['spherule --heap'] - users['plain']:+.0f} bytes (of {users['plain']:.0f})")
    for name, works in medians.items():
        if name != "plain" and PEAK in works and PEAK in medians["plain"]:
            print(f"  peak RSS added by {name}: {works[PEAK] - medians['plain'][PEAK]:+.0f} KiB"
                  f" (of {medians['plain'][PEAK]:.0f})")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", default=os.path.join(ROOT, "build", "bin"))
    parser.add_argument("--rounds", type=int, default=30)
    args = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("heap: metering needs root; run it as root or with sudo")
    print("heap tracking, each round interleaved; goals are for a quiet machine")
    with tempfile.TemporaryDirectory(prefix="sph-heap-") as folder:
        bench = Bench(args.bin, folder)
        musl = os.path.join(args.bin, "spherule-cc")
        for kind, compiler, source, libraries in (("glibc", "cc", "heap_pair.c", []), ("musl", musl, "heap_pair.c", []),
                                                  ("glibc", "cc", "heap_rows.c", ["-lsqlite3"])):
            program = bench.compile(compiler, source, f"{source[:-2]}-{kind}", libraries)
            if not program:
                print(f"heap: {source} is left out: {compiler} cannot build it"
                      + (" (apt-get install libsqlite3-dev)" if libraries else ""))
                continue
            medians, users = measure(bench.variants(kind, program, ONCE[source]), args.rounds)
            show(kind, source, medians, users)


if __name__ == "__main__":
    main()
