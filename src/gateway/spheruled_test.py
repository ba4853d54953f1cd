#!/usr/bin/env python3
"""Drives the real spheruled: HTTP on one side, a fake agent on the other.

usage: spheruled_test.py SPHERULED [unittest arguments]"""
import contextlib
import http.client
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import zlib

from fake_agent import EVENT, OPS, REPLY, FakeAgent, Refusal, fields, frame, guid, parse, u32, u64

SPHERULED = sys.argv.pop(1)
SANITIZED = "SPH_SANITIZED" in os.environ
APP = "2f074b0f-d99d-4692-82d9-ef93a7d6463c"
IMAGE = "11112222-3333-4444-5555-666677778888"
OTHER = "ae4714aa-03aa-492b-9663-962f966a9cc3"
NOT_PRESENT = 14680076
OWNER = 65534 if os.geteuid() == 0 else os.geteuid()


def app_row(state=2):
    return fields((1, guid(APP)), (2, guid(IMAGE)), (3, "blink"), (4, u32(10)), (5, u32(state)), (6, u64(16384)),
                  (9, True), (10, u32(2)), (11, u64(3)), (12, u32(1)))


def mapping(pid):
    return fields((1, u32(pid)), (2, u64(0x7fff12345000)), (3, u64(0x7fff12347000)), (4, u32(3)), (5, u32(3)),
                  (6, "[heap]"), (7, u64(2)), (9, u64(1)))


REPORT = fields(
    (1, u64(3)), (2, guid(APP)), (3, guid(IMAGE)), (4, "blink"), (5, u64(1700000000123)), (6, u64(60000)),
    (7, u64(4000)), (8, u32(42)), (9, u32(1)), (11, u32(9)), (12, True), (13, u64(262144)), (14, u64(262144)),
    (15, u64(262144)), (16, u64(290816)), (17, u64(28672)), (18, True), (20, "kmem:rss_stat"), (22, True),
    (23, u64(266240)), (24, True), (25, True), (26, u64(0xfffffffffffff000)), (27, u64(0x401000)),
    (28, u64(0x401000) + u64(0x402000)), (29, "kernel"), (30, True), (31, u64(262144)), (32, u64(59990)),
    (33, u64(0x403000)), (34, [mapping(42), mapping(43)]), (35, u32(1)), (36, "PAGEMAP_SCAN"),
    (37, b'last "line"\n\xff'))


def heap(pid, *more):
    """A tracked process: the app, and curl."""
    return fields((1, u32(pid)), (2, u32(1)), (3, u64(20992)), (5, u64(2)), (6, u64(9)), (7, u64(7)), (8, u64(5000)),
                  (9, True), (10, True), (11, True),
                  (15, [fields((1, "App + Static Libraries"), (2, "/bin/app"), (3, b"\xab\xcd"), (4, u64(0x400000)),
                               (5, u64(20480)), (7, u64(20480)), (8, u64(1)), (9, u64(8)), (10, u64(7)),
                               (11, u64(20480))),
                        fields((1, "libcurl.so.4"), (2, "/lib/libcurl.so.4"), (5, u64(512)), (8, u64(1)),
                               (9, u64(1)))]), *more)


def heap_shown(pid, **more):
    caller = {"spanBytes": 0, "residentBytes": 0, "liveBlocks": 1}
    return {"pid": pid, "state": "tracked", "liveBytes": 20992, "residentBytes": 0, "liveBlocks": 2, "allocations": 9,
            "frees": 7, "uptimeMs": 5000, "complete": True, "peaksExact": True, "countsExact": True, "blocksLost": 0,
            "unknownFrees": 0, "damaged": 0, "damageFound": 0, "sites": [], "sitesDropped": 0,
            "callers": [{**caller, "name": "App + Static Libraries", "path": "/bin/app", "buildId": "abcd",
                         "base": "0x400000", "liveBytes": 20480, "peakBytes": 20480, "allocations": 8, "frees": 7,
                         "largestBytes": 20480},
                        {**caller, "name": "libcurl.so.4", "path": "/lib/libcurl.so.4", "buildId": "", "base": "0x0",
                         "liveBytes": 512, "peakBytes": 0, "allocations": 1, "frees": 0, "largestBytes": 0}], **more}


SITE = fields((2, u64(0x1234)), (3, u64(20480)), (5, u64(1)), (6, u64(8)), (7, True))
SITE_SHOWN = {"caller": 0, "address": "0x1234", "liveBytes": 20480, "residentBytes": 0, "liveBlocks": 1,
              "allocations": 8, "onlyGrew": True}


def unknown(_):
    raise Refusal(NOT_PRESENT, f"no application with component id {OTHER} is installed")


def app_list(request):
    wanted = request.get(1, bytes(16))
    rows = [app_row()] if wanted in (bytes(16), guid(APP)) else []
    return fields((1, rows), (3, u64(16384)), (4, u64(1048576)))


def quota(request):
    return fields((1, u64(1025)), (2, u64(8192)), (3, u64(5000)), (4, u64(3)), (5, u64(4)), (6, u64(2))) if request[1] == guid(APP) else unknown(request)


def control(request):
    if request[1] != guid(APP):
        unknown(request)
    state = {1: 2, 2: 1, 3: 3}[struct.unpack("<I", request[2])[0]]
    ports = ((3, u32(2345)), (4, u32(2346))) if state == 3 else ()
    return fields((1, u32(state)), (2, u32(42)), *ports)


def gpio(request):
    return fields((1, request[1]), (2, request.get(2, u32(0))), (3, u32(2)), (4, u32(1)), (5, guid(APP)))


def telemetry():
    """Written from docs/spec/telemetry.md: one crash."""
    record = struct.pack(">QQQQ", 7, 1700000000123, 60000, 4000) + guid(APP) + guid(IMAGE) + b"blink".ljust(32, b"\0")
    record += bytes([2, 1 | 2 | 16 | 32 | 64, 11, 0])
    record += struct.pack(">IIIQQQQQQI", 1, 1000, 42, 36864, 40960, 65536, 0x401123, 8, 3, 0x1123)
    record += b"app".ljust(28, b"\0")
    header = b"ST\0" + struct.pack(">HBHQQI", len(record), 1, 192, 7, 2, 0)
    return header + struct.pack(">I", zlib.crc32(header + bytes(4) + record)) + record


TELEMETRY = telemetry()

