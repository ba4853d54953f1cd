#!/usr/bin/env python3
"""Forms of answers, queries, watching and the other spellings of the program, from outside, against stand-ins for devices.

usage: cli_output_test.py BIN-DIR
"""
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cli_args_test  # noqa: E402
from cli_args_test import APPS, ID, ID2, MEMORY, Case  # noqa: E402

STATS = {("GET", "/stats/memory/groups/applications"): (200, MEMORY)}
LIST = {("GET", "/spherule/v1/apps"): (200, APPS)}


class Forms(Case):
    def test_query_takes_the_answers_json(self):
        self.fake({**STATS, **LIST})
        stats = ["device", "app", "show-memory-stats"]
        self.expect(stats + ["--query", "memoryStats.userModeMemoryUsageInBytes"], 0, "",
                    "Result\n36864\n")
        self.expect(stats + ["--query", "memoryStats.userModeMemoryUsageInBytes", "-o", "tsv"], 0, "", "36864\n")
        self.expect(stats + ["--query", "memoryStats.*", "-o", "tsv"], 0, "", "65536\n36864\n36864\n")
        self.expect(["device", "app", "show-status", "--query", "[?state=='running'].componentId | [0]", "-o", "json"], 0,
                    "", f'"{ID}"\n')
        self.expect(["--query", "[].{Id:imageId,Name:name}", "device", "image", "list-installed"], 0, "",
                    f"Id                                    Name\n{ID2}  blink\n")
        self.expect(["version", "--query", "keys(@)", "-o", "yaml"], 0, "", "- Azure Sphere SDK\n- Spherule\n")
        self.expect(["version", "--query", "nothing"], 0, "", "")

    def test_a_wrong_query_is_found_before_anything_is_done(self):
        fake = self.fake({**LIST})
        self.expect(["device", "sideload", "delete", "--query", "[?a"], 2,
                    "error: the query is wrong at column 4: ']' is expected here\n"
                    "See 'spherule device sideload delete --help'.\n")
        self.assertEqual(fake.requests, [])
        self.expect_error(["device", "app", "show-status", "--query", "sum(@)"], 2,
                          "sum() of the query takes an array of numbers, not this array")
        self.expect_error(["run", "x", "--query"][:1] + ["--query", "a b", "x"], 125,
                          "the query is wrong at column 3: this cannot stand here\nSee 'spherule run --help'.")

    def test_what_has_no_json_does_without(self):
        self.fake({("GET", "/log"): (200, "a line\n")})
        self.expect(["device", "log", "--query", "x", "-o", "yaml"], 0, "", "a line\n")
        self.assertEqual(self.run_cli("completion", "bash", "--query", "x"), self.run_cli("completion", "bash"))

    def test_yaml_is_read_as_the_same_value(self):
        try:
            import yaml
        except ImportError:
            self.skipTest("python3-yaml is not installed")
        odd = {"apps": [{**APPS["apps"][0], "name": name} for name in (
            "true", "~", "1e3", "0x1F", "a: b", "- a", "# x", " a", "a ", "é\u2028\x85", "12:30", "2026-11-29", "'", '"', "\\",
            "!x", "&x", "*x", "{", "[", "?", "%", "@", "`", "|", ">", "=", "<<", "null", ".inf", "1_0", "tab\t", "a\nb")]}
        self.fake({**STATS, ("GET", "/spherule/v1/apps"): (200, {**APPS, **odd})})
        for args in (["device", "app", "show-memory-stats"], ["device", "image", "list-installed"], ["device", "list"],
                     ["version"]):
            with self.subTest(args=args):
                ours = yaml.safe_load(self.run_cli(*args, "-o", "yaml")[1])
                self.assertEqual(ours, json.loads(self.run_cli(*args, "-o", "json")[1]))


class Spellings(Case):
    def test_az_sphere(self):
        self.fake({**STATS, **LIST})
        link = os.path.join(self.tmp, "az")
        os.symlink(os.path.join(cli_args_test.BIN, "spherule"), link)
        words = ["device", "app", "show-memory-stats", "-g", "group", "--catalog", "mine"]
        expected = self.run_cli("device", "app", "show-memory-stats", "-o", "json")
        self.assertEqual(expected[0], 0)
        for program, before in ((link, ["sphere"]), ("spherule", ["sphere"]), ("azsphere", ["az", "sphere"])):
            with self.subTest(program=program):
                self.assertEqual(self.run_cli(*before, *words, program=program), expected)
        self.assertEqual(self.run_cli("sphere", *words, "-o", "table"), self.run_cli(*words[:3]))
        self.assertEqual(self.run_cli("version", program=link)[1], self.run_cli("version", "-o", "json")[1])
        self.assertEqual(self.run_cli("login", program=link),
                         (2, "", "error: this is Spherule, which knows no group of az but 'az sphere'\n"))
        status, out, err = self.run_cli("sphere", "device", "lst", program=link)
        self.assertEqual((status, out, err), (2, "", "error: 'az sphere device' has no command 'lst'; did you mean 'list'?\n"))


if __name__ == "__main__":
    cli_args_test.BIN = os.path.abspath(sys.argv.pop(1))
    unittest.main()
