#!/usr/bin/env python3
"""Drives the real spheruled over HTTPS: Python's ssl, curl and openssl on one side, a fake agent on the other.

usage: spheruled_https_test.py SPHERULED [unittest arguments]"""
import collections
import contextlib
import hashlib
import http.client
import json
import os
import random
import re
import shutil
import socket
import ssl
import stat
import struct
import subprocess
import sys
import time
import unittest

import spheruled_test as base  # takes the program's path from the arguments
from fake_agent import Refusal, fields, guid, u32

STAR = "*.devices.sphere.azure.local"
STRANGER = "this device asks for its token: 'Authorization: Bearer ...'"
DENIED = 10485778


class HttpsConnection(http.client.HTTPSConnection):
    """To an address, as a name."""

    def __init__(self, address, context, name="localhost", timeout=10):
        super().__init__(name, timeout=timeout, context=context)
        self.address, self.tls, self.name = address, context, name

    def connect(self):
        plain = socket.create_connection(self.address, self.timeout)
        self.sock = self.tls.wrap_socket(plain, server_hostname=self.name)


class HttpsTest(base.GatewayTest):
    # ---- what all of them do ----

    killed = None

    def end_gateway(self, process, wanted=0):
        super().end_gateway(process, -9 if process is self.killed else wanted)

    def listen(self, address="127.0.0.1:0", **more):
        answer = self.call("POST", "/spherule/v1/listen", {"address": address, **more})
        self.assertEqual(answer.status, 200, answer.body)
        self.state = answer.json
        host, _, port = self.state["address"].rpartition(":")
        self.address = host.strip("[]"), int(port)
        self.token = self.state["token"]
        pem = self.call("GET", "/spherule/v1/listen/ca")
        self.assertEqual((pem.status, pem.headers["Content-Type"]), (200, "application/x-pem-file"))
        self.pem = pem.body.decode()
        self.ca_file = os.path.join(self.scratch.name, "ca.pem")
        with open(self.ca_file, "w", encoding="ascii") as file:
            file.write(self.pem)
        return self.state

    def context(self):
        return ssl.create_default_context(cadata=self.pem)

    def guest(self, name="localhost", timeout=10):
        connection = HttpsConnection(self.address, self.context(), name, timeout)
        self.addCleanup(connection.close)
        return connection

    def ask(self, method, path, body=None, token=True, name="localhost", **headers):
        if isinstance(body, dict):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        if token:
            headers["Authorization"] = f"Bearer {self.token if token is True else token}"
        with contextlib.closing(self.guest(name)) as connection:
            connection.request(method, path, body, headers)
            return base.Answer(connection.getresponse())

    def restart(self):
        self.end_gateway(self.process)
        self.process, sentence = self.start_gateway()
        self.assertEqual(sentence, "ok\n")
        self.wait_connected()

    def get_state(self):
        answer = self.call("GET", "/spherule/v1/listen")
        self.assertEqual(answer.status, 200)
        return answer.json

    def routes(self):
        """method, own part or not, path, kind of body"""
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "serve", "routes.c"), encoding="utf-8") as file:
            rows = re.findall(r'ROUTE\("([A-Z]+)", (OWN )?"([^"]+)", [A-Z]+, ([A-Z_]+),', file.read())
        self.assertGreater(len(rows), 30)
        return rows

    def curl(self, *words):
        return subprocess.run(["curl", "--silent", "--show-error", *words], capture_output=True, text=True, check=False)

    # ---- on and off ----

    def test_off_until_it_is_asked_for(self):
        self.assertEqual(self.get_state(), {"listening": False})
        self.assertFalse(os.path.exists(os.path.join(self.folder, "https")))
        answer = self.call("GET", "/spherule/v1/listen/ca")
        self.assertEqual((answer.status, answer.json["error"]), (404, 2))
        folder = f"/proc/{self.process.pid}/fd"
        links = [os.readlink(os.path.join(folder, fd)) for fd in os.listdir(folder)]
        inodes = {link[8:-1] for link in links if link.startswith("socket:")}
        for table in ("tcp", "tcp6"):
            with open(f"/proc/{self.process.pid}/net/{table}", encoding="ascii") as file:
                self.assertFalse(inodes & {line.split()[9] for line in file})
        self.assertEqual(self.call("DELETE", "/spherule/v1/listen").json, {})

    def test_what_is_told(self):
        state = dict(self.listen("127.0.0.1:0"))
        self.assertEqual(list(state), ["listening", "address", "trusted", "fingerprint", "token"])
        self.assertEqual((state["listening"], state["trusted"]), (True, False))
        self.assertRegex(state["address"], r"^127\.0\.0\.1:[0-9]+$")
        self.assertNotEqual(state["address"], "127.0.0.1:0")
        self.assertRegex(state["token"], r"^[0-9a-f]{64}$")
        der = ssl.PEM_cert_to_DER_cert(self.pem)
        self.assertEqual(state["fingerprint"], hashlib.sha256(der).hexdigest())
        token = state.pop("token")
        self.assertEqual(self.get_state(), state)  # and the token is told to who listens only
        self.assertEqual(self.listen(state["address"])["token"], token)
        self.assertEqual(self.ask("GET", "/status").json, {"uptime": 634})

    def test_tokens_last_until_they_are_forgotten(self):
        first = self.listen()["token"]
        self.assertEqual(self.listen("127.0.0.1:0")["token"], first)
        second = self.listen("127.0.0.1:0", newToken=True)["token"]
        self.assertNotEqual(second, first)
        self.assertEqual(self.ask("GET", "/status", token=first).status, 401)
        self.assertEqual(self.ask("GET", "/status").status, 200)
        self.assertEqual(self.call("DELETE", "/spherule/v1/listen").json, {})
        self.assertNotEqual(self.listen()["token"], second)
        chosen = self.listen(token="0" * 64)["token"]
        self.assertNotEqual(chosen, "0" * 64)

    def test_to_listen_where_it_listens_disturbs_nobody(self):
        """That is how the token is asked for again; a new one counts from the next request on."""
        self.listen()
        guest, old = self.guest(), {"Authorization": f"Bearer {self.token}"}
        guest.request("GET", "/status", headers=old)
        self.assertEqual(guest.getresponse().read(), b'{"uptime":634}')
        place, kept = guest.sock.getsockname(), self.token
        self.assertEqual(self.listen(self.state["address"])["token"], kept)
        guest.request("GET", "/status", headers=old)
        self.assertEqual(guest.getresponse().read(), b'{"uptime":634}')
        self.assertEqual(guest.sock.getsockname(), place)  # it did not have to connect again
        self.assertNotEqual(self.listen(self.state["address"], newToken=True)["token"], kept)
        guest.request("GET", "/status", headers=old)
        self.assertEqual(guest.getresponse().status, 401)
        self.restart()
        self.assertEqual(self.ask("GET", "/status").status, 200)

    def test_off_is_off(self):
        self.listen()
        stream = self.guest()
        stream.request("GET", "/spherule/v1/events", headers={"Authorization": f"Bearer {self.token}"})
        response = stream.getresponse()
        self.assertIn(b"subscribed", response.readline())
        self.assertEqual(self.call("DELETE", "/spherule/v1/listen").json, {})
        self.assertEqual(response.read(), b"")
        with self.assertRaises(ConnectionRefusedError):
            self.ask("GET", "/status")
        self.assertEqual(self.get_state(), {"listening": False})
        self.assertEqual(self.call("GET", "/spherule/v1/listen/ca").status, 200)  # whoever trusts it may go on
        self.assertFalse(os.path.exists(os.path.join(self.folder, "https", "listen.json")))
        self.restart()
        self.assertEqual(self.get_state(), {"listening": False})

    def test_requests_under_way_are_answered_when_it_goes_off(self):
        self.agent.handlers["status"] = lambda _: None
        self.listen()
        guest = self.guest()
        guest.request("GET", "/status", headers={"Authorization": f"Bearer {self.token}"})
        while not self.requests("status"):
            time.sleep(0.01)
        self.call("DELETE", "/spherule/v1/listen")
        answer = base.Answer(guest.getresponse())
        self.assertEqual((answer.status, answer.headers["Spherule-Error"]), (503, "HTTPS is being switched off"))

    def test_survives_a_restart(self):
        state, pem = dict(self.listen()), self.pem
        token = state.pop("token")
        self.restart()
        self.assertEqual(self.get_state(), state)
        self.assertEqual(self.ask("GET", "/status").json, {"uptime": 634})
        self.assertEqual(self.listen(state["address"])["token"], token)
        self.assertEqual(self.pem, pem)

    def test_survives_a_kill(self):
        state = dict(self.listen())
        self.killed = self.process
        self.killed.kill()
        self.killed.wait()
        self.process, sentence = self.start_gateway()
        self.assertEqual(sentence, "ok\n")
        self.wait_connected()
        self.assertEqual({**self.get_state(), "token": self.token}, state)

    def test_files_that_cannot_be_read(self):
        self.listen()
        path = os.path.join(self.folder, "https", "listen.json")
        for text, sentence in (("", "line 1, column 1: expected a value, but found the end of the text"),
                               ('{"address":"127.0.0.1:1"}', "there is no token in it"),
                               ("x" * 2000, "listen.json is larger than 1024 bytes")):
            with open(path, "w", encoding="ascii") as file:
                file.write(text)
            self.restart()
            self.assertEqual(self.get_state(), {"listening": False, "message": f"https/listen.json: {sentence}"})
        token = self.token
        self.listen()
        self.assertNotEqual(self.token, token)
        self.assertEqual(self.ask("GET", "/status").status, 200)

    def test_an_address_that_is_taken_is_tried_again(self):
        state = dict(self.listen())
        self.end_gateway(self.process)
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(self.address)
            other.listen()
            self.process, sentence = self.start_gateway()
            self.assertEqual(sentence, "ok\n")
            self.wait_connected()
            self.assertEqual(self.get_state(), {
                "listening": False, "address": state["address"], "trusted": False,
                "message": f"{state['address']} is in use by another program; choose another port"})
        deadline = time.monotonic() + 15
        while not self.get_state()["listening"]:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.2)
        self.assertEqual(self.ask("GET", "/status").status, 200)

    def test_places_that_are_refused(self):
        self.listen()
        before = self.get_state()
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            taken = "127.0.0.1:%d" % other.getsockname()[1]
            hint = "write an IP address and a port, such as 127.0.0.1:8443 or [::1]:8443"
            rows = [
                ({"address": taken}, 409, 16, f"{taken} is in use by another program; choose another port"),
                ({"address": "192.0.2.1:8443"}, 400, 22, "192.0.2.1:8443 is no address of this computer"),
                ({"address": "localhost:8443"}, 400, 10485761,
                 f"the body: 'localhost:8443' is no address to listen on; {hint}"),
                ({"address": "127.0.0.1"}, 400, 10485761, f"the body: '127.0.0.1' is no address to listen on; {hint}"),
                ({}, 400, 10485761, 'the body: the member "address" must be a string such as "127.0.0.1:8443"'),
                ({"address": "127.0.0.1:1", "trusted": 1}, 400, 10485761,
                 'the body: the member "trusted" must be true or false'),
            ]
            for where in ("0.0.0.0:0", "[::]:0", "192.0.2.1:8443", "169.254.1.1:1"):
                rows.append(({"address": where, "trusted": True}, 403, 13,
                             f"other machines may reach {where}, so it needs a token; trusted is for addresses of the "
                             "loopback interface, such as 127.0.0.1"))
            for body, status, number, sentence in rows:
                with self.subTest(body=body):
                    answer = self.call("POST", "/spherule/v1/listen", body)
                    self.assertEqual((answer.status, answer.json["error"], answer.json["message"]),
                                     (status, number, sentence))
                    self.assertEqual(self.get_state(), before)
                    self.assertEqual(self.ask("GET", "/status").status, 200)

    def test_disk_full_of_something_else(self):
        """What cannot be kept is not begun; and what was on stays on."""
        path = os.path.join(self.folder, "https")
        with open(path, "w", encoding="ascii"):
            pass
        answer = self.call("POST", "/spherule/v1/listen", {"address": "127.0.0.1:0"})
        self.assertEqual((answer.status, answer.json["message"]),
                         (500, "cannot make the folder https: Not a directory"))
        self.assertEqual(self.get_state(), {"listening": False})
        os.unlink(path)
        self.listen()
        state = self.get_state()
        os.unlink(os.path.join(path, "listen.json"))
        os.mkdir(os.path.join(path, "listen.json"))
        answer = self.call("POST", "/spherule/v1/listen", {"address": "127.0.0.1:0"})
        self.assertEqual((answer.status, answer.json["message"]), (500, "cannot write listen.json: Is a directory"))
        self.assertEqual(self.get_state(), state)
        self.assertEqual(self.ask("GET", "/status").status, 200)

    # ---- who may ask ----

    def test_the_socket_and_the_files_are_for_their_owner(self):
        mask = os.umask(0)  # which must not matter
        self.addCleanup(os.umask, mask)
        self.restart()
        self.listen()
        wanted = {"": 0o700, "ca.key": 0o600, "ca.pem": 0o644, "device.key": 0o600, "device.pem": 0o644,
                  "listen.json": 0o600}
        top = os.path.join(self.folder, "https")
        self.assertEqual(sorted(os.listdir(top)), sorted(set(wanted) - {""}))
        for name, mode in wanted.items():
            info = os.stat(os.path.join(top, name))
            self.assertEqual((stat.S_IMODE(info.st_mode), info.st_uid), (mode, base.OWNER), name)
        info = os.stat(os.path.join(self.folder, "rest.sock"))
        self.assertEqual((stat.S_IMODE(info.st_mode), info.st_uid), (0o600, base.OWNER))

    @unittest.skipUnless(os.geteuid() == 0, "only root can be somebody else")
    def test_another_user_gets_nothing(self):
        self.listen()
        for path in ("rest.sock", "https/listen.json", "https/device.key"):
            script = ("import os, socket, sys\nos.setgroups([]); os.setgid(4242); os.setuid(4242)\npath = sys.argv[1]\n"
                      "try:\n    socket.socket(socket.AF_UNIX).connect(path) if path.endswith('sock') else open(path)\n"
                      "except PermissionError:\n    sys.exit(13)\n")
            result = subprocess.run(["python3", "-c", script, os.path.join(self.folder, path)], check=False)
            self.assertEqual(result.returncode, 13, path)

    def test_strangers_get_nothing(self):
        self.listen()
        asked = len(self.agent.log)
        wrong = self.token[:-1] + ("0" if self.token[-1] != "0" else "1")
        for method, own, path, _ in self.routes():
            path = ("/spherule/v1" if own else "") + path.replace("*", base.APP)
            for token in (False, wrong):
                answer = self.ask(method, path, b"{}" if method in ("PUT", "POST", "PATCH") else None, token=token)
                self.assertEqual((answer.status, answer.json["error"]), (401, DENIED), path)
                self.assertEqual((answer.headers["Spherule-Error"], answer.headers["WWW-Authenticate"],
                                  answer.headers["Connection"], answer.headers["REST-API-Version"]),
                                 (STRANGER, "Bearer", "close", "4.5.0"))
                self.assertEqual("message" in answer.json, bool(own))
        for path in ("/", "/nothing", "/spherule/v1/", "/" + "x" * 2000):  # nor what there is not
            self.assertEqual(self.ask("GET", path, token=False).status, 401)
        self.assertEqual(len(self.agent.log), asked)

    def test_no_guest_sets_up_https(self):
        self.listen()
        for trusted in (False, True):
            self.listen(self.state["address"], trusted=trusted)
            for method, path in (("GET", ""), ("POST", ""), ("DELETE", ""), ("GET", "/ca")):
                body = {"address": "127.0.0.1:0"} if method == "POST" else None
                answer = self.ask(method, "/spherule/v1/listen" + path, body)
                self.assertEqual((answer.status, answer.json), (403, {
                    "error": 13, "name": "Linux", "message": "HTTPS is set up over the device's own socket only"}))
                self.assertNotIn(self.token.encode(), answer.body)

    def test_trusted(self):
        self.listen(trusted=True)
        self.assertTrue(self.get_state()["trusted"])
        self.assertEqual(self.ask("GET", "/status", token=False).json, {"uptime": 634})
        for origin in ("https://example.org", "null", ""):
            answer = self.ask("GET", "/spherule/v1/apps", token=False, Origin=origin)
            self.assertEqual((answer.status, answer.json["error"], answer.json["message"]),
                             (403, DENIED, "web pages may not ask this device without its token"))
        self.assertEqual(self.ask("GET", "/status", Origin="https://example.org").status, 200)
        self.restart()
        self.assertEqual(self.ask("GET", "/status", token=False).status, 200)
        self.listen(self.state["address"], trusted=False)
        self.assertEqual(self.ask("GET", "/status", token=False).status, 401)

    # ---- certificates ----

    def test_names(self):
        self.listen("127.0.0.1:0")
        for name in ("localhost", "127.0.0.1", "::1", "192.168.35.2", "any.devices.sphere.azure.local"):
            with self.subTest(name=name):
                self.assertEqual(self.ask("GET", "/status", name=name).status, 200)
        for name in ("example.org", "devices.sphere.azure.local", "127.0.0.2", "a.b.devices.sphere.azure.local"):
            with self.subTest(name=name), self.assertRaises(ssl.SSLCertVerificationError):
                self.ask("GET", "/status", name=name)
        with self.assertRaises(ssl.SSLCertVerificationError):  # nobody else trusts it
            HttpsConnection(self.address, ssl.create_default_context()).request("GET", "/status")

    def test_the_originals_client(self):
        """It sends this Host, and wants the certificate to have it, star and all."""
        self.listen()
        context = self.context()
        context.check_hostname = False
        connection = HttpsConnection(self.address, context)
        connection.request("GET", "/status", headers={"Host": STAR, "Authorization": f"Bearer {self.token}"})
        self.assertEqual(connection.getresponse().read(), b'{"uptime":634}')
        der = connection.sock.getpeercert()
        self.assertIn(("DNS", STAR), der["subjectAltName"])
        connection.close()

    def test_curl(self):
        self.listen()
        where = "https://127.0.0.1:%d/status" % self.address[1]
        right = self.curl("--cacert", self.ca_file, "-H", f"Authorization: Bearer {self.token}", where)
        self.assertEqual((right.returncode, right.stdout, right.stderr), (0, '{"uptime":634}', ""))
        self.assertEqual(self.curl(where).returncode, 60)  # not trusted
        self.assertNotEqual(self.curl(where.replace("https", "http")).returncode, 0)

    @unittest.skipUnless(socket.has_ipv6 and os.path.exists("/proc/net/if_inet6"), "no IPv6")
    def test_ipv6(self):
        self.listen("[::1]:0", trusted=True)
        self.assertRegex(self.state["address"], r"^\[::1\]:[0-9]+$")
        self.assertEqual(self.ask("GET", "/status", token=False, name="::1").status, 200)

    # ---- what goes through ----

    def test_calls_go_through(self):
        self.agent.handlers["stage-end"] = lambda _: fields((1, guid(base.APP)), (2, guid(base.IMAGE)))
        self.listen()
        package = os.urandom(3 << 20)
        self.assertEqual(self.ask("PUT", "/update/stage", package).json, {})
        self.assertEqual(b"".join(request[1] for request in self.requests("stage-data")), package)
        self.assertEqual(self.ask("PATCH", f"/app/status/{base.APP}", {"trigger": "stop"}).json, {"state": "stopped"})
        self.assertEqual(self.ask("GET", "/log").body, b"line 1\nab\xff")
        self.assertEqual(self.ask("HEAD", "/log").status, 405)
        answer = self.ask("GET", "/nothing")
        self.assertEqual((answer.status, answer.json), (404, {"error": 15728642}))
        connection = self.guest()
        for _ in range(20):  # on one connection
            connection.request("GET", "/status", headers={"Authorization": f"Bearer {self.token}"})
            self.assertEqual(connection.getresponse().read(), b'{"uptime":634}')

    def test_streams_are_shared_out(self):
        self.listen()
        guests = [self.guest() for _ in range(9)]
        answers = []
        for guest in guests:
            guest.request("GET", "/spherule/v1/events?after=0", headers={"Authorization": f"Bearer {self.token}"})
            answers.append(guest.getresponse())
        self.assertEqual([answer.status for answer in answers], [200] * 8 + [409])
        own = [self.stream() for _ in range(8)]  # the other half is for the user
        self.agent.event(1, 3, (8, u32(1)), (9, b"hello\n"))
        for stream in answers[:8] + own:
            self.assertEqual(self.line(stream)["kind"], "subscribed")
            self.assertEqual(self.line(stream)["text"], "hello\n")
        answers[0].close()
        guests[0].close()
        deadline = time.monotonic() + 10
        for seq in range(2, 1000):  # writing finds that it has gone
            if self.call("GET", "/spherule/v1/gateway").json["eventClients"] == 15:
                break
            self.assertLess(time.monotonic(), deadline)
            self.agent.event(seq, 3, (8, u32(1)), (9, b"hello\n"))
            time.sleep(0.02)
        again = self.guest()
        again.request("GET", "/spherule/v1/events", headers={"Authorization": f"Bearer {self.token}"})
        self.assertEqual(again.getresponse().status, 200)

    # ---- anything at all ----

    def seeds(self):
        """A right request of each route but the one that ends the gateway, without its headers' end."""
        bodies = {"JSON": b'{"trigger":"start","value":1,"address":"127.0.0.1:0"}', "PACKAGE": os.urandom(300)}
        for method, own, path, body in self.routes():
            if path == "/stop":
                continue
            path = ("/spherule/v1" if own else "") + path.replace("*", base.APP)
            body = bodies.get(body, b"")
            yield (f"{method} {path} HTTP/1.1\r\nHost: {STAR}\r\nContent-Length: {len(body)}\r\n".encode(), body)
            yield (f"{method} {path}?first=1&cursor=0&waitMs=1&component={base.APP} HTTP/1.1\r\nHost: x\r\n"
                   "Transfer-Encoding: chunked\r\n".encode(),
                   (b"%x\r\n%s\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n")

    @staticmethod
    def mutate(draw, data, others):
        pieces = (b"\r\n", b"\0", b"%00", b"..", b"/", b"*", b"\r\n\r\n", b"Content-Length: 18446744073709551616\r\n",
                  b"Content-Length: -1\r\n", b"Transfer-Encoding: chunked\r\n", b"Expect: 100-continue\r\n",
                  b"ffffffffffff\r\n", b"Connection: close\r\n", b"Origin: null\r\n", b"Authorization: Bearer \r\n",
                  b"A" * 9000, b"{[" * 50, b" HTTP/9.9")
        for _ in range(draw.randrange(4)):
            at = draw.randrange(len(data) + 1)
            kind = draw.randrange(6)
            if kind == 0:
                data = data[:at] + draw.randbytes(draw.randrange(1, 9)) + data[at + draw.randrange(3):]
            elif kind == 1:
                data = data[:at] + draw.choice(pieces) + data[at:]
            elif kind == 2:
                data = data[:at] + data[at + draw.randrange(1, 30):]
            elif kind == 3:
                data = data[:at] + draw.choice(others)[at:]
            elif kind == 4:
                data = data[:at] + data[at // 2:]
            elif at < len(data):
                data = data[:at] + bytes([data[at] ^ 1 << draw.randrange(8)]) + data[at + 1:]
        return data

    @staticmethod
    def hear(tls):
        """What comes until an answer is whole, nothing more comes for a moment, or the end: that gives True as well."""
        received = b""
        try:
            while piece := tls.recv(65536):
                received += piece
                head, _, body = received.partition(b"\r\n\r\n")
                length = re.search(rb"\nContent-Length: ([0-9]+)", head)
                if length and len(body) >= int(length.group(1)):
                    return received, b"\nConnection: close" in head
        except TimeoutError:
            return received, False
        except OSError:
            pass
        return received, True

    def test_random_and_mutated_requests(self):
        """SPH_FUZZ_REQUESTS says how many (2000), SPH_FUZZ_SEED which. The gateway must stay, answer nothing but
        HTTP, show the token to nobody, and do nothing for those who do not have it."""
        count, seed = int(os.environ.get("SPH_FUZZ_REQUESTS", 2000)), int(os.environ.get("SPH_FUZZ_SEED", 1))
        draw, statuses, connections = random.Random(seed), collections.Counter(), 0
        self.listen()

        def safe(handler):
            def call(request):
                try:
                    return handler(request)
                except (KeyError, struct.error):
                    raise Refusal(5, "what is this?") from None
            return call

        self.agent.handlers = {name: safe(handler) for name, handler in self.agent.handlers.items()}
        token = b"Authorization: Bearer %s\r\n" % self.token.encode()
        seeds, context, tls, is_known = list(self.seeds()), self.context(), None, True
        others = [head + b"\r\n" + body for head, body in seeds]
        no_deeds = {b"100", b"400", b"401", b"411", b"413", b"414", b"431", b"501", b"505"}
        for _ in range(count):
            if not tls:
                is_known, connections = draw.randrange(3) > 0, connections + 1
                plain = socket.create_connection(self.address, 10)
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                tls = context.wrap_socket(plain, server_hostname="localhost")
                tls.settimeout(0.01)
            head, body = draw.choice(seeds)
            data = draw.randbytes(draw.randrange(200)) if draw.randrange(20) == 0 else self.mutate(
                draw, head + (token if is_known else b"") + b"\r\n" + body, others)
            with contextlib.suppress(OSError):
                tls.sendall(data)
            received, is_over = self.hear(tls)
            found = set(re.findall(rb"HTTP/1\.1 ([0-9]{3}) ", received))
            statuses.update(found or {b"none"})
            self.assertNotIn(self.token.encode(), received)
            self.assertFalse(not is_known and found - no_deeds, data)
            if is_over or draw.randrange(20 if received else 1) == 0:  # what says nothing may wait for more
                tls = tls.close()
        if tls:
            tls.close()
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            peak = re.search(r"VmHWM:\s*([0-9]+) kB", file.read()).group(1)
        shown = ", ".join(f"{status.decode()}: {number}" for status, number in sorted(statuses.items()))
        print(f"{count} requests of seed {seed} on {connections} connections; {shown}; peak resident {peak} KiB",
              file=sys.stderr)
        self.assertEqual(self.ask("GET", "/status").json, {"uptime": 634})
        self.assertLessEqual({b"200", b"400", b"401", b"403", b"404", b"405"}, set(statuses))

    # ---- the protocol, as scanners see it ----

    def s_client(self, *words):
        command = ["openssl", "s_client", "-connect", "%s:%d" % self.address, "-CAfile", self.ca_file, "-servername",
                   "localhost", *words]
        result = subprocess.run(command, input=b"", capture_output=True, check=False, timeout=20)
        return (result.stdout + result.stderr).decode(errors="replace")

    @staticmethod
    def chosen(text):
        match = re.search(r"^New, (\S+), Cipher is (\S+)$", text, re.MULTILINE)
        return match.groups() if match and match.group(2) != "(NONE)" else None

    @unittest.skipUnless(shutil.which("openssl"), "no openssl")
    def test_protocols(self):
        self.listen()
        weak = ("-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0")
        for words, wanted in ((("-tls1", *weak), None), (("-tls1_1", *weak), None),
                              (("-tls1_2",), ("TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256")),
                              (("-tls1_3",), ("TLSv1.3", "TLS_AES_128_GCM_SHA256"))):
            with self.subTest(words=words):
                text = self.s_client(*words)
                self.assertEqual(self.chosen(text), wanted, text)
                if wanted:
                    self.assertIn("Verify return code: 0 (ok)", text)
                    self.assertIn("Peer signature type: ECDSA", text)
                    self.assertNotIn("Compression: zlib", text)

    @unittest.skipUnless(shutil.which("openssl"), "no openssl")
    def test_ciphers(self):
        """Each that openssl has, one by one."""
        self.listen()
        listed = subprocess.run(["openssl", "ciphers", "-s", "-tls1_2", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"],
                                capture_output=True, text=True, check=True).stdout.strip().split(":")
        self.assertGreater(len(listed), 60)
        taken = {name for name in listed if not name.startswith("TLS_")
                 and self.chosen(self.s_client("-tls1_2", "-cipher", f"{name}:@SECLEVEL=0"))}
        self.assertEqual(taken, {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
                                 "ECDHE-ECDSA-CHACHA20-POLY1305"})
        names = ("AES_128_GCM_SHA256", "AES_256_GCM_SHA384", "CHACHA20_POLY1305_SHA256", "AES_128_CCM_SHA256",
                 "AES_128_CCM_8_SHA256")
        taken = [name for name in names if self.chosen(self.s_client("-tls1_3", "-ciphersuites", f"TLS_{name}"))]
        self.assertEqual(taken, list(names[:3]))

    @unittest.skipUnless(shutil.which("openssl"), "no openssl")
    def test_nothing_is_negotiated_again_or_resumed(self):
        self.listen()
        with subprocess.Popen(["openssl", "s_client", "-connect", "%s:%d" % self.address, "-tls1_2"], text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as client:
            client.stdin.write("R\n")
            client.stdin.flush()
            said = client.stderr.read()  # to its end, which the gateway makes: its input stays open
        self.assertEqual(said.partition("RENEGOTIATING")[2].strip().count("verify"), 0)
        self.assertIn("RENEGOTIATING", said)
        context = self.context()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context.minimum_version = context.maximum_version = version
            session = None
            for _ in range(2):
                with socket.create_connection(self.address, 5) as plain, \
                        context.wrap_socket(plain, server_hostname="localhost", session=session) as tls:
                    tls.sendall(b"GET /status HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n"
                                % self.token.encode())
                    self.assertIn(b"200 OK", tls.recv(100))
                    self.assertFalse(tls.session_reused)
                    session = tls.session
        self.assertEqual(self.ask("GET", "/status").status, 200)

    # ---- other machines ----

    @unittest.skipUnless(os.geteuid() == 0 and shutil.which("ip"), "needs root and ip (iproute2)")
    def test_from_another_machine(self):
        """Two network namespaces with a cable between them. The gateway's has a board's address on its loopback
        interface, to which the other sends its packets: the kernel takes them for any listener but a trusted one."""
        holders = [subprocess.Popen(["unshare", "--net", "sleep", "300"]) for _ in range(2)]
        for holder in holders:
            self.addCleanup(holder.wait)
            self.addCleanup(holder.kill)
            while os.readlink(f"/proc/{holder.pid}/ns/net") == os.readlink("/proc/self/ns/net"):
                time.sleep(0.01)
        here, there = (["nsenter", "--net", "--target", str(holder.pid)] for holder in holders)
        for where, words in (
                (here, "ip link set lo up"), (here, "ip address add 192.168.35.2/32 dev lo"),
                (here, f"ip link add cable type veth peer name cable netns {holders[1].pid}"),
                (here, "ip address add 10.77.0.1/24 dev cable"), (here, "ip link set cable up"),
                (there, "ip address add 10.77.0.2/24 dev cable"), (there, "ip link set cable up"),
                (there, "ip route add 192.168.35.2 via 10.77.0.1")):
            result = subprocess.run([*where, *words.split()], capture_output=True, text=True, check=False)
            if result.returncode:
                self.skipTest(f"{words}: {result.stderr.strip()}")
        self.end_gateway(self.process)
        outside, base.SPHERULED = base.SPHERULED, None
        self.addCleanup(setattr, base, "SPHERULED", outside)
        wrapper = os.path.join(self.scratch.name, "inside")
        with open(wrapper, "w", encoding="ascii") as file:
            file.write(f'#!/bin/sh\nexec {" ".join(here)} {outside} "$@"\n')
        os.chmod(wrapper, 0o755)
        base.SPHERULED = wrapper
        self.process, sentence = self.start_gateway()
        self.assertEqual(sentence, "ok\n")
        self.wait_connected()

        def reach(where, address, port):
            words = ["curl", "--silent", "--max-time", "2", "--cacert", self.ca_file, "--write-out", "%{http_code}",
                     "--output", "/dev/null", f"https://{address}:{port}/status"]
            result = subprocess.run([*where, *words], capture_output=True, text=True, check=False)
            return result.stdout if result.returncode == 0 else result.returncode
        refused = self.call("POST", "/spherule/v1/listen", {"address": "10.77.0.1:0", "trusted": True})
        self.assertEqual(refused.status, 403)
        for trusted, near, far in ((False, "401", "401"), (True, "200", 7)):
            self.listen("192.168.35.2:0", trusted=trusted)
            port = self.state["address"].rpartition(":")[2]
            self.assertEqual(reach(here, "192.168.35.2", port), near)
            self.assertEqual(reach(there, "192.168.35.2", port), far)
        self.listen("0.0.0.0:0")  # by whichever address
        port = self.state["address"].rpartition(":")[2]
        for address in ("10.77.0.1", "192.168.35.2"):
            self.assertEqual(reach(there, address, port), "401")


if __name__ == "__main__":
    unittest.main(verbosity=2)
