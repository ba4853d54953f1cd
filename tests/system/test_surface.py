"""Every endpoint that rest.md lists and every command that completion knows, once, over the real interfaces.

The rows below are a day in a device's life, in order. What a document or the command table has and no row drives is a
failure, so that nothing new comes without its row. What a call means in detail is tested elsewhere.
"""
import json
import os
import re
import subprocess
import unittest

from device import BACKEND, IS_VIRTUAL, ROOT, Device, UnixConnection, main, probe, sample, sample_id, wait_for

APP = sample_id("storage-counter")
NOBODY = "99999999-1111-2222-3333-444444444444"
JSON = {"Content-Type": "application/json"}
OCTETS = {"Content-Type": "application/octet-stream"}


def documented_endpoints():
    """{(method, template)}: from the tables of rest.md, those of its second part with their common beginning."""
    found, prefix = set(), ""
    with open(os.path.join(ROOT, "docs", "spec", "rest.md"), encoding="utf-8") as file:
        for line in file:
            if line.startswith("## "):
                prefix = "/spherule/v1" if "Spherule's paths" in line else ""
            row = re.match(r"\| ([A-Z, ]+) `(/[^`]*)` \|", line)
            if row:
                found |= {(method, prefix + row[2]) for method in row[1].replace(",", " ").split()}
    return found


class Call:
    """One request: the template names the documented endpoint, the path is what is asked."""

    def __init__(self, method, template, *, status=200, body=None, headers=None, has=(), path=None, check=None,
                 **values):
        self.method, self.template, self.status, self.has, self.check = method, template, status, has, check
        self.path = path or template.format(**values)
        self.body = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
        self.headers = headers if headers is not None else (JSON if isinstance(body, (dict, list)) else {})


def package():
    with open(sample("storage-counter"), "rb") as file:
        return file.read()


V1 = "/spherule/v1"


def certificate():
    """A root's, as PEM text; its key is of no use."""
    return subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "/dev/null", "-days",
                           "1", "-subj", "/CN=surface"], check=True, capture_output=True, text=True).stdout


def simulated():
    """What has no hardware."""
    yield Call("GET", "/device/security_state", has=["securityState", "deviceIdentifier"])
    yield Call("GET", "/device/manufacturing_state", check=lambda got: got["manufacturingState"] == "Blank")
    yield Call("PUT", "/device/manufacturing_state", body={"manufacturingState": "DeviceComplete"})
    yield Call("POST", "/certstore/certs/{name}", name="a", body={"certType": "RootCA", "publicCert": certificate()})
    yield Call("GET", "/certstore/certs", check=lambda got: got["identifiers"] == ["a"])
    yield Call("GET", "/certstore/certs/{name}", name="a", has=["notAfter"])
    yield Call("GET", "/certstore/space", has=["AvailableSpace"])
    yield Call("DELETE", "/certstore/certs/{name}", name="a")
    yield Call("GET", "/net/firewall/rulesets", has=["rulesets"])
    yield Call("PATCH", "/net/interfaces/{name}", name="eth0", body={"interfaceUp": True})
    yield Call("GET", "/net/interfaces/{name}", name="eth0", check=lambda got: got["connectedToNetwork"])
    yield Call("GET", "/net/interfaces", check=lambda got: len(got["interfaces"]) == 3)
    yield Call("POST", "/net/proxy", body={"enabled": True, "address": "proxy.example", "port": 3128})
    yield Call("GET", "/net/status", check=lambda got: got["proxy"] == "ready")
    yield Call("DELETE", "/net/proxy")
    yield Call("GET", "/net/proxy", check=lambda got: got["enabled"] is False)
    yield Call("POST", "/wifi/config/networks", status=201, body={"ssid": "spherule-open", "securityState": "open"})
    yield Call("GET", "/wifi/config/networks", check=lambda got: got["values"][0]["connectionState"] == "connected")
    yield Call("PATCH", "/wifi/config/networks/{n}", n=0, body={"configState": "disabled"})
    yield Call("GET", "/wifi/config/networks/{n}", n=0, check=lambda got: got["connectionState"] == "disconnected")
    yield Call("GET", "/wifi/diagnostics/networks", check=lambda got: got["values"] == [])
    yield Call("GET", "/wifi/diagnostics/networks/{n}", n=0, check=lambda got: got["error"] == 0)
    yield Call("DELETE", "/wifi/config/networks/{n}", n=0)
    yield Call("PATCH", "/wifi/interface", body={"interfaceState": "enabled"})
    yield Call("GET", "/wifi/interface", check=lambda got: got["connectionState"] == "disconnected")
    yield Call("GET", "/wifi/scan", check=lambda got: len(got["values"]) == 3)


