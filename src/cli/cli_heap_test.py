#!/usr/bin/env python3
"""The commands about heaps, whole, against a stand-in for a device: a program compiled here is what it tells of."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from fake_device import FakeDevice

BIN = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "."
ID = "2f074b0f-d99d-4692-82d9-ef93a7d6463c"
SOURCE = """#include <stdlib.h>
void *kept;
void add_node(void) {
    kept = malloc(20000);
    __asm__ volatile(".globl behind_call\\nbehind_call:");
}
int main(void) { add_node(); return 0; }
"""


def build_id(path):
    return re.search(r"Build ID: (\w+)", subprocess.check_output(["readelf", "-n", path], text=True))[1]


class Heap(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.tmp = tempfile.mkdtemp(prefix="spherule-test-")
        self.env = {**os.environ, "SPHERULE_HOME": os.path.join(self.tmp, "home"), "SPHERULE_DEVICE": ""}
        source = os.path.join(self.tmp, "src/a/long/way/down/to/main.c")
        self.built = os.path.join(self.tmp, "elsewhere/leak")
        os.makedirs(os.path.dirname(source))
        os.mkdir(os.path.dirname(self.built))
        with open(source, "w") as f:
            f.write(SOURCE)
        subprocess.check_call(["gcc", "-g", "-O0", "-Wl,--build-id=sha1", "-o", self.built, source])
        symbols = subprocess.check_output(["nm", self.built], text=True)
        self.address = hex(int(re.search(r"(\w+) . behind_call", symbols)[1], 16))
        self.fakes = []
        self.assertEqual(self.run_cli("device", "create", "default")[0], 0)

    def tearDown(self):
        for fake in self.fakes:
            fake.close()
        shutil.rmtree(self.tmp)

    def run_cli(self, *args):
        done = subprocess.run([os.path.join(BIN, "spherule"), *args], env=self.env, cwd=self.tmp, timeout=60,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr

    def process(self, **more):
        callers = [{"name": "App + Static Libraries", "path": "/mnt/apps/x/bin/app", "buildId": build_id(self.built),
                    "base": "0x555000000000", "liveBytes": 500000, "residentBytes": 102400, "peakBytes": 500000,
                    "liveBlocks": 25, "allocations": 25, "frees": 0, "largestBytes": 20000},
                   {"name": "curl", "path": "/usr/lib/libcurl.so.4", "buildId": "", "base": "0x7f0000000000",
                    "liveBytes": 5120, "residentBytes": 5120, "peakBytes": 9000, "liveBlocks": 3, "allocations": 900,
                    "frees": 897, "largestBytes": 4096}]
        sites = [{"caller": 0, "address": self.address, "liveBytes": 500000, "residentBytes": 102400, "liveBlocks": 25,
                  "allocations": 25, "onlyGrew": True},
                 {"caller": 1, "address": "0x1234", "liveBytes": 5120, "residentBytes": 5120, "liveBlocks": 3,
                  "allocations": 900, "onlyGrew": False}]
        return {"pid": 7, "state": "tracked", "liveBytes": 505120, "residentBytes": 107520, "liveBlocks": 28,
                "allocations": 925, "frees": 897, "uptimeMs": 2000, "complete": True, "peaksExact": True,
                "countsExact": True, "blocksLost": 0, "callers": callers, "sites": sites, "sitesDropped": 4, **more}

    def fake(self, heap, kill=None):
        answers = {("GET", "/spherule/v1/apps"): (200, {"apps": [{"componentId": ID, "name": "leak", "state": "running"}]}),
                   ("GET", f"/spherule/v1/heap/{ID}"): heap if callable(heap) else (200, heap),
                   ("GET", "/spherule/v1/kills/1"): (200, kill)}
        self.fakes.append(FakeDevice(os.path.join(self.tmp, "home/devices/default"), answers))

    def tracked(self, **more):
        return {"componentId": ID.upper(), "state": "tracked", "reason": "", "processes": [self.process(**more)]}

    def test_callers_and_sites(self):
        self.fake(self.tracked())
        status, out, err = self.run_cli("device", "app", "show-heap", "--symbols", self.built)
        self.assertEqual((status, err), (0, ""))
        self.assertEqual(out, f"""leak ({ID}): Its heap is tracked.
Process 7: 505120 bytes live in 28 blocks
Caller                  Live    Resident  Peak    Blocks  Allocs
App + Static Libraries  500000  102400    500000  25      25
curl                    5120    5120      9000    3       900
Of 505120 bytes asked for, 107520 are resident: a page counts against the
ration only once it is written.

