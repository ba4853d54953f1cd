"""A stand-in for the gateway of a virtual device, started by the launcher under the name spheruled: it holds its pid
file, starts a machine that only sleeps, tells on --ready-fd that it is ready, and answers from a table.

$FAKE_SPHERULED says how: "ok"; "refuses" (a sentence instead of "ok", after its machine was started); "silent" (ends
without a word); "deaf" (never connected to its agent, whose machine runs); "dies" (the machine ends at once); "hangs"
(not ready, ever). What was asked is added to the file "requests" beside this one.
"""
import fcntl
import json
import os
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fake_device import FakeDevice, hold_pid_file  # noqa: E402

HOW = os.environ.get("FAKE_SPHERULED", "ok")
ID = "/spherule/v1/apps/"


class Gateway:
    def __init__(self, folder):
        self.folder = folder
        self.machine = None
        self.run = threading.Event()

    def machine_runs(self):
        if self.machine and os.waitpid(self.machine, os.WNOHANG)[0]:
            self.machine = None
        return self.machine is not None

    def start_machine(self):
        self.machine = hold_pid_file(self.folder, "machine.pid", "qemu-system-arm")

    def state(self, _, __):
        runs = self.machine_runs()
        state = {"connected": runs and HOW != "deaf", "machineRuns": runs}
        if not runs:
            state["message"] = "the machine ended: no kernel"
        return 200, state

    def start(self, _, __):
        started = not self.machine_runs()
        if started:
            self.start_machine()
        return 200, {"started": started}

    def stop(self, _, __):
        if self.machine_runs():
            os.kill(self.machine, signal.SIGKILL)
        threading.Timer(0.1, os._exit, (0,)).start()
        return 200, {"stopping": True}

    def started(self, handler, _):
        self.run.set()
        return 200, {"state": "running"}

    def events(self, handler, _):
        """One line of output and the end, once the application was started."""
        handler.close_connection = True
        handler.send_response(200)
        handler.end_headers()

        def send(**event):
            handler.wfile.write(json.dumps(event).encode() + b"\n")
        send(kind="subscribed", lastSeq=0)
        self.run.wait(10)
        send(seq=1, kind="output", componentId=self.component, stream="stdout", text="hello\n")
        send(seq=2, kind="ended", componentId=self.component, reportId=1)

    def answer(self, key):
        """The table; components are whatever was asked for."""
        method, path = key
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "requests"), "a") as f:
            f.write(f"{method} {path}\n")
        if path.startswith(ID) and path.endswith("/run"):
            self.component = path[len(ID):-len("/run")]
            return self.started
        return {("GET", "/spherule/v1/gateway"): self.state, ("POST", "/spherule/v1/start"): self.start,
                ("POST", "/spherule/v1/stop"): self.stop, ("GET", "/spherule/v1/events?hold=1"): self.events,
                ("GET", "/spherule/v1/kills/1"): (200, {"why": "exit", "exitCode": 7}),
                }.get(key, (200, {}) if method != "GET" else None)


class Table:
    def __init__(self, gateway):
        self.get = gateway.answer


def hold(folder, file):
    fd = os.open(os.path.join(folder, file), os.O_RDWR | os.O_CREAT, 0o644)
    fcntl.flock(fd, fcntl.LOCK_EX)
    os.ftruncate(fd, 0)
    os.write(fd, b"%d\n" % os.getpid())


def main():
    option = dict(zip(sys.argv[1::2], sys.argv[2::2]))
    folder, ready = option["--device"], int(option["--ready-fd"])
    gateway = Gateway(folder)
    hold(folder, "gateway.pid")
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    os.set_inheritable(ready, False)
    if HOW == "silent":
        return
    gateway.start_machine()
    if HOW == "refuses":
        os.write(ready, b"the images are damaged: 'make device' builds them anew\n")
        return
    if HOW == "dies":
        os.kill(gateway.machine, signal.SIGKILL)
    if HOW != "hangs":
        if os.path.exists(os.path.join(folder, "rest.sock")):
            os.unlink(os.path.join(folder, "rest.sock"))  # of one that was killed
        FakeDevice(folder, Table(gateway))
        os.write(ready, b"ok\n")
        os.close(ready)
    time.sleep(60)  # a test that dies leaves nobody behind for long


if __name__ == "__main__":
    main()
