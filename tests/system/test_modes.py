"""Development and cloud test: what a device lets install, start and be looked at, and what it says when it does not."""
import json
import os
import unittest

from device import PAGE, Device, main, manifest, only, pack

PROBE, OTHER = "00000000-1111-2222-3333-444444444444", "00000000-1111-2222-3333-555555555555"
DEBUGGER = "8548b129-b16f-4f84-8dbe-d2c847862e78"
DENIED = ("Permission denied; application development capability may be required ('azsphere device "
          "enable-development')")
JSON = {"Content-Type": "application/json"}
FLASH = 1 << 20


def switch(device, *capabilities):
    status, _, body = device.request("PUT", "/spherule/v1/capabilities",
                                     json.dumps({"device_capabilities": capabilities}), JSON)
    assert (status, body) == (200, b"{}"), (status, body)


def capabilities(device):
    return device.get("/device/capabilities")


def certificate(device):
    return os.path.join(device.home, "sdk", "sdk-development-certificate.pem")


def restart(device):
    device.ok("device", "restart")


class Modes(unittest.TestCase):
    def test_capabilities_are_kept(self):
        with Device() as device:
            self.assertEqual(capabilities(device), {"device_capabilities": [11]})
            switch(device, 13, 11, 13)
            restart(device)
            self.assertEqual(capabilities(device), {"device_capabilities": [11, 13]})
            for body, number in (({"device_capabilities": [7]}, 22), ({"device_capabilities": 11}, 10485761)):
                status, _, answer = device.request("PUT", "/spherule/v1/capabilities", json.dumps(body), JSON)
                self.assertEqual((status, json.loads(answer)["error"]), (400, number), answer)
            self.assertEqual(capabilities(device), {"device_capabilities": [11, 13]})

    def test_memory_is_for_development(self):
        with Device() as device:
            device.ok("trust", "add", "--production", certificate(device))
            device.deploy(pack(device, PROBE, ["stay"]))
            device.wait_log("staying")
            self.assertGreater(device.stats()[1], 0)
            switch(device)
            for path in ("/stats/memory/groups/applications", "/spherule/v1/memory", f"/spherule/v1/memory/pages/{PROBE}"):
                status, headers, body = device.request("GET", path)
                self.assertEqual((status, json.loads(body)["error"], headers["Spherule-Error"]), (403, 13, DENIED), path)
            status, _, body = device.request("PATCH", f"/app/status/{PROBE}", '{"trigger":"startDebug"}', JSON)
            self.assertEqual((status, json.loads(body)), (403, {"error": 13}))
            self.assertEqual(device.state(PROBE), "running")  # by a production signer: nothing happens to it
            result = device.run("device", "app", "show-memory-stats")
            self.assertEqual((result.status, result.out), (5, ""))
            self.assertIn(DENIED, result.err)
            device.ok("device", "app", "stop", "-i", PROBE)
            report = device.kill(device.wait_kills(1)[0]["id"])
            self.assertGreaterEqual(report["userBytes"], PAGE)  # reports keep their figures
            switch(device, 11)
            device.stats()


