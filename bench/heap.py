#!/usr/bin/env python3
"""Measures what heap tracking costs, beside other heap profilers on the same programs.

A processor may be half as fast in one second as in the next. So the program plain and the program tracked run at once, on
one processor, which gives them turns of milliseconds; each counts its own processor time. A round is one such pair; shown
are the medians of the rounds' differences and ratios, of all rounds and of the quiet quarter of them: those in which the
plain program was fastest. Work of several threads has the pair one after the other instead, on all processors, where no
round is known to be quiet for both. The other tools have their pairs in every fifth round. Shown too is the memory that
each adds: to User, and to the program's peak RSS.
Nothing is asserted: a benchmark states, a test judges. Runs as root. Tools that are missing are named with the Debian
package that has them.
usage: heap.py [--bin DIR] [--rounds N]
"""
import argparse
import concurrent.futures
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from typing import NamedTuple

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LIBRARIES = "/usr/lib/x86_64-linux-gnu"
GOALS = {"pair-64": {"glibc": "+8 ns", "musl": "+12 ns"}, "storm-1000": {"glibc": "1.2 x"},
         "exchange-2-threads": {"glibc": "1.6 x"},
         "sqlite-200000-ms": {"glibc": "1.03 x"}}
PEAK = "peak-rss-kib"  # of the program itself: what a tool runs beside it is not in it
OTHERS_EVERY = 5  # rounds
SOURCE_FLAGS = ["-std=gnu17", "-D_GNU_SOURCE", "-O2", "-fno-builtin", "-pthread"]


class Case(NamedTuple):
    kind: str
    source: str
    arguments: tuple
    libraries: tuple = ()
    at_once: bool = True


ONE_THREAD = ("1", "pair-64", "pair-4096", "calloc-64", "realloc-200", "strdup", "fifo-256", "random-10000",
              "storm-1000")
TWO_THREADS = ("1", "exchange-2-threads")
CASES = (Case("glibc", "heap_pair.c", ONE_THREAD), Case("glibc", "heap_pair.c", TWO_THREADS, at_once=False),
         Case("musl", "heap_pair.c", ONE_THREAD), Case("musl", "heap_pair.c", TWO_THREADS, at_once=False),
         Case("glibc", "heap_rows.c", (), ("-lsqlite3",)))


class Run(NamedTuple):
    """What one run of a program said, by work, and its peak of User where it ran on a device."""
    works: dict
    user: int | None


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

    def compile(self, case):
        compiler = os.path.join(self.bin, "spherule-cc") if case.kind == "musl" else "cc"
        out = os.path.join(self.folder, f"{case.source[:-2]}-{case.kind}")
        command = [compiler, *SOURCE_FLAGS, "-o", out, os.path.join(ROOT, "bench", case.source), *case.libraries]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode == 0:
            return out
        print(f"heap: {case.source} is left out: {compiler} cannot build it"
              + (" (apt-get install libsqlite3-dev)" if case.libraries else ""))
        return None

    def spherule(self, command, heap):
        """Its home is its own: two run at once."""
        options = ["--heap"] if heap else []
        environment = {**os.environ, "SPHERULE_HOME": os.path.join(self.folder, "tracked" if heap else "plain")}
        result = subprocess.run([os.path.join(self.bin, "spherule"), "--output", "json", "run", "--native", "--ram",
                                 "64M", *options, *command], env=environment, capture_output=True, text=True,
                                check=False)
        if result.returncode != 0:
            sys.exit(f"heap: spherule run {command[0]}: {result.stderr.strip()[-400:]}")
        report = json.loads(result.stderr[result.stderr.index("{\n"):])
        return Run(figures(result.stdout), report["peakUserBytes"])

    def under(self, command, extra):
        environment = {**os.environ, **extra}
        result = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=self.folder, check=False)
        return Run(figures(result.stdout), None)

    def variants(self, kind, command):
        """Name -> a function that runs it so; the first is ours."""
        rows = {"spherule --heap": lambda: self.spherule(command, True)}
        if kind != "glibc":
            return rows
        memusage, jemalloc = f"{LIBRARIES}/libmemusage.so", f"{LIBRARIES}/libjemalloc.so.2"
        tcmalloc = f"{LIBRARIES}/libtcmalloc_and_profiler.so.4"
        tools = [("heaptrack", shutil.which("heaptrack"), "heaptrack",
                  ["heaptrack", "-o", os.path.join(self.folder, "ht"), *command], {}),
                 ("memusage (glibc)", os.path.exists(memusage), "libc6", command, {"LD_PRELOAD": memusage}),
                 ("jemalloc prof:true", os.path.exists(jemalloc), "libjemalloc2", command,
                  {"LD_PRELOAD": jemalloc, "MALLOC_CONF": f"prof:true,prof_prefix:{self.folder}/je"}),
                 ("gperftools HEAPPROFILE", os.path.exists(tcmalloc), "libgoogle-perftools4", command,
                  {"LD_PRELOAD": tcmalloc, "HEAPPROFILE": os.path.join(self.folder, "gp")})]
        for name, is_there, package, whole, extra in tools:
            if is_there:
                rows[name] = lambda whole=whole, extra=extra: self.under(whole, extra)
            else:
                print(f"heap: {name} is missing: apt-get install {package}")
        return rows


