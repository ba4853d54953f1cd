#!/usr/bin/env python3
"""The cache: what is whole, what is broken, what is kept, and who waits."""
import contextlib
import io
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
# pylint: disable=wrong-import-position
import cache as caches
import run
from say import Failure


class CacheTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="spherule-cache-")
        self.addCleanup(scratch.cleanup)
        self.root = pathlib.Path(scratch.name) / "a/b"
        patch = mock.patch.dict(os.environ, {"SPHERULE_CACHE": str(self.root)})
        patch.start()
        self.addCleanup(patch.stop)
        self.cache = caches.Cache()
        self.addCleanup(self.cache.close)

    def make(self, key, text="content", at=None):
        part = self.cache.work("kind", key)
        (part / "out/folder").mkdir(parents=True)
        (part / "out/folder/file").write_text(text)
        (part / "out/link").symlink_to("folder/file")
        (part / "scratch").write_text("much")
        entry = self.cache.keep(part)
        if at:
            os.utime(entry, (at, at))
        return entry

    def find(self, key):
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            return self.cache.find("kind", key), said.getvalue()

    def test_a_whole_entry_is_found(self):
        self.assertEqual(self.find("1"), (None, ""))
        entry = self.make("1")
        self.assertEqual(self.find("1"), (entry, ""))
        self.assertEqual(sorted(path.name for path in self.root.iterdir()), ["kind-1", "lock"])

    def test_a_broken_one_is_removed_with_a_sentence(self):
        breaks = {
            "changed": lambda entry: (entry / "folder/file").write_text("c0ntent"),
            "missing": lambda entry: (entry / "folder/file").unlink(),
            "more": lambda entry: (entry / "extra").write_text(""),
            "led astray": lambda entry: ((entry / "link").unlink(), (entry / "link").symlink_to("elsewhere")),
            "no sums": lambda entry: (entry / "checksums").unlink(),
            "torn sums": lambda entry: (entry / "checksums").write_bytes(b"\xff"),
        }
        for what, damage in breaks.items():
            with self.subTest(what):
                entry = self.make("1")
                damage(entry)
                self.assertEqual(self.find("1"), (None, f"device: the cache entry {entry} is broken: making it again\n"))
                self.assertFalse(entry.exists())

    def test_interrupted_work_stays_and_other_work_goes(self):
        part = self.cache.work("kind", "1")
        (part / "half").write_text("")
        self.assertTrue((self.cache.work("kind", "1") / "half").exists())
        self.assertEqual(self.find("1"), (None, ""))
        self.cache.work("kind", "2")
        self.assertFalse(part.exists())

    def test_the_oldest_go(self):
        entries = [self.make(str(number), at=number + 1) for number in range(caches.KEPT + 1)]
        self.assertFalse(entries[0].exists())
        self.assertTrue(all(entry.exists() for entry in entries[1:]))

    def test_the_second_waits(self):
        code = f"import sys; sys.path.insert(0, {str(HERE)!r}); sys.dont_write_bytecode = True; import cache; cache.Cache(); print('in')"
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as second:
            self.assertEqual(second.stderr.readline(), f"device: another make device works in {self.root}; waiting for it\n")
            self.assertIsNone(second.poll())
            self.cache.close()
            self.assertEqual(second.stdout.read(), "in\n")

    def test_a_folder_that_cannot_be(self):
        with mock.patch.dict(os.environ, {"SPHERULE_CACHE": "/dev/null/x"}), self.assertRaises(Failure) as caught:
            caches.Cache()
        self.assertEqual(str(caught.exception),
                         "the cache /dev/null/x cannot be used (Not a directory): name a folder of yours with SPHERULE_CACHE")

    def test_hash(self):
        self.assertEqual(caches.hash_of("a", "b"), caches.hash_of("a", b"b"))
        self.assertNotEqual(caches.hash_of("a", "b"), caches.hash_of("ab"))
        self.assertEqual(len(caches.hash_of("")), 16)


class Tools(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="spherule-tools-")
        self.addCleanup(scratch.cleanup)
        self.log = pathlib.Path(scratch.name) / "log"

    def failure(self, script):
        with self.assertRaises(Failure) as caught:
            run.run(["sh", "-c", script], self.log, "the work")
        return str(caught.exception)

    def test_what_failed_and_why(self):
        text = self.failure("echo one; echo 'x.c: error: no'; for i in 1 2 3 4 5 6 7 8 9; do echo $i; done; exit 3")
        self.assertEqual(text, f"the work failed; the whole output is in {self.log}, which says:\nx.c: error: no")
        self.assertEqual(self.failure("echo plain; exit 1").splitlines()[1], "plain")

    def test_a_full_disk(self):
        text = self.failure("echo 'cc1: No space left on device'; exit 1")
        self.assertRegex(text, rf"^the disk of {self.log.parent} has too little room \(\d+ MB free; .*name another folder for the cache with SPHERULE_CACHE")


if __name__ == "__main__":
    unittest.main()
