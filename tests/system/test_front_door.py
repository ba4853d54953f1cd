"""The front door: what the README says to type exists, and the test runner finds the labels that it wants."""
import glob
import json
import os
import re
import subprocess
import sys
import unittest

from device import BUILD, ROOT


def documents():
    found = [name for folder in ("*.md", "docs/**/*.md", "sdk/**/*.md")
             for name in glob.glob(folder, root_dir=ROOT, recursive=True)]
    assert len(found) > 20
    return found


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def code_of(text):
    """Lines of the code of a Markdown text (fenced, indented, or within a line), without prompts and comments."""
    blocks = re.findall(r"^```[a-z]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    blocks += re.findall(r"^    (.*)$", text, re.MULTILINE)
    blocks += re.findall(r"`([^`\n]+)`", text)
    for block in blocks:
        for line in block.splitlines():
            yield line.strip().removeprefix("$ ").split(" #")[0].strip()


class FrontDoor(unittest.TestCase):
    def make_targets(self):
        return set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))

    def test_make_targets(self):
        targets = self.make_targets()
        self.assertLessEqual({"demo", "test", "build", "format", "lint", "bench"}, targets)
        said = set()
        for name in ("README.md", "CONTRIBUTING.md"):
            for line in code_of(read(name)):
                if match := re.match(r"(?:sudo )?make ([a-z-]+)", line):
                    said.add(match.group(1))
        self.assertLessEqual({"demo", "test"}, said)
        self.assertLessEqual(said, targets)

    def test_every_target_has_its_script(self):
        for target in self.make_targets() - {"help", "clean"}:
            plan = subprocess.run(["make", "-n", "-s", target], cwd=ROOT, capture_output=True, text=True, check=False)
            self.assertEqual(plan.returncode, 0, plan.stderr)
            for path in re.findall(r"(?:scripts|bench)/[a-z_.]+", plan.stdout):
                self.assertTrue(os.access(os.path.join(ROOT, path), os.R_OK), path)

    def test_commands_of_the_documents(self):
        """Each `spherule …` that a document shows is a command: its help can be had."""
        names = ["README.md", "CONTRIBUTING.md"]
        names += [os.path.join("docs", "spec", name) for name in os.listdir(os.path.join(ROOT, "docs", "spec"))]
        commands = {"run", "version"}
        for name in names:
            for line in code_of(read(name)):
                match = re.match(r"(?:sudo )?(?:build/bin/)?(?:spherule|azsphere) ((?:[a-z-]+ ?)+)", line)
                words = match.group(1).split() if match else []
                while words and words[-1].startswith("-"):
                    words.pop()
                if words:
                    commands.add(" ".join(words))
        for words in sorted(commands):
            parts = words.split()
            while parts:  # what follows a command's words may be its arguments
                status = subprocess.run([os.path.join(BUILD, "bin", "spherule"), *parts, "--help"], check=False,
                                        capture_output=True).returncode
                if status == 0:
                    break
                parts.pop()
            with self.subTest(command=words):
                self.assertTrue(parts)
                depth = 1 if parts[0] in ("run", "version", "completion") else 2
                self.assertGreaterEqual(len(parts), min(depth, len(words.split())), words)

    def test_links(self):
        """Files that the documents point to are there."""
        for name in documents():
            for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", read(name)):
                if "://" not in target:
                    self.assertTrue(os.path.exists(os.path.join(ROOT, os.path.dirname(name), target)), f"{name}: {target}")

    def test_named_files(self):
        """So are those of the tree that they name."""
        tree = "bench|cmake|device|docs|samples|scripts|sdk|src|tests"
        for name in documents():
            for path in re.findall(rf"`((?:{tree})/[\w./*-]+)`", read(name)):
                self.assertTrue(glob.glob(os.path.join(ROOT, path)), f"{name}: {path}")

    def test_tables_say_each_thing_once(self):
        """Of commands, calls and files, which stand first in a row of a table: the second row would contradict the first."""
        for name in documents():
            table = set()
            for line in read(name).splitlines():
                first = line.split("|")[1].strip() if line.startswith("|") else None
                if first is None:
                    table = set()
                elif re.match(r"(GET |PUT |POST |PATCH |DELETE )?`", first):
                    self.assertNotIn(first, table, name)
                    table.add(first)

    def test_exit_statuses_are_documented(self):
        text = read("docs", "spec", "cli-exit.md")
        for number in re.findall(r"SPH_(?:EXIT|RUN)_[A-Z_]+ = (\d+)", read("src", "cli", "syntax", "exit.h")):
            self.assertRegex(text, rf"\b{number}\b")
        for section in text.split("\n## ")[1:]:
            statuses = re.findall(r"^\| (\d[\d +N]*) \|", section, re.MULTILINE)
            self.assertEqual(len(statuses), len(set(statuses)), section[:30])

    def test_labels(self):
        """Each label that the runner insists on is carried by a test, and only known labels are."""
        sys.path.insert(0, os.path.join(ROOT, "scripts"))
        try:
            import test as runner
        finally:
            sys.path.pop(0)
        listing = subprocess.run(["ctest", "--test-dir", BUILD, "--show-only=json-v1"], capture_output=True, text=True,
                                 check=True).stdout
        carried = set()
        for entry in json.loads(listing)["tests"]:
            properties = {item["name"]: item["value"] for item in entry.get("properties", [])}
            self.assertTrue(properties.get("LABELS"), f"{entry['name']} has no label")
            self.assertIn("TIMEOUT", {*properties, *(["TIMEOUT"] if "layers" in properties["LABELS"] else [])},
                          entry["name"])
            carried.update(properties["LABELS"])
        wanted = set(runner.STAGES["dev"][2]).union(runner.ROOT_LABELS["dev"])
        self.assertLessEqual(wanted, carried)
        self.assertLessEqual(carried, {"unit", "layers", "sdk", "system", "cgroup", "virtual", "fuzz-smoke", "demo"})

    def test_packages_are_sorted(self):
        names = [line.split("#")[0].strip() for line in read("packages.txt").splitlines()]
        names = [name for name in names if name]
        self.assertEqual(names, sorted(set(names)))


if __name__ == "__main__":
    unittest.main(verbosity=2)
