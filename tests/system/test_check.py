"""`spherule check`: the same bytes in every run, JUnit that another parser reads, and a ration that is over budget."""
import json
import os
import unittest
import xml.etree.ElementTree

from device import IS_VIRTUAL, RATION, Home, main, probe, sample

RUNS = 3


class Check(unittest.TestCase):
    def setUp(self):
        self.home = self.enterContext(Home())

    def path(self, name):
        return os.path.join(self.home.temp, name)

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def write_budget(self, budget):
        with open(self.path("budget.json"), "w", encoding="utf-8") as file:
            json.dump(budget, file)

    def check(self, *args):
        return self.home.run("check", "-o", "tsv", "--budget", self.path("budget.json"), *args)

    def tearDown(self):
        self.assertEqual(self.home.names(), [])  # no device is left

    def test_the_same_bytes_in_every_run(self):
        package = [sample("leak-fixed"), "again"]  # arguments: packed anew, so signed by this home's own key
        outputs = set()
        result = self.check("--init", "--seconds", "1", *package)
        self.assertEqual(result.status, 0, result)
        budget = json.loads(self.read("budget.json"))
        self.assertEqual(budget["flash"] % 4096, 0)
        self.assertGreaterEqual(budget["flash"], os.path.getsize(package[0]))
        figures = ["peakUser", "user", "flash"] + (["total"] if IS_VIRTUAL else [])  # natively the host's kernel
        self.write_budget({key: {"limit": budget[key], "growth": 0} for key in figures})  # has a say in the total
        for _ in range(RUNS):
            # the first makes the baseline that the others may not grow from by a byte
            first = [] if outputs else ["--update-baseline"]
            result = self.check("--seconds", "1", "--baseline", self.path("base.json"), *first,
                                "--summary", self.path("summary.md"), "--junit", self.path("junit.xml"), *package)
            self.assertEqual(result.status, 0, result)
            outputs.add((result.out, self.read("summary.md"), self.read("junit.xml"), self.read("base.json")))
            print(result.out, flush=True)
        self.assertEqual(len(outputs), 1, outputs)
        suite = xml.etree.ElementTree.fromstring(self.read("junit.xml")).find("testsuite")
        self.assertEqual([suite.get(key) for key in ("tests", "failures", "errors")],
                         [str(len(figures) + 1), "0", "0"])
        self.assertEqual(len(suite.findall("testcase")), len(figures) + 1)

    def test_the_ration_is_over_budget(self):
        self.write_budget({"peakUser": "1M"})
        result = self.check("--junit", self.path("junit.xml"), probe("static"), "eat", "0")
        self.assertEqual(result.status, 120, result)
        self.assertIn(f"error: over budget: it went over its ration of {RATION} bytes (the next page would have made ",
                      result.err)
        self.assertEqual(result.out, f"Peak User\t{RATION}\ttrue\t1048576\t\t\t\twithin\n")
        failures = xml.etree.ElementTree.fromstring(self.read("junit.xml")).findall(".//failure")
        self.assertEqual([failure.get("type") for failure in failures], ["ration"])

    def test_names_that_xml_minds(self):
        names = ["<a> & \"b\"", "]]>'", "\u00e9\ufffd", "\ufffe", "\uffff"]
        self.write_budget({"heap": {name: 1 for name in names}})
        result = self.check("--junit", self.path("junit.xml"), probe("static"), "exit", "0")
        self.assertEqual(result.status, 125, result)  # no heap of a static program can be tracked
        cases = xml.etree.ElementTree.fromstring(self.read("junit.xml")).findall(".//testcase")
        self.assertEqual(sorted(case.get("name") for case in cases),
                         sorted(["End"] + ["Heap: " + name.replace("\ufffe", "?").replace("\uffff", "?")
                                           for name in names]))

    def test_a_limit_and_a_failure(self):
        self.write_budget({"peakUser": 4096})
        self.assertEqual(self.check(probe("static"), "exit", "0").status, 120)
        self.assertEqual(self.check(probe("static"), "exit", "3").status, 121)
        self.assertEqual(self.check(probe("static"), "abort").status, 121)


if __name__ == "__main__":
    main()