HANDLERS = {
    "telemetry-get": lambda _: fields((1, TELEMETRY)),
    "telemetry-clear": lambda _: b"",
    "status": lambda _: fields((1, u64(634999)), (2, "22.11"), (3, u32(1)), (4, u32(2)), (5, u32(17))),
    "memory": lambda _: fields(
        (1, u64(65536)), (2, u64(36864)), (3, u64(40960)), (4, u64(28672)), (5, u64(262144)), (6, True),
        (8, "kmem:rss_stat"), (9, "cgroup v1"), (10, u64(12)), (11, u64(1)), (12, u64(431)),
        (13, [fields((1, guid(APP)), (2, "blink"), (3, u64(36864)), (4, u64(40960)), (5, u32(42) + u32(43)))])),
    "pages": lambda request: fields((1, request[1]), (2, u32(4096)), (3, u32(2)), (4, True), (5, "PAGEMAP_SCAN"),
                                    (6, [mapping(42), mapping(42)])),
    "heap": lambda request: fields((1, request[1]), (2, u32(1)), (3, [heap(42, (16, [SITE]), (17, u32(3))),
                                                                       fields((1, u32(43)), (2, u32(9)))]))
    if request[1] == guid(APP) else unknown(request),
    "app-list": app_list,
    "app-control": control,
    "app-quota": quota,
    "app-delete": lambda request: b"" if request[1] == guid(APP) else unknown(request),
    "kills-list": lambda _: fields((1, [fields((1, u64(3)), (2, guid(APP)), (3, "blink"), (4, u64(1700000000123)),
                                                (5, u32(1)), (7, u32(9)), (8, u64(262144)))]), (2, u64(4))),
    "kill-get": lambda request: REPORT if request[1] == u64(3) else (_ for _ in ()).throw(
        Refusal(2, "there is no report 4")),
    "kills-clear": lambda _: fields((1, u64(3))),
    "trust-list": lambda _: fields((1, [fields((1, bytes(range(20))), (2, bytes([4] * 65)), (3, "me"),
                                               (4, u64(5)))])),
    "trust-remove": lambda request: b"" if request[1] == bytes(range(20)) else (_ for _ in ()).throw(
        Refusal(2, "there is no such certificate")),
    "gpio-list": lambda _: fields((1, [fields((1, u32(12)), (2, u32(1)))])),
    "gpio-get": gpio,
    "gpio-set": gpio,
    "log-read": lambda request: fields((1, u64(10)), (3, b"line 1\nab\xff" if request.get(1, u64(0)) == u64(0)
                                                      else b"")),
}


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=10):
        super().__init__("*.devices.sphere.azure.local", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Answer:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    @property
    def json(self):
        return json.loads(self.body)


class GatewayTest(unittest.TestCase):
    maxDiff = None
    with_agent = True

    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)
        os.chmod(self.scratch.name, 0o755)
        self.folder = os.path.join(self.scratch.name, "device")
        os.mkdir(self.folder)
        with open(os.path.join(self.folder, "device.json"), "w", encoding="ascii") as file:
            file.write('{"name":"dev","backend":"native"}')
        os.chown(self.folder, OWNER, -1)
        self.agent = self.start_agent() if self.with_agent else None
        self.process, sentence = self.start_gateway()
        self.assertEqual(sentence, "ok\n")
        if self.with_agent:
            self.wait_connected()

    def start_agent(self, boot="00000000-0000-0000-0000-000000000001", **handlers):
        agent = FakeAgent(os.path.join(self.folder, "agent.sock"), {**HANDLERS, **handlers}, boot)
        self.addCleanup(self.stop_agent, agent)
        return agent

    @staticmethod
    def stop_agent(agent):
        try:
            agent.die()
        except OSError:
            pass

    def start_gateway(self, *more, device=None):
        read, write = os.pipe()
        command = [SPHERULED, "--device", device or self.folder, "--owner", str(OWNER), "--ready-fd", str(write)]
        process = subprocess.Popen(command + list(more), pass_fds=[write],
                                   stderr=None if SANITIZED else subprocess.DEVNULL)
        os.close(write)
        with os.fdopen(read) as pipe:
            sentence = pipe.read()
        self.addCleanup(self.end_gateway, process, 0 if sentence == "ok\n" else 1)
        return process, sentence

    @staticmethod
    def end_gateway(process, wanted=0):
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            status = process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        assert status == wanted, f"spheruled ended with status {status}"

    def connection(self, timeout=10):
        connection = UnixConnection(os.path.join(self.folder, "rest.sock"), timeout)
        self.addCleanup(connection.close)
        return connection

    def call(self, method, path, body=None, **headers):
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        with contextlib.closing(UnixConnection(os.path.join(self.folder, "rest.sock"))) as connection:
            connection.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
            return Answer(connection.getresponse())

    def wait_connected(self, wanted=True):
        deadline = time.monotonic() + 5
        while self.call("GET", "/spherule/v1/gateway").json["connected"] != wanted:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)

    def expect(self, answer, status, body):
        self.assertEqual((answer.status, answer.json), (status, body))
        self.assertEqual(answer.headers["REST-API-Version"], "4.5.0")

    def expect_error(self, answer, status, number, sentence):
        self.assertEqual((answer.status, answer.json), (status, {"error": number}))
        self.assertEqual(answer.headers["Spherule-Error"], sentence)
        self.assertEqual(answer.headers["REST-API-Version"], "4.5.0")

    def expect_own_error(self, answer, status, number, name, sentence):
        self.assertEqual((answer.status, answer.json),
                         (status, {"error": number, "name": name, "message": sentence}))
        self.assertEqual(answer.headers["Spherule-Error"], sentence)

    def requests(self, name):
        return [request for op, request in self.agent.log if op == name]

    def stream(self, query=""):
        connection = self.connection()
        connection.request("GET", "/spherule/v1/events" + query)
        response = connection.getresponse()
        self.assertEqual(response.status, 200)
        self.assertEqual(response.headers["Content-Type"], "application/x-ndjson")
        return response

    @staticmethod
    def line(stream):
        while True:
            line = stream.readline()
            if line != b"\n":
                return json.loads(line) if line else None


