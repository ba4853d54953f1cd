#!/usr/bin/env python3
"""The images that `make device` made: whole, as docs/spec/machine.md 1.1 says, and the kernel starts the agent.

usage: image_test.py IMAGES      exit status 77: this machine has not run make device
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest
import zlib

IMAGES = pathlib.Path(sys.argv[1])
FILES = ["bin/spherule-agent", "lib/ld-linux-armhf.so.3", "lib/ld-musl-armhf.so.1", "lib/libapplibs.so.0", "lib/libgcc_s.so.1",
         "lib/libmalloc.so.0"]
FOLDERS = ["dev", "device", "etc", "mnt", "proc", "root", "run", "sys", "tmp"]


def needed(file):
    """The libraries that an ELF file asks for."""
    text = subprocess.run(["readelf", "-dW", file], capture_output=True, text=True, check=True).stdout
    return {line.split("[")[1].rstrip("]") for line in text.splitlines() if "(NEEDED)" in line}


def members(archive):
    """Path -> (mode, data) of a newc archive."""
    at, found = 0, {}
    while True:
        field = [int(archive[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in range(13)]
        name = archive[at + 110:at + 110 + field[11] - 1].decode()
        data = at + (110 + field[11] + 3) // 4 * 4
        at = data + (field[6] + 3) // 4 * 4
        if name == "TRAILER!!!":
            return found
        found[name] = (field[1], archive[data:data + field[6]])


class Images(unittest.TestCase):
    def test_the_list_is_right(self):
        rows = [line.split(" ") for line in (IMAGES / "images").read_text(encoding="ascii").splitlines()]
        self.assertEqual([row[2] for row in rows], ["kernel", "initramfs"])
        for crc, size, name in rows:
            data = (IMAGES / name).read_bytes()
            self.assertEqual((crc, size), (f"{zlib.crc32(data):08x}", str(len(data))))

    def test_initramfs(self):
        found = members((IMAGES / "initramfs").read_bytes())
        self.assertEqual(list(found), sorted(found))
        self.assertEqual([name for name in FILES + FOLDERS if name not in found], [])
        self.assertEqual([name for name in FOLDERS[1:] if any(other.startswith(f"{name}/") for other in found)], [])
        self.assertEqual(oct(found["dev/console"][0]), "0o20600")
        self.assertTrue(found["bin/spherule-agent"][1].startswith(b"\x7fELF\1\1\1"))

    def test_debugger(self):
        manifest = json.loads((IMAGES / "debugger/app_manifest.json").read_text(encoding="utf-8"))
        self.assertEqual((manifest["ApplicationType"], manifest["EntryPoint"]), ("Debugger", "/bin/gdbserver"))
        found = members((IMAGES / "initramfs").read_bytes())
        libraries = {pathlib.PurePath(name).name for name in found}
        wanted = needed(IMAGES / "debugger/bin/gdbserver")
        with tempfile.NamedTemporaryFile() as file:
            for name in found:
                if name.startswith("lib/arm-linux-gnueabihf/"):
                    pathlib.Path(file.name).write_bytes(found[name][1])
                    wanted |= needed(file.name)
        self.assertEqual(wanted - libraries, set())

    def test_the_kernel_starts_the_agent(self):
        """Without its disks the agent ends with its sentence, so the kernel panics and QEMU ends."""
        done = subprocess.run(
            ["qemu-system-arm", "-M", "virt,highmem=off", "-cpu", "cortex-a7", "-m", "64", "-nodefaults", "-display", "none",
             "-serial", "stdio", "-monitor", "none", "-no-reboot", "-kernel", IMAGES / "kernel", "-initrd", IMAGES / "initramfs",
             "-append", "console=ttyAMA0 quiet panic=-1 rdinit=/bin/spherule-agent spherule.time_ms=1 -- --machine"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
        self.assertRegex(done.stdout, r"(?m)^spherule-agent: ", done.stdout)
        self.assertEqual(done.returncode, 0)


if __name__ == "__main__":
    if not (IMAGES / "images").exists():
        print(f"skipped: {IMAGES} is not there; run make device")
        sys.exit(77)
    unittest.main(argv=[sys.argv[0]])
