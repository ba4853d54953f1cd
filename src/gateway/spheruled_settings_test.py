#!/usr/bin/env python3
"""Simulated state over HTTP, from the real spheruled and a fake agent that keeps what it is given.

usage: spheruled_settings_test.py SPHERULED [unittest arguments]"""
import json
import os
import subprocess
import tempfile
import threading
import time
import unittest

from fake_agent import Refusal
from spheruled_test import GatewayTest

BAD_JSON, NO_BODY, BAD_PATH, NO_SPACE = 10485761, 10485763, 15728642, 14680082
BAD_CERTIFICATE_ID, OTHER_KEY = 38797314, 38797332
BAD_MAC, NO_INTERFACE, NOT_PERMITTED = 31457286, 31457294, 31457295


def openssl(*arguments, data=None):
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=True).stdout


def read(path):
    with open(path, encoding="ascii") as file:
        return file.read()


class Certificates(unittest.TestCase):
    """Real ones, from another program."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)

    @classmethod
    def make(cls, name, kind="ec"):
        key, certificate = (os.path.join(cls.folder.name, f"{name}.{end}") for end in ("key", "pem"))
        how = ["-newkey", "rsa:2048"] if kind == "rsa" else ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        openssl("req", "-x509", *how, "-nodes", "-keyout", key, "-out", certificate, "-days", "30",
                "-subj", f"/C=NO/O=Example, Inc./CN={name}")
        return certificate, key


class Settings(GatewayTest, Certificates):
    def ok(self, method, path, body=None, status=200):
        answer = self.call(method, path, body)
        self.assertEqual(answer.status, status, answer.headers["Spherule-Error"])
        self.assertEqual(answer.headers["REST-API-Version"], "4.5.0")
        return answer.json

    def refused(self, method, path, body, status, number, sentence=None):
        answer = self.call(method, path, body)
        self.assertEqual((answer.status, answer.json), (status, {"error": number}), answer.headers["Spherule-Error"])
        if sentence:
            self.assertEqual(answer.headers["Spherule-Error"], sentence)

    def kept(self, key):
        return json.loads(self.agent.settings[key.encode()])

    def test_a_new_device(self):
        service = {"interfaceName": "azspheresvc", "interfaceUp": True, "connectedToNetwork": False,
                   "ipAcquired": False, "connectedToInternet": False, "ipAddresses": ["192.168.35.2"]}
        wifi = {**service, "interfaceName": "wlan0", "ipAddresses": [], "hardwareAddress": "02:53:50:48:00:10"}
        ethernet = {**wifi, "interfaceName": "eth0", "interfaceUp": False, "hardwareAddress": "02:53:50:48:00:20"}
        for path, body in [
                ("/certstore/certs", {"identifiers": []}),
                ("/certstore/space", {"AvailableSpace": "24514"}),
                ("/device/manufacturing_state", {"manufacturingState": "Blank"}),
                ("/net/interfaces", {"interfaces": [service, wifi, ethernet]}),
                ("/net/interfaces/azspheresvc", service),
                ("/net/interfaces/wlan0", wifi),
                ("/net/interfaces/eth0", ethernet),
                ("/net/proxy", {"enabled": False, "address": "", "port": 0, "authenticationType": "anonymous",
                                "noProxyAddresses": []}),
                ("/net/status", {"deviceAuthenticationIsReady": False, "networkTimeSync": "incomplete",
                                 "proxy": "disabled"}),
                ("/wifi/config/networks", {"values": []}),
                ("/wifi/diagnostics/networks", {"values": []}),
                ("/wifi/interface", {"interfaceState": "enabled", "connectionState": "disconnected",
                                     "wpaState": "DISCONNECTED", "macAddress": "02:53:50:48:00:10"})]:
            with self.subTest(path):
                self.expect(self.call("GET", path), 200, body)
        self.assertEqual(self.agent.settings, {})  # looking changes nothing

    def test_firewall(self):
        rulesets = self.ok("GET", "/net/firewall/rulesets")["rulesets"]
        self.assertEqual([(one["hook"], one["isValid"], len(one["rules"])) for one in rulesets],
                         [("input", True, 1), ("forward", True, 0), ("output", True, 1)])
        self.assertEqual(rulesets[0]["rules"][0], {
            "sourceIP": "0.0.0.0", "sourceMask": "0.0.0.0", "destinationIP": "0.0.0.0", "destinationMask": "0.0.0.0",
            "uid": 4294967295, "action": "accept", "interfaceInName": "lo", "interfaceOutName": "", "state": "none",
            "tcpMask": [], "tcpCmp": [], "tcpInv": False, "protocol": "any",
            "sourcePortRange": {"min": 0, "max": 65535}, "destinationPortRange": {"min": 0, "max": 65535}})

    def test_identity(self):
        first = self.ok("GET", "/device/security_state")
        self.assertEqual(first["securityState"], "SECURE")
        self.assertRegex(first["deviceIdentifier"], "^[0-9a-f]{128}$")
        self.assertEqual(self.ok("GET", "/device/security_state"), first)
        text = openssl("pkey", "-pubin", "-inform", "DER", "-text", "-noout",
                       data=bytes.fromhex(first["deviceIdentityPublicKey"])).decode()
        self.assertIn("prime256v1", text)
        point = "".join(text[text.index("pub:"):text.index("ASN1")].split()[1:]).replace(":", "")
        self.assertEqual(point, "04" + first["deviceIdentifier"])
        self.agent.settings.clear()  # another device is another one
        self.assertNotEqual(self.ok("GET", "/device/security_state"), first)

    def test_manufacturing(self):
        path = "/device/manufacturing_state"
        state = "Blank"
        for wanted, number in [("Blank", BAD_JSON), ("Module1Complete", 0), ("Module1Complete", 0), (None, BAD_JSON),
                               ("DeviceComplete", 0), ("Module1Complete", 1048577), ("DeviceComplete", 0)]:
            with self.subTest(state=state, wanted=wanted):
                if number:
                    self.refused("PUT", path, {"manufacturingState": wanted}, 400, number)
                else:
                    state = wanted
                    self.assertEqual(self.ok("PUT", path, {"manufacturingState": wanted}),
                                     {"manufacturingState": state})
                self.assertEqual(self.ok("GET", path), {"manufacturingState": state})

    def test_interfaces(self):
        path = "/net/interfaces/"
        self.assertEqual(self.ok("PATCH", path + "eth0", {"interfaceUp": True,
                                                          "hardwareAddress": "02:00:5E:00:53:01"}), {})
        self.assertEqual(self.ok("GET", path + "eth0"), {
            "interfaceName": "eth0", "interfaceUp": True, "connectedToNetwork": True, "ipAcquired": True,
            "connectedToInternet": True, "ipAddresses": ["198.51.100.10"], "hardwareAddress": "02:00:5e:00:53:01"})
        self.assertEqual(self.ok("GET", "/net/status")["networkTimeSync"], "complete")
        self.ok("PATCH", path + "wlan0", {"interfaceUp": False})
        self.assertEqual(self.ok("GET", "/wifi/interface")["wpaState"], "INTERFACE_DISABLED")
        self.assertEqual(self.ok("GET", "/wifi/scan"), {"values": []})
        self.ok("PATCH", "/wifi/interface", {"interfaceState": "enabled"})
        self.assertTrue(self.ok("GET", path + "wlan0")["interfaceUp"])
        for name, body, status, number in [
                ("InvalidInterface!", {"interfaceUp": True}, 404, BAD_PATH),
                ("wlan7", {"interfaceUp": True}, 404, NO_INTERFACE),
                ("azspheresvc", {"interfaceUp": False}, 400, NOT_PERMITTED),
                ("wlan0", {"hardwareAddress": "02:00:5e:00:53:01"}, 400, NOT_PERMITTED),
                ("eth0", {"hardwareAddress": "03:00:5e:00:53:01"}, 400, BAD_MAC),  # of many stations
                ("eth0", {"hardwareAddress": "00:00:00:00:00:00"}, 400, BAD_MAC),
                ("eth0", {"hardwareAddress": "02-00-5e-00-53-01"}, 400, BAD_MAC),
                ("eth0", {"hardwareAddress": ""}, 400, BAD_MAC),
                ("eth0", {"hardwareAddress": 1}, 400, BAD_JSON),
                ("eth0", {"interfaceUp": "yes"}, 400, BAD_JSON),
                ("eth0", {}, 400, BAD_JSON), ("eth0", [], 400, BAD_JSON), ("eth0", None, 400, NO_BODY)]:
            with self.subTest(name=name, body=body):
                self.refused("PATCH", path + name, body, status, number)
        self.refused("GET", path + "InvalidInterface!", None, 404, BAD_PATH)
        self.refused("GET", path + "%00", None, 404, BAD_PATH)
        self.assertEqual(self.kept("interfaces"), {"wlan0Up": True, "eth0Up": True,
                                                   "eth0HardwareAddress": "02:00:5e:00:53:01"})

    def test_proxy(self):
        wanted = {"enabled": True, "address": "proxy.example", "port": 3128, "authenticationType": "basic",
                  "username": "me", "password": "secret", "noProxyAddresses": ["localhost", "192.0.2.0/24"]}
        shown = {key: value for key, value in wanted.items() if key != "password"}
        self.assertEqual(self.ok("POST", "/net/proxy", wanted), shown)
        self.assertEqual(self.ok("GET", "/net/proxy"), shown)
        self.assertEqual(self.kept("proxy"), wanted)
        self.assertEqual(self.ok("GET", "/net/status")["proxy"], "enabled")
        self.ok("PATCH", "/net/interfaces/eth0", {"interfaceUp": True})
        self.assertEqual(self.ok("GET", "/net/status")["proxy"], "ready")
        for change, sentence in [
                ({"enabled": None}, 'the body\'s member "enabled" must be true or false'),
                ({"address": ""}, 'the body\'s member "address" must be a host\'s name or address, of 1 to 255 bytes'),
                ({"address": "http://proxy"}, 'the body\'s member "address" must be a host\'s name or address, of 1 '
                                              'to 255 bytes'),
                ({"port": 0}, 'the body\'s member "port" must be a number from 1 to 65535'),
                ({"port": 65536}, 'the body\'s member "port" must be a number from 1 to 65535'),
                ({"authenticationType": "digest"}, 'the body\'s member "authenticationType" must be "anonymous" or '
                                                   '"basic"'),
                ({"username": ""}, 'the body\'s member "username" must be the name for authentication "basic"'),
                ({"password": ""}, 'the body\'s member "password" must be the password for authentication "basic"'),
                ({"password": "x" * 64}, 'the body\'s member "password" must be a string of at most 63 bytes'),
                ({"noProxyAddresses": "localhost"}, 'the body\'s member "noProxyAddresses" must be an array of '
                                                    'addresses, 255 bytes together'),
                ({"noProxyAddresses": ["x" * 128, "y" * 127]}, 'the body\'s member "noProxyAddresses" must be an '
                                                               'array of addresses, 255 bytes together')]:
            with self.subTest(change):
                self.refused("POST", "/net/proxy", {**wanted, **change}, 400, BAD_JSON, sentence)
        self.assertEqual(self.kept("proxy"), wanted)
        self.assertEqual(self.ok("DELETE", "/net/proxy"), {})
        self.assertEqual(self.ok("GET", "/net/proxy")["enabled"], False)

    def test_wifi(self):
        path = "/wifi/config/networks"
        known = {"ssid": "spherule-psk", "securityState": "psk", "configState": "enabled", "targetedScan": False}
        wrong = {"ssid": "spherule-psk", "securityState": "psk", "psk": "not this one"}
        self.assertEqual(self.ok("POST", path, wrong, 201), {**known, "id": 0, "connectionState": "disconnected"})
        self.ok("POST", path, {"ssid": "nowhere", "securityState": "open", "configName": "far"}, 201)
        right = {**wrong, "psk": "spherule-psk"}
        connected = {**known, "id": 2, "connectionState": "connected"}
        self.assertEqual(self.ok("POST", path, right, 201), connected)
        self.assertEqual(self.ok("GET", path + "/2"), connected)
        self.assertEqual([one["id"] for one in self.ok("GET", path)["values"]], [0, 1, 2])
        self.assertEqual([(one["id"], one["error"], one["reason"])
                          for one in self.ok("GET", "/wifi/diagnostics/networks")["values"]],
                         [(0, 3, "the passphrase is not that of the network"),
                          (1, 1, "no network of that name is in reach")])
        self.assertEqual(self.ok("GET", "/wifi/diagnostics/networks/2")["error"], 0)
        interface = self.ok("GET", "/wifi/interface")
        self.assertEqual((interface["id"], interface["wpaState"], interface["keyManagement"]),
                         (2, "COMPLETED", "WPA2-PSK"))
        self.assertEqual(self.ok("GET", "/net/interfaces/wlan0")["ipAddresses"], [interface["ipAddress"]])
        self.assertEqual(self.ok("PATCH", path + "/0", {"psk": "spherule-psk"})["connectionState"], "connected")
        self.assertEqual(self.ok("PATCH", path + "/0", {"configState": "disabled"})["connectionState"],
                         "disconnected")
        self.assertEqual(self.ok("GET", "/wifi/interface")["id"], 2)
        self.assertEqual(self.ok("DELETE", path + "/2"), {})
        self.assertEqual(self.ok("GET", "/wifi/interface")["connectionState"], "disconnected")
        self.assertNotIn("psk", json.dumps(self.ok("GET", path)["values"][1]))
        self.assertEqual(self.kept("wifi")["networks"][0]["psk"], "spherule-psk")
        self.assertEqual([(one["ssid"], one["securityState"]) for one in self.ok("GET", "/wifi/scan")["values"]],
                         [("spherule-open", "open"), ("spherule-psk", "psk"), ("spherule-eap", "eaptls")])

    def test_hidden_network(self):
        hidden = {"ssid": "spherule-hidden", "securityState": "psk", "psk": "spherule-psk"}
        self.assertEqual(self.ok("POST", "/wifi/config/networks", hidden, 201)["connectionState"], "disconnected")
        self.assertEqual(self.ok("PATCH", "/wifi/config/networks/0", {"targetedScan": True})["connectionState"],
                         "connected")

    def test_wrong_networks(self):
        path = "/wifi/config/networks"
        self.ok("POST", path, {"ssid": "a", "securityState": "open", "configName": "one"}, 201)
        for body, member in [
                ({"securityState": "open"}, "ssid"), ({"ssid": "", "securityState": "open"}, "ssid"),
                ({"ssid": "x" * 33, "securityState": "open"}, "ssid"),
                ({"ssid": "a\nb", "securityState": "open"}, "ssid"),
                ({"ssid": "a"}, "securityState"), ({"ssid": "a", "securityState": "wep"}, "securityState"),
                ({"ssid": "a", "securityState": "psk"}, "psk"),
                ({"ssid": "a", "securityState": "psk", "psk": "seven77"}, "psk"),
                ({"ssid": "a", "securityState": "open", "psk": "spherule-psk"}, "psk"),
                ({"ssid": "a", "securityState": "open", "configName": "one"}, "configName"),
                ({"ssid": "a", "securityState": "open", "targetedScan": 1}, "targetedScan"),
                ({"ssid": "a", "securityState": "open", "configState": True}, "configState")]:
            with self.subTest(body):
                answer = self.call("POST", path, body)
                self.assertEqual((answer.status, answer.json), (400, {"error": BAD_JSON}))
                self.assertIn(f'member "{member}" must be', answer.headers["Spherule-Error"])
        for method in "GET", "PATCH", "DELETE":
            body = {"configState": "enabled"} if method == "PATCH" else None
            self.refused(method, path + "/7", body, 404, BAD_PATH, "the device knows no Wi-Fi network with id 7")
            self.refused(method, path + "/x", body, 400, BAD_PATH)
        self.refused("PATCH", path + "/0", {}, 400, BAD_JSON)
        for number in range(1, 16):
            self.assertEqual(self.ok("POST", path, {"ssid": "a", "securityState": "open"}, 201)["id"], number)
        self.refused("POST", path, {"ssid": "a", "securityState": "open"}, 400, NO_SPACE)

    def test_certificates(self):
        (root, root_key), (client, client_key) = self.make("root", "rsa"), self.make("client")
        texts = {path: read(path) for path in (root, root_key, client, client_key)}
        path = "/certstore/certs/"
        self.assertEqual(self.ok("POST", path + "root", {"certType": "RootCA", "publicCert": texts[root]}), {})
        locked = openssl("pkcs8", "-topk8", "-in", client_key, "-passout", "pass:secret").decode()
        body = {"certType": "Client", "publicCert": texts[client], "privateKey": locked, "password": "secret"}
        self.assertEqual(self.ok("POST", path + "client", body), {})
        self.assertEqual(self.ok("GET", "/certstore/certs"), {"identifiers": ["root", "client"]})
        shown = self.ok("GET", path + "client")
        dates = openssl("x509", "-in", client, "-noout", "-dates", "-dateopt", "iso_8601").decode()
        self.assertEqual(dates.replace(" ", "T").split(), ["notBefore=" + shown["notBefore"],
                                                         "notAfter=" + shown["notAfter"]])
        self.assertEqual({key: shown[key] for key in ("id", "subjectName", "issuerName")},
                         {"id": "client", "subjectName": "CN=client,O=Example\\, Inc.,C=NO",
                          "issuerName": "CN=client,O=Example\\, Inc.,C=NO"})
        self.assertEqual(len(shown), 5)
        used = len(texts[root]) + len(texts[client]) + len(locked) + len("secret")
        self.assertEqual(self.ok("GET", "/certstore/space"), {"AvailableSpace": str(24514 - used)})
        self.assertNotIn("BEGIN", self.agent.settings[b"certificates"].decode())
        self.connect_with(root="root", client="client")
        for change, number, sentence in [
                ({"password": "wrong"}, OTHER_KEY, "the private key is encrypted, and the password is not the right "
                                                   "one"),
                ({"password": None}, OTHER_KEY, "the private key is encrypted, and the password is missing"),
                ({"privateKey": texts[root_key]}, OTHER_KEY, "the private key is not that of the certificate"),
                ({"privateKey": None}, BAD_JSON, 'the body\'s member "privateKey" must be a private key as PEM text'),
                ({"certType": "RootCA"}, BAD_JSON, 'the body\'s member "privateKey" must be left out of a root\'s'),
                ({"certType": "Other"}, BAD_JSON, 'the body\'s member "certType" must be "Client" or "RootCA"'),
                ({"publicCert": ""}, BAD_JSON, 'the body\'s member "publicCert" must be a certificate as PEM text'),
                ({"publicCert": "x" * 8193}, BAD_JSON, 'the body\'s member "publicCert" must be a string of at most '
                                                       '8192 bytes')]:
            with self.subTest(change):
                self.refused("POST", path + "client", {**body, **change}, 400, number, sentence)
        self.assertEqual(self.ok("POST", path + "client", {
            "certType": "rootca", "publicCert": "".join(texts[client].splitlines()[1:-1])}), {})  # DER, and no key
        self.assertEqual(self.ok("GET", path + "client"), shown)
        self.assertEqual(self.ok("DELETE", path + "root"), {})
        self.refused("DELETE", path + "root", None, 404, BAD_CERTIFICATE_ID)
        self.refused("GET", path + "root", None, 404, BAD_CERTIFICATE_ID)
        self.refused("POST", path + "a" * 17, body, 400, BAD_CERTIFICATE_ID)
        self.refused("GET", path + "a!", None, 400, BAD_CERTIFICATE_ID)
        self.assertEqual(self.ok("GET", "/certstore/certs"), {"identifiers": ["client"]})

    def connect_with(self, root, client):
        """To the network that wants certificates."""
        network = {"ssid": "spherule-eap", "securityState": "eaptls", "clientIdentity": "me",
                   "clientCertStoreIdentifier": client}
        self.assertEqual(self.ok("POST", "/wifi/config/networks", network, 201)["connectionState"], "disconnected")
        self.assertEqual(self.ok("GET", "/wifi/diagnostics/networks/0")["error"], 4)
        self.assertEqual(self.ok("PATCH", "/wifi/config/networks/0", {
            "rootCACertStoreIdentifier": root})["connectionState"], "connected")

    def test_the_store_is_full(self):
        certificate, _ = self.make("root")
        text = read(certificate)
        body = {"certType": "RootCA", "publicCert": text + "#" * (8192 - len(text))}
        for name in "one", "two":
            self.ok("POST", "/certstore/certs/" + name, body)
        self.assertEqual(self.ok("GET", "/certstore/space"), {"AvailableSpace": str(24514 - 2 * 8192)})
        self.refused("POST", "/certstore/certs/three", body, 400, NO_SPACE, "the certificate needs 8192 bytes; the "
                     "store has 8130 left, and room for 24 certificates: delete one first")
        self.ok("POST", "/certstore/certs/two", body)  # in the place of itself

    def test_bodies(self):
        self.ok("POST", "/wifi/config/networks", {"ssid": "a", "securityState": "open"}, 201)
        before = dict(self.agent.settings)
        path = "/certstore/certs/a"
        for method, where in [("POST", path), ("PUT", "/device/manufacturing_state"), ("POST", "/net/proxy"),
                              ("PATCH", "/net/interfaces/eth0"), ("POST", "/wifi/config/networks"),
                              ("PATCH", "/wifi/config/networks/0"), ("PATCH", "/wifi/interface")]:
            with self.subTest(f"{method} {where}"):
                answer = self.call(method, where, "{}", Content_Type="text/html")
                self.assertEqual((answer.status, answer.json), (415, {"error": BAD_JSON}))
                answer = self.call(method, where, iter([b""]))  # in chunks, of which none comes
                self.assertEqual((answer.status, answer.json), (400, {"error": NO_BODY}))
        most = 24576
        for body in (lambda size: " " * size), (lambda size: iter([b" " * size])):  # announced, and in chunks
            answer = self.call("POST", path, body(most))
            self.assertEqual((answer.status, answer.json), (400, {"error": BAD_JSON}))
            answer = self.call("POST", path, body(most + 1))
            self.assertEqual((answer.status, answer.json), (413, {"error": 15728644}))
        self.assertEqual(self.agent.settings, before)

    def test_damaged_values_are_left_alone(self):
        rows = {b"certificates": (("GET", "/certstore/certs", None), ("DELETE", "/certstore/certs/a", None)),
                b"wifi": (("GET", "/wifi/config/networks", None), ("DELETE", "/wifi/config/networks/0", None)),
                b"interfaces": (("GET", "/net/interfaces", None),
                                ("PATCH", "/wifi/interface", {"interfaceState": "enabled"})),
                b"proxy": (("GET", "/net/proxy", None),),
                b"identity": (("GET", "/device/security_state", None),),
                b"manufacturing-state": (("GET", "/device/manufacturing_state", None),)}
        for key, calls in rows.items():
            for value in (b"\xff", b"[]", b"{", b'{"networks":1}' if key == b"wifi" else b"null"):
                self.agent.settings = {key: value}
                for method, path, body in calls:
                    with self.subTest(key=key, value=value, path=path):
                        name = key.decode()
                        self.refused(method, path, body, 500, 5, f'what the device keeps as "{name}" cannot be read; '
                                     f"repair or remove state/settings/{name} in its folder, or create the device "
                                     "anew")
                self.assertEqual(self.agent.settings, {key: value})

    def test_the_agent_refuses(self):
        def full(_):
            raise Refusal(28, "the device has no room for more settings")
        self.agent.handlers["setting-put"] = full
        self.refused("PATCH", "/wifi/interface", {"interfaceState": "disabled"}, 400, 28,
                     "the device has no room for more settings")
        del self.agent.handlers["setting-put"]
        self.ok("PATCH", "/wifi/interface", {"interfaceState": "disabled"})

    def test_clients_at_once_lose_nothing(self):
        def add(number):
            results.append(self.call("POST", "/wifi/config/networks",
                                     {"ssid": f"net {number}", "securityState": "open"}).status)
        results = []
        threads = [threading.Thread(target=add, args=(number,)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(results, [201] * 12)
        self.assertEqual([one["id"] for one in self.ok("GET", "/wifi/config/networks")["values"]], list(range(12)))

    def test_an_agent_that_dies_ends_every_turn(self):
        self.agent.handlers["setting-get"] = lambda _: None  # says nothing; the rest wait for their turn
        results = []
        threads = [threading.Thread(target=lambda: results.append(self.call("GET", "/wifi/interface").status))
                   for _ in range(4)]
        for thread in threads:
            thread.start()
        while not self.requests("setting-get"):
            time.sleep(0.01)
        self.agent.connection.shutdown(2)
        for thread in threads:
            thread.join(20)
        self.assertEqual(results, [503] * 4)
        self.agent.handlers.pop("setting-get")
        self.wait_connected()
        self.ok("GET", "/wifi/interface")

    def test_sigterm_answers_every_turn(self):
        def requests():
            return self.call("GET", "/spherule/v1/gateway").json["requests"]
        self.agent.handlers["setting-get"] = lambda _: None
        results = []
        wanted = requests() + 3
        threads = [threading.Thread(target=lambda: results.append(self.call("GET", "/net/proxy").status))
                   for _ in range(3)]
        for thread in threads:
            thread.start()
        wanted += 1  # those that ask are counted, too
        while requests() < wanted:
            wanted += 1
            time.sleep(0.01)
        self.end_gateway(self.process)
        for thread in threads:
            thread.join(10)
        self.assertEqual(results, [503] * 3)

    def test_a_client_that_goes_away_ends_its_turn(self):
        go_on = threading.Event()

        def wait(request):
            go_on.wait(10)
            return self.agent.on_setting_get(request)
        self.agent.handlers["setting-get"] = wait
        connection = self.connection()
        connection.request("PATCH", "/wifi/interface", json.dumps({"interfaceState": "disabled"}))
        while not self.requests("setting-get"):
            time.sleep(0.01)
        connection.sock.close()
        results = []
        other = threading.Thread(target=lambda: results.append(self.call("GET", "/wifi/interface").json))
        other.start()
        go_on.set()
        other.join(10)
        self.assertEqual(results[0]["interfaceState"], "disabled")  # what was asked for is carried out all the same


if __name__ == "__main__":
    unittest.main(verbosity=2)