class Bodies(GatewayTest):
    def test_device_interface(self):
        component = {"uid": APP, "image_type": 10, "is_update_staged": False,
                     "does_image_type_require_restart": False, "name": "blink",
                     "images": [{"uid": IMAGE, "length_in_bytes": 16384, "uncompressed_length_in_bytes": 16384,
                                 "replica_type": 0}]}
        for path, body in [
                ("/status", {"uptime": 634}),
                ("/osversion", {"osversion": "22.11"}),
                ("/abi_versions", {"SecureWorldRuntime": 1, "OSRuntime": 2, "ApplicationRuntime": 17}),
                ("/app/status/" + APP, {"state": "running"}),
                ("/app/status/" + APP.upper(), {"state": "running"}),
                ("/app/status/" + OTHER, {"state": "notPresent"}),
                ("/app/quota/" + APP, {"UsageKB": 2, "LimitKB": 8}),
                ("/images", {"is_ota_update_in_progress": False, "has_staged_updates": False,
                             "restart_required": False, "components": [component]}),
                ("/stats/memory/groups/applications", {"memoryStats": {
                    "currentMemoryUsageInBytes": 65536, "userModeMemoryUsageInBytes": 36864,
                    "peakUserModeMemoryUsageInBytes": 40960}})]:
            with self.subTest(path):
                answer = self.call("GET", path)
                self.expect(answer, 200, body)
                self.assertEqual(answer.headers["Content-Type"], "application/json")

    def test_changes(self):
        text = {"Content_Type": "text/plain"}
        for method, path, body, headers, answer in [
                ("PATCH", "/app/status/" + APP, {"trigger": "start"}, {}, {"state": "running"}),
                ("PATCH", "/app/status/" + APP, {"trigger": "stop"}, {}, {"state": "stopped"}),
                ("PATCH", "/app/status/" + APP, {"trigger": "startDebug"}, {},
                 {"state": "debugging", "gdbPort": 2345, "outPort": 2346}),
                ("DELETE", "/app/image/" + APP, None, {}, {}),
                ("DELETE", "/app/image/" + OTHER, None, {}, {}),
                ("POST", "/update/install", {"appControlMode": "Manual"}, {}, {}),
                ("POST", "/update/install", {"appControlMode": "Auto"}, {}, {}),
                ("POST", "/update/install", None, {}, {}),
                ("POST", "/restart", None, {}, {"restartingSystem": True}),
                ("POST", "/restart", "", text, {"restartingSystem": True})]:
            with self.subTest(f"{method} {path} {body}"):
                self.expect(self.call(method, path, body, **headers), 200, answer)
        self.assertEqual([request.get(1) for request in self.requests("install")], [b"\1", None, None])
        self.assertFalse(any(3 in request for request in self.requests("app-control")))

    def test_whole_log(self):
        answer = self.call("GET", "/log")
        self.assertEqual((answer.status, answer.body), (200, b"line 1\nab\xff"))
        self.assertEqual(answer.headers["Content-Type"], "application/octet-stream")
        self.assertEqual([request.get(1) for request in self.requests("log-read")], [None, u64(10)])
        answer = self.call("GET", "/spherule/v1/log?cursor=10&reader=4711")
        self.assertEqual(self.requests("log-read")[-1].get(4), u64(4711))
        self.assertEqual((answer.status, answer.body), (200, b""))
        self.assertEqual(answer.headers["Spherule-Log-Cursor"], "10")
        self.assertEqual(answer.headers["Spherule-Log-Lost"], "0")

    def test_telemetry(self):
        answer = self.call("GET", "/telemetry")
        self.assertEqual((answer.status, answer.body), (200, TELEMETRY))
        self.assertEqual(answer.headers["Content-Type"], "application/octet-stream")
        self.assertEqual(int.from_bytes(answer.body[3:5], "big"), len(answer.body) - 32)
        shown = json.loads(self.call("GET", "/spherule/v1/telemetry").body)
        self.assertEqual((shown["dropped"], shown["lastNumber"]), (2, 7))
        self.assertEqual([(row["number"], row["name"], row["site"], row["signalName"]) for row in shown["records"]],
                         [(7, "blink", "app+0x1123", "SIGSEGV")])
        for path in ("/telemetry", "/spherule/v1/telemetry"):
            self.expect(self.call("DELETE", path), 200, {})
        self.assertEqual(len(self.requests("telemetry-clear")), 2)

    def test_own_interface(self):
        shown = {"pid": 42, "start": "0x7fff12345000", "end": "0x7fff12347000", "perms": "rw-p", "class": "heap",
                 "path": "[heap]", "anonymousPages": 2, "sharedPages": 0, "filePages": 1}
        app = {"componentId": APP, "imageId": IMAGE, "name": "blink", "imageType": 10, "state": "running",
               "packageBytes": 16384, "isStaged": False, "isDebugger": False, "startsByItself": True, "restarts": 2,
               "lastReportId": 3, "lastWhy": "ration", "lastExitCode": 0, "lastSignal": 0, "lastSignalName": ""}
        for path, body in [
                ("/device", {"name": "dev", "backend": "native", "profile": "mt3620", "core": "x86-64",
                             "kernel": "6.18.0", "agent": "fake-agent 1", "gateway": "spheruled 0.1.0",
                             "bootId": "00000000-0000-0000-0000-000000000001", "uptimeMs": 5000, "pageBytes": 4096,
                             "ramBytes": 262144, "flashBytes": 1048576, "storageBytes": 65536}),
                ("/memory", {"totalBytes": 65536, "userBytes": 36864, "peakUserBytes": 40960, "kernelBytes": 28672,
                             "limitBytes": 262144, "userExact": True, "userHow": "kmem:rss_stat",
                             "kernelExact": False, "kernelHow": "cgroup v1", "checks": 12, "mismatches": 1,
                             "events": 431, "apps": [{"componentId": APP, "name": "blink", "userBytes": 36864,
                                                      "peakUserBytes": 40960, "totalBytes": 0,
                                                      "kernelBytes": 0, "kernelExact": False, "pids": [42, 43],
                                                      "heapState": "notAsked"}]}),
                ("/storage/" + APP, {"componentId": APP, "usedBytes": 1025, "limitBytes": 8192, "writes": 4,
                                     "bytesWritten": 5000, "blocksErased": 3, "idleWrites": 2}),
                ("/memory/pages/" + APP + "?first=5",
                 {"componentId": APP, "pageBytes": 4096, "exact": True, "how": "PAGEMAP_SCAN", "totalMappings": 2,
                  "first": 5, "mappings": [shown, shown], "anonymousPages": 4, "sharedPages": 0, "filePages": 2}),
                ("/apps", {"apps": [app], "hasStaged": False, "flashUsedBytes": 16384, "flashLimitBytes": 1048576}),
                ("/apps/" + APP, app),
                ("/kills", {"reports": [{"id": 3, "componentId": APP, "name": "blink", "timeMs": 1700000000123,
                                         "why": "ration", "exitCode": 0, "signal": 9, "limitBytes": 262144,
                                         "userBytes": 0, "peakUserBytes": 0, "totalBytes": 0}], "dropped": 4}),
                ("/kills/3", {
                    "id": 3, "componentId": APP, "imageId": IMAGE, "name": "blink", "pid": 42,
                    "timeMs": 1700000000123, "uptimeMs": 60000, "runMs": 4000, "why": "ration", "exitCode": 0,
                    "signal": 9, "signalName": "SIGKILL", "willRestart": True, "limitBytes": 262144,
                    "userBytes": 262144, "peakUserBytes": 262144, "totalBytes": 290816, "kernelBytes": 28672,
                    "userExact": True, "userHow": "kmem:rss_stat", "kernelExact": False, "kernelHow": "",
                    "crossing": {"userBytes": 266240}, "faultAddress": "0xfffffffffffff000", "pc": "0x401000",
                    "stack": ["0x401000", "0x402000"], "stackHow": "kernel",
                    "growth": {"userBytes": 262144, "uptimeMs": 59990, "stack": ["0x403000"]},
                    "mappings": [shown, {**shown, "pid": 43}], "mappingsDropped": 1, "pagesHow": "PAGEMAP_SCAN",
                    "log": 'last "line"\n\ufffd', "heapState": "notAsked"}),
                ("/trust", {"entries": [{"thumbprint": bytes(range(20)).hex(), "point": "04" * 65, "name": "me",
                                         "kind": "development", "addedMs": 5}]}),
                ("/gpio", {"pins": [{"pin": 12, "value": 1, "use": "free"}]}),
                ("/gpio/12", {"pin": 12, "value": 0, "use": "output", "componentId": APP, "mode": "openDrain"})]:
            with self.subTest(path):
                self.expect(self.call("GET", "/spherule/v1" + path), 200, body)
        self.assertEqual(self.requests("pages"), [{1: guid(APP), 2: u32(5)}])

    def test_heap(self):
        path = "/spherule/v1/heap/"
        self.expect(self.call("GET", path + APP), 200, {
            "componentId": APP, "state": "tracked", "reason": "Its heap is tracked.",
            "processes": [heap_shown(42, sites=[SITE_SHOWN], sitesDropped=3), {"pid": 43, "state": "failed"}],
            "processesDropped": 0})
        self.assertEqual(self.requests("heap"), [{1: guid(APP)}])
        self.assertEqual(self.call("GET", path + OTHER).status, 404)
        self.assertEqual(self.call("GET", path + "blink").status, 400)
        self.agent.handlers["heap"] = lambda request: fields((1, request[1]), (2, u32(3)))
        answer = self.call("GET", path + APP).json
        self.assertEqual((answer["state"], answer["processes"]), ("noLibrary", []))
        self.assertIn("add DEBUG_LIB", answer["reason"])

    def test_heap_in_other_answers(self):
        app = fields((1, guid(APP)), (2, "blink"), (5, u32(42)), (6, u32(1)), (7, [heap(42)]))
        other = fields((1, guid(OTHER)), (2, "other"), (6, u32(5)))
        self.agent.handlers["memory"] = lambda _: fields((13, [app, other]))
        stats = self.call("GET", "/stats/memory/groups/applications").json
        self.assertEqual(stats["apps"], [{"componentId": APP.upper(), "processes": [{"pid": 42, "heapUsageByCaller": [
            {"name": "App + Static Libraries", "usageInBytes": 20480}, {"name": "curl", "usageInBytes": 512}]}]}])
        self.assertEqual([app["heapState"] for app in self.call("GET", "/spherule/v1/memory").json["apps"]],
                         ["tracked", "debugged"])
        crossing = ((18, True), (20, u64(0x500000)), (21, u64(20000)), (22, u64(16384)), (23, u64(0x1234)))
        self.agent.handlers["kill-get"] = lambda _: REPORT + fields((38, u32(1)), (39, [heap(42, *crossing)]))
        report = self.call("GET", "/spherule/v1/kills/3").json
        self.assertEqual(report["heapState"], "tracked")
        self.assertEqual(report["heap"], heap_shown(42, crossingBlock={
            "caller": 0, "address": "0x500000", "bytes": 20000, "offset": 16384, "site": "0x1234"}))

    def test_own_changes(self):
        trust = {"thumbprint": "00" * 20, "point": "04" * 65, "name": "me"}
        for method, path, body, status, answer in [
                ("POST", f"/apps/{APP}/run", None, 200, {"state": "running", "pid": 42}),
                ("POST", f"/apps/{APP}/run", {}, 200, {"state": "running", "pid": 42}),
                ("POST", f"/apps/{APP}/run", {"heap": True}, 200, {"state": "running", "pid": 42}),
                ("POST", f"/apps/{APP}/run", {"heap": True, "heapStacks": True}, 200, {"state": "running", "pid": 42}),
                ("DELETE", f"/kills?component={APP}", None, 200, {"count": 3}),
                ("POST", "/trust", trust, 201, {}),
                ("DELETE", "/trust/" + bytes(range(20)).hex(), None, 200, {}),
                ("PUT", "/gpio/12", {"value": 1}, 200,
                 {"pin": 12, "value": 1, "use": "output", "componentId": APP, "mode": "openDrain"})]:
            with self.subTest(f"{method} {path}"):
                self.expect(self.call(method, "/spherule/v1" + path, body), status, answer)
        run = {1: guid(APP), 2: u32(1), 3: b"\1"}
        self.assertEqual(self.requests("app-control"), [run, run, {**run, 4: b"\1"}, {**run, 4: b"\1", 5: b"\1"}])
        self.assertEqual(self.requests("kills-clear"), [{1: guid(APP)}])
        self.assertEqual(self.requests("trust-add"), [{1: bytes(20), 2: bytes([4] * 65), 3: b"me"}])
        self.assertEqual(self.requests("gpio-set"), [{1: u32(12), 2: u32(1)}])


