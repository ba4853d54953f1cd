#!/usr/bin/env python3
"""The manual pages of the build: man formats each without a warning, and finds them beside the programs.

usage: cli_man_pages_test.py BIN-DIR MAN-DIR
"""
import os
import re
import shutil
import subprocess
import sys
import unittest


def setting(**more):
    return {**{k: v for k, v in os.environ.items() if k not in ("MANPATH", "MANPAGER", "PAGER")}, "LC_ALL": "C.UTF-8",
            "MANWIDTH": "80", "MANROFFSEQ": "", **more}


class Pages(unittest.TestCase):
    def setUp(self):
        self.folder = os.path.join(MAN, "man1")
        self.files = sorted(os.path.join(self.folder, name) for name in os.listdir(self.folder))

    def man(self, *args, **more):
        done = subprocess.run(["man", *args], env=setting(**more), cwd=MAN, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=100)  # in MAN, from which .so names other pages
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def test_no_page_has_a_warning(self):
        for file in self.files:
            with self.subTest(file=file):
                status, out, err = self.man("--warnings", "-E", "UTF-8", "-Tutf8", "-Z", "-l", file)
                self.assertEqual((status, err), (0, ""))
                self.assertNotEqual(out, "")

    def test_there_is_a_page_for_each_command(self):
        seen = {"spherule", "azsphere"}

        def walk(words):
            seen.add("-".join(["spherule", *words]))
            text = subprocess.run([os.path.join(BIN, "spherule"), *words, "--help"], capture_output=True, text=True,
                                  check=True).stdout
            found = re.findall(r"^(?:Commands|Groups):\n((?: .*\n)+)", text, re.M)
            for line in "".join(found).splitlines():
                if line[1] != " ":
                    walk([*words, line.split()[0]])

        walk([])
        self.assertEqual(seen, {os.path.basename(file)[:-2] for file in self.files})

    def test_a_page_is_found_by_the_programs_path(self):
        path = BIN + ":" + os.environ["PATH"]
        status, out, err = self.man("-P", "cat", "spherule-device-app-show-memory-stats", PATH=path)
        self.assertEqual((status, err), (0, ""))
        text = re.sub(r"\x1b\[[\d;]*m|.\x08", "", out)
        self.assertRegex(text, r"(?m)^NAME\n +spherule-device-app-show-memory-stats - Show how much memory")
        self.assertRegex(text, r"(?m)^ +--watch \[SECONDS\]\n +again and again")
        self.assertRegex(text, r"(?m)^ +-o, --output FORMAT\n +how to print the answer: table, json")
        other = self.man("-P", "cat", "azsphere", PATH=path)
        self.assertEqual(other, self.man("-P", "cat", "spherule", PATH=path))
        self.assertEqual(other[0], 0)


if __name__ == "__main__":
    BIN, MAN = (os.path.abspath(sys.argv.pop(1)) for _ in range(2))
    if not shutil.which("man") or not shutil.which("groff"):
        print("skipped: man and groff are not installed")
        sys.exit(77)
    unittest.main()
