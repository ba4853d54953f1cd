#!/usr/bin/env python3
"""Runs sdk/tests/api-check on a real device, by `spherule run`: every documented call, with and without leave.

usage: api_test.py BUILD      exit status 77: this machine cannot run apps natively
"""
import os
import pathlib
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parent / "api-check"
BUILD = pathlib.Path(sys.argv[1]).resolve()
CANNOT_METER = 125  # of `spherule run`, as for every failure before the app runs: its sentence tells which


def main():
    if os.geteuid() != 0:
        print("skipped: metering needs root")
        return 77
    with tempfile.TemporaryDirectory(prefix="spherule-api-") as scratch:
        os.chmod(scratch, 0o755)  # the gateway of plain root runs as nobody
        environment = {**os.environ, "SPHERULE_HOME": f"{scratch}/home",
                       "AzureSphereDefaultSDKDir": str(BUILD / "lib/spherule/sdk")}
        for command in (["cmake", "--preset", "debug", "-B", f"{scratch}/out"], ["cmake", "--build", f"{scratch}/out"]):
            built = subprocess.run(command, cwd=SOURCE, env=environment, text=True, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, check=False)
            if built.returncode != 0:
                print(built.stdout)
                return 1
        failed = 0
        for name in ("granted", "refused"):
            done = subprocess.run([str(BUILD / "bin/spherule"), "run", f"{scratch}/out/{name}.imagepackage"], text=True,
                                  env=environment, capture_output=True, timeout=60, check=False)
            text = done.stdout + done.stderr
            if done.returncode == CANNOT_METER and "6.2" in text:
                print("skipped:", text.strip())
                return 77
            is_good = done.returncode == 0 and "0 failures" in text and "failed:" not in text
            print(f"{name}: {'passed' if is_good else f'status {done.returncode}: {text}'}")
            failed += not is_good
        return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