class Errors(GatewayTest):
    def test_device_interface(self):
        json_type = {"Content_Type": "application/json"}
        installed = f"no application with component id {OTHER} is installed"
        start = {"trigger": "start"}
        for method, path, body, headers, status, number, sentence in [
                ("GET", "/nothing", None, {}, 404, 15728642, "there is nothing at /nothing"),
                ("GET", "/app/status/", None, {}, 404, 15728642, "there is nothing at /app/status/"),
                ("GET", "/app/quota/" + OTHER, None, {}, 404, NOT_PRESENT, installed),
                ("GET", "/app/status/x%0a%c3%a4", None, {}, 400, 14680079,
                 '"x???" is not a component id (a GUID)'),
                ("POST", "/status", None, {}, 405, 15728641, "POST is not a method of /status (GET)"),
                ("PATCH", "/app/status/" + OTHER, start, {}, 409, NOT_PRESENT, installed),
                ("PATCH", "/app/status/" + APP, {"trigger": "jump"}, {}, 400, 14680073,
                 "the trigger must be start, startDebug or stop"),
                ("PATCH", "/app/status/" + APP, {"trigger": 1}, {}, 400, 10485761,
                 'the body\'s member "trigger" must be a string'),
                ("PATCH", "/app/status/" + APP, [], {}, 400, 10485761, "the body is not a JSON object"),
                ("PATCH", "/app/status/" + APP, None, {}, 400, 10485763,
                 "PATCH /app/status/* needs a body"),
                ("PATCH", "/app/status/" + APP, '{"trigger":"start"}', {"Content_Type": "text/html"}, 415, 10485761,
                 "PATCH /app/status/* does not take a body of type text/html"),
                ("POST", "/update/install", {"appControlMode": "Never"}, {}, 400, 10485761,
                 'the body\'s member "appControlMode" must be "Manual" or "Auto"'),
                ("POST", "/update/install", b"x" * 9000, json_type, 413, 15728644,
                 "the body has 9000 bytes; 8192 is the most that is taken"),
                ("POST", "/restart", "now", json_type, 415, 10485761,
                 "POST /restart does not take a body of type application/json"),
                ("PUT", "/update/stage", None, {}, 400, 10485763, "PUT /update/stage needs a body"),
                ("PUT", "/update/stage", b"x" * 70000, json_type, 415, 10485761,
                 "PUT /update/stage does not take a body of type application/json"),
                ("PUT", "/update/stage", b"x" * 5000000, {}, 413, 15728644,
                 "the body has 5000000 bytes; 4194304 is the most that is taken")]:
            with self.subTest(f"{method} {path} {status}"):
                self.expect_error(self.call(method, path, body, **headers), status, number, sentence)

    def test_json_syntax_has_its_place(self):
        answer = self.call("PATCH", "/app/status/" + APP, '{"trigger":\n "start",}', Content_Type="application/json")
        self.assertEqual((answer.status, answer.json), (400, {"error": 10485761}))
        self.assertRegex(answer.headers["Spherule-Error"], r"^the body is not JSON: line 2, column 10: ")

    def test_body_without_length(self):
        answer = self.call("POST", "/update/install", iter([b" " * 5000, b" " * 5000]),
                           Content_Type="application/json")
        self.expect_error(answer, 413, 15728644, "the body is longer than the 8192 bytes that are taken")

    def test_allow_header(self):
        for path, allow in [("/status", "GET"), ("/app/status/" + APP, "GET, PATCH"), ("/update/stage", "PUT"),
                            ("/spherule/v1/trust", "GET, POST"), ("/spherule/v1/kills", "GET, DELETE"),
                            ("/spherule/v1/gpio/3", "GET, PUT"), ("/restart", "POST"),
                            ("/net/proxy", "GET, POST, DELETE")]:
            with self.subTest(path):
                self.assertEqual(self.call("OPTIONS", path).headers["Allow"], allow)

    def test_own_interface(self):
        own = "/spherule/v1"
        for method, path, body, status, number, name, sentence in [
                ("GET", "/", None, 404, 15728642, "Http/InvalidRequestUri", "there is nothing at /spherule/v1/"),
                ("GET", "/apps/" + OTHER, None, 404, NOT_PRESENT, "RestApp/AppNotPresent",
                 f"no application with component id {OTHER} is installed"),
                ("POST", f"/apps/{OTHER}/run", None, 404, NOT_PRESENT, "RestApp/AppNotPresent",
                 f"no application with component id {OTHER} is installed"),
                ("GET", "/kills/4", None, 404, 2, "Linux", "there is no report 4"),
                ("GET", "/kills/four", None, 400, 15728642, "Http/InvalidRequestUri", '"four" is not a number'),
                ("GET", "/kills?component=7", None, 400, 14680079, "RestApp/CannotParseComponentId",
                 "component in the query is not a component id (a GUID)"),
                ("GET", "/log?waitMs=30001", None, 400, 15728642, "Http/InvalidRequestUri",
                 "waitMs in the query is not a number up to 30000"),
                ("GET", "/events?after=-1", None, 400, 15728642, "Http/InvalidRequestUri",
                 "after in the query is not a number up to 18446744073709551615"),
                ("DELETE", "/trust/00ff", None, 400, 15728642, "Http/InvalidRequestUri",
                 '"00ff" is not a thumbprint (40 hexadecimal digits)'),
                ("DELETE", "/trust/" + "0" * 40, None, 404, 2, "Linux", "there is no such certificate"),
                ("POST", "/trust", {"thumbprint": "00"}, 400, 10485761, "Rest/InvalidJsonRequest",
                 'the body\'s member "thumbprint" must be 40 hexadecimal digits'),
                ("POST", "/trust", {"thumbprint": "00" * 20, "point": "04" * 64 + "zz"}, 400, 10485761,
                 "Rest/InvalidJsonRequest", 'the body\'s member "point" must be 130 hexadecimal digits'),
                ("POST", "/trust", {"thumbprint": "00" * 20, "point": "04" * 65, "name": "x" * 129}, 400, 10485761,
                 "Rest/InvalidJsonRequest", 'the body\'s member "name" must be a string of at most 128 bytes'),
                ("GET", "/gpio/76", None, 404, 19, "Linux", "there is no pin 76; the device has pins 0 to 75"),
                ("PUT", "/gpio/7", {"value": 2}, 400, 10485761, "Rest/InvalidJsonRequest",
                 'the body\'s member "value" must be 0 or 1')]:
            with self.subTest(f"{method} {path}"):
                self.expect_own_error(self.call(method, own + path, body), status, number, name, sentence)

    def test_what_the_device_says_decides_the_status(self):
        for number, status in [(13, 403), (7340069, 403), (16, 409), (28, 400), (5, 500), (14680082, 400),
                               (7340047, 400), (4194306, 400), (1048577, 409), (10485765, 409), (31 << 20, 500)]:
            def refuse(_, number=number):
                raise Refusal(number, "Because.\r\nSet-Cookie: no")
            self.agent.handlers["app-quota"] = refuse
            with self.subTest(number):
                self.expect_error(self.call("GET", "/app/quota/" + APP), status, number,
                                  "Because.??Set-Cookie: no")

    def test_unreadable_reply(self):
        self.agent.handlers["app-quota"] = lambda _: b"\1\0\2"
        answer = self.call("GET", "/app/quota/" + APP)
        self.expect_error(answer, 500, 5, "the agent's answer cannot be read: message quota_reply: cut short in the "
                                          "field at byte 0 of 3")

    def test_not_http(self):
        for text in [b"\0\1\2\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                     b"GET /status HTTP/1.1\r\nHost: x\r\n" + b"A: " + b"x" * 40000 + b"\r\n\r\n",
                     b"PUT /update/stage HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"]:
            with self.subTest(text[:20]):
                client = socket.socket(socket.AF_UNIX)
                client.settimeout(0.5)
                client.connect(os.path.join(self.folder, "rest.sock"))
                client.sendall(text)
                # either an answer comes, or nothing until the idle time is over
                with contextlib.suppress(ConnectionResetError, TimeoutError), client:
                    while client.recv(4096):
                        pass
        self.expect(self.call("GET", "/status"), 200, {"uptime": 634})


