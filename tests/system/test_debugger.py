"""A real debugger: gdbserver inside the device, gdb on the host."""
import os
import re
import shutil
import subprocess
import unittest

from device import (APPS_BUILD, LEAK_ADD, LEAK_DELETE, PAGE, RATION, Device, main, only, pack, read_text, sample_id,
                    wait_for)

PROBE = "00000000-1111-2222-3333-444444444444"
LEAK = sample_id("leak")


def is_listening(port):
    return any(line.split()[1:4:2] == [f"0100007F:{port:04X}", "0A"]
               for line in read_text("/proc/net/tcp").splitlines()[1:])


@only("virtual", "natively there is no debug server to install")
class Debugger(unittest.TestCase):
    def setUp(self):
        if not shutil.which("gdb-multiarch"):
            raise unittest.SkipTest("gdb-multiarch is not installed")
        self.device = self.enterContext(Device())

    def start(self, component):
        """Starts it under the debug server; the port for gdb."""
        answer = self.device.run("device", "app", "start", "--debug-mode", "--component-id", component)
        self.assertEqual(answer.status, 0, answer)
        match = re.search(r"target remote (?:127\.0\.0\.1|localhost):(\d+)", answer.out + answer.err)
        self.assertTrue(match, answer)
        return int(match.group(1))

    def gdb(self, port, program, *commands, timeout=60):
        words = ["gdb-multiarch", "-nx", "-batch", "-ex", "set pagination off", "-ex", "set confirm off",
                 "-ex", "set auto-load off", "-ex", "set sysroot /nonexistent",
                 "-ex", f"target remote 127.0.0.1:{port}"]
        for command in commands:
            words += ["-ex", command]
        outcome = subprocess.run([*words, program], capture_output=True, text=True, timeout=timeout, check=False,
                                 stdin=subprocess.DEVNULL)
        return outcome.stdout + outcome.stderr

    def leak_program(self):
        path = os.path.join(APPS_BUILD, "samples", "work", "leak", "leak.out")
        self.assertTrue(os.path.exists(path), path)
        return path

    def test_breakpoint_backtrace_continue(self):
        self.device.deploy_sample("leak", "--manual-start")
        port = self.start(LEAK)
        self.assertEqual(self.device.state(LEAK), "debugging")
        text = self.gdb(port, self.leak_program(), "break main", "continue", "backtrace", "info registers pc", "kill")
        self.assertRegex(text, r"Breakpoint 1, .*main")
        self.assertRegex(text, r"#0 .*main")
        self.device.wait_state(LEAK, "stopped")
        self.device.ok("device", "app", "start", "--component-id", LEAK)  # and without it as before
        self.device.wait_log("Button 1 adds a node")

    def test_ration_kill(self):
        """gdb sees the child's SIGKILL; the server's pages are in User and not against the limit."""
        self.device.deploy(pack(self.device, PROBE, ["count"]), "--manual-start")
        place = self.device.log_end()
        port = self.start(PROBE)
        self.assertGreater(self.device.stats()[1], RATION // 4)  # it holds a glibc program's pages
        text = self.gdb(port, os.path.join(APPS_BUILD, "tests", "system", "probe-musl"), "continue")
        self.assertIn("Program terminated with signal SIGKILL", text)
        report = self.device.kill(self.device.wait_kills(1)[0]["id"])
        self.assertEqual(report["why"], "ration")
        _, _, data = self.device.request("GET", f"/spherule/v1/log?cursor={place}")
        begin = int(re.search(r"pages (\d+)", data.decode()).group(1))
        dots = re.findall(r"(?:^|: )(\.+)$", data.decode(), re.MULTILINE)
        self.assertEqual(begin + sum(map(len, dots)), RATION // PAGE)

    def test_exit_status(self):
        self.device.deploy(pack(self.device, PROBE, ["exit", "7"]), "--manual-start")
        text = self.gdb(self.start(PROBE), os.path.join(APPS_BUILD, "tests", "system", "probe-musl"), "continue")
        self.assertIn("exited with code 07", text)
        self.device.wait_state(PROBE, "stopped")

    def test_stop_while_debugging(self):
        self.device.deploy_sample("leak", "--manual-start")
        port = self.start(LEAK)
        status = self.device.get(f"/app/status/{LEAK}")
        self.assertEqual(status, {"state": "debugging", "gdbPort": port})
        self.device.ok("device", "app", "stop")
        self.assertEqual(self.device.state(LEAK), "stopped")
        self.assertEqual(self.device.stats()[1], 0)
        wait_for(lambda: not is_listening(port), what="the end of the forward")
        port = self.start(LEAK)
        self.assertTrue(is_listening(port))
        self.device.set_pin(LEAK_ADD, 1)
        self.device.set_pin(LEAK_DELETE, 1)


if __name__ == "__main__":
    main()