def calls(device):
    """Each is made when the ones before it were: a generator, since some paths come from answers."""
    yield Call("GET", "/status", has=["uptime"])
    yield Call("GET", "/osversion", has=["osversion"])
    yield Call("GET", "/abi_versions", has=["ApplicationRuntime"])
    yield Call("PUT", f"{V1}/capabilities", body={"device_capabilities": [11]})
    yield Call("GET", "/device/capabilities", check=lambda got: got["device_capabilities"] == [11])
    yield from simulated()
    yield Call("GET", f"{V1}/gateway", has=["backend", "connected"], check=lambda got: got["backend"] == BACKEND)
    yield Call("GET", f"{V1}/device", has=["bootId", "ramBytes"])
    yield Call("PUT", "/update/stage", body=package(), headers=OCTETS)
    yield Call("POST", "/update/install", body={"appControlMode": "Auto"})
    yield Call("GET", "/images", has=["components"])
    yield Call("GET", "/app/status/{id}", id=APP, has=["state"])
    yield Call("PATCH", "/app/status/{id}", id=APP, body={"trigger": "stop"}, check=lambda got: got["state"] == "stopped")
    yield Call("PATCH", "/app/status/{id}", id=APP, body={"trigger": "start"}, check=lambda got: got["state"] == "running")
    yield Call("GET", "/app/quota/{id}", id=APP, has=["UsageKB", "LimitKB"])
    yield Call("GET", V1 + "/storage/{id}", id=APP, has=["usedBytes", "bytesWritten", "idleWrites"])
    yield Call("GET", "/stats/memory/groups/applications", has=["memoryStats"])
    yield Call("GET", "/log", check=lambda got: isinstance(got, bytes))
    yield Call("GET", f"{V1}/memory", has=["userBytes", "apps"])
    yield Call("GET", V1 + "/memory/pages/{id}", id=APP, has=["mappings"])
    yield Call("GET", V1 + "/heap/{id}", id=APP, has=["processes"])
    yield Call("GET", f"{V1}/apps", has=["flashUsedBytes"])
    yield Call("GET", V1 + "/apps/{id}", id=APP, has=["packageBytes"])
    yield Call("PATCH", "/app/status/{id}", id=APP, body={"trigger": "stop"})
    yield Call("POST", V1 + "/apps/{id}/run", id=APP, body={"heap": True}, has=["pid"])
    yield Call("GET", f"{V1}/kills", has=["reports"])
    yield Call("GET", V1 + "/kills/{n}", n=device.kills()[0]["id"], has=["why"])
    yield Call("DELETE", f"{V1}/kills", has=["count"])
    yield Call("GET", "/telemetry", check=lambda got: int.from_bytes(got[3:5], "big") == len(got) - 32 > 0)
    yield Call("GET", f"{V1}/telemetry", check=lambda got: got["records"][0]["why"] == "stopped")
    yield Call("DELETE", "/telemetry", check=lambda got: got == {})
    yield Call("GET", "/telemetry", check=lambda got: got[3:5] == b"\0\0")
    yield Call("DELETE", f"{V1}/telemetry", check=lambda got: got == {})
    yield Call("GET", f"{V1}/trust", has=["entries"])
    entry = device.get(f"{V1}/trust")["entries"][0]
    yield Call("DELETE", V1 + "/trust/{thumbprint}", thumbprint=entry["thumbprint"])
    yield Call("POST", f"{V1}/trust", status=201, body={key: entry[key] for key in ("thumbprint", "point", "name")})
    yield Call("GET", f"{V1}/gpio", has=["pins"])
    yield Call("PUT", V1 + "/gpio/{n}", n=5, body={"value": 0}, check=lambda got: got["value"] == 0)
    yield Call("GET", V1 + "/gpio/{n}", n=5, check=lambda got: got["value"] == 0)
    yield Call("GET", f"{V1}/log", check=lambda got: len(got) > 0)
    yield Call("GET", f"{V1}/events", path=f"{V1}/events?after=0")
    yield Call("POST", f"{V1}/listen", body={"address": "127.0.0.1:0"}, has=["address", "token", "fingerprint"])
    yield Call("GET", f"{V1}/listen", check=lambda got: got["listening"] and "token" not in got)
    yield Call("GET", f"{V1}/listen/ca", check=lambda got: got.startswith(b"-----BEGIN CERTIFICATE-----"))
    yield Call("DELETE", f"{V1}/listen", check=lambda got: got == {})
    yield Call("DELETE", "/app/image/{id}", id=APP)
    yield Call("POST", "/restart", check=lambda got: got["restartingSystem"] is True)
    wait_for(lambda: device.request("GET", "/status")[0] == 200, 30, what="the device is back")
    yield Call("POST", f"{V1}/start", has=["started"])
    yield Call("POST", f"{V1}/stop", has=["stopping"])


