#!/usr/bin/env python3
"""Puts the device's images together (docs/spec/machine.md, 1.1): kernel, initramfs, images, debugger/."""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import zlib

from newc import Archive

HERE = pathlib.Path(__file__).resolve().parent
STRIP = "arm-linux-gnueabihf-strip"
GLIBC = "lib/arm-linux-gnueabihf"
# What gdbserver needs at run time: where it looks for it on the device -> where the sysroot has it.
DEBUGGER_LIBRARIES = {
    "lib/ld-linux-armhf.so.3": f"{GLIBC}/ld-linux-armhf.so.3",
    f"{GLIBC}/libc.so.6": f"{GLIBC}/libc.so.6",
    f"{GLIBC}/libm.so.6": f"{GLIBC}/libm.so.6",
    f"{GLIBC}/libgcc_s.so.1": f"{GLIBC}/libgcc_s.so.1",
    f"{GLIBC}/libstdc++.so.6": f"usr/{GLIBC}/libstdc++.so.6",
}
EMPTY = ("dev", "device", "etc", "mnt", "proc", "root", "run", "sys", "tmp")


def stripped(path):
    """The program or library without what only a debugger wants."""
    with tempfile.TemporaryDirectory() as scratch:
        out = pathlib.Path(scratch) / "out"
        subprocess.run([STRIP, "--strip-unneeded", "-o", out, path], check=True)
        return out.read_bytes()


def write(path, data, mode=0o644):
    """Replaces the file in one step: a gateway may be reading the old one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.write_bytes(data)
    new.chmod(mode)
    new.rename(path)


def initramfs(args):
    archive = Archive()
    for name in EMPTY:
        archive.folder(name, 0o1777 if name == "tmp" else 0o700 if name == "root" else 0o755)
    archive.console("dev/console")
    archive.file("bin/spherule-agent", stripped(args.agent))
    archive.file("lib/ld-musl-armhf.so.1", stripped(args.sysroot / "usr/lib/arm-linux-musleabihf/libc.so"))
    for name in ("libapplibs.so.0", "libgcc_s.so.1", "libmalloc.so.0"):
        archive.file(f"lib/{name}", stripped(args.libraries / name))
    for name, source in DEBUGGER_LIBRARIES.items():
        archive.file(name, stripped(args.sysroot / source))
    return archive.bytes()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("kernel", "sysroot", "agent", "libraries", "output"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    args = parser.parse_args()
    out = args.output
    images = {"kernel": args.kernel.read_bytes(), "initramfs": initramfs(args)}
    write(out / "debugger/app_manifest.json", (HERE / "debugger/app_manifest.json").read_bytes())
    write(out / "debugger/bin/gdbserver", stripped(args.sysroot / "usr/bin/gdbserver"), 0o755)
    for name, data in images.items():
        write(out / name, data)
    write(out / "images", "".join(f"{zlib.crc32(data):08x} {len(data)} {name}\n" for name, data in images.items()).encode())
    os.utime(out / "images")


if __name__ == "__main__":
    sys.exit(main())
