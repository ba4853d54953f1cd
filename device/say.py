"""Progress and failures of `make device`: a line a step on the terminal, one sentence when it ends early."""
import sys


class Failure(Exception):
    """One sentence that says what to do; the program prints it and ends with status 1."""


def say(text):
    """For people who wait: on stderr, so that output stays usable in scripts."""
    print(f"device: {text}", file=sys.stderr, flush=True)


class Progress:
    """A line that is rewritten in place on a terminal; elsewhere (a log) one in EVERY is printed, or none."""

    def __init__(self, every=0):
        self.every, self.shown = every, 0
        self.is_terminal = sys.stderr.isatty()

    def show(self, text):
        self.shown += 1
        if self.is_terminal:
            print(f"\rdevice: {text}\033[K", end="", file=sys.stderr, flush=True)
        elif self.every and self.shown % self.every == 0:
            say(text)

    def end(self):
        if self.is_terminal and self.shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
