"""A second implementation of the agent's protocol, written from docs/spec/wire.md, for the gateway's tests."""
import os
import socket
import struct
import threading
import zlib

MAGIC = b"SpH\xf7"
REQUEST, REPLY, ERROR, EVENT = 1, 2, 3, 4
OPS = {
    "hello": 1, "status": 2, "memory": 3, "pages": 4, "log-read": 5, "restart": 6, "shutdown": 7, "events": 8,
    "events-ack": 9, "heap": 10,
    "app-list": 16, "app-control": 17, "app-quota": 18, "app-delete": 19, "stage-begin": 20, "stage-data": 21,
    "stage-end": 22, "stage-abort": 23, "install": 24, "kills-list": 32, "kill-get": 33, "kills-clear": 34,
    "trust-list": 40, "trust-add": 41, "trust-remove": 42, "gpio-list": 48, "gpio-get": 49, "gpio-set": 50,
    "setting-get": 56, "setting-put": 57, "setting-delete": 58, "capabilities-get": 60, "capabilities-set": 61,
    "telemetry-get": 62, "telemetry-clear": 63,
}
NAMES = {number: name for name, number in OPS.items()}


def u32(value):
    return struct.pack("<I", value)


def u64(value):
    return struct.pack("<Q", value)


def guid(text):
    digits = bytes.fromhex(text.replace("-", ""))
    return digits[3::-1] + digits[5:3:-1] + digits[7:5:-1] + digits[8:]


def fields(*rows):
    """rows: (tag, bytes | str | bool | list of bytes)"""
    out = b""
    for tag, value in rows:
        if isinstance(value, bool):
            value = bytes([value])
        if isinstance(value, str):
            value = value.encode()
        for item in value if isinstance(value, list) else [value]:
            out += struct.pack("<HH", tag, len(item)) + item
    return out


def parse(payload):
    out, at = {}, 0
    while at < len(payload):
        tag, size = struct.unpack_from("<HH", payload, at)
        out[tag] = payload[at + 4:at + 4 + size]
        at += 4 + size
    return out


def frame(kind, op, ident, payload):
    head = MAGIC + struct.pack("<BBHIII", 1, kind, op, ident, len(payload), zlib.crc32(payload))
    return head + struct.pack("<I", zlib.crc32(head)) + payload


class Refusal(Exception):
    def __init__(self, number, text):
        self.payload = fields((1, u32(number)), (2, text))


class FakeAgent:
    """Answers on `path`. `handlers`: op name -> function(fields of the request) -> payload; may raise Refusal.
    A handler that returns None answers nothing. Every request is kept in `log`."""

    def __init__(self, path, handlers, boot="00000000-0000-0000-0000-000000000001"):
        self.handlers = dict(handlers)
        self.boot = boot
        self.log = []
        self.settings = {}
        self.event_id = None
        self.connection = None
        self.lock = threading.Lock()
        self.subscribed = threading.Event()
        if os.path.exists(path):
            os.unlink(path)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        os.chmod(path, 0o666)
        self.listener.listen(4)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connection = connection
            try:
                self.converse(connection)
            except OSError:
                pass
            self.subscribed.clear()
            connection.close()

    def receive(self, connection, size):
        data = b""
        while len(data) < size:
            piece = connection.recv(size - len(data))
            if not piece:
                raise ConnectionError
            data += piece
        return data

    def converse(self, connection):
        while True:
            head = self.receive(connection, 24)
            assert head[:4] == MAGIC and zlib.crc32(head[:20]) == struct.unpack_from("<I", head, 20)[0]
            _, kind, op, ident, size, crc = struct.unpack_from("<BBHIII", head, 4)
            payload = self.receive(connection, size)
            assert kind == REQUEST and zlib.crc32(payload) == crc
            self.answer(op, ident, parse(payload))

    def answer(self, op, ident, request):
        name = NAMES[op]
        self.log.append((name, request))
        if name == "events":
            self.event_id = ident
        try:
            payload = self.handlers.get(name, getattr(self, "on_" + name.replace("-", "_"), lambda _: b""))(request)
        except Refusal as refusal:
            self.send(frame(ERROR, op, ident, refusal.payload))
            return
        if payload is not None:
            self.send(frame(REPLY, op, ident, payload))
        if name == "events":
            self.subscribed.set()

    def send(self, data):
        with self.lock:
            self.connection.sendall(data)

    def on_hello(self, _):
        return fields((1, u32(1)), (2, "fake-agent 1"), (3, "dev"), (4, guid(self.boot)), (5, u64(5000)),
                      (6, "native"), (7, "mt3620"), (8, "x86-64"), (9, "6.18.0"), (10, u64(262144)),
                      (11, u64(1048576)), (12, u64(65536)), (13, u32(4096)))

    def on_setting_get(self, request):
        value = self.settings.get(request[1])
        return b"" if value is None else fields((1, True), (2, value))

    def on_setting_put(self, request):
        self.settings[request[1]] = request[2]
        return b""

    def on_setting_delete(self, request):
        return fields((1, self.settings.pop(request[1], None) is not None))

    def event(self, seq, kind, *more):
        self.send(frame(EVENT, OPS["events"], self.event_id,
                        fields((1, u64(seq)), (2, u64(1000 + seq)), (3, u64(7)), (4, u32(kind)), *more)))

    def die(self):
        """As by SIGKILL: the connection and the listener are gone."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        if self.connection:
            try:
                self.connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.thread.join(5)
