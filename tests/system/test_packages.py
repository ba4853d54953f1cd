"""Image packages of the original SDK, as shipped: they install, run, and hold what the real device would give them."""
import re
import time
import unittest

from device import PAGE, Device, fixture, main, only, wait_for

BLINK, STORAGE = "2f074b0f-d99d-4692-82d9-ef93a7d6463c", "ae4714aa-03aa-492b-9663-962f966a9cc3"
LED, BUTTON_1, BUTTON_2 = 8, 12, 13
BLINK_USER = 36864  # also what the original's document shows for its sample


@only("virtual", "the packages are for its processor")
class Packages(unittest.TestCase):
    def setUp(self):
        self.device = self.enterContext(Device())

    def deploy(self, name):
        self.device.ok("trust", "add", "--sdk-development")
        self.device.deploy(fixture(name + ".imagepackage"))

    def test_not_trusted_at_first(self):
        result = self.device.run("device", "sideload", "deploy", "-p", fixture("azure_sphere_blink.imagepackage"))
        self.assertEqual(result.status, 1, result)
        self.assertIn("'spherule trust add --sdk-development' changes that", result.err)

    def test_blink(self):
        """The pin changes about twice a second, and User is what was measured of the real thing."""
        self.deploy("azure_sphere_blink")
        self.device.wait_state(BLINK, "running")
        end, changes, last = time.monotonic() + 5, [], None
        while time.monotonic() < end:
            value = self.device.get(f"/spherule/v1/gpio/{LED}")["value"]
            if value != last:
                changes.append(time.monotonic())
                last = value
            time.sleep(0.02)
        gaps = [b - a for a, b in zip(changes[1:], changes[2:])]
        self.assertGreaterEqual(len(gaps), 3, changes)
        self.assertTrue(all(0.3 < gap < 1.3 for gap in gaps), gaps)
        text = self.device.ok("device", "gpio", "get", LED)
        self.assertRegex(text, r"[01]")
        total, user, peak = self.device.stats()
        print(f"Blink: Total {total}, User {user}, Peak User {peak};", end=" ")
        self.assertEqual(user, BLINK_USER)
        self.assertEqual(self.device.walked_user(), user)
        self.assertEqual(total % PAGE, 0)

    def presses(self, button, pattern, count=1):
        """Presses until the app has answered."""
        def answered():
            self.device.press(button, 0.15)
            return len(re.findall(pattern, self.device.log())) >= count
        wait_for(answered, 10, what=f"{pattern} after a press")

    def test_mutable_storage(self):
        """What it writes at its button it reads after a power cut."""
        self.deploy("MutableStorage")
        self.device.wait_state(STORAGE, "running")
        total, user, peak = self.device.stats()
        print(f"MutableStorage: Total {total}, User {user}, Peak User {peak};", end=" ")
        self.presses(BUTTON_1, r"(?i)wr[io]t")
        self.power_cut()
        self.device.wait_state(STORAGE, "running")
        self.assertEqual(self.device.get(f"/app/quota/{STORAGE}")["LimitKB"], 8)
        self.presses(BUTTON_1, r"(?i)read")
        print(self.device.log().strip().splitlines()[-3:], end=" ")

    def power_cut(self):
        import os
        import signal
        machine = self.device.agent()
        os.kill(machine, signal.SIGKILL)
        wait_for(lambda: not self.device.agent(), what="the machine's end")
        self.device.ok("device", "start")


if __name__ == "__main__":
    main()
