"""Wrong requests to the gateway and the agent, some of them no requests at all, past the command line."""
import contextlib
import json
import os
import socket
import struct
import subprocess
import time
import unittest
import zlib

from device import Device, UnixConnection, main, only

NOBODY = "99999999-1111-2222-3333-444444444444"


class Rest(unittest.TestCase):
    JSON = {"Content-Type": "application/json"}
    # method, path, body, headers, status, number
    ROWS = (
        ("GET", "/nothing", None, {}, 404, 15728642),
        ("GET", "/spherule/v1/nothing", None, {}, 404, 15728642),
        ("GET", "/", None, {}, 404, 15728642),
        ("GET", "/%2e%2e/%2e%2e/etc/passwd", None, {}, 404, 15728642),
        ("DELETE", "/status", None, {}, 405, 15728641),
        ("GET", "/app/status/1234", None, {}, 400, 14680079),
        ("PATCH", f"/app/status/{NOBODY}", '{"trigger":"start"}', JSON, 409, 14680076),
        ("PATCH", f"/app/status/{NOBODY}", '{"trigger":"jump"}', JSON, 400, 14680073),
        ("PATCH", f"/app/status/{NOBODY}", '{"trigger":1}', JSON, 400, 10485761),
        ("PATCH", f"/app/status/{NOBODY}", '{}', JSON, 400, 10485761),
        ("PATCH", f"/app/status/{NOBODY}", '{"trigger":', JSON, 400, 10485761),
        ("PATCH", f"/app/status/{NOBODY}", '{"trigger":"start"}x', JSON, 400, 10485761),
        ("PATCH", f"/app/status/{NOBODY}", "\0\xff", JSON, 400, 10485761),
        ("PATCH", f"/app/status/{NOBODY}", "[" * 4000, JSON, 400, 10485761),
        ("PATCH", f"/app/status/{NOBODY}", None, JSON, 400, 10485763),
        ("PATCH", f"/app/status/{NOBODY}", '{"trigger":"start"}', {"Content-Type": "text/html"}, 415, 10485761),
        ("PATCH", f"/app/status/{NOBODY}", " " * 9000, JSON, 413, 15728644),
        ("GET", f"/app/quota/{NOBODY}", None, {}, 404, 14680076),
        ("PUT", "/update/stage", "short", {"Content-Type": "application/octet-stream"}, 400, 7340050),
        ("PUT", "/update/stage", "short", {"Content-Type": "text/plain"}, 415, 10485761),
        ("POST", "/update/install", '{"appControlMode":"Sometimes"}', JSON, 400, 10485761),
        ("GET", "/spherule/v1/kills/x", None, {}, 400, 15728642),
        ("GET", "/spherule/v1/kills/99", None, {}, 404, 2),
        ("GET", "/spherule/v1/kills?component=1", None, {}, 400, 14680079),
        ("GET", "/spherule/v1/events?after=-1", None, {}, 400, 15728642),
        ("GET", "/spherule/v1/log?waitMs=30001", None, {}, 400, 15728642),
        ("PUT", "/spherule/v1/gpio/3", '{"value":2}', JSON, 400, None),
        ("PUT", "/spherule/v1/gpio/3", '{"value":"high"}', JSON, 400, None),
        ("POST", "/spherule/v1/trust", '{"thumbprint":"00","point":"00","name":"x"}', JSON, 400, None),
        ("DELETE", "/spherule/v1/trust/00", None, {}, 400, 15728642),
        ("DELETE", "/spherule/v1/trust/" + "0" * 40, None, {}, 404, 2),
        ("GET", "/spherule/v1/memory/pages/" + NOBODY, None, {}, 404, None),
    )

    def test_requests(self):
        with Device() as device:
            for method, path, body, headers, status, number in self.ROWS:
                with self.subTest(request=f"{method} {path} {(body or '')[:40]!r}"):
                    data = body.encode("latin-1") if body is not None else None
                    got, answer_headers, answer = device.request(method, path, data, headers)
                    self.assertEqual(got, status, answer)
                    answer = json.loads(answer)
                    if number is not None:
                        self.assertEqual(answer["error"], number)
                    self.assertEqual(answer_headers["REST-API-Version"], "4.5.0")
                    self.assertRegex(answer_headers["Spherule-Error"], r"^[ -~]+$")
                    if path.startswith("/spherule/v1/"):
                        self.assertEqual(sorted(answer), ["error", "message", "name"])
                    else:
                        self.assertEqual(list(answer), ["error"])
            self.assert_well(device)

    def assert_well(self, device):
        self.assertEqual(device.request("GET", "/status")[0], 200)
        self.assertTrue(device.agent() and device.gateway())

    def raw(self, device, data, shut=False):
        """Bytes to the socket; what comes back until the other side closes or half a second passes."""
        connection = UnixConnection(device.dir, timeout=0.5)
        connection.connect()
        with connection.sock as sock:
            with contextlib.suppress(OSError):
                sock.sendall(data)
                if shut:
                    sock.shutdown(socket.SHUT_WR)
                answer = b""
                while chunk := sock.recv(65536):
                    answer += chunk
                return answer
        return b""

    def test_no_http(self):
        noise = (b"", b"\r\n" * 100, b"\0" * 4096, b"GET", b"GET / HTTP/1.1\r\n", os.urandom(8192),
                 b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n",
                 b"GET /status HTTP/1.1\r\nHost: x\r\n" + b"X: " + b"y" * 100000 + b"\r\n\r\n",
                 b"PUT /update/stage HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
                 b"Content-Length: 1000000\r\n\r\nshort",
                 b"PUT /update/stage HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
                 b"Content-Length: 99999999999999999999\r\n\r\n",
                 b"PUT /update/stage HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
                 b"PUT /update/stage HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                 b"PATCH /app/status/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\n")
        with Device() as device:
            for data in noise:
                with self.subTest(data=data[:60]):
                    for shut in (False, True):
                        answer = self.raw(device, data, shut)
                        if answer:
                            self.assertRegex(answer, rb"^HTTP/1\.[01] [245]\d\d ")
                    self.assert_well(device)

    def test_many_connections(self):
        """Idle ones do not keep others out."""
        with Device() as device, contextlib.ExitStack() as stack:
            for _ in range(24):
                connection = UnixConnection(device.dir)
                connection.connect()
                stack.callback(connection.sock.close)
            began = time.monotonic()
            self.assert_well(device)
            self.assertLess(time.monotonic() - began, 2)

    @only("native", "a machine's port takes one client, which is the gateway: test_machine.py")
    def test_agent_socket(self):
        """The agent's own protocol: noise, a wrong version, a length beyond all bounds."""
        def frame(version=1, kind=1, op=1, number=1, payload=b"", length=None):
            head = struct.pack("<4sBBHIII", b"SpH\xf7", version, kind, op, number,
                               len(payload) if length is None else length, zlib.crc32(payload))
            return head + struct.pack("<I", zlib.crc32(head)) + payload
        with Device() as device:
            pid = device.agent()
            for data in (os.urandom(100000), frame(version=99), frame(length=0xffffffff), frame(op=0xffff),
                         frame(payload=os.urandom(65536)), frame(kind=9), frame()[:10], b"SpH\xf7" * 5000):
                connection = UnixConnection(device.dir, "agent.sock", timeout=0.2)
                connection.connect()
                with connection.sock as sock, contextlib.suppress(OSError):
                    sock.sendall(data)
                    sock.recv(65536)
                self.assert_well(device)
            self.assertEqual(device.agent(), pid)

    def test_others_are_kept_out(self):
        """A user who is neither root nor the device's owner reaches neither socket."""
        code = ("import os, socket, sys\n"
                "os.setgid(12345); os.setuid(12345)\n"
                "s = socket.socket(socket.AF_UNIX)\n"
                "try:\n    s.connect(sys.argv[1]); s.settimeout(2); s.sendall(b'x' * 100)\n"
                "    print('closed' if s.recv(1) == b'' else 'open')\n"
                "except OSError as e:\n    print(type(e).__name__)\n")
        with Device() as device:
            for name in ("agent.sock", "rest.sock"):
                path = os.path.join(device.dir, name)
                outcome = subprocess.run(["python3", "-c", code, path], capture_output=True, text=True, check=False)
                self.assertIn(outcome.stdout.strip(), ("PermissionError", "closed", "ConnectionResetError"),
                              (name, outcome))


if __name__ == "__main__":
    main()
