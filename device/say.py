"""Progress and failures of `make device`: a line a step on the terminal, one sentence when it ends early."""
import sys


class Failure(Exception):
    """One sentence that says what to do; the program prints it and ends with status 1."""


def say(text):
    """For people who wait: on stderr, so that output stays usable in scripts."""
    print(f"device: {text}", file=sys.stderr, flush=True)


class Counter:
    """A line that counts: rewritten in place on a terminal, every 100 elsewhere (a log)."""

    def __init__(self, text, total):
        self.text, self.total, self.count = text, total, 0
        self.is_terminal = sys.stderr.isatty()

    def add(self):
        self.count += 1
        line = f"device: {self.text} {self.count} of about {max(self.total, self.count)}"
        if self.is_terminal:
            print(f"\r{line}\033[K", end="", file=sys.stderr, flush=True)
        elif self.count % 100 == 0:
            print(line, file=sys.stderr, flush=True)

    def end(self):
        if self.is_terminal and self.count:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