class Endpoints(unittest.TestCase):
    def drive(self, device, call):
        if call.template.endswith("/events"):
            self.assertIn(b"200 OK", first_line(device, call.path))
            return
        status, headers, body = device.request(call.method, call.path, call.body, call.headers)
        self.assertEqual(status, call.status, body)
        self.assertIn("REST-API-Version", headers)
        got = json.loads(body) if headers.get("Content-Type", "").startswith("application/json") else body
        for key in call.has:
            self.assertIn(key, got)
        if call.check:
            self.assertTrue(call.check(got), got)

    def test_each(self):
        driven = set()
        with Device() as device:
            device.trust_samples()
            for call in calls(device):
                with self.subTest(call=f"{call.method} {call.path}"):
                    self.drive(device, call)
                driven.add((call.method, call.template))
        self.assertEqual(sorted(driven ^ documented_endpoints()), [], "in the document or here, and not in both")


def first_line(device, path):
    """Of an answer that goes on for ever."""
    connection = UnixConnection(device.dir)
    connection.connect()
    with connection.sock as sock:
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        return sock.recv(4096).split(b"\r\n")[0]


def known_commands(device):
    """Every command that is no group, as the completion script has them."""
    script = device.ok("completion", "bash")
    words = set(re.findall(r'where="([a-z][a-z0-9 -]*)"', script))
    return {one for one in words if not any(other.startswith(one + " ") for other in words)}


def image_id(device, path):
    return device.json("image-package", "show", "-p", path)["Identity"]["ImageId"]