class CloudTest(unittest.TestCase):
    """Packages of a development signer, whose key becomes one for production at the end."""

    def test_round(self):
        with Device() as device:
            package, other = pack(device, PROBE, ["stay"]), pack(device, OTHER, ["stay"], name="Other")
            device.deploy(package)
            device.wait_state(PROBE, "running")
            switch(device)
            device.wait_state(PROBE, "stopped")
            device.wait_log("is stopped: development is off, and 'CN=Spherule SDK")
            self.refused(device, other)
            restart(device)
            self.assertEqual(device.state(PROBE), "stopped")
            device.wait_log("does not start: development is off")
            self.does_not_start(device)
            rows = device.json("trust", "list")
            self.assertEqual([row["kind"] for row in rows], ["development"])
            device.ok("trust", "add", "--production", certificate(device))
            rows = device.json("trust", "list")
            self.assertEqual([row["kind"] for row in rows], ["production"])
            restart(device)
            device.wait_state(PROBE, "running")  # its start mode was not touched
            self.assertNotIn("mayNotStart", device.app(PROBE))
            device.deploy(other)
            device.wait_state(OTHER, "running")

    def refused(self, device, package):
        result = device.run("device", "sideload", "deploy", "-p", package)
        self.assertEqual((result.status, result.out), (1, ""), result)
        self.assertIn("Image not trusted by device; check if application development capability is enabled", result.err)
        self.assertIn("is trusted for development only: enable it, or 'spherule trust add CERT.pem --production'", result.err)
        self.assertIsNone(device.app(OTHER))

    def does_not_start(self, device):
        result = device.run("device", "app", "start", "-i", PROBE)
        self.assertEqual((result.status, result.out), (5, ""), result)
        self.assertIn("The application may not start; application development capability may be required", result.err)
        status, headers, body = device.request("PATCH", f"/app/status/{PROBE}", '{"trigger":"start"}', JSON)
        self.assertEqual((status, json.loads(body)), (403, {"error": 1048596}))
        self.assertIn("development only", headers["Spherule-Error"])
        why = device.ok("device", "app", "show-status", "--why")
        self.assertTrue(why.startswith(f"{PROBE}: Development is switched off, and the device trusts its signer for "), why)
        self.assertEqual(device.app(PROBE)["mayNotStart"], why[len(PROBE) + 2:-1])

    def test_the_original_development_key_is_never_for_production(self):
        with Device() as device:
            result = device.run("trust", "add", "--sdk-development", "--production")
            self.assertEqual(result.status, 2, result)
            device.ok("trust", "add", "--sdk-development")
            entry = [row for row in device.get("/spherule/v1/trust")["entries"] if "SDK Test" in row["name"]][0]
            status, _, body = device.request("POST", "/spherule/v1/trust", json.dumps(dict(entry, kind="production")), JSON)
            self.assertEqual((status, json.loads(body)["error"]), (400, 22), body)


class Flash(unittest.TestCase):
    @only("native", "there the debugger is packed for the test")
    def test_debugger_takes_its_part(self):
        """A package of gdbserver's size; with it an application does not fit that fits without it."""
        with Device() as device:
            text = json.dumps(dict(manifest(DEBUGGER, "gdbserver"), EntryPoint="/bin/app", ApplicationType="Debugger"))
            debugger = pack(device, DEBUGGER, files={"padding": os.urandom(540000)}, text=text)
            package = pack(device, PROBE, ["stay"], files={"padding": os.urandom(500000)})
            sizes = [os.path.getsize(path) for path in (debugger, package)]
            device.deploy(debugger, "--manual-start")
            apps = device.get("/spherule/v1/apps")
            self.assertEqual((apps["flashUsedBytes"], apps["flashLimitBytes"]), (sizes[0], FLASH))
            self.assertTrue(apps["apps"][0]["isDebugger"])
            result = device.run("device", "sideload", "deploy", "-p", package)
            self.assertEqual((result.status, result.out), (7, ""), result)
            self.assertIn(f"the package takes {sizes[1]} bytes, but of the {FLASH} bytes of flash other packages take "
                          f"{sizes[0]}: {sum(sizes) - FLASH} bytes too many", result.err)
            device.ok("device", "sideload", "delete", "-i", DEBUGGER)
            self.assertEqual(device.get("/spherule/v1/apps")["flashUsedBytes"], 0)
            device.deploy(package)
            device.wait_state(PROBE, "running")

    @only("virtual", "it has a debugger of its own")
    def test_the_devices_debugger(self):
        with Device() as device:
            device.deploy(pack(device, PROBE, ["stay"]))
            before = device.get("/spherule/v1/apps")["flashUsedBytes"]
            device.ok("device", "app", "stop", "-i", PROBE)
            device.ok("device", "app", "start", "--debug-mode", "-i", PROBE)
            apps = device.get("/spherule/v1/apps")
            size = [row["packageBytes"] for row in apps["apps"] if row["isDebugger"]][0]
            self.assertEqual(apps["flashUsedBytes"], before + size)
            room = FLASH - size - before
            package = pack(device, OTHER, ["stay"], files={"padding": os.urandom(room)})
            result = device.run("device", "sideload", "deploy", "-p", package)
            self.assertEqual(result.status, 7, result)
            self.assertIn(f"other packages take {before + size}", result.err)
            switch(device)  # the session ends with the mode
            device.wait_state(PROBE, "stopped")


if __name__ == "__main__":
    main()
