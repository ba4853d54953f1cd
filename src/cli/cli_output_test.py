#!/usr/bin/env python3
"""Forms of answers, queries, watching and the other spellings of the program, from outside, against stand-ins for devices.

usage: cli_output_test.py BIN-DIR
"""
import json
import os
import signal
import subprocess
import sys
import threading
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


class Watch(Case):
    """--watch, and the loops of the original's document."""
    TABLE = (" -------------------------- -------------\n Name                       Usage (bytes)\n"
             " ========================================\n Total (Kernel + User Mode) 65536\n"
             " -------------------------- -------------\n User Mode                  36864\n"
             " -------------------------- -------------\n Peak User Mode             36864\n"
             " -------------------------- -------------\n")

    def start(self, *args, stdout=subprocess.PIPE):
        child = subprocess.Popen([os.path.join(cli_args_test.BIN, "spherule"), "device", "app", "show-memory-stats", *args],
                                 env=self.env, cwd=self.tmp, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE)
        self.addCleanup(child.stderr.close)
        if child.stdout:
            self.addCleanup(child.stdout.close)
        return child

    def interrupt(self, child):
        child.send_signal(signal.SIGINT)
        self.assertEqual(child.wait(60), 0)
        self.assertEqual(child.stderr.read(), b"")

    def test_each_reading_is_an_answer_and_ctrl_c_ends_it(self):
        self.fake({**STATS})
        for args, text in (("--watch",), self.TABLE), (("--watch", "1", "-o", "yaml", "--query", "memoryStats.*"),
                                                       "---\n- 65536\n- 36864\n- 36864\n"):
            with self.subTest(args=args):
                child = self.start(*args)
                self.assertEqual(child.stdout.read(2 * len(text.encode())).decode(), 2 * text)
                self.interrupt(child)
                rest = child.stdout.read().decode()
                self.assertEqual(rest, len(rest) // len(text) * text)  # whole answers only

    def test_the_values_that_are_refused(self):
        self.fake({**STATS})
        for value in ("0", "86401", "1s", "0.5"):
            self.expect_error(["device", "app", "show-memory-stats", "--watch", value], 2,
                              f"--watch takes a number of seconds from 1 to 86400, not '{value}'")

    def test_a_picture_on_a_terminal(self):
        figures = iter([(65536, 32768), (131072, 65536), (131072, 131072)] + [(131072, 4096)] * 1000)

        def answer(handler, body):
            total, user = next(figures)
            return 200, {"memoryStats": {**MEMORY["memoryStats"], "currentMemoryUsageInBytes": total,
                                         "userModeMemoryUsageInBytes": user}}

        self.fake({("GET", "/stats/memory/groups/applications"): answer})
        master, slave = os.openpty()
        child = self.start("--watch", stdout=slave)
        os.close(slave)
        out = b""
        while "█▁ 4096".encode() not in out:
            out += os.read(master, 65536)
        self.interrupt(child)
        os.close(master)
        text = out.decode().replace("\r\n", "\n")
        self.assertIn("\033[H\033[Jdefault: every 1 s, 3 readings; Ctrl+C ends it\n" + self.TABLE.splitlines(True)[0], text)
        self.assertIn("\n Total ▄██ 131072\n User  ▂▄█ 131072\n", text)
        self.assertIn("\n Total ▄███ 131072\n User  ▂▄█▁ 4096\n", text)

    def test_ctrl_c_ends_a_reading_that_hangs(self):
        asked = threading.Event()
        done = threading.Event()

        def answer(handler, body):
            asked.set()
            done.wait(60)

        self.fake({("GET", "/stats/memory/groups/applications"): answer})
        child = self.start("--watch")
        self.assertTrue(asked.wait(60))
        self.interrupt(child)
        done.set()

    def test_a_reader_that_has_seen_enough_and_a_device_that_goes_away(self):
        fake = self.fake({**STATS})
        child = self.start("--watch")
        self.assertEqual(child.stdout.readline(), self.TABLE.splitlines(True)[0].encode())
        child.stdout.close()
        self.assertEqual((child.wait(60), child.stderr.read()), (0, b""))
        child = self.start("--watch")
        child.stdout.read(len(self.TABLE.encode()))
        fake.close()
        self.fakes.remove(fake)
        self.assertEqual(child.wait(60), 3)
        self.assertTrue(child.stderr.read().startswith(b"error: "))

    def test_the_documents_loop_in_bash(self):
        """As printed, but for a sleep that a test can wait for; `az sphere` as the newer edition has it."""
        self.fake({**STATS})
        os.symlink(os.path.join(cli_args_test.BIN, "spherule"), os.path.join(self.tmp, "az"))
        env = {**self.env, "PATH": f"{self.tmp}:{cli_args_test.BIN}:{self.env['PATH']}"}
        for command in ("azsphere", "az sphere"):
            loop = f"while true; do {command} device app show-memory-stats; sleep 1; done"
            table = self.TABLE if command == "azsphere" else json.dumps(MEMORY, indent=2) + "\n"
            with self.subTest(command=command):
                child = subprocess.Popen(["bash", "-c", loop], env=env, cwd=self.tmp, stdin=subprocess.DEVNULL,
                                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, process_group=0)
                self.assertEqual(child.stdout.read(2 * len(table)).decode(), 2 * table)
                os.killpg(child.pid, signal.SIGINT)  # as a terminal does at Ctrl+C
                self.assertEqual(child.wait(60), -signal.SIGINT)
                self.assertEqual(child.stderr.read(), b"")
                child.stdout.close()
                child.stderr.close()


if __name__ == "__main__":
    cli_args_test.BIN = os.path.abspath(sys.argv.pop(1))
    unittest.main()
