"""Mean clients of HTTPS: five hundred at a time, each connecting again when it is sent away, while two honest ones
work: one that keeps its connection and one that makes a new one for each request. Both must be served throughout, and
what the gateway holds must stay bounded. How long it took is printed, not judged; a request that hangs fails."""
import asyncio
import http.client
import json
import multiprocessing
import os
import socket
import ssl
import statistics
import threading
import time
import unittest

from device import Device, main, read_text, wait_for

MEAN = 500
SECONDS = 4.0
HANGS = 20  # seconds: nobody honest waits that long
RESIDENT_MAX = 24 * 1024  # KiB of the gateway, whatever comes
STATISTICS = "/stats/memory/groups/applications"


# --- the mean ones: a process of their own, so that they do not slow the honest ones down by Python's lock -----------


def tls():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def until_the_end(reader):
    try:
        while await reader.read(4096):
            pass
    except OSError:
        pass


async def drip(reader, writer, data, seconds=0.2):
    """A byte now and then, until nobody takes them."""
    end = asyncio.ensure_future(until_the_end(reader))
    try:
        while not end.done():
            writer.write(data)
            await writer.drain()
            await asyncio.sleep(seconds)
    finally:
        end.cancel()


async def silent(reader, _writer, _token):
    await until_the_end(reader)


async def half_hello(reader, writer, _token):
    writer.write(bytes.fromhex("16030100c8010000c40303") + os.urandom(20))
    await until_the_end(reader)


async def slow_hello(reader, writer, _token):
    writer.write(bytes.fromhex("16030140000100400003030000"))
    await drip(reader, writer, b"\0")


async def plain_http(reader, writer, _token):
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await until_the_end(reader)


async def half_closed(reader, writer, _token):
    writer.write_eof()
    await until_the_end(reader)


async def slow_headers(reader, writer, _token):
    writer.write(b"GET /status HTTP/1.1\r\n")
    await drip(reader, writer, b"X")


async def huge_headers(reader, writer, _token):
    writer.write(b"GET /status HTTP/1.1\r\n")
    await drip(reader, writer, b"X-Header: " + b"x" * 65536 + b"\r\n", 0)


async def slow_body_of_a_stranger(reader, writer, _token):
    writer.write(b"PUT /update/stage HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n")
    await drip(reader, writer, b"X")


async def slow_body(reader, writer, token):
    writer.write(b"POST /update/install HTTP/1.1\r\nHost: x\r\nContent-Length: 8000\r\n" + token + b"\r\n")
    await drip(reader, writer, b" ")


async def reads_nothing(reader, writer, token):
    writer.transport.pause_reading()
    writer.write((b"GET /spherule/v1/apps HTTP/1.1\r\nHost: x\r\n" + token + b"\r\n") * 200)
    await asyncio.sleep(SECONDS)
    del reader


KINDS = {  # by name: what it does, and whether it speaks TLS
    "silent": (silent, False), "half a hello": (half_hello, False), "slow hello": (slow_hello, False),
    "plain HTTP": (plain_http, False), "half closed": (half_closed, False), "slow headers": (slow_headers, True),
    "huge headers": (huge_headers, True), "slow body, no token": (slow_body_of_a_stranger, True),
    "slow body": (slow_body, True), "reads nothing": (reads_nothing, True),
}


async def mean_one(kind, address, token, counts):
    act, is_tls = KINDS[kind]
    while True:
        writer = None
        try:
            reader, writer = await asyncio.open_connection(*address, ssl=tls() if is_tls else None)
            counts[0] += 1
            await act(reader, writer, token)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            if writer:
                writer.transport.abort()
        await asyncio.sleep(0.01)


def be_mean(kind, address, token, connects, stop):
    async def run():
        counts = [0]
        tasks = [asyncio.ensure_future(mean_one(kind, address, token, counts)) for _ in range(MEAN)]
        while not stop.is_set():
            await asyncio.sleep(0.05)
            connects.value = counts[0]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    asyncio.run(run())


# --- the honest ones --------------------------------------------------------------------------------------------------


class Honest(threading.Thread):
    """Polls memory statistics until it is told to end; `times` are seconds of each answer."""

    def __init__(self, test, keeps):
        super().__init__()
        self.test, self.keeps = test, keeps
        self.times, self.trouble, self.ends = [], None, threading.Event()

    def ask(self, connection):
        start = time.monotonic()
        connection.request("GET", STATISTICS, headers=self.test.headers)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200 or "memoryStats" not in json.loads(body):
            raise AssertionError(f"{answer.status} {body!r}")
        return time.monotonic() - start

    def run(self):
        connection = None
        try:
            while not self.ends.is_set():
                start = time.monotonic()
                if not connection or not self.keeps:
                    connection = self.test.connection()
                    connection.connect()
                self.ask(connection)
                self.times.append(time.monotonic() - start)
                if not self.keeps:
                    connection.close()
                time.sleep(0.02)
        except Exception as error:  # for the test to show
            self.trouble = f"after {len(self.times)} answers: {error!r}"
        finally:
            if connection:
                connection.close()


