#!/usr/bin/env python3
"""A stand-in for qemu-system-arm: what it was given is in qemu.json, its sockets are there, an agent answers.

$FAKE_QEMU holds words: "refuse" (ends at once, with a sentence), "mute" (ends at once, without), "deaf" (its control
socket greets and hears nothing any more), "silent" (nobody reads the agent's port), "busy" (the first port that it is
to forward is taken). Lines sent to the datagram socket fake.sock: "event SEQ KIND", "half" (half a frame; the other half comes to the next client), "anew" (the
agent has started anew)."""
import json
import os
import socket
import struct
import sys
import threading

from fake_agent import ERROR, EVENT, OPS, FakeAgent, fields, frame, guid, u32, u64

APP = "2f074b0f-d99d-4692-82d9-ef93a7d6463c"
WORDS = os.environ.get("FAKE_QEMU", "").split()
BOOT = f"00000000-0000-0000-0000-{os.getpid():012x}"
state = {"app": 1, "busy": "busy" in WORDS}


def note(name, line):
    with open(name, "a", encoding="ascii") as file:
        file.write(line + "\n")


def target_of(number):
    try:
        return os.readlink(f"/proc/self/fd/{number}")
    except OSError:
        return None


def describe():
    places = {name: target_of(name) for name in os.listdir("/proc/self/fd")}
    with open("/proc/self/comm", encoding="ascii") as comm:
        about = {"argv": sys.argv, "cwd": os.getcwd(), "sid": os.getsid(0), "pid": os.getpid(), "comm": comm.read(),
                 "fds": {name: place for name, place in places.items() if place}}
    with open("/proc/self/status", encoding="ascii") as status:
        about["status"] = status.read()
    with open("qemu.json.new", "w", encoding="ascii") as file:
        json.dump(about, file)
    os.rename("qemu.json.new", "qemu.json")


def control(request):
    state["app"] = {1: 2, 2: 1, 3: 3}[struct.unpack("<I", request[2])[0]]
    ports = ((3, u32(2345)),) if state["app"] == 3 else ()
    return fields((1, u32(state["app"])), (2, u32(42)), *ports)


def app_list(_):
    row = fields((1, guid(APP)), (2, guid(APP)), (3, "blink"), (4, u32(10)), (5, u32(state["app"])))
    return fields((1, [row]), (3, u64(16384)), (4, u64(1048576)))


def hello(request):
    note("hello.log", str(struct.unpack("<Q", request[4])[0] if 4 in request else 0))
    state["agent"].send(state.pop("rest", b""))
    return fields((1, u32(1)), (2, "fake-agent 1"), (3, "dev"), (4, guid(BOOT)), (5, u64(5000)), (6, "virtual"),
                  (7, "mt3620"), (8, "cortex-a7"), (9, "6.1.0"), (10, u64(262144)), (11, u64(1048576)),
                  (12, u64(65536)), (13, u32(4096)))


HANDLERS = {"status": lambda _: fields((1, u64(634999)), (2, "23.05")), "app-control": control, "app-list": app_list,
            "hello": hello, "memory": lambda _: None}


def answer_command(line):
    note("commands.log", line)
    if state["busy"] and line.startswith("hostfwd_add"):
        state["busy"] = False
        return "Could not set up host forwarding rule\r\n"
    return ""


def serve_control():
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("machine.sock")
    listener.listen(1)
    while True:
        client, _ = listener.accept()
        try:
            client.sendall(b'{"QMP": {"version": {"qemu": {"major": 7}}, "capabilities": []}}\r\n')
            for line in client.makefile() if "deaf" not in WORDS else iter(threading.Event().wait, True):
                request = json.loads(line)
                is_command = request["execute"] == "human-monitor-command"
                said = answer_command(request["arguments"]["command-line"]) if is_command else {}
                client.sendall(json.dumps({"return": said}).encode() + b"\r\n")
        except OSError:
            pass
        client.close()


def obey():
    agent = state["agent"]
    orders = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    orders.bind("fake.sock")
    while True:
        word, *more = orders.recv(100).decode().split()
        if word == "event":
            agent.event(int(more[0]), int(more[1]), (5, guid(APP)))
        elif word == "half":
            whole = frame(EVENT, OPS["events"], agent.event_id, fields((9, b"x" * 1000)))
            agent.send(whole[:500])
            state["rest"] = whole[500:]
        elif word == "anew":
            agent.send(frame(ERROR, OPS["hello"], 0, fields((1, u32(16)), (2, "started anew"))))
        note("orders.log", word)


def main():
    if "mute" in WORDS:
        sys.exit(1)
    if "refuse" in WORDS:
        print("qemu-system-arm: warning: old\nqemu-system-arm: -sandbox on: seccomp support is disabled", file=sys.stderr)
        sys.exit(1)
    if os.path.exists("fake.sock"):
        os.unlink("fake.sock")
    describe()
    if "silent" in WORDS:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind("agent.sock")
        listener.listen(1)
    else:
        state["agent"] = FakeAgent("agent.sock", HANDLERS, BOOT)
        threading.Thread(target=obey, daemon=True).start()
    serve_control()


main()