class Commands(unittest.TestCase):
    """command, arguments, status, pattern in what it prints (both streams)."""

    def settings(self, certificate):
        """What a device is told to be, in its simulated surroundings."""
        return (
            ("device manufacturing-state show", [], 0, r"Manufacturing State: Blank"),
            ("device manufacturing-state update", ["--state", "Module1Complete"], 0, ""),
            ("device certificate add", ["-i", "ca", "-t", "rootca", "-p", certificate], 0, ""),
            ("device certificate list", [], 0, r"\nca\n"),
            ("device certificate show", ["-i", "ca"], 0, r"Subject +: CN="),
            ("device certificate show-quota", [], 0, r"Available space : \d+"),
            ("device certificate delete", ["-i", "ca"], 0, ""),
            ("device wifi scan", [], 0, r"SSID +: spherule-open"),
            ("device wifi add", ["-s", "spherule-open"], 0, r"ID +: 0\nSSID +: spherule-open\n"),
            ("device wifi list", [], 0, r"Connection state +: connected"),
            ("device wifi disable", ["-i", "0"], 0, ""),
            ("device wifi show", ["-i", "0"], 0, r"Configuration state +: disabled"),
            ("device wifi enable", ["-i", "0"], 0, ""),
            ("device wifi reload-config", [], 0, ""),
            ("device wifi show-status", [], 0, r"SSID +: spherule-open"),
            ("device wifi forget", ["-i", "0"], 0, ""),
            ("device network list-interfaces", [], 0, r"Interface name +: wlan0"),
            ("device network enable", ["-i", "eth0"], 0, ""),
            ("device network disable", ["-i", "eth0"], 0, ""),
            ("device network update-interface", ["-i", "eth0", "-a", "02:00:5e:00:53:01"], 0, ""),
            ("device network list-firewall-rules", [], 0, r"accept"),
            ("device network show-diagnostics", [], 0, r"No connection to a network failed"),
            ("device network proxy apply", ["-a", "proxy.test", "-p", "8080", "--disable"], 0, ""),
            ("device network proxy enable", [], 0, ""),
            ("device network show-status", [], 0, r"Proxy +: (enabled|ready)"),
            ("device network proxy disable", [], 0, ""),
            ("device network proxy show", [], 0, r"Address +: proxy.test"),
            ("device network proxy delete", [], 0, ""),
            ("device rest", ["--listen", "127.0.0.1:0"], 0, r"Token +: [0-9a-f]{64}"),
        )

    def rows(self, device):
        path, folder = sample("storage-counter"), device.top
        packed = os.path.join(folder, "packed.imagepackage")
        source = os.path.join(folder, "source")
        budget = os.path.join(folder, "budget.json")
        kind = "--virtual" if IS_VIRTUAL else "--native"
        os.makedirs(os.path.join(source, "bin"))
        with open(os.path.join(source, "bin", "app"), "w", encoding="utf-8") as file:
            file.write("no program, and never run")
        with open(os.path.join(source, "app_manifest.json"), "w", encoding="utf-8") as file:
            json.dump({"SchemaVersion": 1, "Name": "Empty", "ComponentId": NOBODY, "EntryPoint": "/bin/app",
                       "CmdArgs": [], "Capabilities": {}, "ApplicationType": "Default"}, file)
        return (
            ("version", [], 0, r"Spherule"),
            ("completion", ["zsh"], 0, r"compdef"),
            ("device create", ["second", *(["--virtual"] if IS_VIRTUAL else [])], 0, ""),
            ("device list", [], 0, r"second"),
            ("device delete", ["second"], 0, ""),
            ("device start", ["dev"], 0, ""),
            ("device show-attached", [], 0, r"Device ID +: [0-9a-f]{128}\nName +: dev"),
            ("device list-attached", [], 0, r"1 device attached"),
            ("device rescan-attached", [], 0, r"Found 1 device"),
            ("device show-os-version", [], 0, r"Azure Sphere OS version \d.*\."),
            ("device capability select", ["--type", "fieldServicing"], 0, ""),
            ("device capability update", [], 0, ""),
            ("device enable-development", [], 0, r"Successfully set up"),
            ("device capability show-attached", [], 0, r"appDevelopment\nfieldServicing"),
            ("trust list", [], 0, r"[0-9a-f]{40}"),
            ("image-package show", [path], 0, APP),
            ("image-package pack-application",
             ["--package-directory", source, "--destination", packed, "--executables", "bin/app"], 0, ""),
            ("device sideload deploy", ["-p", path], 0, ""),
            ("device image list-installed", [], 0, APP),
            ("image add", ["--image", path], 0, ""),
            ("image list", [], 0, APP),
            ("image show", ["--image", image_id(device, path)], 0, r"."),
            ("device image list-targeted", [], 0, r"."),
            ("image delete", ["--image", image_id(device, path)], 0, ""),
            ("device sideload set-deployment-timeout", ["--value", "60"], 0, ""),
            ("device sideload show-deployment-timeout", [], 0, r"60"),
            ("device app show-status", ["-i", APP], 0, r"App state: running"),
            ("device app show-memory-stats", [], 0, r"Total \(Kernel \+ User Mode\) \d+"),
            ("device app show-quota", ["-i", APP], 0, r"."),
            ("device app show-heap", ["-i", APP, "--why"], 0, r"."),
            ("device app stop", ["-i", APP], 0, r"App state: stopped"),
            ("device app start", ["-i", APP], 0, r"App state: running"),
            ("device app show-kills", [], 0, r"stopped"),
            ("device log", [], 0, r"."),
            ("device gpio set", ["4", "0"], 0, ""),
            ("device gpio get", ["4"], 0, r"0"),
            ("device gpio list", [], 0, r"4"),
            ("device sideload delete", ["-i", APP], 0, ""),
            ("device enable-cloud-test", [], 0, r"capability disabled"),
            *self.settings(os.path.join(os.path.dirname(path), "signer.pem")),
            ("run", [kind, probe("static"), "exit", "0"], 0, r"exit"),
            ("check", ["--init", "--budget", budget, kind, probe("static"), "exit", "0"], 0, r"."),
            ("device restart", [], 0, ""),
            ("device recover", [], 0, r"recovered"),
            ("trust remove", [], 0, ""),
            ("trust add", [os.path.join(os.path.dirname(path), "signer.pem")], 0, ""),
            ("device stop", [], 0, ""),
        )

    def test_each(self):
        driven = set()
        with Device() as device:
            device.trust_samples()
            known = known_commands(device)
            for command, args, status, pattern in self.rows(device):
                with self.subTest(command=command):
                    result = device.run(*command.split(), *args, timeout=90)
                    self.assertEqual(result.status, status, result.out + result.err)
                    if pattern:
                        self.assertRegex(result.out + result.err, pattern)
                driven.add(command)
        self.assertEqual(sorted(driven ^ known), [], "in the command table or here, and not in both")

    def test_each_has_help_and_refuses_nonsense(self):
        with Device(start=False) as device:
            for command in sorted(known_commands(device)):
                with self.subTest(command=command):
                    helped = device.run(*command.split(), "--help")
                    self.assertEqual(helped.status, 0, helped.err)
                    self.assertIn("Usage", helped.out)
                    refused = device.run(*command.split(), "--no-such-option")
                    self.assertNotEqual(refused.status, 0)
                    self.assertIn("--no-such-option", refused.err)


if __name__ == "__main__":
    main()
