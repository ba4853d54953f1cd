"""A stand-in for a device's gateway: answers from a table on the device's socket, and remembers what was asked."""
import fcntl
import http.server
import json
import os
import re
import socketserver
import threading


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def address_string(self):
        return "unix"

    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        self.server.requests.append((self.command, self.path, self.headers.get("Content-Type"), body))
        key = (self.command, re.sub(r"&reader=[1-9]\d*$", "", self.path))  # a number that each one chooses
        reply = self.server.answers.get(key)
        if callable(reply):
            reply = reply(self, body)
            if reply is None:
                return
        if reply is None:
            reply = (404, {"error": 15728642, "name": "Http/InvalidRequestUri", "message": "No such path."})
        status, data = reply[0], reply[1]
        headers = reply[2] if len(reply) > 2 else {}
        if isinstance(data, (dict, list)):
            data = json.dumps(data)
        data = data.encode() if isinstance(data, str) else data
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("REST-API-Version", "4.5.0")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = answer

    def stream(self, lines):
        """Sends lines without a length, then closes."""
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Connection", "close")
        self.end_headers()
        for line in lines:
            self.wfile.write((json.dumps(line) if isinstance(line, dict) else line).encode() + b"\n")
            self.wfile.flush()
        self.close_connection = True


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def get_request(self):
        request, _ = super().get_request()
        return request, ("unix", 0)

    def handle_error(self, request, client_address):
        pass  # a client that went away in the middle is part of some tests


class FakeDevice:
    """Serves devices/NAME/rest.sock until closed. `answers`: (method, path) -> (status, body[, headers]) or function."""

    def __init__(self, folder, answers):
        self.path = os.path.join(folder, "rest.sock")
        here = os.getcwd()
        os.chdir(folder)  # the name in a socket's address has 107 bytes
        try:
            self.server = Server("rest.sock", Handler)
        finally:
            os.chdir(here)
        self.server.answers = answers
        self.server.requests = []
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    @property
    def requests(self):
        return self.server.requests

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        os.unlink(self.path)


def hold_pid_file(folder, file, program):
    """Starts a process that goes by the program's name, holds the lock of its pid file and sleeps. Returns its pid."""
    ready, tell = os.pipe()  # closed by exec: the end of file says that the new name is there
    pid = os.fork()
    if pid == 0:
        fd = os.open(os.path.join(folder, file), os.O_RDWR | os.O_CREAT, 0o644)
        fcntl.flock(fd, fcntl.LOCK_EX)
        os.ftruncate(fd, 0)
        os.write(fd, b"%d\n" % os.getpid())
        os.set_inheritable(fd, True)
        os.execv("/bin/sleep", [program, "600"])
    os.close(tell)
    os.read(ready, 1)
    os.close(ready)
    return pid
