"""Repeatability: the leak sample holds the same number of bytes at the kill, run after run and boot after boot.

usage: test_repeat.py [COUNT [BOOTS]]      COUNT runs (10), each of a fresh start of the app, over BOOTS starts of the
                                           device (1)
"""
import re
import sys
import time
import unittest

from device import IS_VIRTUAL, LEAK_ADD, LEAK_DELETE, PAGE, RATION, Device, main, sample_id

NUMBERS = [int(sys.argv.pop(1)) for word in sys.argv[1:3] if word.isdigit()]
COUNT, BOOTS = (NUMBERS + [10, 1][len(NUMBERS):])
LEAK = sample_id("leak")


class Repeat(unittest.TestCase):
    def one_run(self, device):
        """Starts the leak, presses until the kill; what the report says that must not differ."""
        place = device.log_end()
        device.ok("device", "app", "start", "--component-id", LEAK)
        device.wait_log_from(place, "Button 1 adds a node")
        total, start, _ = device.stats()
        presses = 0
        while not device.kills():
            device.press(LEAK_ADD, 0.008)
            presses += 1
            self.assertLess(presses, 64)
        report = device.kill(device.kills()[0]["id"])
        device.ok("device", "app", "stop", "--component-id", LEAK)  # it would start again by itself
        device.ok("device", "app", "show-kills", "--delete")
        self.assertEqual(report["why"], "ration")
        pages = sum(row["anonymousPages"] + row["sharedPages"] for row in report["mappings"])
        kernel = {"total at start": total} if IS_VIRTUAL else {}  # natively the host's kernel has a say in it
        return {"user at start": start, **kernel, "user": report["userBytes"], "peak": report["peakUserBytes"],
                "crossing": report["crossing"]["userBytes"], "by mapping": pages * PAGE,
                "nodes": int(re.findall(r"Added a node: (\d+)", report["log"])[-1])}

    def test_same_bytes_at_the_kill(self):
        results, began = {}, time.monotonic()
        with Device() as device:
            device.deploy_sample("leak", "--manual-start")
            for boot in range(BOOTS):
                if boot > 0:
                    device.ok("device", "stop")
                    device.ok("device", "start")
                device.set_pin(LEAK_ADD, 1)
                device.set_pin(LEAK_DELETE, 1)
                for _ in range(COUNT // BOOTS):
                    facts = tuple(self.one_run(device).items())
                    results[facts] = results.get(facts, 0) + 1
        for facts, times in results.items():
            print(f"{times} of {COUNT} in {BOOTS} boots: " + ", ".join(f"{key} {value}" for key, value in facts))
        print(f"{(time.monotonic() - began) / COUNT:.2f} s a run", flush=True)
        self.assertEqual(len(results), 1, results)
        facts = dict(next(iter(results)))
        self.assertEqual((facts["user"], facts["peak"]), (RATION, RATION))
        self.assertEqual((facts["crossing"], facts["by mapping"]), (RATION + PAGE, RATION + PAGE))


if __name__ == "__main__":
    main()
