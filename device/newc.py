"""A newc cpio archive, as the kernel unpacks it at start. The same input gives the same bytes: root's files, time 0, sorted."""
import stat

MAGIC = "070701"  # newc, without checksums
ALIGNED = 4


def entry(inode, name, mode, data=b"", device=(0, 0)):
    """One member: a header of 13 hexadecimal numbers, its name, its data, each padded to 4 bytes."""
    links = 2 if stat.S_ISDIR(mode) else 1
    fields = (inode, mode, 0, 0, links, 0, len(data), 0, 0, *device, len(name) + 1, 0)
    head = (MAGIC + "".join(f"{field:08X}" for field in fields)).encode() + name.encode() + b"\0"
    return pad(head) + pad(data)


def pad(data):
    return data + b"\0" * (-len(data) % ALIGNED)


class Archive:
    """Members by path; the folders above a member come by themselves."""

    def __init__(self):
        self.members = {}  # path -> (mode, data, device numbers)

    def add(self, path, mode, data=b"", device=(0, 0)):
        parts = path.strip("/").split("/")
        for count in range(1, len(parts)):
            self.members.setdefault("/".join(parts[:count]), (stat.S_IFDIR | 0o755, b"", (0, 0)))
        self.members["/".join(parts)] = (mode, data, device)

    def folder(self, path, mode=0o755):
        self.add(path, stat.S_IFDIR | mode)

    def file(self, path, data, mode=0o755):
        self.add(path, stat.S_IFREG | mode, data)

    def console(self, path):
        """The character device 5:1, which the kernel opens for init before init can mount anything."""
        self.add(path, stat.S_IFCHR | 0o600, device=(5, 1))

    def bytes(self):
        members = [entry(number, path, *self.members[path]) for number, path in enumerate(sorted(self.members), 1)]
        return b"".join(members) + entry(0, "TRAILER!!!", 0)
