"""Heap tracking as its users see it: who holds which byte, while it runs and after its end, and why there is none."""
import json
import os
import re
import unittest

from device import IS_VIRTUAL, RATION, Device, main, musl_loader, only, pack, probe, read_text, wait_for

PROBE = "00000000-1111-2222-3333-444444444444"
APP = "App + Static Libraries"
LIBRARY = {"libmalloc.so.0": b"the device has its own"}  # that it is there is what asks for tracking


def pack_tracked(device, arguments, **options):
    return pack(device, PROBE, arguments, files=LIBRARY, HeapMemStats=True, **options)


def heap(device):
    return device.get(f"/spherule/v1/heap/{PROBE}")


def app_of(process):
    """What the app itself holds; the figures of all callers are those of the process."""
    for figure in ("liveBytes", "residentBytes", "liveBlocks"):
        assert sum(caller[figure] for caller in process["callers"]) == process[figure], (figure, process)
    assert process["callers"][0]["name"] == APP, process
    return process["callers"][0]


def configure(device, **members):
    """Changes device.json of a device that does not run."""
    path = os.path.join(device.dir, "device.json")
    with open(path, encoding="utf-8") as file:
        content = json.load(file)
    content.update(members)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(content, file)


def may_raise_limits():
    """Whether the agent has CAP_SYS_RESOURCE: natively it is this test's."""
    rights = int(re.search(r"CapEff:\s+(\w+)", read_text("/proc/self/status"))[1], 16)
    return IS_VIRTUAL or bool(rights >> 24 & 1)


