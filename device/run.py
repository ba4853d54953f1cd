"""Running the tools: output to a log, interruption and a full disk told apart from a failure."""
import pathlib
import re
import shutil
import signal
import subprocess

from say import Failure

ERROR = re.compile(r"(error|ERROR|fatal|failed|FAILED):|\*\*\*|^E: |Hunk.*FAILED|No space left")
LEAST_FREE = 16 << 20  # bytes; with less than this a failed tool most likely met a full disk


def full_disk(where):
    """The sentence of a full disk. WHERE is a path on it."""
    free = shutil.disk_usage(where).free >> 20
    return Failure(f"the disk of {where} is full ({free} MB free; a first run needs 1 GB for its work): free some, or name "
                   "another folder with SPHERULE_CACHE. What is done is kept, so start again")


def is_full(where, text=""):
    return "No space left on device" in text or shutil.disk_usage(where).free < LEAST_FREE


def existing(path):
    """The path or the nearest folder above it that exists."""
    path = pathlib.Path(path)
    while not path.exists():
        path = path.parent
    return path


def run(command, log, what, cwd=None, env=None, on_line=None):
    """Runs the command; a failure is one sentence with WHAT, the end of the log and its place."""
    with open(log, "a", encoding="utf-8", errors="replace") as out:
        process = subprocess.Popen([str(word) for word in command], cwd=cwd, env=env, text=True, errors="replace",
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        last, errors = [], []
        try:
            for line in process.stdout:
                out.write(line)
                last = [*last[-7:], line]
                if len(errors) < 4 and ERROR.search(line):
                    errors.append(line)
                if on_line:
                    on_line(line)
            status = process.wait()
        except BaseException:  # an interrupt: the tool cleans up after itself, and nothing may work on unseen
            process.send_signal(signal.SIGINT)
            process.wait()
            raise
        finally:
            process.stdout.close()
    if status != 0:
        text = "".join(errors or last)
        place = existing(cwd or log)
        if is_full(place, text):
            raise full_disk(place)
        raise Failure(f"{what} failed; the whole output is in {log}, which says:\n{text.rstrip()}")
