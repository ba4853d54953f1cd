"""What an app's life leaves: telemetry, its last end and its next start, what an installation does to the others."""
import json
import os
import signal
import struct
import unittest
import zlib

from device import (IS_VIRTUAL, PAGE, RATION, Device, is_alive, main, pack, wait_for)

PROBE, OTHER, THIRD = (f"00000000-1111-2222-3333-{digit * 12}" for digit in "456")
JSON = {"Content-Type": "application/json"}
OCTETS = {"Content-Type": "application/octet-stream"}
WHY = ["unknown", "ration", "crash", "killed", "exit", "stopped", "sigtermIgnored", "startFailed"]


def guid_text(data):
    words = struct.unpack("<IHH", data[:8])
    return f"{words[0]:08x}-{words[1]:04x}-{words[2]:04x}-{data[8:10].hex()}-{data[10:].hex()}"


def telemetry(device):
    """The records, read as docs/spec/telemetry.md has them; and the last number that was given."""
    status, headers, data = device.request("GET", "/telemetry")
    assert (status, headers["Content-Type"]) == (200, "application/octet-stream"), (status, headers, data)
    assert len(data) == 32 + int.from_bytes(data[3:5], "big"), data[:32]  # the original's clients look here
    magic, length, version, size, last, dropped, _, crc = struct.unpack(">3sHBHQQII", data[:32])
    assert (magic, version, size, dropped) == (b"ST\0", 1, 192, 0), data[:32]
    assert crc == zlib.crc32(data[:28] + bytes(4) + data[32:])
    rows = []
    for at in range(32, 32 + length, 192):
        row = data[at:at + 192]
        figures = struct.unpack(">QQQQQQ", row[112:160])
        rows.append({"number": int.from_bytes(row[:8], "big"), "componentId": guid_text(row[32:48]),
                     "name": row[64:96].rstrip(b"\0").decode(), "why": WHY[row[96]], "flags": row[97],
                     "signal": row[98], "exitCode": row[99], "restarts": int.from_bytes(row[100:104], "big"),
                     "delayMs": int.from_bytes(row[104:108], "big"), "userBytes": figures[0],
                     "peakUserBytes": figures[1], "totalBytes": figures[2], "pc": figures[3], "report": figures[5],
                     "site": row[164:].rstrip(b"\0").decode()})
    return rows, last


def run_once(device, component):
    """One run by hand, to its end."""
    before = len(device.kills())
    status, _, body = device.request("POST", f"/spherule/v1/apps/{component}/run")
    assert status == 200, body
    return device.kill(device.wait_kills(before + 1)[-1]["id"])


class Telemetry(unittest.TestCase):
    def test_each_end_until_it_is_cleared(self):
        ends = ((["exit", "3"], "exit", 0), (["crash"], "crash", signal.SIGSEGV), (["eat", "100"], "ration", signal.SIGKILL))
        with Device() as device:
            self.assertEqual(telemetry(device), ([], 0))
            for i, (words, why, number) in enumerate(ends):
                device.deploy(pack(device, PROBE, words), "--manual-start")
                report = run_once(device, PROBE)
                rows, last = telemetry(device)
                self.assertEqual((len(rows), last), (i + 1, i + 1))
                row = rows[-1]
                self.assertEqual((row["why"], row["signal"], row["report"]), (why, number, report["id"]))
                for key in ("componentId", "name", "exitCode", "userBytes", "peakUserBytes", "totalBytes"):
                    self.assertEqual(row[key], report[key], key)
                self.assertEqual((row["restarts"], row["delayMs"], row["flags"] & 1), (0, 0, 0))
                self.assertEqual((bool(row["pc"]), bool(row["site"])), (why != "exit", why != "exit"), row)
            before = telemetry(device)
            shown = device.get("/spherule/v1/telemetry")
            self.assertEqual([row["why"] for row in shown["records"]], [why for _, why, _ in ends])
            device.ok("device", "restart")
            self.assertEqual(telemetry(device), before)
            self.kill_agent(device)
            self.assertEqual(telemetry(device), before)
            status, _, body = device.request("DELETE", "/telemetry")
            self.assertEqual((status, body), (200, b"{}"))
            self.assertEqual(telemetry(device), ([], 3))
            self.assertEqual(run_once(device, PROBE)["why"], "ration")
            rows, _ = telemetry(device)
            self.assertEqual([row["number"] for row in rows], [4])

    def kill_agent(self, device):
        """Of a virtual device the whole machine: a power cut."""
        agent = device.agent()
        os.kill(agent, signal.SIGKILL)
        wait_for(lambda: not is_alive(agent), what="the agent's end")
        device.ok("device", "start")

    def test_what_a_stop_did(self):
        with Device() as device:
            for words, why, number in ((["stay"], "stopped", signal.SIGTERM),
                                       (["ignore-term", "stay"], "sigtermIgnored", signal.SIGKILL)):
                device.deploy(pack(device, PROBE, words))
                device.wait_log("staying")
                device.ok("device", "app", "stop")
                row = telemetry(device)[0][-1]
                self.assertEqual((row["why"], row["signal"], row["flags"] & 1), (why, number, 0))
                device.ok("device", "sideload", "delete")