def run_pair(first, second, at_once):
    if not at_once:
        return first(), second()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        runs = [pool.submit(first), pool.submit(second)]
        return runs[0].result(), runs[1].result()


def measure(plain, variants, rounds, at_once):
    """Variant -> its pairs of runs, plain and so."""
    pairs = {name: [] for name in variants}
    everywhere = os.sched_getaffinity(0)
    if at_once:
        os.sched_setaffinity(0, {max(everywhere)})
    for number in range(rounds):
        for place, (name, run) in enumerate(variants.items()):
            if place > 0 and number % OTHERS_EVERY:
                continue
            if number % 2:
                pairs[name].append(run_pair(plain, run, at_once))
            else:
                pairs[name].append(run_pair(run, plain, at_once)[::-1])
    os.sched_setaffinity(0, everywhere)
    return pairs


def compare(values):
    """Of pairs of figures, plain and so: the medians of what it took, of the ratios and of the differences."""
    return (f"{statistics.median(so for _, so in values):8.1f}"
            f"  {statistics.median(so / plain for plain, so in values):6.2f} x"
            f"  {statistics.median(so - plain for plain, so in values):+8.1f}")


def show_work(work, pairs, at_once):
    for place, (name, runs) in enumerate(pairs.items()):
        values = sorted((plain.works[work], so.works[work]) for plain, so in runs if work in so.works)
        if not values:
            continue
        quiet = values[:max(1, len(values) // 4)]
        if place == 0:
            plain_quiet = f"{'':22}   quiet {statistics.median(plain for plain, _ in quiet):8.1f}" if at_once else ""
            print(f"    {'plain':24} {statistics.median(plain for plain, _ in values):8.1f}{plain_quiet}")
        print(f"    {name:24} {compare(values)}{f'   quiet {compare(quiet)}' if at_once else ''}")


def show(case, pairs):
    how = "at once on one processor" if case.at_once else "one after the other"
    print(f"\n{case.source}, {case.kind}, pairs {how} (CPU ns a pair of malloc and free, or ms; medians)")
    ours = next(iter(pairs.values()))
    for work in ours[0][0].works:
        if work != PEAK:
            goal = GOALS.get(work, {}).get(case.kind)
            print(f"  {work}{f', goal {goal}' if goal else ''}")
            show_work(work, pairs, case.at_once)
    print(f"  User added by tracking: {statistics.median(so.user - plain.user for plain, so in ours):+.0f} bytes"
          f" (of {statistics.median(plain.user for plain, _ in ours):.0f})")
    for name, runs in pairs.items():
        peaks = [(plain.works[PEAK], so.works[PEAK]) for plain, so in runs if PEAK in so.works]
        if peaks:
            print(f"  peak RSS added by {name}: {statistics.median(so - plain for plain, so in peaks):+.0f} KiB"
                  f" (of {statistics.median(plain for plain, _ in peaks):.0f})")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", default=os.path.join(ROOT, "build", "bin"))
    parser.add_argument("--rounds", type=int, default=30)
    args = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("heap: metering needs root; run it as root or with sudo")
    print(f"heap tracking, {args.rounds} rounds; goals are for a quiet machine")
    with tempfile.TemporaryDirectory(prefix="sph-heap-") as folder:
        bench = Bench(args.bin, folder)
        for case in CASES:
            program = bench.compile(case)
            if program:
                command = [program, *case.arguments]
                pairs = measure(lambda command=command: bench.spherule(command, False),
                                bench.variants(case.kind, command), args.rounds, case.at_once)
                show(case, pairs)


if __name__ == "__main__":
    main()
