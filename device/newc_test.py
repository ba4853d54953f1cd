#!/usr/bin/env python3
"""The archive that newc.py writes, read back by cpio, which is an oracle from outside; and QEMU's form of the kernel."""
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
# pylint: disable=wrong-import-position
import kernel
from newc import Archive


def sample():
    archive = Archive()
    archive.console("dev/console")
    archive.folder("tmp", 0o1777)
    archive.file("lib/deep/odd", b"12345")
    archive.file("bin/app", b"")
    return archive


class Newc(unittest.TestCase):
    def test_the_same_input_gives_the_same_bytes(self):
        other = Archive()
        for name in reversed(list(sample().members)):
            other.members[name] = sample().members[name]
        self.assertEqual(sample().bytes(), other.bytes())
        self.assertEqual(len(sample().bytes()) % 4, 0)

    @unittest.skipUnless(shutil.which("cpio"), "no cpio")
    def test_cpio_reads_it(self):
        listed = subprocess.run(["cpio", "-tvn", "--quiet"], input=sample().bytes(), capture_output=True, check=True)
        self.assertEqual(listed.stderr, b"")
        rows = [re.sub(r" +", " ", line) for line in listed.stdout.decode().splitlines()]
        self.assertEqual([row.split(" ")[-1] for row in rows],
                         ["bin", "bin/app", "dev", "dev/console", "lib", "lib/deep", "lib/deep/odd", "tmp"])
        self.assertRegex(rows[3], r"^crw------- 1 0 0 5, 1 Jan 1 1970 ")
        self.assertRegex(rows[6], r"^-rwxr-xr-x 1 0 0 5 Jan 1 1970 ")
        self.assertRegex(rows[7], r"^drwxrwxrwt 2 0 0 0 Jan 1 1970 ")
        with tempfile.TemporaryDirectory() as scratch:
            subprocess.run(["cpio", "-id", "--quiet", "lib/*"], input=sample().bytes(), cwd=scratch, check=True)
            self.assertEqual((pathlib.Path(scratch) / "lib/deep/odd").read_bytes(), b"12345")


class Uimage(unittest.TestCase):
    def test_header(self):
        made = kernel.uimage(b"kernel")
        fields = struct.unpack(">7I4B32s", made[:64])
        self.assertEqual(fields[0], 0x27051956)
        self.assertEqual(fields[3:6], (6, 0x40008000, 0x40008000))
        self.assertEqual(fields[6], zlib.crc32(b"kernel"))
        self.assertEqual(fields[1], zlib.crc32(made[:4] + bytes(4) + made[8:64]))
        self.assertEqual(made[64:], b"kernel")


if __name__ == "__main__":
    unittest.main()