class Staging(GatewayTest):
    def setUp(self):
        super().setUp()
        self.staged = b""
        self.agent.handlers["stage-begin"] = self.on_begin
        self.agent.handlers["stage-data"] = self.on_data
        self.agent.handlers["stage-end"] = lambda _: fields((1, guid(APP)), (2, guid(IMAGE)), (3, "blink"))

    def on_begin(self, _):
        self.staged = b""
        return b""

    def on_data(self, request):
        self.staged += request[1]
        return b""

    def stage(self, body):
        return self.call("PUT", "/update/stage", body, Content_Type="application/octet-stream")

    def test_package_arrives_as_sent(self):
        for size in [1, 100, 16384, 300001, 4194304]:
            package = os.urandom(size)
            with self.subTest(size):
                self.expect(self.stage(package), 200, {})
                self.assertEqual(self.staged, package)
        self.assertLessEqual(max(len(request[1]) for request in self.requests("stage-data")), 16384)
        self.assertEqual(self.requests("stage-begin")[3], {1: u64(300001)})
        self.assertEqual(self.requests("stage-abort"), [])

    def test_expecting_client(self):
        connection = self.connection()
        connection.putrequest("PUT", "/update/stage")
        connection.putheader("Content-Length", "70000")
        connection.putheader("Expect", "100-continue")
        connection.endheaders()
        self.assertEqual(connection.sock.recv(100), b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.send(b"z" * 70000)
        self.expect(Answer(connection.getresponse()), 200, {})
        self.assertEqual(self.staged, b"z" * 70000)

    def test_slow_body_holds_nobody_up(self):
        package = os.urandom(50000)

        def pieces():
            for at in range(0, len(package), 5000):
                time.sleep(0.02)
                self.expect(self.call("GET", "/status"), 200, {"uptime": 634})
                yield package[at:at + 5000]
        self.expect(self.stage(pieces()), 200, {})
        self.assertEqual(self.staged, package)

    def test_slow_agent_holds_nobody_up(self):
        waiting, go = threading.Event(), threading.Event()

        def slow(request):
            waiting.set()
            threading.Thread(target=self.answer_later, args=(go, request)).start()
        package = os.urandom(40000)
        self.agent.handlers["stage-data"] = self.on_data
        self.agent.handlers["stage-end"] = slow
        results = []
        thread = threading.Thread(target=lambda: results.append(self.stage(package)))
        thread.start()
        self.assertTrue(waiting.wait(5))
        self.expect(self.call("GET", "/status"), 200, {"uptime": 634})
        go.set()
        thread.join(10)
        self.expect(results[0], 200, {})

    def answer_later(self, go, _):
        go.wait(5)
        ident = 0
        for op, _request in self.agent.log:  # ids count from 1 on: hello, events, then one a request
            ident += 1
            if op == "stage-end":
                break
        self.agent.send(frame(REPLY, OPS["stage-end"], ident, fields((1, guid(APP)))))

    def test_one_at_a_time(self):
        first = self.connection()
        first.putrequest("PUT", "/update/stage")
        first.putheader("Content-Length", "20000")
        first.endheaders()
        first.send(b"a" * 10000)
        deadline = time.monotonic() + 5
        while not self.requests("stage-data"):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        self.expect_error(self.stage(b"b" * 60000), 409, 10485765, "another package is being staged")
        first.send(b"a" * 10000)
        self.expect(Answer(first.getresponse()), 200, {})
        self.assertEqual(self.staged, b"a" * 20000)
        self.expect(self.stage(b"b" * 60000), 200, {})

    def test_client_that_goes_away(self):
        client = self.connection()
        client.putrequest("PUT", "/update/stage")
        client.putheader("Content-Length", "20000")
        client.endheaders()
        client.send(b"a" * 10000)
        deadline = time.monotonic() + 5
        while not self.requests("stage-data"):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        client.close()
        while not self.requests("stage-abort"):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        self.expect(self.stage(b"b" * 60000), 200, {})
        self.assertEqual(self.staged, b"b" * 60000)

    def test_refusals_on_the_way(self):
        def refuse(_):
            raise Refusal(7340050, "not an image package")
        for op in ["stage-begin", "stage-data", "stage-end"]:
            saved = self.agent.handlers[op]
            self.agent.handlers[op] = refuse
            with self.subTest(op):
                self.expect_error(self.stage(os.urandom(200000)), 400, 7340050, "not an image package")
            self.agent.handlers[op] = saved
        self.expect(self.stage(b"ok"), 200, {})

    def test_too_large_without_length(self):
        answer = self.stage(b"x" * 65536 for _ in range(65))
        self.expect_error(answer, 413, 15728644, "the package is longer than the 4194304 bytes that are taken")
        self.expect(self.stage(b"ok"), 200, {})
        self.assertEqual(len(self.requests("stage-abort")), 1)

    def test_agent_dies_in_the_middle(self):
        def die(_):
            threading.Thread(target=self.agent.die).start()
        self.agent.handlers["stage-data"] = die
        answer = self.stage(os.urandom(100000))
        self.expect_error(answer, 503, 10485765,
                          "the device's agent has ended; the gateway connects to it again")


class AgentLoss(GatewayTest):
    GONE = "the device's agent has ended; the gateway connects to it again"

    def test_dies_and_comes_back(self):
        waiting = threading.Event()
        self.agent.handlers["app-quota"] = lambda _: waiting.set()
        results = []
        thread = threading.Thread(target=lambda: results.append(self.call("GET", "/app/quota/" + APP)))
        thread.start()
        self.assertTrue(waiting.wait(5))
        self.agent.die()
        thread.join(5)
        self.expect_error(results[0], 503, 10485765, self.GONE)
        answer = self.call("GET", "/spherule/v1/device")
        self.assertEqual((answer.status, answer.json["error"]), (503, 10485765))
        self.assertRegex(answer.json["message"], "^the device's agent (has ended|is not running)")
        time.sleep(0.3)
        answer = self.call("GET", "/status")
        self.expect_error(answer, 503, 10485765, "the device's agent is not running: cannot connect to the socket "
                                                 "agent.sock: Connection refused")
        self.agent = self.start_agent()
        self.wait_connected()
        self.expect(self.call("GET", "/status"), 200, {"uptime": 634})

    def test_restart_may_take_the_agent_away(self):
        self.agent.handlers["restart"] = lambda _: threading.Thread(target=self.agent.die).start()
        self.expect(self.call("POST", "/restart"), 200, {"restartingSystem": True})

    def test_garbage_in_the_stream(self):
        def noisy(_):
            self.agent.send(b"garbage SpH\xf7" + frame(EVENT, 8, 1, b"x" * 500)[:300])
            return HANDLERS["status"](None)
        self.agent.handlers["status"] = noisy
        self.expect(self.call("GET", "/status"), 200, {"uptime": 634})

    def test_cut_frame_that_announces_much(self):
        def noisy(_):
            self.agent.send(frame(EVENT, 8, 1, b"x" * 60000)[:300])
            return HANDLERS["status"](None)
        self.agent.handlers["status"] = noisy
        before = time.monotonic()
        self.expect(self.call("GET", "/status"), 200, {"uptime": 634})
        self.assertGreater(time.monotonic() - before, 1.5)

    def test_greeting_that_cannot_be_read(self):
        self.agent.die()
        self.agent = self.start_agent(hello=lambda _: fields((2, "something else")))
        self.wait_connected(False)
        deadline = time.monotonic() + 5
        wanted = "the agent's greeting cannot be read; it is of another version"
        while self.call("GET", "/spherule/v1/gateway").json["message"] != wanted:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)

    def test_greeting_that_is_refused(self):
        def refuse(_):
            raise Refusal(13, "you are not the owner")
        self.agent.die()
        self.agent = self.start_agent(hello=refuse)
        deadline = time.monotonic() + 5
        wanted = "the agent refuses the gateway: you are not the owner"
        while self.call("GET", "/spherule/v1/gateway").json.get("message") != wanted:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)


