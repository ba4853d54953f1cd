"""What is slow to get and never changes: a folder of entries outside of the tree, named by the hash of what they are made of.

An entry is made in NAME-HASH.part, which stays when the work is interrupted so that the next run goes on there, and gets its
name when it is whole. Its file `checksums` is compared before each use.
"""
import fcntl
import hashlib
import os
import pathlib
import shutil

from say import Failure, say

KEPT = 4  # entries a kind: several work trees share the cache
KEPT_VERSIONS = 16
SUMS = "checksums"


def folder():
    """$SPHERULE_CACHE, or where the user's other caches are."""
    own = os.environ.get("SPHERULE_CACHE")
    if own:
        return pathlib.Path(own).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return pathlib.Path(base).absolute() / "spherule"


def hash_of(*parts):
    """16 hexadecimal digits that differ when any of the texts, bytes or files' contents does."""
    total = hashlib.sha256()
    for part in parts:
        data = part.read_bytes() if isinstance(part, pathlib.Path) else part if isinstance(part, bytes) else str(part).encode()
        total.update(hashlib.sha256(data).digest())
    return total.hexdigest()[:16]


def listing(root):
    """The content of a folder as text: a line a file or link, sorted."""
    lines = []
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root)
        if path.is_symlink():
            lines.append(f"link {os.readlink(path)} {name}\n")
        elif path.is_file() and str(name) != SUMS:
            lines.append(f"{hashlib.sha256(path.read_bytes()).hexdigest()} {name}\n")
    return "".join(lines)


def is_whole(entry):
    try:
        return (entry / SUMS).read_text() == listing(entry)
    except (OSError, UnicodeDecodeError):
        return False


class Lock:
    """Held by one process at a time, until close() or the process ends."""

    def __init__(self, path):
        self.file = open(path, "a", encoding="ascii")  # pylint: disable=consider-using-with
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another make device works in {path.parent}; waiting for it")
            fcntl.flock(self.file, fcntl.LOCK_EX)

    def close(self):
        self.file.close()


class Cache:
    """The open cache; one process at a time works in it."""

    def __init__(self):
        self.root = folder()
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            self.lock = Lock(self.root / "lock")
        except OSError as error:
            raise Failure(f"the cache {self.root} cannot be used ({error.strerror}): name a folder of yours with "
                          "SPHERULE_CACHE") from error

    def find(self, name, key):
        """The whole entry, or None. A broken one is removed with a sentence."""
        entry = self.root / f"{name}-{key}"
        if not entry.exists():
            return None
        if not is_whole(entry):
            say(f"the cache entry {entry} is broken: making it again")
            shutil.rmtree(entry)
            return None
        os.utime(entry)
        return entry

    def versions(self, name, inputs):
        """The file that remembers which package versions NAME was last made of."""
        where = self.root / "versions"
        where.mkdir(exist_ok=True)
        for old in sorted(where.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)[KEPT_VERSIONS:]:
            old.unlink()
        return where / f"{name}-{inputs}"

    def work(self, name, key):
        """Where an entry is made; what an interrupted run left is there. Work on other inputs is dropped."""
        part = self.root / f"{name}-{key}.part"
        for other in self.root.glob(f"{name}-*.part"):
            if other != part:
                shutil.rmtree(other)
        part.mkdir(exist_ok=True)
        return part

    def keep(self, part):
        """Makes PART/out the entry, and removes what else is in PART and the oldest entries of that kind."""
        out, entry = part / "out", part.with_suffix("")
        (out / SUMS).write_text(listing(out))
        os.sync()  # a power cut must not leave a whole name on torn files
        out.rename(entry)
        shutil.rmtree(part)
        os.utime(entry)
        kind = part.name.rsplit("-", 1)[0]
        entries = sorted((path for path in self.root.glob(f"{kind}-*") if path.suffix != ".part"),
                         key=lambda path: path.stat().st_mtime, reverse=True)
        for old in entries[KEPT:]:
            shutil.rmtree(old)
        return entry

    def close(self):
        """Lets the next one in."""
        self.lock.close()