class MeanClients(unittest.TestCase):
    def connection(self):
        return http.client.HTTPSConnection(*self.address, timeout=HANGS, context=self.context)

    def listen(self, device, trusted):
        status, _, body = device.request("POST", "/spherule/v1/listen",
                                         json.dumps({"address": "127.0.0.1:0", "trusted": trusted}),
                                         {"Content-Type": "application/json"})
        self.assertEqual(status, 200, body)
        state = json.loads(body)
        host, _, port = state["address"].rpartition(":")
        self.address = host, int(port)
        self.token = f"Authorization: Bearer {state['token']}\r\n".encode()
        self.headers = {"Authorization": f"Bearer {state['token']}"}
        _, _, pem = device.request("GET", "/spherule/v1/listen/ca")
        self.context = ssl.create_default_context(cadata=pem.decode())

    @staticmethod
    def resident(pid, field="VmRSS"):
        return int(next(line for line in read_text(f"/proc/{pid}/status").splitlines()
                        if line.startswith(field)).split()[1])

    @staticmethod
    def descriptors(pid):
        return len(os.listdir(f"/proc/{pid}/fd"))

    def check(self, device, kind, token):
        pid = device.gateway()
        before = self.descriptors(pid)
        connects, stop = multiprocessing.Value("i", 0), multiprocessing.Event()
        mean = multiprocessing.Process(target=be_mean, args=(kind, self.address, token, connects, stop))
        honest = [Honest(self, keeps) for keeps in (True, False)]
        honest[0].start()
        wait_for(lambda: honest[0].times or honest[0].trouble, what="the first answer")
        mean.start()
        try:
            wait_for(lambda: connects.value >= 128, what="mean clients")  # every place has been taken once
            honest[1].start()
            time.sleep(SECONDS)
            for one in honest:
                wait_for(lambda one=one: len(one.times) > 1 or one.trouble, 3 * HANGS, what="two answers")
                one.ends.set()
                one.join(2 * HANGS)
            self.assertTrue(mean.is_alive())
        finally:
            stop.set()
            mean.join(10)
            mean.kill()
            mean.join()
        for one in honest:
            self.assertIsNone(one.trouble, "keeps its connection" if one.keeps else "makes new ones")
        wait_for(lambda: self.descriptors(pid) <= before, what="their places given back")
        shown = [f"{len(one.times)} answers, median {statistics.median(one.times) * 1000:.1f} ms, "
                 f"slowest {max(one.times) * 1000:.0f} ms" for one in honest]
        print(f"{kind} ({connects.value} connections): kept connection: {shown[0]}; new ones: {shown[1]}; "
              f"gateway {self.resident(pid)} KiB", flush=True)

    def run_kinds(self, trusted, kinds):
        with Device() as device:
            self.listen(device, trusted)
            for kind in kinds:
                with self.subTest(kind=kind):
                    # Without a token all are strangers; on a trusted listener nobody needs one.
                    self.check(device, kind, b"" if trusted else self.token)
            pid = device.gateway()
            peak = self.resident(pid, "VmHWM")
            print(f"gateway: peak {peak} KiB", flush=True)
            self.assertLess(peak, RESIDENT_MAX)
            self.assertEqual(device.request("DELETE", "/spherule/v1/listen")[0], 200)
            self.assertEqual(device.get("/spherule/v1/listen"), {"listening": False})

    def test_with_a_token(self):
        self.run_kinds(False, [kind for kind in KINDS if kind not in ("slow body", "reads nothing")])

    def test_trusted(self):
        self.run_kinds(True, ["silent", "slow headers", "slow body", "reads nothing"])

    def test_off_in_the_midst_of_it(self):
        """Every place is taken by a request of which half has come."""
        with Device() as device:
            self.listen(device, False)
            sockets = []
            for _ in range(120):
                one = tls().wrap_socket(socket.create_connection(self.address, HANGS))
                one.sendall(b"POST /update/install HTTP/1.1\r\nHost: x\r\nContent-Length: 8000\r\n" + self.token
                            + b"\r\n{")
                sockets.append(one)
            self.assertEqual(device.request("DELETE", "/spherule/v1/listen")[0], 200)
            for one in sockets:
                with self.assertRaises(OSError):
                    while one.recv(100):
                        pass
                    raise ConnectionResetError  # an orderly end is as good
                one.close()
            self.assertEqual(device.get("/spherule/v1/listen"), {"listening": False})


if __name__ == "__main__":
    main()
