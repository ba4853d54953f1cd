"""Running the tools: output to a log, interruption and a full disk told apart from a failure."""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import threading

from say import Failure, Progress

LEAST_FREE = 8 << 20  # bytes; with less than this a failed tool most likely met a full disk
ERROR = re.compile(r"(error|ERROR|fatal|failed|FAILED):|\*\*\*|^E: |FAILED at|No space left")


def full_disk(where):
    """The sentence of a full disk. WHERE is a path on it."""
    free = shutil.disk_usage(where).free >> 20
    return Failure(f"the disk of {where} has too little room ({free} MB free; a first run needs 700 MB in the cache and 100 MB in build): "
                   "free some, or name another folder for the cache with SPHERULE_CACHE, and start again; what is done is kept")


def is_full(where, text=""):
    return "No space left on device" in text or shutil.disk_usage(where).free < LEAST_FREE


class Tool:
    """A running program, in a session of its own: an interrupt reaches it and its children through stop()."""

    def __init__(self, command, cwd=None, env=None):
        self.process = subprocess.Popen([str(word) for word in command], cwd=cwd, env=env, text=True, errors="replace",
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        start_new_session=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:  # it cleans up after itself, and nothing may work on unseen
            os.killpg(self.process.pid, signal.SIGINT)
            self.process.wait()
        self.process.stdout.close()


def capture(command, cwd=None):
    """Status and output."""
    with Tool(command, cwd) as tool:
        text = tool.process.stdout.read()
        return tool.process.wait(), text


def run(command, log, what, cwd=None, env=None, on_line=None):
    """Runs the command with its output in the log; a failure is one sentence with WHAT and the lines that tell why."""
    last, errors = [], []
    with open(log, "a", encoding="utf-8", errors="replace") as out, Tool(command, cwd, env) as tool:
        for line in tool.process.stdout:
            out.write(line)
            last = [*last[-7:], line]
            if len(errors) < 4 and ERROR.search(line):
                errors.append(line)
            if on_line:
                on_line(line)
        status = tool.process.wait()
    if status != 0:
        text = "".join(errors or last).rstrip()
        place = pathlib.Path(log).parent
        if is_full(place, text):
            raise full_disk(place)
        raise Failure(f"{what} failed; the whole output is in {log}, which says:\n{text}")


class Growing:
    """Shows how large a folder's files are while something fills them."""

    def __init__(self, folder, what, total_bytes):
        self.folder, self.what, self.total_mb = folder, what, total_bytes / 1e6
        self.progress, self.is_over = Progress(), threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)

    def watch(self):
        while not self.is_over.wait(0.5):
            size = sum(path.stat().st_size for path in self.folder.iterdir())
            self.progress.show(f"{self.what}: {size / 1e6:.1f} of {self.total_mb:.1f} MB")

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join()
        self.progress.end()
