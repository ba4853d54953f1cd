"""The kernel: Debian's source package of Linux 6.1, the patches and the fragment of kernel/, and QEMU's form of the image."""
import os
import pathlib
import shutil
import struct
import subprocess
import time
import zlib

from run import full_disk, run
from say import Failure, Progress, say

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = HERE / "kernel"
PACKAGE = "linux-source-6.1"
FREE = 700 << 20  # bytes: the package, 350 MB of its content, 80 MB of objects
OBJECTS = 790  # of the current fragment; only the counter on the terminal reads it
# Most of the source is for other hardware. Its Kconfig and Makefile are read all the same, so only code is left out.
CODE = "*.[chS]"
OTHERS = [f"arch/{name}/{CODE}" for name in (
    "alpha", "arc", "arm64", "csky", "hexagon", "ia64", "loongarch", "m68k", "microblaze", "mips", "nios2", "openrisc",
    "parisc", "powerpc", "riscv", "s390", "sh", "sparc", "um", "x86", "xtensa")]
OTHERS += [f"arch/*/boot/dts/{name}" for name in ("*.dts", "*.dtsi")]
OTHERS += [f"drivers/{name}/{CODE}" for name in (
    "gpu", "media", "net/ethernet", "net/wireless", "net/dsa", "infiniband", "scsi", "staging", "usb", "iio", "hwmon",
    "input", "ata", "mtd", "isdn", "comedi", "target", "video", "hid")]
OTHERS += [f"fs/{name}/{CODE}" for name in ("btrfs", "xfs", "ocfs2", "f2fs", "ntfs", "ntfs3", "gfs2", "ceph", "nfs", "nfsd", "cifs")]
OTHERS += [f"sound/{CODE}", f"net/wireless/{CODE}", f"net/mac80211/{CODE}", "Documentation/*.rst", "Documentation/*.txt",
           "Documentation/*.svg", "Documentation/devicetree/bindings/*.yaml", "tools/testing", "tools/perf", "samples/*.[ch]"]


def inputs():
    """All that decides what the kernel is, besides the version of its source."""
    compiler = subprocess.run(["arm-linux-gnueabihf-gcc", "--version"], capture_output=True, text=True, check=False).stdout
    return [FOLDER / "fragment", *sorted(FOLDER.glob("patches/*.patch")), HERE / "kernel.py", compiler]


def unpack(package, work, log):
    """WORK/source, patched; whole once it has that name."""
    new = work / "source.new"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    say("unpacking the part of the kernel's source that is built")
    left_out = " ".join(f"'--exclude={PACKAGE}/{name}'" for name in OTHERS)
    run(["bash", "-c", f"set -o pipefail; dpkg-deb --fsys-tarfile '{package}' | tar -xO './usr/src/{PACKAGE}.tar.xz' | xz -dc -T0 | "
         f"tar -x -C '{new}' --strip-components=1 --no-same-owner {left_out}"], log, "unpacking the kernel's source")
    for patch in sorted(FOLDER.glob("patches/*.patch")):
        run(["patch", "-p1", "--fuzz=0", "--no-backup-if-mismatch", "-d", new, "-i", patch], log,
            f"the patch {patch.name}, which does not fit this source,")
    new.rename(work / "source")


def configure(make, work, log):
    """build/.config from the fragment, every line of which must hold."""
    run([*make, "allnoconfig"], log, "the kernel's configuration", env={**os.environ, "KCONFIG_ALLCONFIG": str(FOLDER / "fragment")})
    wanted = {line.strip() for line in (FOLDER / "fragment").read_text(encoding="ascii").splitlines()
              if line.startswith("CONFIG_") or line.endswith("is not set")}
    got = set((work / "build/.config").read_text(encoding="ascii").splitlines())
    lost = sorted(line for line in wanted - got if not line.startswith("#"))
    lost += sorted(line for line in wanted - got if line.startswith("#") and line.split()[1] + "=y" in got)
    if lost:
        raise Failure(f"the kernel's configuration dropped {', '.join(lost)}: an option that they need is missing in {FOLDER}/fragment")


def uimage(image):
    """The image behind U-Boot's old header, which tells QEMU where it goes: no decompressing in the emulated machine."""
    address = 0x40008000  # RAM of machine virt starts at 1 GiB; ARM's kernel sits 32 KiB above
    linux, arm, kernel, uncompressed = 5, 2, 2, 0
    fields = (0x27051956, 0, 0, len(image), address, address, zlib.crc32(image), linux, arm, kernel, uncompressed, b"spherule")
    form = ">7I4B32s"
    header = struct.pack(form, *fields)
    return struct.pack(form, fields[0], zlib.crc32(header), *fields[2:]) + image


def make(root, versions, work, jobs):
    """Builds WORK/out; goes on where an interrupted run stopped."""
    log = work / "log"
    out = work / "out"
    if not (work / "source").exists():
        if shutil.disk_usage(work).free < FREE:
            raise full_disk(work)
        [package] = root.download(versions, work / "packages")
        unpack(package, work, log)
        package.unlink()
    (work / "build").mkdir(exist_ok=True)
    # -O1 compiles a quarter faster than -Os; the check of exported symbols serves modules, of which there are none.
    command = ["make", "-C", work / "source", f"O={work}/build", "ARCH=arm", "CROSS_COMPILE=arm-linux-gnueabihf-", "KCFLAGS=-O1",
               "cmd_check_local_export=:", "KBUILD_BUILD_TIMESTAMP=@0", "KBUILD_BUILD_USER=spherule", "KBUILD_BUILD_HOST=spherule",
               "KBUILD_BUILD_VERSION=1", f"-j{jobs}"]
    configure(command, work, log)
    started = time.monotonic()
    progress = Progress(every=100)
    progress.shown = sum(1 for _ in (work / "build").rglob("*.o"))

    def count(line):
        if line.startswith("  CC "):
            progress.show(f"building the kernel: file {progress.shown + 1} of about {max(OBJECTS, progress.shown + 1)}")
    run([*command, "Image"], log, "building the kernel", on_line=count)
    progress.end()
    say(f"built the kernel in {time.monotonic() - started:.0f} s")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    (out / "kernel").write_bytes(uimage((work / "build/arch/arm/boot/Image").read_bytes()))
    shutil.copy(work / "build/.config", out / "config")
