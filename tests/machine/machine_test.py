"""Runs the meter's tests on the virtual device's kernel: machine_test.py KERNEL FOLDER.

FOLDER is what the cross build's target machine_tests makes. The machine has more memory than a device: one test makes a
thousand processes."""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "device"))

SKIPPED = 77
TIMEOUT_S = 240
MEMORY_MIB = 256
COMPILER = "arm-linux-gnueabihf-gcc"
LIBRARIES = ["ld-linux-armhf.so.3", "libc.so.6", "librt.so.1", "libpthread.so.0", "libgcc_s.so.1"]


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)


def library(name):
    return pathlib.Path(subprocess.run([COMPILER, f"-print-file-name={name}"], check=True, capture_output=True,
                                       text=True).stdout.strip())


def archive(folder):
    from newc import Archive
    out = Archive()
    for name in ("dev", "proc", "sys", "device"):
        out.folder(name)
    out.console("dev/console")
    for name in LIBRARIES:
        out.file(f"lib/{name}", library(name).read_bytes())
    for path in sorted(folder.iterdir()):
        place = "init" if path.name == "init" else f"lib/{path.name}" if ".so." in path.name else f"tests/{path.name}"
        out.file(place, path.read_bytes())
    return out.bytes()


def run(kernel, initramfs, tests):
    words = f"console=ttyAMA0 quiet panic=-1 rootfstype=ramfs rdinit=/init -- {' '.join(tests)}"
    command = ["qemu-system-arm", "-M", "virt,highmem=off", "-cpu", "cortex-a7", "-m", str(MEMORY_MIB), "-display", "none",
               "-nodefaults", "-no-reboot", "-serial", "stdio", "-kernel", kernel, "-initrd", initramfs, "-append", words]
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=TIMEOUT_S, check=False).stdout.decode(errors="replace")
    except subprocess.TimeoutExpired as late:
        return (late.stdout or b"").decode(errors="replace") + f"\nno end within {TIMEOUT_S} s\n"


def verdict(console, tests):
    """Names of the tests that did not pass. One that skips has not shown what it is there for."""
    ends = dict(re.findall(r"^machine: (\w+) ended with (\d+)\r?$", console, re.MULTILINE))
    return [f"{name}: {ends.get(name, 'did not end')}" for name in tests if ends.get(name) != "0"]


def main():
    kernel, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    for tool in ("qemu-system-arm", COMPILER):
        if not shutil.which(tool):
            skip(f"{tool} is not installed")
    if not pathlib.Path(kernel).exists() or not (folder / "libcmocka.so.0").exists():
        skip("there is no device kernel, or no tests for it: make device, then the target machine_tests of its build")
    tests = sorted(path.name for path in folder.glob("*_test"))
    with tempfile.NamedTemporaryFile(suffix=".cpio") as initramfs:
        initramfs.write(archive(folder))
        initramfs.flush()
        console = run(kernel, initramfs.name, tests)
    print(console)
    failed = verdict(console, tests)
    if failed or not tests or "machine: done" not in console:
        print(f"failed on the device's kernel: {', '.join(failed) or 'it did not get to the end'}")
        sys.exit(1)


main()
