#!/usr/bin/env python3
"""Which of a machine's package sources the armhf packages come from."""
import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
# pylint: disable=wrong-import-position
import aptroot

MAIN = "Types: deb\nSuites: bookworm\nComponents: main\nArchitectures: armhf\nURIs: http://one/debian"
# text of a deb822 file, what is taken of it
STANZAS = (
    ("Types: deb deb-src\nURIs: http://one/debian\nSuites: bookworm bookworm-updates\nComponents: main contrib\n", MAIN),
    ("# a note\nTypes: deb\n# inside\nURIs: http://one/debian\nSuites: bookworm\nComponents: main\nSigned-By: /k.gpg\n",
     MAIN + "\nSigned-By: /k.gpg"),
    ("Types: deb\nURIs: http://one/debian\nSuites: bookworm\nComponents: main\nArchitectures: amd64\nSigned-By:\n -----BEGIN\n .\n abc\n",
     MAIN + "\nSigned-By: \n -----BEGIN\n .\n abc"),
    ("Enabled: no\nTypes: deb\nURIs: http://one/debian\nSuites: bookworm\nComponents: main\n", ""),
    ("Types: deb-src\nURIs: http://one/debian\nSuites: bookworm\nComponents: main\n", ""),
    ("Types: deb\nURIs: http://one/debian-security\nSuites: bookworm-security\nComponents: main\n", ""),
    ("Types: deb\nURIs: http://other\nSuites: nodistro\nComponents: main\n", ""),
    ("Types: deb\nURIs: http://other\nSuites: bookworm\nComponents: stable\n", ""),
    ("", ""),
)
LINES = (
    ("deb http://one/debian bookworm main contrib # note\n", MAIN),
    ("deb [arch=amd64 signed-by=/k.gpg] http://one/debian bookworm main\n", MAIN + "\nSigned-By: /k.gpg"),
    ("# deb http://one/debian bookworm main\ndeb-src http://one/debian bookworm main\n", ""),
    ("deb cdrom:[Debian]/ bookworm main\ndeb http://s bookworm-security main\n", ""),
    ("deb http://flat ./\n", ""),
)


class Sources(unittest.TestCase):
    def check(self, rows, parse):
        for text, taken in rows:
            with self.subTest(text):
                self.assertEqual(aptroot.main_suite(parse(text), "bookworm").rstrip("\n"), taken)

    def test_deb822(self):
        self.check(STANZAS, aptroot.parse_stanzas)

    def test_one_line(self):
        self.check(LINES, aptroot.parse_lines)

    def test_every_mirror_is_asked(self):
        text = "\n".join(row[0] for row in STANZAS[:2])
        self.assertEqual(aptroot.main_suite(aptroot.parse_stanzas(text), "bookworm").count("URIs: "), 2)


if __name__ == "__main__":
    unittest.main()
