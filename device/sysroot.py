"""The sysroot: the armhf packages of packages.txt, unpacked, with what is of no use to anybody here left out."""
import pathlib
import shutil

from run import run
from say import Failure

HERE = pathlib.Path(__file__).resolve().parent
MUSL = "usr/lib/arm-linux-musleabihf"
# Of the documents only the licences stay; the character set converters alone are 7 MB.
LEFT_OUT = ["./usr/share/man", "./usr/share/locale", "./usr/share/lintian", "./usr/share/info", "./usr/share/gdb",
            "./usr/share/gcc", "./usr/share/doc-base", "./usr/bin/*musl*",
            "./usr/share/doc/*/[!c]*", "./usr/share/doc/*/changelog*", "./usr/lib/*/gconv", "./usr/lib/*/pkgconfig",
            "./usr/lib/*/*.so", "./usr/lib/*/libgmpxx.a"]


def packages():
    lines = (HERE / "packages.txt").read_text(encoding="utf-8").splitlines()
    return [line.split("#")[0].strip() for line in lines if line.split("#")[0].strip()]


def inputs():
    """All that decides what the sysroot is, besides the packages' versions."""
    return [HERE / "packages.txt", HERE / "sysroot.py"]


def unpack(package, out, log):
    left_out = " ".join(f"'--exclude={name}'" for name in LEFT_OUT)
    run(["bash", "-c", f"set -o pipefail; dpkg-deb --fsys-tarfile '{package}' | tar -x -C '{out}' --no-same-owner {left_out}"],
        log, f"unpacking {package.name}")


def make_relocatable(out):
    """musl's linker inputs are found below whatever folder gcc is told by --sysroot (%R in its specs)."""
    specs = out / MUSL / "musl-gcc.specs"
    text = specs.read_text(encoding="ascii")
    if text.count(" /usr/") < 4:
        raise Failure("musl-gcc.specs of musl-dev has changed its form; device/sysroot.py needs a look")
    specs.write_text(text.replace("/usr/", "%R/usr/"), encoding="ascii")
    # The package counts on a merged /usr; without the library here, a dynamic link would take libc.a.
    shutil.move(out / "lib/arm-linux-musleabihf/libc.so", out / MUSL / "libc.so")
    (out / "lib/arm-linux-musleabihf").rmdir()
    (out / "lib/ld-musl-armhf.so.1").unlink()
    (out / "lib/ld-musl-armhf.so.1").symlink_to(f"../{MUSL}/libc.so")


def make(root, versions, part):
    """Unpacks the packages into PART/out."""
    out = part / "out"
    shutil.rmtree(out, ignore_errors=True)
    files = root.download(versions, part / "packages")
    out.mkdir()
    for file in files:
        unpack(file, out, part / "log")
    make_relocatable(out)
