#!/usr/bin/env python3
"""Builds everything that a virtual device needs, into build/device/image: kernel, initramfs, debugger, the SDK's ARM half.

What is slow to get (armhf packages, the kernel) is kept in a cache outside of the tree: $SPHERULE_CACHE, or spherule in
$XDG_CACHE_HOME or ~/.cache. Silent when nothing is to do; an interrupted run goes on where it was.

usage: device.py [-j JOBS] [--tests] [sysroot]
  --tests   also the tests that run on the device's kernel      sysroot: only what `cmake --preset device` needs
"""
import argparse
import errno
import json
import os
import pathlib
import re
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "device"))
# pylint: disable=wrong-import-position
import aptroot
import cache as caches
import kernel
import sysroot
from run import full_disk, run
from say import Failure, Progress, say

HERE = ROOT / "device"
BUILD = ROOT / "build"
LINKS = BUILD / "device-cache"


def cached(cache, root, name, packages, inputs, make):
    """The entry NAME made of the packages and INPUTS, made now when it is missing.

    Which versions it was made of is known from the last time, so that a finished entry needs no network."""
    inputs = caches.hash_of(*inputs)
    known = cache.versions(name, inputs)
    versions = None
    if known.exists():
        key = caches.hash_of(inputs, known.read_text(encoding="ascii"))
        entry = cache.find(name, key)
        if entry:
            return entry
        if (cache.root / f"{name}-{key}.part/source").exists():  # interrupted, but past all that comes from afar
            versions = json.loads(known.read_text(encoding="ascii"))
    versions = versions or root.versions(packages)
    text = json.dumps(versions, sort_keys=True) + "\n"
    known.write_text(text, encoding="ascii")
    key = caches.hash_of(inputs, text)
    entry = cache.find(name, key)
    if not entry:
        part = cache.work(name, key)
        make(root, versions, part)
        entry = cache.keep(part)
    return entry


def link(name, entry):
    """build/device-cache/NAME -> the entry, for CMake."""
    LINKS.mkdir(parents=True, exist_ok=True)
    path = LINKS / name
    if not path.is_symlink() or os.readlink(path) != str(entry):
        new = LINKS / f"{name}.new"
        new.unlink(missing_ok=True)
        new.symlink_to(entry)
        new.rename(path)
        (BUILD / "device" / "build.ninja").unlink(missing_ok=True)  # configured anew: it may have looked for what is in it
        for file in entry.iterdir():  # an older entry, taken again, is news to this tree
            if file.is_file():
                os.utime(file)


def fill_cache(jobs, only_sysroot):
    cache = caches.Cache()
    root = aptroot.Root(cache.root / "apt")
    link("sysroot", cached(cache, root, "sysroot", sysroot.packages(), sysroot.inputs(), sysroot.make))
    if not only_sysroot:
        link("kernel", cached(cache, root, "kernel", [kernel.PACKAGE], kernel.inputs(),
                              lambda *where: kernel.make(*where, jobs)))
    root.remove()
    cache.close()


def build(preset, targets, jobs, what):
    """Configures and builds in the preset's tree, silently when it is up to date."""
    tree, log = BUILD / preset, BUILD / f"{preset}.device.log"
    log.unlink(missing_ok=True)
    if not (tree / "build.ninja").exists():
        run(["cmake", "--preset", preset], log, f"the configure of preset {preset}", cwd=ROOT)
    command = ["cmake", "--build", tree, "-j", str(jobs), "--target", *targets]
    plan = subprocess.run([*command, "--", "-n"], capture_output=True, text=True, check=False).stdout
    if "no work to do" in plan:
        return
    say(what)
    progress = Progress()

    def count(line):
        step = re.match(r"\[(\d+)/(\d+)\]", line)
        if step:
            progress.show(f"{what}: step {step[1]} of {step[2]}")
    run(command, log, what, on_line=count)
    progress.end()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-j", type=int, default=os.cpu_count(), dest="jobs")
    parser.add_argument("--tests", action="store_true")
    parser.add_argument("part", nargs="?", choices=["sysroot"], help="default: everything")
    args = parser.parse_args()
    BUILD.mkdir(exist_ok=True)
    lock = caches.Lock(BUILD / "device.lock")
    fill_cache(args.jobs, args.part == "sysroot")
    if not args.part:
        build("release", ["spherule", "sdk"], args.jobs, "building the packer and the SDK")
        tests = ["machine_tests"] if args.tests else []
        build("device", ["all", "device_image", "samples", *tests], args.jobs, "building the device's programs, images and samples")
    lock.close()


def interrupt(*_):
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, interrupt)
    try:
        main()
    except Failure as failure:
        say(failure)
        sys.exit(1)
    except KeyboardInterrupt:
        say("stopped; the next run goes on from here")
        sys.exit(128 + signal.SIGINT)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        say(full_disk(caches.folder()))
        sys.exit(1)
