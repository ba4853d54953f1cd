"""Certificates, network, Wi-Fi and identity of a device: every call about them, and what of it outlives what."""
import json
import os
import signal
import subprocess
import tempfile
import unittest

from device import Device, main, only, wait_for

JSON = {"Content-Type": "application/json"}


class Board:
    """A device with the state that the calls below made."""

    def __init__(self, device):
        self.device = device

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        status, headers, answer = self.device.request(method, path, data, JSON if body is not None else {})
        assert headers["REST-API-Version"] == "4.5.0", headers
        return status, json.loads(answer)

    def ok(self, method, path, body=None, status=200):
        got, answer = self.call(method, path, body)
        assert got == status, (method, path, got, answer)
        return answer

    def error(self, method, path, body=None):
        status, answer = self.call(method, path, body)
        assert list(answer) == ["error"], answer
        return status, answer["error"]

    def state(self):
        """All that can be looked at."""
        return {path: self.ok("GET", path) for path in (
            "/certstore/certs", "/certstore/certs/root", "/certstore/space", "/device/manufacturing_state",
            "/device/security_state", "/net/firewall/rulesets", "/net/interfaces", "/net/interfaces/azspheresvc",
            "/net/proxy", "/net/status", "/wifi/config/networks", "/wifi/config/networks/1",
            "/wifi/diagnostics/networks", "/wifi/diagnostics/networks/0", "/wifi/interface", "/wifi/scan")}


def certificate():
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, name) for name in ("key", "certificate")]
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-keyout", paths[0], "-out", paths[1], "-days", "30", "-subj", "/CN=test"],
                       check=True, capture_output=True)
        texts = []
        for path in paths:
            with open(path, encoding="ascii") as file:
                texts.append(file.read())
        return texts


class Simulated(unittest.TestCase):
    maxDiff = None

    def fill(self, board):
        """Every call that changes something, and what it answers."""
        key, public = certificate()
        self.assertEqual(board.ok("POST", "/certstore/certs/root", {"certType": "RootCA", "publicCert": public}), {})
        self.assertEqual(board.ok("POST", "/certstore/certs/me", {
            "certType": "Client", "publicCert": public, "privateKey": key}), {})
        self.assertEqual(board.ok("GET", "/certstore/certs"), {"identifiers": ["root", "me"]})
        self.assertEqual(board.ok("PUT", "/device/manufacturing_state", {"manufacturingState": "Module1Complete"}),
                         {"manufacturingState": "Module1Complete"})
        self.assertEqual(board.ok("PATCH", "/net/interfaces/eth0", {
            "interfaceUp": True, "hardwareAddress": "02:00:5e:00:53:01"}), {})
        self.assertEqual(board.ok("POST", "/net/proxy", {"enabled": True, "address": "proxy.example", "port": 3128,
                                                         "noProxyAddresses": ["localhost"]})["port"], 3128)
        for number, ssid in enumerate(("nowhere", "spherule-open", "spherule-open")):
            network = board.ok("POST", "/wifi/config/networks", {"ssid": ssid, "securityState": "open"}, 201)
            self.assertEqual(network["id"], number)
        self.assertEqual(board.ok("PATCH", "/wifi/config/networks/1", {"configName": "home"})["configName"], "home")
        self.assertEqual(board.ok("DELETE", "/wifi/config/networks/2"), {})
        self.assertEqual(board.ok("PATCH", "/wifi/interface", {"interfaceState": "enabled"}), {})
        self.assertEqual(board.ok("DELETE", "/certstore/certs/me"), {})

    def test_every_call_and_a_restart(self):
        with Device() as device:
            board = Board(device)
            self.fill(board)
            state = board.state()
            self.assertEqual(state["/certstore/certs"], {"identifiers": ["root"]})
            self.assertEqual(state["/certstore/certs/root"]["subjectName"], "CN=test")
            self.assertRegex(state["/device/security_state"]["deviceIdentifier"], "^[0-9a-f]{128}$")
            self.assertEqual(state["/net/interfaces/azspheresvc"], {
                "interfaceName": "azspheresvc", "interfaceUp": True, "connectedToNetwork": False,
                "ipAcquired": False, "connectedToInternet": False, "ipAddresses": ["192.168.35.2"]})
            self.assertEqual(state["/net/status"], {"deviceAuthenticationIsReady": False,
                                                    "networkTimeSync": "complete", "proxy": "ready"})
            self.assertEqual(state["/wifi/interface"]["ssid"], "spherule-open")
            self.assertEqual([one["error"] for one in state["/wifi/diagnostics/networks"]["values"]], [1])
            device.ok("device", "stop", device.name)
            device.ok("device", "start", device.name)
            self.assertEqual(board.state(), state)
            self.assertEqual(board.ok("DELETE", "/net/proxy"), {})
            self.assertFalse(board.ok("GET", "/net/proxy")["enabled"])

    def test_refusals(self):
        with Device() as device:
            board = Board(device)
            for method, path, body, wanted in (
                    ("GET", "/net/interfaces/InvalidInterface!", None, (404, 15728642)),
                    ("GET", "/net/interfaces/wlan9", None, (404, 31457294)),
                    ("PATCH", "/net/interfaces/azspheresvc", {"interfaceUp": False}, (400, 31457295)),
                    ("PATCH", "/net/interfaces/eth0", {"hardwareAddress": "no"}, (400, 31457286)),
                    ("GET", "/certstore/certs/none", None, (404, 38797314)),
                    ("DELETE", "/certstore/certs/not+valid", None, (400, 38797314)),
                    ("POST", "/certstore/certs/a", {"certType": "RootCA", "publicCert": "no"}, (400, 10485761)),
                    ("PUT", "/device/manufacturing_state", {"manufacturingState": "Blank"}, (400, 10485761)),
                    ("POST", "/net/proxy", {"enabled": True}, (400, 10485761)),
                    ("DELETE", "/wifi/config/networks/0", None, (404, 15728642)),
                    ("POST", "/wifi/scan", {}, (405, 15728641))):
                with self.subTest(f"{method} {path}"):
                    self.assertEqual(board.error(method, path, body), wanted)

    @only("native", "it has the agent's process and its files on this machine")
    def test_sudden_death(self):
        with Device() as device:
            board = Board(device)
            self.fill(board)
            state = board.state()
            agent = device.agent()
            os.kill(agent, signal.SIGKILL)
            wait_for(lambda: device.agent() != agent, what="the end of the agent")
            device.ok("device", "start", device.name)
            self.assertEqual(board.state(), state)
            settings = os.path.join(device.folder(device.name), "state", "settings")
            self.assertEqual(sorted(os.listdir(settings)), [
                "certificates", "identity", "interfaces", "manufacturing-state", "proxy", "wifi"])
            with open(os.path.join(settings, "wifi"), "w", encoding="ascii") as file:
                file.write("{")
            self.assertEqual(board.error("GET", "/wifi/config/networks"), (500, 5))
            self.assertEqual(board.error("DELETE", "/wifi/config/networks/0"), (500, 5))
            os.unlink(os.path.join(settings, "wifi"))
            self.assertEqual(board.ok("GET", "/wifi/config/networks"), {"values": []})

    def test_two_devices_are_two(self):
        with Device() as device:
            first = Board(device).ok("GET", "/device/security_state")
        with Device() as device:
            self.assertNotEqual(Board(device).ok("GET", "/device/security_state"), first)


if __name__ == "__main__":
    main()