class Events(GatewayTest):
    def test_two_clients_one_streams(self):
        self.assertTrue(self.agent.subscribed.wait(5))
        stream = self.stream()
        self.assertEqual(self.line(stream), {"kind": "subscribed", "lastSeq": 0})
        app = ((5, guid(APP)), (6, "blink"))
        common = {"timeMs": 1001, "monotonicNs": 7, "componentId": APP, "name": "blink"}
        figures = ((10, u64(1)), (11, u64(2)), (12, u64(3)), (13, u64(4)))
        shown = {"userBytes": 1, "peakUserBytes": 2, "totalBytes": 3, "limitBytes": 4}
        events = [
            (1, app, {"kind": "installed"}),
            (2, app + ((7, u32(42)), (18, u32(1))), {"kind": "started", "pid": 42, "restarts": 1}),
            (3, app + ((8, u32(1)), (9, "hällo\n")), {"kind": "output", "stream": "stdout", "text": "hällo\n"}),
            (3, app + ((8, u32(2)), (9, b"\xff\0")), {"kind": "output", "stream": "stderr", "hex": "ff00"}),
            (4, app + figures, {"kind": "newPeak", **shown}),
            (5, app + figures + ((14, u64(3)), (15, u32(1)), (17, u32(9)), (19, u64(1000)), (20, True)),
             {"kind": "ended", **shown, "pid": 0, "why": "ration", "exitCode": 0, "signal": 9, "reportId": 3,
              "willRestart": True, "restartDelayMs": 1000}),
            (6, app, {"kind": "stopped"}), (7, app, {"kind": "deleted"}),
            (8, app + ((21, u32(12)), (22, u32(1))), {"kind": "gpio", "pin": 12, "value": 1}),
            (9, app, {"kind": "agentStopping"}),
            (10, app + ((9, "compare"), (30, u64(4)), (31, u64(2)), (32, u64(5000)), (33, u64(3))),
             {"kind": "storageWear", "writes": 4, "bytesWritten": 5000, "blocksErased": 3, "idleWrites": 2,
              "warning": "compare"}),
            (77, app, {"kind": "unknown"})]
        for seq, (kind, more, wanted) in enumerate(events, 1):
            self.agent.event(seq, kind, *more)
            self.expect(self.call("GET", "/status"), 200, {"uptime": 634})
            self.assertEqual(self.line(stream), {**common, "seq": seq, "timeMs": 1000 + seq, **wanted})
        again = self.stream("?after=10")
        self.assertEqual(self.line(again), {"kind": "subscribed", "lastSeq": 12})
        self.assertEqual([self.line(again)["seq"] for _ in range(2)], [11, 12])
        self.assertEqual(self.call("GET", "/spherule/v1/gateway").json["eventClients"], 2)

    def test_loss_and_return_are_told(self):
        stream = self.stream()
        self.line(stream)
        self.agent.event(1, 9)
        self.assertEqual(self.line(stream)["kind"], "agentStopping")
        self.agent.die()
        self.assertEqual(self.line(stream), {"kind": "deviceLost", "message": AgentLoss.GONE})
        boot = "00000000-0000-0000-0000-000000000002"
        self.agent = self.start_agent(boot)
        self.assertEqual(self.line(stream), {"kind": "deviceBack", "bootId": boot, "restarted": True})
        self.assertEqual(self.requests("events")[0].get(2, u64(0)), u64(0))
        self.agent.event(1, 1)
        self.assertEqual(self.line(stream)["kind"], "installed")
        again = self.stream("?after=0")
        self.assertEqual([self.line(again)["kind"] for _ in range(2)], ["subscribed", "installed"])

    def test_same_boot_goes_on_where_it_was(self):
        stream = self.stream()
        self.line(stream)
        self.agent.event(1, 1)
        self.line(stream)
        self.agent.die()
        self.agent = self.start_agent()
        self.assertEqual(self.line(stream)["kind"], "deviceLost")
        self.assertFalse(self.line(stream)["restarted"])
        self.assertEqual(self.requests("events")[0], {1: b"\1", 2: u64(1)})

    def test_what_the_agent_dropped_is_told(self):
        stream = self.stream()
        self.line(stream)
        for seq in (1, 2, 6, 7):
            self.agent.event(seq, 1)
        lines = [self.line(stream) for _ in range(5)]
        self.assertEqual([line.get("seq") for line in lines], [1, 2, None, 6, 7])
        self.assertEqual(lines[2], {"kind": "lost", "count": 3})

    def acknowledged(self):
        return max([int.from_bytes(request[1], "little") for request in self.requests("events-ack")], default=0)

    def wait_acknowledged(self, seq, seconds=5):
        deadline = time.monotonic() + seconds
        while self.acknowledged() < seq:
            self.assertLess(time.monotonic(), deadline, f"{self.acknowledged()} of {seq}")
            time.sleep(0.01)

    def flood(self, first, last):
        """As an agent would: never more than it may while somebody holds."""
        for seq in range(first, last + 1):
            self.wait_acknowledged(seq - 8, 20)
            self.agent.event(seq, 3, (8, u32(1)), (9, b"x" * 4000))

    def test_stream_that_holds_is_waited_for(self):
        stream = self.stream("?hold=1")
        self.line(stream)
        self.expect(self.call("GET", "/status"), 200, {"uptime": 634})
        self.assertEqual([request.get(3) for request in self.requests("events")], [None, b"\1"])
        thread = threading.Thread(target=self.flood, args=(1, 1000), daemon=True)
        thread.start()
        time.sleep(1)  # nothing is read: what fits in between goes on, then the flood waits
        before = self.acknowledged()
        self.assertLess(before, 900)
        time.sleep(0.3)
        self.assertEqual(self.acknowledged(), before)
        self.assertEqual([self.line(stream)["seq"] for _ in range(1000)], list(range(1, 1001)))
        thread.join(5)
        self.wait_acknowledged(1000)
        stream.fp.raw._sock.shutdown(socket.SHUT_RDWR)
        stream.close()
        self.agent.event(1001, 1)  # written to a client that is gone: the hold goes with it
        deadline = time.monotonic() + 5
        while self.requests("events")[-1].get(3):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)

    def test_stuck_stream_that_holds(self):
        """It is left out after 10 s; a second one that holds too loses nothing all the same."""
        stuck, quick = self.stream("?hold=1"), self.stream("?hold=1")
        self.line(quick)
        seen = []
        reader = threading.Thread(target=lambda: seen.extend(self.line(quick)["seq"] for _ in range(1000)),
                                  daemon=True)
        reader.start()
        begin = time.monotonic()
        self.flood(1, 1000)
        reader.join(20)
        self.assertEqual(seen, list(range(1, 1001)))
        self.assertGreater(time.monotonic() - begin, 9)
        self.line(stuck)
        lines, lost = 0, 0
        while lines + lost < 1000:
            line = self.line(stuck)
            lost += line.get("count", 0)
            lines += line["kind"] == "output"
        self.assertGreater(lost, 100)
        self.assertEqual(line["seq"], 1000)

    def test_stream_that_does_not_hold_is_not_waited_for(self):
        self.line(self.stream("?hold=0"))
        self.agent.event(1, 1)
        time.sleep(0.2)
        self.assertEqual(self.requests("events-ack"), [])
        self.assertEqual(len(self.requests("events")), 1)
        self.expect_own_error(self.call("GET", "/spherule/v1/events?hold=2"), 400, 15728642,
                              "Http/InvalidRequestUri", "hold in the query is not a number up to 1")

    def test_slow_client_is_told_what_it_missed(self):
        stream = self.stream()
        text = (9, b"x" * 4000)
        for seq in range(1, 1001):
            self.agent.event(seq, 3, (8, u32(1)), text)
        self.expect(self.call("GET", "/status"), 200, {"uptime": 634})
        seen, lost = 0, 0
        self.line(stream)
        while seen + lost < 1000:
            line = self.line(stream)
            if line["kind"] == "lost":
                lost += line["count"]
            else:
                seen += 1
                self.assertEqual(line["seq"], seen + lost)
        self.assertGreater(lost, 100)

    def test_streams_are_bounded(self):
        streams = [self.stream() for _ in range(16)]
        answer = self.call("GET", "/spherule/v1/events")
        self.expect_own_error(answer, 409, 10485765, "Rest/InterfaceIsBusy", "too many clients stream events")
        for stream in streams:
            stream.close()

    def test_clients_that_go_are_forgotten(self):
        streams = [self.stream() for _ in range(3)]
        connections = list(streams)
        for stream in connections:
            stream.fp.raw._sock.shutdown(socket.SHUT_RDWR)
            stream.close()
        self.doCleanups_of_connections()
        deadline = time.monotonic() + 25
        while self.call("GET", "/spherule/v1/gateway").json["eventClients"]:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.2)

    def doCleanups_of_connections(self):
        self.agent.event(1, 1)  # written to clients that are gone: found at once

    def test_log_that_waits_holds_nobody_up(self):
        waiting = threading.Event()
        self.agent.handlers["log-read"] = lambda _: waiting.set()
        thread = threading.Thread(target=lambda: self.call("GET", "/spherule/v1/log?waitMs=5000"))
        thread.start()
        self.assertTrue(waiting.wait(5))
        for _ in range(20):
            self.expect(self.call("GET", "/status"), 200, {"uptime": 634})
        self.agent.die()
        thread.join(5)


