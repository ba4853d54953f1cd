"""Power cuts: the machine is killed at random moments of installs and writes; what was acknowledged is there.

usage: test_power_cuts.py [COUNT]      COUNT cuts (10); SPHERULE_TEST_SEED repeats a run
"""
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import unittest

from device import Device, main, only, pack, sample_id, wait_for

COUNT = int(sys.argv.pop(1)) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 10
SEED = int(os.environ.get("SPHERULE_TEST_SEED", str(random.randrange(1 << 30))))
PROBE = "00000000-1111-2222-3333-444444444444"
COUNTER = sample_id("storage-counter")


@only("virtual", "the machine's power is cut")
class PowerCuts(unittest.TestCase):
    def setUp(self):
        self.random = random.Random(SEED)
        print(f"(seed {SEED})", end=" ", flush=True)

    def cut(self, device):
        machine = device.agent()
        os.kill(machine, signal.SIGKILL)
        wait_for(lambda: not device.agent(), what="the machine's end")

    def check_disk(self, device):
        """The journal makes the file system whole again: another program's opinion, on a copy."""
        fsck = shutil.which("e2fsck") or "/sbin/e2fsck"
        copy = os.path.join(device.temp, "copy.img")
        subprocess.run(["cp", "--sparse=always", os.path.join(device.dir, "state.img"), copy], check=True)
        subprocess.run([fsck, "-fp", copy], capture_output=True, check=False)  # replays the journal
        outcome = subprocess.run([fsck, "-fn", copy], capture_output=True, text=True, check=False)
        os.unlink(copy)
        self.assertEqual(outcome.returncode, 0, outcome.stdout)

    def count(self, device):
        """The counter's last start number that it has stored and told."""
        numbers = re.findall(r"Start number (\d+)", device.log())
        return int(numbers[-1]) if numbers else 0

    def test_cuts(self):
        """Each boot: a whole package runs, the one that was acknowledged or the one under way; the counter never goes
        back behind a number that it has told."""
        with Device() as device:
            filler = [os.urandom(150 << 10), os.urandom(90 << 10)]
            packages = [pack(device, PROBE, ["out", f"version {n}", "stay"], files={"filler": filler[n]})
                        for n in range(2)]
            device.deploy_sample("storage-counter")
            device.deploy(packages[0])
            began = time.monotonic()
            device.deploy(packages[1])
            usual = time.monotonic() - began
            acknowledged, told = 1, self.count(device)
            slowest = 0.0
            for n in range(COUNT):
                wanted = n % 2
                process = device.popen("device", "sideload", "deploy", "-p", packages[wanted])
                starts = self.random.randrange(3)
                time.sleep(self.random.random() * usual * 1.3)
                for _ in range(starts):  # the counter writes at each start
                    device.run("device", "app", "start", "--component-id", COUNTER)
                    device.run("device", "app", "stop", "--component-id", COUNTER)
                try:
                    told = max(told, self.count(device))
                except (OSError, AssertionError):
                    pass
                self.cut(device)
                process.communicate(timeout=60)
                began = time.monotonic()
                device.ok("device", "start")
                slowest = max(slowest, time.monotonic() - began)
                possible = {wanted} if process.returncode == 0 else {wanted, acknowledged}
                rows = {app["componentId"]: app["state"] for app in device.get("/spherule/v1/apps")["apps"]}
                self.assertEqual(rows[PROBE], "running", rows)
                log = device.wait_log("version ")
                running = int(re.search(r"version (\d)", log).group(1))
                self.assertIn(running, possible, (n, process.returncode))
                acknowledged = running
                if rows[COUNTER] == "stopped":  # the cut came between its stop and its start: it stays so
                    device.ok("device", "app", "start", "--component-id", COUNTER)
                now = wait_for(lambda: self.count(device), what="the counter's number")
                self.assertGreater(now, told, n)
                told = now
                if n % 10 == 9:
                    device.ok("device", "stop")
                    self.check_disk(device)
                    device.ok("device", "start")
                    told = wait_for(lambda: self.count(device), what="the counter's number")
            print(f"{COUNT} cuts, {told} numbers, slowest boot {slowest:.2f} s;", end=" ")


if __name__ == "__main__":
    main()