class Tracked(unittest.TestCase):
    def test_live(self):
        """To the byte; blocks that were given back are not in it."""
        with Device() as device:
            device.deploy(pack_tracked(device, ["hold", "10000", "hold", "20000", "drop", "stay"]))
            device.wait_log("staying")
            told = heap(device)
            self.assertEqual((told["componentId"], told["state"]), (PROBE, "tracked"))
            self.assertEqual(len(told["processes"]), 1, told)
            process = told["processes"][0]
            self.assertEqual((process["pid"], process["state"]), (device.app_pids(PROBE)[0], "tracked"))
            self.assertTrue(process["complete"] and process["peaksExact"] and process["countsExact"], process)
            self.assertEqual((process["blocksLost"], process["damaged"], process["sitesDropped"]), (0, 0, 0))
            app = app_of(process)
            self.assertEqual((app["liveBytes"], app["liveBlocks"], app["residentBytes"]), (10000, 1, 10000))
            self.assertEqual((app["peakBytes"], app["largestBytes"]), (30000, 10000))
            self.assertEqual((app["allocations"], app["frees"]), (2, 1))
            sites = [site for site in process["sites"] if site["caller"] == 0]
            self.assertEqual([(site["liveBytes"], site["liveBlocks"]) for site in sites], [(10000, 1)])
            self.check_documented(device)

    def check_documented(self, device):
        """The form of the original's document."""
        apps = device.get("/stats/memory/groups/applications")["apps"]
        self.assertEqual([app["componentId"] for app in apps], [PROBE.upper()])
        self.assertEqual([process["pid"] for process in apps[0]["processes"]], device.app_pids(PROBE))
        usage = {row["name"]: row["usageInBytes"] for row in apps[0]["processes"][0]["heapUsageByCaller"]}
        self.assertEqual(usage[APP], 10000)

    def test_costs_no_user_memory(self):
        """The same program takes the same pages, tracked or not."""
        users = []
        with Device() as device:
            for options in ({}, {"files": LIBRARY, "HeapMemStats": True}):
                device.deploy(pack(device, PROBE, ["hold", "10000", "drop", "hold", "300", "stay"], **options))
                wait_for(lambda: device.app_pids(PROBE), what="the process")
                device.wait_log("staying", count=len(users) + 1)
                users.append(device.stats()[1])
                self.assertEqual(users[-1], device.walked_user())
            self.assertEqual(heap(device)["state"], "tracked")
        self.assertEqual(users[0], users[1])

    def test_fork(self):
        """Parent and child have a ledger each; what was before the fork is in both."""
        with Device() as device:
            device.deploy(pack_tracked(device, ["hold", "4000", "child", "1", "hold", "100", "stay"]))
            device.wait_log("staying")
            device.wait_log("child")
            processes = heap(device)["processes"]
            self.assertEqual([process["pid"] for process in processes], device.app_pids(PROBE))
            self.assertEqual([app_of(process)["liveBytes"] for process in processes], [4100, 4000])

    def test_what_has_no_place_is_counted(self):
        """Ten processes, of which an answer tells eight: it says so in each of its forms."""
        with Device(create=["--ram", "4M"]) as device:
            device.deploy(pack_tracked(device, ["hold", "300"] + ["child", "1"] * 9 + ["stay"]))
            device.wait_log("staying")
            device.wait_log("child", count=9)
            told = heap(device)
            self.assertEqual((len(told["processes"]), told["processesDropped"]), (8, 2))
            self.assertEqual({app_of(process)["liveBytes"] for process in told["processes"]}, {300})
            self.assertIn("\n(2 further processes with a heap are not listed)\n", device.ok("device", "app", "show-heap"))
            app = device.get("/stats/memory/groups/applications")["apps"][0]
            self.assertEqual((len(app["processes"]), app["processesDropped"]), (8, 2))
            stats = device.run("device", "app", "show-memory-stats")
            self.assertIn("warn: the rows 'Heap: …' lack 2 processes", stats.err)
            self.assertRegex(stats.out, rf"\n Heap: {re.escape(APP)} +{8 * 300}\n")

    def test_leak_is_killed(self):
        """The report sums to what was leaked, of the moment in which the ration was crossed."""
        with Device() as device:
            device.deploy(pack_tracked(device, ["hoard", "1000"]), "--manual-start")
            device.request("POST", f"/spherule/v1/apps/{PROBE}/run")
            report = device.kill(device.wait_kills(1)[0]["id"])
            self.assertEqual((report["why"], report["heapState"]), ("ration", "tracked"))
            process = report["heap"]
            self.assertEqual(process["pid"], report["pid"])
            app = app_of(process)
            self.assertEqual(app["liveBytes"], 1000 * app["liveBlocks"])
            self.assertGreater(app["liveBytes"], RATION // 2)
            self.assertLess(app["liveBytes"], RATION)
            self.assertLessEqual(app["residentBytes"], app["liveBytes"])
            site = process["sites"][0]
            self.assertEqual((site["caller"], site["liveBytes"], site["onlyGrew"]), (0, app["liveBytes"], True))

    def test_refused_page_is_told_of_its_block(self):
        """The fault address lies in the block that was being filled, some pages after its begin."""
        with Device() as device:
            device.deploy(pack_tracked(device, ["hold", "5000", "hold", str(2 * RATION), "stay"]), "--manual-start")
            device.request("POST", f"/spherule/v1/apps/{PROBE}/run")
            report = device.kill(device.wait_kills(1)[0]["id"])
            self.assertEqual((report["why"], report["heapState"]), ("ration", "tracked"))
            process = report["heap"]
            block = process["crossingBlock"]
            self.assertEqual((block["caller"], block["bytes"]), (0, 2 * RATION))
            self.assertEqual(int(block["address"], 16) + block["offset"], int(report["faultAddress"], 16))
            self.assertTrue(RATION // 2 < block["offset"] < RATION, block)
            self.assertIn(block["site"], [site["address"] for site in process["sites"]])

    @only("native", "a machine has less memory than this ration")
    def test_a_large_ledger_is_not_the_apps_end(self):
        """The ledger of many small blocks is larger than what the second net leaves without it."""
        with Device(create=["--ram", "90M"]) as device:
            device.deploy(pack_tracked(device, ["hoard", "8"]), "--manual-start")
            device.request("POST", f"/spherule/v1/apps/{PROBE}/run")
            report = device.kill(device.wait_kills(1)[0]["id"])
            self.assertEqual((report["why"], report["userBytes"]), ("ration", 90 << 20))
            self.assertGreater(app_of(report["heap"])["liveBlocks"], 4000000)

    def test_exit_tells_what_was_not_freed(self):
        with Device() as device:
            device.deploy(pack_tracked(device, ["hold", "3000", "hold", "500", "drop", "exit", "0"]), "--manual-start")
            device.request("POST", f"/spherule/v1/apps/{PROBE}/run")
            report = device.kill(device.wait_kills(1)[0]["id"])
            self.assertEqual((report["why"], report["heapState"]), ("exit", "tracked"))
            app = app_of(report["heap"])
            self.assertEqual((app["liveBytes"], app["liveBlocks"], app["frees"]), (3000, 1, 1))

    def test_each_run_starts_anew(self):
        with Device() as device:
            device.deploy(pack_tracked(device, ["hold", "3000", "rest", "50", "exit", "1"]))
            reports = device.wait_kills(2)
            for row in reports[:2]:
                self.assertEqual(app_of(device.kill(row["id"])["heap"])["liveBytes"], 3000)

    def test_asked_by_who_starts_it(self):
        """Neither capability nor library; the next start is not asked for."""
        with Device() as device:
            device.deploy(pack(device, PROBE, ["hold", "700", "stay"]), "--manual-start")
            status, _, body = device.request("POST", f"/spherule/v1/apps/{PROBE}/run", '{"heap":true}')
            self.assertEqual(status, 200, body)
            device.wait_log("staying")
            told = heap(device)
            self.assertEqual(told["state"], "tracked")
            self.assertEqual(app_of(told["processes"][0])["liveBytes"], 700)
            device.ok("device", "app", "stop")
            device.ok("device", "app", "start")
            device.wait_log("staying", count=2)
            self.assertEqual(heap(device)["state"], "notAsked")


    def test_started_with_stacks(self):
        """show-heap prints the stacks of a running app, and show-kills the same ones after its end."""
        with Device() as device:
            device.deploy(pack(device, PROBE, ["hold", "7000", "stay"]), "--manual-start")
            device.ok("device", "app", "start", "--heap-stacks", "--component-id", PROBE)
            device.wait_log("staying")
            site = heap(device)["processes"][0]["sites"][0]
            self.assertEqual((site["caller"], site["liveBytes"]), (0, 7000))
            self.assertGreater(len(site["stack"]), 1, site)
            symbols = ("--symbols", probe("musl"))
            shown = re.search(r"\n7000 .*\n( +< .*\n)+", device.ok("device", "app", "show-heap", *symbols))
            self.assertRegex(shown[0], r"\n {20,}< main\+0x[0-9a-f]+ ")
            device.ok("device", "app", "stop")
            report = device.wait_kills(1)[0]["id"]
            self.assertIn(shown[0], device.ok("device", "app", "show-kills", str(report), *symbols))

    def test_started_with_heap(self):
        """Until it is stopped, restarts by the device included; what runs already is not started anew."""
        with Device() as device:
            device.deploy(pack(device, PROBE, ["hold", "700", "rest", "300", "exit", "1"]), "--manual-start")
            device.ok("device", "app", "start", "--heap")
            warned = device.run("device", "app", "start", "--heap-stacks")
            self.assertEqual((warned.status, warned.err.count("warn: Probe runs already")), (0, 1), warned)
            for row in device.wait_kills(2)[:2]:
                process = device.kill(row["id"])["heap"]
                self.assertEqual(app_of(process)["liveBytes"], 700)
                self.assertNotIn("stack", process["sites"][0])


class Untracked(unittest.TestCase):
    """The reason stands where the figures would, and in the report of the end; the app runs on."""

    def check(self, device, package, state, reason):
        device.deploy(package)
        self.check_running(device, state, reason)

    def check_running(self, device, state, reason):
        device.wait_log("staying", count=1 + len(device.kills()))
        pid = device.app_pids(PROBE)[0]
        told = heap(device)
        self.assertEqual(told["state"], state)
        self.assertIn(reason, told["reason"])
        for process in told["processes"]:
            self.assertEqual((process["pid"], process["state"]), (pid, state))
            self.assertNotIn("callers", process)
        self.assertIn(f"): {told['reason']}\n", device.ok("device", "app", "show-heap", "--why"))
        stats = device.run("device", "app", "show-memory-stats")
        self.assertEqual((stats.status, stats.out.count("Heap")), (0, 0), stats)
        self.assertRegex(stats.err, rf"^warn: Probe(, process {pid})?: {re.escape(told['reason'])}\n$" if state != "notAsked" else "^$")
        self.assertNotIn("apps", device.get("/stats/memory/groups/applications"))
        before = len(device.kills())
        self.assertEqual(device.app_pids(PROBE), [pid])
        device.ok("device", "app", "stop")
        report = device.kill(device.wait_kills(before + 1)[-1]["id"])
        self.assertEqual(report["heapState"], state)
        self.assertNotIn("callers", report.get("heap", {}))

    def test_packages(self):
        arguments = ["hold", "1000", "stay"]
        with Device() as device:
            for name, options, state, reason in (
                    ("neither", {}, "notAsked", "DEBUG_LIB"),
                    ("no library", {"HeapMemStats": True}, "noLibrary", "DEBUG_LIB"),
                    ("no capability", {"files": LIBRARY}, "noCapability", "HeapMemStats"),
                    ("old", {"files": LIBRARY, "HeapMemStats": True, "options": ["--target-api-set", "9"]}, "oldApi", "API set"),
                    ("static", {"files": LIBRARY, "HeapMemStats": True, "executable": probe("static")}, "static",
                     "static")):
                with self.subTest(name):
                    self.check(device, pack(device, PROBE, arguments, **options), state, reason)

    @only("native", "a machine's device.json is made by who starts it")
    def test_without_development(self):
        with Device(start=False) as device:
            configure(device, development=False)
            device.ok("device", "start")
            device.ok("trust", "add", "--production",
                      os.path.join(device.home, "sdk", "sdk-development-certificate.pem"))
            device.deploy(pack_tracked(device, ["hold", "1000", "stay"]))
            told = heap(device)
            self.assertEqual((told["state"], [row for row in told["processes"] if "callers" in row]), ("noDevelopment", []))
            self.assertIn("development", told["reason"])
            device.ok("device", "app", "stop")
            report = device.kill(device.wait_kills(1)[0]["id"])
            self.assertEqual(report["heapState"], "noDevelopment")

    @only("virtual", "natively there is no debug server to install")
    def test_debugged(self):
        with Device() as device:
            device.deploy(pack_tracked(device, ["hold", "1000", "stay"]), "--manual-start")
            device.ok("device", "app", "start", "--debug-mode")
            told = heap(device)
            self.assertEqual(told["state"], "debugged")
            self.assertIn("start it without --debug-mode", told["reason"])
            warned = device.run("device", "app", "show-memory-stats")
            self.assertEqual((warned.status, warned.err), (0, f"warn: Probe: {told['reason']}\n"))
            self.assertIn(told["reason"], device.ok("device", "app", "show-heap"))
            device.ok("device", "app", "stop")
            self.assertEqual(heap(device)["state"], "notAsked")
            device.ok("device", "app", "start")
            device.wait_log("staying")
            self.assertEqual(heap(device)["state"], "tracked")

    def test_foreign_loader(self):
        """What it executes has a loader of its own, which leads to no libmalloc."""
        files = {**LIBRARY}
        for name, path in (("ld.so", musl_loader()), ("foreign", probe("foreign"))):
            with open(path, "rb") as file:
                files[name] = file.read()
        words = ["become", f"/mnt/apps/{PROBE}/foreign", "hold", "1000", "churn", "1000", "stay"]
        with Device(create=["--ram", "1M"]) as device:
            self.check(device, pack(device, PROBE, words, files=files, HeapMemStats=True), "loader", "C library")

    def test_no_room_for_the_region(self):
        """Fewer addresses than a ledger takes: with musl libmalloc finds a first page that says "off"."""
        words = ["space", "32", "become", "/proc/self/exe", "hold", "1000", "churn", "1000", "child", "1", "stay"]
        with Device(create=["--ram", "1M"]) as device:
            device.deploy(pack_tracked(device, words))
            device.wait_log("staying")
            told = heap(device)
            self.assertEqual([process["state"] for process in told["processes"]], ["failed", "failed"])
            self.assertRegex(device.log(), r"the heap of process [0-9]+ is not tracked: its ledger could not be put there: [A-Z]")
            self.assertEqual(device.log().count("is not tracked: its ledger"), 1)  # and not again of the child

    def test_no_descriptor_is_left(self):
        """A program that is executed, and a child, when the app has used up all of its descriptors: an agent that may
        raise limits gives them ledgers all the same."""
        words = ["descriptors", "child", "1", "become", "/proc/self/exe", "hold", "1000", "churn", "1000", "stay"]
        with Device(create=["--ram", "1M"]) as device:
            device.deploy(pack_tracked(device, words))
            device.wait_log("staying")
            device.wait_log("child")
            told = heap(device)
            if may_raise_limits():
                self.assertEqual([app_of(process)["liveBytes"] for process in told["processes"]], [1000, 0])
                return
            self.assertEqual([told["state"], *(process["state"] for process in told["processes"])], ["failed"] * 3)
            reasons = device.run("device", "app", "show-memory-stats").err.splitlines()
            self.assertEqual(len(reasons), 2)
            for pid in device.app_pids(PROBE):
                self.assertIn(f"the heap of process {pid} is not tracked: its ledger could not be put there: Too many open files\n",
                              device.log())
                self.assertIn(f"warn: Probe, process {pid}: {told['reason']}", reasons)

    def test_not_running(self):
        with Device() as device:
            device.deploy(pack_tracked(device, ["stay"]), "--manual-start")
            told = heap(device)
            self.assertEqual((told["state"], told["processes"]), ("notAsked", []))
            status, _, body = device.request("GET", "/spherule/v1/heap/99999999-1111-2222-3333-444444444444")
            self.assertEqual(status, 404, body)


class Damaged(unittest.TestCase):
    """The app writes over its ledger: it goes on, and what is told says so."""

    def test_what_can_be_written(self):
        with Device(create=["--ram", "1M"]) as device:
            device.deploy(pack_tracked(device, ["hold", "1000", "scribble", "churn", "20000", "drop", "hold", "50", "stay"]))
            device.wait_log("staying")
            told = heap(device)
            self.assertEqual(told["state"], "tracked")
            process = told["processes"][0]
            self.assertGreater(process["damageFound"], 256)  # a page of the directory alone
            self.assertFalse(process["complete"])
            self.assertIn("The figures may be wrong: the application has written over its ledger",
                          device.ok("device", "app", "show-heap"))
            self.assertEqual(device.kills(), [])
            device.ok("device", "app", "stop")
            report = device.kill(device.wait_kills(1)[0]["id"])
            self.assertEqual((report["why"], report["heapState"]), ("stopped", "tracked"))
            self.assertGreater(report["heap"]["damageFound"], 256)

    def test_first_page(self):
        """That it can only be read is no hindrance to who wants to."""
        with Device(create=["--ram", "1M"]) as device:
            device.deploy(pack_tracked(device, ["hold", "1000", "deface", "churn", "1000", "stay"]))
            device.wait_log("staying")
            Untracked.check_running(self, device, "damaged", "look for a stray write")


if __name__ == "__main__":
    main()
