"""The main job as a person does it: deploy, look, press until the kill, read the report, delete."""
import os
import re
import signal
import time
import unittest

from device import (LEAK_ADD, LEAK_DELETE, PAGE, RATION, Device, group_folders, main, only, pack, sample,
                    sample_id, store, wait_for)

LEAK, FIXED = sample_id("leak"), sample_id("leak-fixed")
OVERUSE, COUNTER = sample_id("overuse-check"), sample_id("storage-counter")
PROBE = "00000000-1111-2222-3333-444444444444"

TABLE = """\
 -------------------------- -------------
 Name                       Usage (bytes)
 ========================================
 Total (Kernel + User Mode) {0}
 -------------------------- -------------
 User Mode                  {1}
 -------------------------- -------------
 Peak User Mode             {2}
 -------------------------- -------------
"""


def release_buttons(device):
    """The level of a button that nobody presses, before an app looks at it for the first time."""
    device.set_pin(LEAK_ADD, 1)
    device.set_pin(LEAK_DELETE, 1)


def press_until_kill(device, component, limit=64):
    """Presses the button until the app is gone; the number of presses that were answered."""
    before = len(device.kills())
    for presses in range(limit):
        device.press()
        if len(device.kills()) > before:
            return presses
    raise AssertionError(f"{limit} presses and no kill")