class Process(GatewayTest):
    with_agent = False

    def status_field(self, name):
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(line.split()[1:] for line in status if line.startswith(name + ":"))

    def test_without_an_agent(self):
        time.sleep(0.1)
        answer = self.call("GET", "/status")
        self.expect_error(answer, 503, 10485765, "the device's agent is not running: cannot connect to the socket "
                                                 "agent.sock: No such file or directory")
        self.assertFalse(self.call("GET", "/spherule/v1/gateway").json["connected"])
        self.expect(self.call("POST", "/spherule/v1/stop"), 200, {"stopping": True})
        self.assertEqual(self.process.wait(5), 0)

    def test_stop_takes_agent_and_gateway(self):
        agent = self.start_agent()
        self.wait_connected()
        stream = self.stream()
        self.line(stream)
        self.expect(self.call("POST", "/spherule/v1/stop", {}), 200, {"stopping": True})
        self.assertEqual(self.process.wait(5), 0)
        self.assertIsNone(self.line(stream))
        self.assertEqual([op for op, _ in agent.log], ["hello", "events", "shutdown"])
        self.assertFalse(os.path.exists(os.path.join(self.folder, "rest.sock")))

    def test_sigterm_answers_what_waits(self):
        waiting = threading.Event()
        self.start_agent(status=lambda _: waiting.set())
        self.wait_connected()
        results = []
        thread = threading.Thread(target=lambda: results.append(self.call("GET", "/status")))
        thread.start()
        self.assertTrue(waiting.wait(5))
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(5), 0)
        thread.join(5)
        self.expect_error(results[0], 503, 10485765, "the gateway is ending")

    def test_no_privilege(self):
        self.assertEqual(self.status_field("Uid"), [str(OWNER)] * 4)
        self.assertEqual(self.status_field("CapEff"), ["0000000000000000"])
        self.assertEqual(self.status_field("NoNewPrivs"), ["1"])
        if os.geteuid() == 0:
            self.assertEqual(self.status_field("Groups"), [])
        info = os.stat(os.path.join(self.folder, "rest.sock"))
        self.assertEqual((info.st_mode & 0o777, info.st_uid), (0o600, OWNER))

    def test_who_cannot_start_says_why(self):
        self.assertEqual(self.start_gateway()[1], "a gateway of this device is running already\n")
        missing = self.start_gateway(device=self.folder + "/none")[1]
        self.assertRegex(missing, r"none.*: No such file or directory\n$")
        if os.geteuid() == 0:
            process, sentence = self.start_gateway("--owner", "0")
            self.assertEqual(sentence, "the gateway does not run as root: --owner must name another user\n")
            self.assertEqual(process.wait(5), 1)
            process, sentence = self.start_gateway("--owner", str(OWNER + 1))
            self.assertEqual(sentence, f"the folder {self.folder} is not that of user {OWNER + 1}\n")
            self.assertEqual(process.wait(5), 1)

    def test_home_that_is_closed_to_the_owner(self):
        """Root starts the gateway below a folder that the owner cannot pass."""
        if os.geteuid() != 0:
            self.skipTest("needs root")
        self.end_gateway(self.process)
        above = os.path.dirname(self.folder)
        os.chmod(above, 0o700)
        os.chown(above, 0, 0)
        self.process, sentence = self.start_gateway()
        self.assertEqual(sentence, "ok\n")
        self.assertEqual(self.call("GET", "/spherule/v1/gateway").status, 200)

    def test_pid_file(self):
        with open(os.path.join(self.folder, "gateway.pid")) as file:
            self.assertEqual(int(file.read()), self.process.pid)
        self.end_gateway(self.process)
        self.process, sentence = self.start_gateway()
        self.assertEqual(sentence, "ok\n")

    def test_usage(self):
        for arguments, sentence in [
                ([], "--device DIR is missing; see --help"),
                (["--device"], "--device needs a value; see --help"),
                (["--device", "x", "more"], '"more" is not expected; see --help'),
                (["--color"], "there is no option --color; see --help"),
                (["--owner", "me"], '--owner takes a user id, not "me"'),
                (["--ready-fd", "1"], '--ready-fd takes a descriptor from 3 on, not "1"'),
                (["--agent", "../x"], '--agent takes a name in the device\'s folder, not "../x"')]:
            with self.subTest(arguments):
                done = subprocess.run([SPHERULED] + arguments, capture_output=True, text=True, check=False)
                self.assertEqual((done.returncode, done.stdout, done.stderr), (2, "", f"spheruled: {sentence}\n"))
        done = subprocess.run([SPHERULED, "--version"], capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout, "spheruled 0.1.0\n")
        done = subprocess.run([SPHERULED, "--help"], capture_output=True, text=True, check=True)
        self.assertTrue(done.stdout.startswith("usage: spheruled --device DIR"))

    def test_connections_are_bounded(self):
        self.start_agent()
        self.wait_connected()
        idle = []
        for _ in range(40):
            client = socket.socket(socket.AF_UNIX)
            client.connect(os.path.join(self.folder, "rest.sock"))
            idle.append(client)
        results = []
        thread = threading.Thread(target=lambda: results.append(self.call("GET", "/status")))
        thread.start()
        time.sleep(0.2)
        self.assertEqual(results, [])
        for client in idle:
            client.close()
        thread.join(5)
        self.expect(results[0], 200, {"uptime": 634})

    def test_memory(self):
        agent = self.start_agent()
        self.wait_connected()
        agent.handlers["stage-end"] = lambda _: fields((1, guid(APP)), (2, guid(IMAGE)))
        self.call("PUT", "/update/stage", os.urandom(1 << 20))
        streams = [self.stream("?after=0") for _ in range(4)]
        for seq in range(1, 2001):
            agent.event(seq, 3, (8, u32(1)), (9, b"line of output\n"))
        for _ in range(300):
            self.call("GET", "/stats/memory/groups/applications")
        resident = int(self.status_field("VmHWM")[0])
        with open(f"/proc/{self.process.pid}/smaps_rollup") as rollup:
            private = sum(int(line.split()[1]) for line in rollup if line.startswith("Private_Dirty"))
        print(f"spheruled: peak resident {resident} KiB, private dirty {private} KiB", file=sys.stderr)
        del streams
        if not SANITIZED:
            self.assertLessEqual(resident, 8192)


if __name__ == "__main__":
    unittest.main(verbosity=2)