Live    Resident  Blocks  Allocs    Call site
500000  102400    25      25      + add_node {self.shown_file(33)}
5120    5120      3       900       libcurl.so.4+0x1234
(+ only grew: nothing that was made there was ever given back)
(4 further call sites are not listed)
libcurl.so.4 has no build id by which its symbols are found: link it with -Wl,--build-id.
""")

    def shown_file(self, width):
        whole = os.path.join(self.tmp, "src/a/long/way/down/to/main.c:4")
        head = (width - 1) // 3
        return f"{whole[:head]}…{whole[-(width - 1 - head):]}"

    def test_where_symbols_are_found(self):
        self.fake(self.tracked())
        place = lambda *args: self.run_cli("device", "app", "show-heap", *args)[1].split("25      25      + ")[1].split("\n")[0]
        self.assertEqual(place(), f"app+{self.address}")
        self.assertTrue(place("--symbols", os.path.dirname(self.built)).startswith("add_node "))
        os.makedirs(os.path.join(self.tmp, "out/ARM-Debug"))
        shutil.copy(self.built, os.path.join(self.tmp, "out/ARM-Debug/leak.out"))
        self.assertTrue(place().startswith("add_node "))
        subprocess.check_call(["strip", "-g", os.path.join(self.tmp, "out/ARM-Debug/leak.out")])
        self.assertRegex(place(), r"^add_node\+0x[0-9a-f]+ app$")
        status, _, err = self.run_cli("device", "app", "show-heap", "--symbols", "nowhere", "--symbols", "src/a/long/way/down/to/main.c")
        self.assertEqual((status, err), (0, "warn: --symbols nowhere: No such file or directory\n"
                                            "warn: --symbols src/a/long/way/down/to/main.c: neither a folder nor a program\n"))

    def test_not_tracked(self):
        self.fake({"componentId": ID, "state": "noLibrary", "reason": "", "processes": []})
        for why in ([], ["--why"]):
            status, out, err = self.run_cli("device", "app", "show-heap", *why)
            self.assertEqual((status, err), (0, ""))
            self.assertEqual(out, f"leak ({ID}): Its heap is not tracked: the package has no libmalloc.so.0; add DEBUG_LIB "
                             "\"libmalloc\" to azsphere_target_add_image_package in CMakeLists.txt.\n")

    def test_rates(self):
        readings = [self.tracked(), self.tracked(uptimeMs=4000)]
        readings[1]["processes"][0]["callers"][1]["allocations"] = 907
        self.fake(lambda *_: (200, readings.pop(0)))
        out = self.run_cli("device", "app", "show-heap", "--interval", "1", "--sites", "0")[1]
        self.assertRegex(out, r"\nCaller  .*  Allocs  Allocs/s\nApp .*  25      0.0\ncurl .*  907     3.5\n")
        self.assertNotIn("Call site", out)

    def test_json_and_tsv(self):
        self.fake(self.tracked())
        out = self.run_cli("device", "app", "show-heap", "-o", "json")[1]
        self.assertEqual(json.loads(out), [self.tracked()])
        out = self.run_cli("device", "app", "show-heap", "-o", "tsv")[1]
        self.assertEqual(out.splitlines()[1], f"{ID}\t7\tcurl\t5120\t5120\t9000\t3\t900")

    def test_what_is_left_out(self):
        told = self.tracked()
        for dropped, text in ((1, "1 further process with a heap is not listed"),
                              (5, "5 further processes with a heap are not listed")):
            self.fake({**told, "processesDropped": dropped})
            out = self.run_cli("device", "app", "show-heap", "--sites", "1")[1]
            self.assertTrue(out.endswith(f"(5 further call sites are not listed)\n({text})\n"), out)
            self.assertNotIn("further", self.run_cli("device", "app", "show-heap", "--why")[1])
            status, out, err = self.run_cli("device", "app", "show-heap", "-o", "tsv")
            self.assertEqual((status, len(out.splitlines()), err), (0, 2, f"warn: leak: {text}\n"))
            self.fakes.pop().close()

    def test_stats_say_what_their_rows_lack(self):
        process = {"pid": 7, "heapUsageByCaller": [{"name": "App + Static Libraries", "usageInBytes": 12}]}
        answer = {"memoryStats": {}, "apps": [{"processes": [process]}, {"processes": [process], "processesDropped": 2}],
                  "heapsNotTracked": [{"name": "leak", "reason": "This is why."},
                                      {"name": "blink", "pid": 42, "reason": "This too."}]}
        self.fakes.append(FakeDevice(os.path.join(self.tmp, "home/devices/default"),
                                     {("GET", "/stats/memory/groups/applications"): (200, answer)}))
        status, out, err = self.run_cli("device", "app", "show-memory-stats")
        self.assertEqual(status, 0)
        self.assertRegex(out, r"\n Heap: App \+ Static Libraries +24\n")
        self.assertEqual(err, "warn: the rows 'Heap: …' lack 2 processes, for which the device's answer had no place\n"
                              "warn: leak: This is why.\nwarn: blink, process 42: This too.\n")

    def serve_run(self, report):
        events = [{"kind": "subscribed", "lastSeq": 0}, {"kind": "ended", "componentId": ID, "reportId": 1, "why": "exit"}]
        answers = {("PUT", "/update/stage"): (200, {}), ("POST", "/update/install"): (200, {}),
                   ("GET", "/spherule/v1/kills/1"): (200, report)}
        self.fakes.append(FakeDevice(os.path.join(self.tmp, "home/devices/default"), answers))

        def staged(handler, body):  # the wrapped program's component id is made from its content
            found = re.search(rb'"ComponentId":"([-0-9a-f]+)"', body)[1].decode()
            events[1]["componentId"] = found
            answers.update({("GET", f"/app/status/{found}"): (200, {"state": "notPresent"}),
                            ("POST", f"/spherule/v1/apps/{found}/run"): (200, {"state": "running"}),
                            ("DELETE", f"/app/image/{found}"): (200, {})})
            return 200, {}
        answers[("PUT", "/update/stage")] = staged
        answers[("GET", "/spherule/v1/events?hold=1")] = lambda h, body: h.stream(events)
        return self.fakes[-1]

    def run_request(self, fake):
        return [body for method, path, _, body in fake.requests if method == "POST" and path.endswith("/run")]

    def test_run_names_the_program_without_a_build_id(self):
        plain = os.path.join(self.tmp, "plain")
        subprocess.check_call(["objcopy", "-R", ".note.gnu.build-id", self.built, plain])
        heap = self.process()
        heap["callers"][0]["buildId"] = ""
        fake = self.serve_run({"id": 1, "name": "plain", "why": "exit", "exitCode": 0, "userExact": True,
                               "kernelExact": True, "heap": heap})
        status, out, err = self.run_cli("run", "--heap", "--device", "default", plain)
        self.assertEqual((status, out), (0, ""), err)
        self.assertEqual(self.run_request(fake), [b'{"heap":true}'])
        self.assertIn("asked for (not given back at its end: 505120 in 28 blocks):\n", err)
        self.assertIn("25      25      + add_node ", err)

    def test_run_of_a_static_program(self):
        static = os.path.join(self.tmp, "static")
        subprocess.check_call(["gcc", "-static", "-o", static, os.path.join(self.tmp, "src/a/long/way/down/to/main.c")])
        fake = self.serve_run({"id": 1, "name": "static", "why": "exit", "exitCode": 0, "userExact": True,
                               "kernelExact": True, "heapState": "notAsked"})
        for args, warns in ((["--heap"], 1), ([], 0)):
            status, _, err = self.run_cli("run", *args, "--device", "default", static)
            self.assertEqual(status, 0, err)
            self.assertEqual(err.count(f"warn: '{static}' is linked statically: its heap cannot be tracked, since nothing "
                                       "can stand before its malloc; link it dynamically\n"), warns, err)
            self.assertEqual(err.count("heap"), warns, err)
        self.assertEqual(self.run_request(fake), [b"{}", b"{}"])

    def test_a_kill(self):
        heap = self.process(crossingBlock={"caller": 0, "address": "0x7f1200004000", "bytes": 20000, "offset": 16384,
                                           "site": self.address})
        self.fake(None, {"id": 1, "componentId": ID, "name": "leak", "why": "ration", "limitBytes": 262144,
                         "userExact": True, "kernelExact": True, "heap": heap})
        out = self.run_cli("device", "app", "show-kills", "1", "--symbols", self.built)[1]
        self.assertIn("\n\nIt crossed at the page at +16384 of a block of 20000 bytes made by add_node "
                      f"{self.tmp}/src/a/long/way/down/to/main.c:4.\n", out)
        self.assertIn("\nHeap by caller, in bytes asked for (505120 in 28 blocks):\nCaller ", out)
        self.assertIn("\nHeap by call site:\nLive ", out)


if __name__ == "__main__":
    unittest.main()
