#!/usr/bin/env python3
"""Builds everything that a virtual device needs, into build/device/image: kernel, initramfs, debugger, the SDK's ARM half.

What is slow to get (armhf packages, the kernel) is kept in a cache outside of the tree: $SPHERULE_CACHE, or spherule in
$XDG_CACHE_HOME or ~/.cache. Silent when nothing is to do; an interrupted run goes on where it was.

usage: device.py [-j JOBS] [sysroot]       sysroot: only what `cmake --preset device` needs
"""
import argparse
import errno
import fcntl
import json
import os
import pathlib
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
from say import Failure, say

HERE = ROOT / "device"
LINKS = ROOT / "build/device-cache"
COMPILER = "arm-linux-gnueabihf-gcc"


def cached(cache, name, packages, inputs, make):
    """The entry NAME made of the packages and INPUTS, made now when it is missing.

    Which versions it was made of is known from the last time, so that a finished entry needs no network."""
    inputs = caches.hash_of(*inputs)
    known = cache.root / f"{name}-{inputs}.versions"
    if known.exists():
        entry = cache.find(name, caches.hash_of(inputs, known.read_text(encoding="ascii")))
        if entry:
            return entry
    root = aptroot.Root(cache.root / "apt")
    versions = root.versions(packages)
    text = json.dumps(versions, sort_keys=True) + "\n"
    known.write_text(text, encoding="ascii")
    key = caches.hash_of(inputs, text)
    entry = cache.find(name, key)
    if not entry:
        part = cache.work(name, key)
        make(root, versions, part)
        entry = cache.keep(part)
    root.remove()
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


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-j", type=int, default=os.cpu_count(), dest="jobs")
    parser.add_argument("part", nargs="?", choices=["sysroot"], help="default: everything")
    args = parser.parse_args()
    cache = caches.Cache()
    link("sysroot", cached(cache, "sysroot", sysroot.packages(),
                           [HERE / "packages.txt", HERE / "sysroot.py"], sysroot.make))
    if args.part == "sysroot":
        return
    link("kernel", cached(cache, "kernel", [kernel.PACKAGE], kernel.inputs(),
                          lambda *where: kernel.make(*where, args.jobs)))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        say(failure)
        sys.exit(1)