class MainJob(unittest.TestCase):
    def assert_exact(self, device, component):
        """The device's User is what the kernel's own walk counts, read from outside while the app rests."""
        def agree():
            user, walked = device.stats()[1], device.walked_user()
            return (user, walked) if user == walked else None
        pair = None
        for _ in range(3):  # the app polls its buttons: a page of its stack may come between the two reads
            pair = agree()
            if pair:
                break
        self.assertIsNotNone(pair, (device.stats(), device.walked_user()))
        self.assertGreater(pair[0], 0)
        self.assertEqual(pair[0] % PAGE, 0)
        return pair[0]

    def test_leak_from_deploy_to_delete(self):
        with Device() as device:
            release_buttons(device)
            package = sample("leak")
            device.trust_samples()
            result = device.run("device", "sideload", "deploy", "--image-package", package)
            self.assertEqual(result, (0, "", f"Deploying '{package}' to the attached device.\n"
                                             f"Image package '{package}' has been deployed to the attached device.\n"))
            self.assertEqual(device.ok("device", "app", "show-status"), f"{LEAK}: App state: running\n")
            self.assertEqual(device.ok("device", "app", "show-status", "--component-id", LEAK.upper()),
                             f"{LEAK}: App state: running\n")
            self.check_installed(device)
            device.wait_log("Button 1 adds a node")
            first_pid = device.app_pids(LEAK)[0]

            user = self.check_table(device)
            for _ in range(3):
                device.press()
                more = self.assert_exact(device, LEAK)
                self.assertGreater(more, user)
                user = more
            device.press(LEAK_DELETE)
            device.wait_log("Deleted a node: 2 in the list")
            self.assertEqual(self.assert_exact(device, LEAK), user)  # that is the leak
            self.check_table(device)

            press_until_kill(device, LEAK)
            self.check_kill(device)
            device.wait_state(LEAK, "running")
            wait_for(lambda: device.app_pids(LEAK), what="the new process")
            self.assertNotEqual(device.app_pids(LEAK)[0], first_pid)
            self.assertEqual(device.app(LEAK)["restarts"], 1)
            self.assertEqual(device.app(LEAK)["lastWhy"], "ration")
            self.assert_exact(device, LEAK)

            result = device.run("device", "sideload", "delete", "--component-id", LEAK)
            self.assertEqual(result, (0, "", f"Component '{LEAK}' deleted.\n"))
            self.assertEqual(device.ok("device", "app", "show-status", "--component-id", LEAK),
                             f"{LEAK}: App state: notPresent\n")
            self.assertEqual(device.all_app_pids(), [])
            self.assertEqual(device.stats()[1], 0)
            self.assertEqual(device.ok("device", "image", "list-installed"), "Installed images:\n")

    def check_installed(self, device):
        text = device.ok("device", "image", "list-installed")
        match = re.fullmatch("Installed images:\n --> leak\n   --> Image type:   Application\n"
                             f"   --> Component ID: {LEAK}\n   --> Image ID:     ([0-9a-f-]{{36}})\n", text)
        self.assertTrue(match, text)
        rows = device.json("device", "image", "list-installed")
        self.assertEqual([(row["name"], row["componentId"], row["imageId"]) for row in rows],
                         [("leak", LEAK, match.group(1))])
        images = [part for part in device.get("/images")["components"] if part["image_type"] == 10]
        self.assertEqual([(part["uid"], part["name"]) for part in images], [(LEAK, "leak")])
        self.assertEqual(images[0]["images"][0]["length_in_bytes"], rows[0]["packageBytes"])

    def check_table(self, device):
        """show-memory-stats is the document's table to the character, and says the same in every form."""
        user = self.assert_exact(device, LEAK)
        text = device.ok("device", "app", "show-memory-stats")
        figures = [int(number) for number in re.findall(r" (\d+)\n", text)]
        self.assertEqual(len(figures), 3, text)
        self.assertEqual(text, TABLE.format(*figures))
        total, shown, peak = figures
        self.assertEqual(shown, user)
        self.assertLessEqual(shown, peak)
        self.assertLess(shown, total)
        self.assertLessEqual(peak, RATION)
        self.assertEqual(device.stats()[1:], (shown, peak))
        tsv = device.ok("device", "app", "show-memory-stats", "--output", "tsv")
        self.assertEqual(tsv, f"Total (Kernel + User Mode)\t{total}\nUser Mode\t{shown}\nPeak User Mode\t{peak}\n")
        self.assertEqual(device.run("device", "app", "show-memory-stats", "-o", "none"), (0, "", ""))
        return user

    def check_kill(self, device):
        """The report is complete and its parts agree with each other."""
        rows = device.json("device", "app", "show-kills")
        self.assertEqual([(row["why"], row["name"], row["componentId"]) for row in rows], [("ration", "leak", LEAK)])
        number = rows[0]["id"]
        report = device.kill(number)
        self.assertEqual(report["id"], number)
        self.assertEqual((report["why"], report["signal"], report["willRestart"], report["limitBytes"]),
                         ("ration", 9, True, RATION))
        self.assertTrue(report["userExact"], report["userHow"])
        self.assertLessEqual(report["userBytes"], RATION)
        self.assertEqual(report["userBytes"], RATION)  # every page of the ration was got, the next one was not
        self.assertEqual(report["crossing"]["userBytes"], RATION + PAGE)
        self.assertEqual(report["peakUserBytes"], RATION)
        self.assertEqual(report["totalBytes"], report["userBytes"] + report["kernelBytes"])
        self.assertEqual(report["mappingsDropped"], 0)
        pages = sum(row["anonymousPages"] + row["sharedPages"] for row in report["mappings"])
        self.assertEqual(pages * PAGE, report["crossing"]["userBytes"])  # the table says that this page is in it
        self.assertIn("the page that crossed is in it", report["pagesHow"])
        self.assertTrue(any(row["class"] == "package" and row["path"].endswith("/bin/app")
                            for row in report["mappings"]), report["mappings"])
        self.assertTrue(report["stack"])
        self.assertNotIn("0x0", report["stack"] + report["growth"]["stack"])
        inside = [row for row in report["mappings"]
                  if int(row["start"], 16) <= int(report["stack"][0], 16) < int(row["end"], 16)]
        self.assertEqual(len(inside), 1, report["stack"])
        self.assertIn("x", inside[0]["perms"])
        self.assertIn("Added a node", report["log"])
        self.check_report_text(device, number, report)

    def check_report_text(self, device, number, report):
        text = device.ok("device", "app", "show-kills", number)
        self.assertEqual(text, device.ok("device", "app", "show-kills", "last"))
        first, rest = text.split("\n", 1)
        self.assertTrue(first.startswith(f"leak ({LEAK}) ended at "), first)
        self.assertTrue(first.endswith(f"it went over its ration of {RATION} bytes (the next page would have made "
                                       f"{RATION + PAGE})."), first)
        for part in (f" User Mode                  {report['userBytes']}\n", f" RAM Limit (User Mode)      {RATION}\n",
                     "Pages by mapping (user pages count against the ration; with the one that crossed it):\n",
                     "Stack, innermost first:\n  #0  0x", "Its last lines:\n", "  Added a node"):
            self.assertIn(part, rest)
        rows = re.findall(r"^(\d+) +(\d+) +[a-z]+ +\S", rest, re.MULTILINE)
        self.assertEqual(sum(int(user) for user, _ in rows) * PAGE, report["crossing"]["userBytes"])

    def test_kills_are_kept_and_deleted(self):
        with Device() as device:
            device.deploy(pack(device, PROBE, ["eat", "0"]))
            device.wait_kills(2)
            device.ok("device", "app", "stop")
            kills = device.kills()
            device.ok("device", "stop")
            device.ok("device", "start")
            self.assertEqual(device.kills()[:len(kills)], kills)
            other = "99999999-1111-2222-3333-444444444444"
            self.assertEqual(device.json("device", "app", "show-kills", "--component-id", other), [])
            count = len(device.kills())
            result = device.run("device", "app", "show-kills", "--delete")
            self.assertEqual(result, (0, "", f"{count} reports deleted.\n"))
            self.assertEqual(device.kills(), [])
            self.assertEqual(device.run("device", "app", "show-kills", "last"),
                             (6, "", f"error: device '{device.name}' has no reports\n"))

    def test_mended_leak_lives(self):
        """200 presses, never more than five nodes: the figure comes back to the byte, and nothing dies."""
        with Device() as device:
            release_buttons(device)
            device.deploy_sample("leak-fixed")
            device.wait_log("Button 1 adds a node")
            pid = device.app_pids(FIXED)[0]
            low = set()
            for turn in range(20):
                for button in [LEAK_ADD] * 5 + [LEAK_DELETE] * 5:
                    device.press(button, 0.008)
                wait_for(lambda: "0 in the list" in device.log().splitlines()[-1], what="an empty list")
                if turn > 0:  # the first turn grows what stays: the stack, the allocator's own notes
                    low.add(self.assert_exact(device, FIXED))
            self.assertEqual(len(low), 1, low)
            self.assertEqual(device.app_pids(FIXED), [pid])
            self.assertEqual(device.kills(), [])
            self.assertLess(device.stats()[2], RATION)

    def test_counter_survives(self):
        """What an app stores outlives its restart, the device's, and the agent's death; and so does what it wore."""
        with Device() as device:
            def assert_wear(starts):
                self.assertEqual(device.get(f"/spherule/v1/storage/{COUNTER}"), {
                    "componentId": COUNTER, "usedBytes": 4, "limitBytes": 8192, "writes": starts,
                    "bytesWritten": 4 * starts, "blocksErased": starts, "idleWrites": 0})

            def count():
                numbers = re.findall(r"Start number (\d+)", device.log())
                return int(numbers[-1]) if numbers else 0
            device.deploy_sample("storage-counter")
            wait_for(lambda: count() == 1, what="start number 1")
            self.assertEqual(device.json("device", "app", "show-quota"),
                             [{"componentId": COUNTER, "UsageKB": 1, "LimitKB": 8, "writes": 1, "bytesWritten": 4,
                               "blocksErased": 1, "idleWrites": 0}])
            self.assertEqual(device.get(f"/app/quota/{COUNTER}"), {"UsageKB": 1, "LimitKB": 8})
            assert_wear(1)
            device.ok("device", "app", "stop", "--component-id", COUNTER)
            device.ok("device", "app", "start", "--component-id", COUNTER)
            wait_for(lambda: count() == 2, what="start number 2")
            boot = device.boot_id()
            self.assertEqual(device.run("device", "restart"), (0, "", f"Device '{device.name}' restarted.\n"))
            self.assertNotIn(device.boot_id(), (None, boot))
            wait_for(lambda: count() == 3, what="start number 3")
            os.kill(device.agent(), signal.SIGKILL)
            device.ok("device", "start")
            wait_for(lambda: count() == 4, what="start number 4")
            device.deploy_sample("storage-counter")  # an update keeps it too
            wait_for(lambda: count() == 5, what="start number 5")
            assert_wear(5)
            device.ok("device", "sideload", "delete", "--component-id", COUNTER)
            device.deploy_sample("storage-counter")  # a new app does not find it
            wait_for(lambda: device.log().rstrip().endswith("Start number 1") or count() == 1, what="a new count")
            assert_wear(1)

    def test_storage_is_held_to_its_quota(self):
        """Every byte on the medium counts, also those of a file that was deleted and is still open; who writes what is
        there already is told so."""
        with Device() as device:
            device.deploy(pack(device, PROBE, executable=store(), MutableStorage={"SizeKB": 8}))
            log = device.wait_log("after it")
            for line in ("full: 8192 errno 122", "far away: -1 errno 122", "deleted: -1 errno 0",
                         "beside it: 0 errno 122", "after it: 8192 errno 122",
                         "4 of 5 writes to its storage changed nothing: compare before writing, flash wears out",
                         "8 of 9 writes to its storage changed nothing: compare before writing, flash wears out"):
                self.assertIn(line, log)
            self.assertNotIn("10 writes", log)
            # Ten times the state; 8 KiB over it and behind it, in the 2 blocks that it takes; and 2 blocks anew.
            self.assertEqual(device.get(f"/spherule/v1/storage/{PROBE}"), {
                "componentId": PROBE, "usedBytes": 8192, "limitBytes": 8192, "writes": 10 + 8 + 8,
                "bytesWritten": 50 + 8192 + 8192, "blocksErased": 10 + 2 + 2, "idleWrites": 9})
            self.assertEqual(device.get(f"/app/quota/{PROBE}"), {"UsageKB": 8, "LimitKB": 8})

    def test_overuse_check_ends_in_time(self):
        with Device() as device:
            release_buttons(device)
            device.deploy_sample("overuse-check")
            device.wait_log("Started in mode 0")
            device.press()
            device.wait_log("Mode 1")
            log = device.wait_log("ending in time")
            used, peak, total = map(int, re.search(r"(\d+) KiB in use \(peak (\d+), total (\d+)\)", log).groups())
            self.assertTrue(200 <= used <= peak < 256 and total > used, log)
            device.wait_log("Stored mode 1")
            device.wait_log("Started in mode 1")  # the device started it again
            device.wait_log("Mode 1 is stored already")
            self.assertEqual({row["why"] for row in device.kills()}, {"exit"})
            self.assertLess(max(row["peakUserBytes"] for row in device.kills()), RATION)

    def test_early_warning_comes_in_time(self):
        with Device() as device:
            device.deploy_sample("early-warning")
            device.wait_log("Filling a cache until warned at 80 % of the ration")
            given = wait_for(lambda: re.findall(r"Warned at 80 %: gave (\d+) pages back", device.log())[2:], seconds=30,
                             what="three warnings")
            self.assertGreater(int(given[0]), 20)
            self.assertEqual(device.kills(), [])
            peak = device.stats()[2]
            self.assertTrue(RATION * 80 // 100 < peak <= RATION, peak)

    def test_log(self):
        with Device() as device:
            device.deploy(pack(device, PROBE, ["out", "to stdout", "err", "to stderr", "stay"]))
            device.wait_log("staying")
            text = device.ok("device", "log")
            for line in ("to stdout", "to stderr", "staying"):
                self.assertEqual(text.count(line), 1, text)
            self.assertEqual(text, device.log())

    @only("native", "it looks at control groups of this machine")
    def test_delete_device(self):
        """Nothing of it stays: no folder, no control group, no process."""
        with Device() as device:
            device.deploy(pack(device, PROBE, ["stay"]))
            device.wait_log("staying")
            group, folder = device.group(device.name), device.dir
            self.assertTrue(group_folders(group))
            self.assertEqual(device.run("device", "stop"), (0, "", f"Device '{device.name}' stopped.\n"))
            self.assertEqual((group_folders(group), device.own_pids()), ([], []))
            self.assertEqual(device.run("device", "delete", device.name), (0, "", f"Device '{device.name}' deleted.\n"))
            self.assertFalse(os.path.exists(folder))
            self.assertEqual(device.json("device", "list"), [])

    def test_start_stop(self):
        with Device() as device:
            device.deploy(pack(device, PROBE, ["stay"]), "--manual-start")
            self.assertEqual(device.state(PROBE), "stopped")
            for verb, state in (("start", "running"), ("start", "running"), ("stop", "stopped"), ("stop", "stopped")):
                self.assertEqual(device.run("device", "app", verb), (0, f"{PROBE}: App state: {state}\n", ""))
                self.assertEqual(bool(device.all_app_pids()), state == "running")

    def test_term_is_ignored(self):
        """Two seconds of grace, then SIGKILL, and a report that says so."""
        with Device() as device:
            device.deploy(pack(device, PROBE, ["ignore-term", "child", "2", "stay"]))
            device.wait_log("staying")
            device.wait_log("child")
            start = time.monotonic()
            device.ok("device", "app", "stop")
            taken = time.monotonic() - start
            self.assertTrue(1.9 <= taken < 4, taken)
            self.assertEqual(device.all_app_pids(), [])
            self.assertEqual([row["why"] for row in device.kills()], ["sigtermIgnored"])

    def test_group_of_processes(self):
        """An app's children count, and the ration is the whole group's."""
        with Device() as device:
            device.deploy(pack(device, PROBE, ["child", "10", "child", "20", "rest", "300", "stay"]))
            device.wait_log("child", 2)
            device.wait_log("staying")
            self.assertGreater(self.assert_exact(device, PROBE), 30 * PAGE)
            device.ok("device", "app", "stop")
            device.deploy(pack(device, PROBE, ["share", "8", "program", "10", "child", "4", "program", "6", "stay"]))
            device.wait_log("child", 3)
            device.wait_log("staying", 4)  # with that of before, and those of the two programs
            self.assertGreater(self.assert_exact(device, PROBE), (8 + 10 + 4 + 6) * PAGE)
            self.assertEqual(len(device.all_app_pids()), 4)
            device.ok("device", "app", "stop")
            self.assertEqual(device.stats()[1], 0)
            device.deploy(pack(device, PROBE, ["child", "40", "rest", "300", "eat", "40", "stay"]))
            row = wait_for(lambda: [row for row in device.kills() if row["why"] == "ration"], what="the kill")[0]
            report = device.kill(row["id"])
            self.assertLessEqual(report["userBytes"], RATION)

    def test_neighbours(self):
        """The ration is the device's: who needs the page too many goes, the others stay as they are."""
        other = "00000000-1111-2222-3333-555555555555"
        with Device() as device:
            device.deploy(pack(device, other, ["eat", "30", "stay"], name="Holder"))
            device.wait_log("staying")
            held = self.assert_exact(device, other)
            holder = device.all_app_pids()
            device.deploy(pack(device, PROBE, ["eat", "0"]), "--manual-start")
            for _ in range(3):
                device.request("POST", f"/spherule/v1/apps/{PROBE}/run")  # once, without a restart
                report = device.kill(device.wait_kills(1)[0]["id"])
                device.ok("device", "app", "show-kills", "--delete")
                self.assertEqual((report["componentId"], report["why"], report["userBytes"]), (PROBE, "ration", RATION))
                self.assertEqual(device.all_app_pids(), holder)
                self.assertEqual(self.assert_exact(device, other), held)
                apps = device.get("/spherule/v1/memory")["apps"]
                self.assertEqual([(app["componentId"], app["userBytes"]) for app in apps], [(other, held)])

    def test_many_apps(self):
        """A dozen at once, each with its own figure; the sum is the device's."""
        ids = [f"00000000-1111-2222-3333-{number:012x}" for number in range(12)]
        with Device(create=["--ram", "1M"]) as device:
            for number, component in enumerate(ids):
                device.deploy(pack(device, component, ["eat", str(number + 1), "stay"], name=f"App{number}"))
            device.wait_log("staying", len(ids))
            memory = device.get("/spherule/v1/memory")
            self.assertEqual(sorted(app["componentId"] for app in memory["apps"]), ids)
            self.assertEqual(sum(app["userBytes"] for app in memory["apps"]), memory["userBytes"])
            self.assertEqual(self.assert_exact(device, None), memory["userBytes"])
            sizes = {app["componentId"]: app["userBytes"] for app in memory["apps"]}
            self.assertEqual([sizes[component] - sizes[ids[0]] for component in ids],
                             [number * PAGE for number in range(12)])
            for component in ids:
                pages = device.get(f"/spherule/v1/memory/pages/{component}")
                self.assertEqual((pages["anonymousPages"] + pages["sharedPages"]) * PAGE, sizes[component])
            device.ok("device", "stop")

    @only("native", "it weighs the agent's process")
    def test_flood_without_listeners(self):
        """Megabytes of output that nobody reads slow nobody down and cost the agent nothing."""
        with Device() as device:
            device.deploy(pack(device, PROBE, ["flood", str(16 << 20), "out", "flooded", "stay"]), "--manual-start")
            before = self.resident(device.agent())
            began = time.monotonic()
            device.ok("device", "app", "start")
            device.wait_log("flooded", seconds=30)
            print(f"{32 / (time.monotonic() - began):.0f} MiB/s;", end=" ")
            self.assertLess(self.resident(device.agent()) - before, 512 << 10)

    @staticmethod
    def resident(pid):
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * PAGE

    def test_sandbox_shows_nothing_of_the_host(self):
        with Device() as device:
            paths = ["/etc/passwd", "/root", "/home", "/var", "/usr", device.home, "/sys/fs/cgroup", "/bin/sh"]
            words = [word for path in paths for word in ("look", path)]
            device.deploy(pack(device, PROBE, ["ids", *words, "stay"]))
            log = device.wait_log("staying")
            for path in paths:
                self.assertIn(f"{path} No such file or directory", log)
            uid, gid = map(int, re.search(r"uid (\d+) gid (\d+)", log).groups())
            self.assertGreaterEqual(uid, 0x70000000)
            self.assertEqual(uid, gid)
            self.assertIn(f"cwd /mnt/apps/{PROBE}", log)

    def test_back_off(self):
        """The first unexpected end is answered at once, the next after a second."""
        with Device() as device:
            device.deploy(pack(device, PROBE, ["exit", "3"]))
            first, second = device.wait_kills(2)[:2]
            self.assertEqual((first["why"], first["exitCode"]), ("exit", 3))
            third = device.wait_kills(3)[2]
            records = device.get("/spherule/v1/telemetry")["records"]
            self.assertEqual([record["restartDelayMs"] for record in records[:3]], [0, 1000, 2000])
            self.assertGreaterEqual(third["timeMs"] - second["timeMs"], 900)


if __name__ == "__main__":
    main()