class Status(unittest.TestCase):
    def test_back_off_can_be_seen(self):
        with Device() as device:
            package = pack(device, PROBE, ["exit", "7"])
            warning = f"warn: application {PROBE} ended right after its start: exit, exit code 7 ("

            def is_warned_of():
                result = device.run("device", "sideload", "deploy", "-p", package)
                self.assertEqual(result.status, 0)
                return warning in result.err
            wait_for(is_warned_of, 30, what="the warning")  # a busy machine may take longer than the command waits
            device.ok("device", "app", "stop")
            device.request("DELETE", "/telemetry")
            device.ok("device", "app", "start")
            row = wait_for(lambda: (row := device.app(PROBE)).get("nextStartMs", 0) > 0 and row, what="it waits")
            self.assertEqual((row["state"], row["lastWhy"], row["lastExitCode"], row["lastSignal"]), ("stopped", "exit", 7, 0))
            wait_for(lambda: f"{PROBE}: App state: stopped\n  Last end: exit, exit code 7 (report " in
                     (text := device.ok("device", "app", "show-status")) and "\n  Starts again in " in text,
                     what="the next start is shown")
            rows, _ = wait_for(lambda: len((got := telemetry(device))[0]) >= 2 and got, what="two ends")
            self.assertEqual([row["delayMs"] for row in rows[:2]], [0, 1000])
            self.assertEqual([row["restarts"] for row in rows[:2]], [0, 1])
            device.ok("device", "app", "stop")
            self.assertNotIn("nextStartMs", device.app(PROBE))


class Installing(unittest.TestCase):
    def stage(self, device, package):
        with open(package, "rb") as file:
            status, _, body = device.request("PUT", "/update/stage", file.read(), OCTETS)
        self.assertEqual((status, body), (200, b"{}"))

    def install(self, device):
        status, headers, body = device.request("POST", "/update/install", b"{}", JSON)
        return status, json.loads(body), headers.get("Spherule-Error", "")

    def test_an_update_that_is_refused_stops_nothing(self):
        with Device() as device:
            device.deploy(pack(device, PROBE, ["stay"]))
            pids = wait_for(lambda: device.app_pids(PROBE), what="the app")
            self.stage(device, pack(device, PROBE, ["exit", "0"]))
            device.ok("trust", "remove")
            status, body, _ = self.install(device)
            self.assertEqual((status, body), (400, {"error": 14680081}))
            self.assertEqual((device.state(PROBE), device.app_pids(PROBE)), ("running", pids))
            self.assertEqual(device.kills(), [])
            self.assertFalse(device.get("/images")["has_staged_updates"])

    def test_an_update_waits_for_the_old_version(self):
        """It does not go by itself: it gets its grace time, and the new version runs after it."""
        with Device() as device:
            device.deploy(pack(device, PROBE, ["ignore-term", "stay"]))
            device.wait_log("staying")
            old = device.app(PROBE)["imageId"]
            device.deploy(pack(device, PROBE, ["stay"]))
            self.assertEqual(device.state(PROBE), "running")
            self.assertNotEqual(device.app(PROBE)["imageId"], old)
            rows, _ = telemetry(device)
            self.assertEqual([(row["why"], row["signal"]) for row in rows], [("sigtermIgnored", signal.SIGKILL)])

    def test_one_of_three_does_not_start(self):
        with Device() as device:
            nothing = os.path.join(device.top, "nothing")
            with open(nothing, "wb") as file:
                file.write(b"no program")
            for component, words, executable in ((PROBE, ["stay"], None), (OTHER, [], nothing), (THIRD, ["stay"], None)):
                self.stage(device, pack(device, component, words, name=component[-4:], executable=executable))
            status, body, sentence = self.install(device)
            self.assertEqual((status, body), (409, {"error": 1048591}), sentence)
            self.assertRegex(sentence, f"^of 3 packages 3 were installed; {OTHER}: ")
            self.assertEqual([device.state(app) for app in (PROBE, OTHER, THIRD)], ["running", "stopped", "running"])
            self.assertFalse(device.get("/images")["has_staged_updates"])


class OneRation(unittest.TestCase):
    def test_figures_are_split(self):
        with Device() as device:
            device.deploy(pack(device, PROBE, ["eat", "10", "stay"]))
            device.deploy(pack(device, OTHER, ["eat", "20", "stay"], name="Other"))
            device.wait_log("staying", 2)

            def adds_up():
                memory = device.get("/spherule/v1/memory")
                rows = memory["apps"]
                self.assertEqual(sum(row["userBytes"] for row in rows), memory["userBytes"])
                for row in rows:
                    self.assertEqual(row["totalBytes"], row["userBytes"] + row["kernelBytes"])
                    self.assertEqual(row["kernelExact"], memory["kernelExact"])
                return sum(row["totalBytes"] for row in rows) == memory["totalBytes"] and rows

            rows = {row["componentId"]: row for row in wait_for(adds_up, what="the split adds up")}
            self.assertEqual(rows[OTHER]["userBytes"] - rows[PROBE]["userBytes"], 10 * PAGE)
            self.assertTrue(all(row["kernelBytes"] > 0 for row in rows.values()))

    def test_the_report_tells_whose_it_was(self):
        """The one that crosses holds less than the other, and the report says so."""
        with Device() as device:
            device.deploy(pack(device, PROBE, ["eat", "40", "stay"]))
            device.wait_log("staying")
            held = device.stats()[1]
            device.deploy(pack(device, OTHER, ["eat", "100"], name="Other"), "--manual-start")
            report = run_once(device, OTHER)
            self.assertEqual((report["why"], report["userBytes"]), ("ration", RATION))
            self.assertEqual(report["own"]["userBytes"], RATION - held)
            self.assertEqual(device.state(PROBE), "running")
            text = device.ok("device", "app", "show-kills", report["id"])
            self.assertIn(f"\nOf User Mode this application held {RATION - held} bytes, the rest is others'.\n", text)


if __name__ == "__main__":
    main()
