"""Output on its way from an app to those who must not lose any of it, with listeners that are slow or stuck."""
import json
import re
import threading
import time
import unittest

from device import Device, UnixConnection, main, pack, probe

PROBE = "5f1b7f1e-6d2c-4a3b-9f57-8c2d1e0a4b6f"
PATIENCE = 10  # seconds: docs/spec/rest.md, section 3.8


class Listener(threading.Thread):
    """A stream of events that holds; what it heard of one kind of output."""

    def __init__(self, device, query="?hold=1"):
        super().__init__(daemon=True)
        self.connection = UnixConnection(device.dir, timeout=60)
        self.connection.request("GET", "/spherule/v1/events" + query)
        self.response = self.connection.getresponse()
        self.heard, self.lost, self.ended = [], 0, False
        assert b"subscribed" in self.response.readline()

    def run(self):
        while not self.ended:
            event = json.loads(self.response.readline().strip() or b"{}")
            if event.get("kind") == "output" and event["stream"] == "stdout":
                self.heard.append(event["text"])
            self.lost += event.get("count", 0)
            self.ended = event.get("kind") == "ended"
        self.connection.close()


def numbers(text, letter):
    """Of the lines of probe.c's flood, in their order."""
    return [int(number) for number in re.findall(rf"{letter}(\d{{10}}) 0{{51}}$", text, re.M)]


class Flow(unittest.TestCase):
    def test_follower_loses_nothing(self):
        """`device log --follow` before an app that writes a megabyte to each stream, far more than the log holds."""
        size = 1 << 20
        with Device() as device:
            package = pack(device, PROBE, ["flood", str(size), "out", "all is said", "stay"])
            process = device.popen("device", "log", "--follow")
            said, text = threading.Event(), []
            awaited = {"all is said", f"e{size // 64 - 1:010}"}  # the ends of two streams, in either order

            def read():
                for line in process.stdout:
                    text.append(line.decode())
                    awaited.difference_update([end for end in awaited if end in text[-1]])
                    if not awaited:
                        said.set()
            reader = threading.Thread(target=read, daemon=True)
            reader.start()
            time.sleep(0.5)
            device.deploy(package)
            self.assertTrue(said.wait(60), "".join(text[-3:]))
            process.send_signal(2)
            _, err = process.communicate(timeout=10) if not reader.is_alive() else (b"", process.stderr.read())
            reader.join(10)
            self.assertEqual((process.wait(10), err), (0, b""))
            for letter in "oe":
                self.assertEqual(numbers("".join(text), letter), list(range(size // 64)))

    def test_follower_that_is_stuck(self):
        """The app goes on after 2 s, and the follower says what it did not see."""
        size = 1 << 20
        with Device() as device:
            process = device.popen("device", "log", "--follow")
            time.sleep(0.5)
            device.deploy(pack(device, PROBE, ["flood", str(size), "out", "all is said", "stay"]))
            device.wait_log("all is said", seconds=30)
            out = b""
            while b"all is said" not in out:
                out += process.stdout.readline()
            process.send_signal(2)
            _, err = process.communicate(timeout=10)
            self.assertEqual(process.returncode, 0)
            self.assertRegex(err.decode(), r"^(warn: \d+ bytes of the log were overwritten before they could be shown\n)+$")

    def test_two_listeners_of_which_one_is_stuck(self):
        """The app waits, goes on after the patience, the other listener has everything, and the loss is told."""
        size = 4 << 20
        with Device() as device:
            quick = Listener(device)
            quick.start()
            begin = time.monotonic()
            stuck = device.popen("run", "--device", device.name, probe("static"), "flood", size)
            time.sleep(PATIENCE - 5)
            self.assertFalse(quick.ended)
            before = len(quick.heard)
            time.sleep(1)
            self.assertEqual(len(quick.heard), before)  # the app waits for the stuck one …
            began = time.monotonic()
            device.stats()
            self.assertLess(time.monotonic() - began, 1)  # … and nobody else
            quick.join(60)
            self.assertTrue(quick.ended)
            self.assertGreater(time.monotonic() - begin, PATIENCE - 1)
            self.assertEqual(quick.lost, 0)
            self.assertEqual(numbers("".join(quick.heard), "o"), list(range(size // 64)))
            out, err = stuck.communicate(timeout=30)
            self.assertEqual(stuck.returncode, 0, err[-1000:])
            self.assertLess(len(out), size)
            self.assertRegex(err.decode(), r"warn: \d+ events were lost: some of the application's output may be missing\n")

    def test_listener_that_does_not_hold(self):
        """It is stuck, and no app waits for it."""
        with Device() as device:
            stuck = Listener(device, "")
            begin = time.monotonic()
            result = device.run("run", "--device", device.name, probe("static"), "flood", 4 << 20)
            self.assertLess(time.monotonic() - begin, PATIENCE - 2)
            self.assertEqual((result.status, len(result.out)), (0, 4 << 20))
            stuck.start()
            stuck.join(20)
            self.assertTrue(stuck.ended)
            self.assertGreater(stuck.lost, 100)


if __name__ == "__main__":
    main()
