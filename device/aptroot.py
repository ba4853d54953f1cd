"""Debian packages of another architecture without telling the machine's dpkg: an apt root of its own in the cache.

The package servers are the machine's own: every source of it that has this release's main suite. The updates and security
suites are left out: they are not needed, and not every mirror has them whole for armhf.
"""
import pathlib
import re
import shutil

from run import Growing, capture, full_disk, is_full
from say import Failure, say

SOURCES = pathlib.Path("/etc/apt")
DROPPED = ("Types", "Suites", "Components", "Architectures", "Enabled")


def release_name():
    """The codename of this machine's Debian, such as bookworm."""
    match = re.search(r'(?m)^VERSION_CODENAME="?([a-z]+)', pathlib.Path("/etc/os-release").read_text(encoding="utf-8"))
    if not match:
        raise Failure("/etc/os-release names no Debian release; make device needs Debian 12 or a relative of it")
    return match.group(1)


def parse_stanzas(text):
    """The stanzas of a deb822 file as dictionaries; a continued value keeps its line breaks."""
    for block in re.split(r"\n\s*\n", text):
        stanza, last = {}, None
        for line in block.splitlines():
            if line.startswith("#"):
                continue
            if line[:1] in (" ", "\t") and last:
                stanza[last] += "\n" + line
            elif ":" in line:
                last, value = line.split(":", 1)
                stanza[last] = value.strip()
        if stanza:
            yield stanza


def parse_lines(text):
    """The one-line entries of a sources.list, as the stanzas that they stand for."""
    names = {"signed-by": "Signed-By", "trusted": "Trusted", "check-valid-until": "Check-Valid-Until"}
    for line in text.splitlines():
        match = re.match(r"\s*(deb)\s+(?:\[([^]]*)\]\s+)?(\S+)\s+(\S+)\s*([^#]*)", line)
        if match:
            kind, options, uri, suite, components = match.groups()
            stanza = {"Types": kind, "URIs": uri, "Suites": suite, "Components": components.strip()}
            for option in (options or "").split():
                key, _, value = option.partition("=")
                if key.lower() in names:
                    stanza[names[key.lower()]] = value
            yield stanza


def main_suite(stanzas, release):
    """Of all stanzas those that have RELEASE's main component, narrowed to it, as one deb822 text for armhf."""
    chosen = []
    for stanza in stanzas:
        if ("deb" not in stanza.get("Types", "").split() or release not in stanza.get("Suites", "").split()
                or "main" not in stanza.get("Components", "").split() or stanza.get("Enabled", "yes").lower() == "no"
                or stanza.get("URIs", "").startswith("cdrom:")):
            continue
        fields = [f"{name}: {value}" for name, value in stanza.items() if name not in DROPPED]
        chosen.append("\n".join(["Types: deb", f"Suites: {release}", "Components: main", "Architectures: armhf", *fields]))
    return "\n\n".join(chosen) + "\n" if chosen else ""


def machine_sources(release):
    stanzas = []
    for path in sorted(SOURCES.glob("sources.list.d/*.sources")):
        stanzas += parse_stanzas(path.read_text(encoding="utf-8", errors="replace"))
    for path in [SOURCES / "sources.list", *sorted(SOURCES.glob("sources.list.d/*.list"))]:
        if path.is_file():
            stanzas += parse_lines(path.read_text(encoding="utf-8", errors="replace"))
    text = main_suite(stanzas, release)
    if not text:
        raise Failure(f"this machine's apt has no source with the suite {release}, component main: add one to "
                      f"{SOURCES}/sources.list, as Debian's installer would have")
    return text


class Root:
    """An apt root in a folder, for armhf, that has nothing installed."""

    def __init__(self, folder):
        self.folder, self.is_updated, self.updated, self.sizes = folder, False, "", {}
        self.conf = folder / "apt.conf"

    def make(self):
        folder = self.folder
        for name in ("lists/partial", "cache/archives/partial"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "status").write_text("")
        (folder / "main.sources").write_text(machine_sources(release_name()))
        self.conf.write_text(
            'APT::Architecture "armhf";\n#clear APT::Architectures;\nAPT::Architectures { "armhf"; };\n'
            'APT::Default-Release "";\nAPT::Sandbox::User "root";\nAcquire::Languages "none";\n'
            f'Dir::State "{folder}";\nDir::State::lists "{folder}/lists";\nDir::State::status "{folder}/status";\n'
            f'Dir::Cache "{folder}/cache";\nDir::Etc::sourcelist "{folder}/main.sources";\nDir::Etc::sourceparts "/dev/null";\n'
            'Dir::Etc::preferences "/dev/null";\nDir::Etc::preferencesparts "/dev/null";\n')

    def run(self, *command, cwd=None):
        return capture([command[0], "-c", self.conf, *command[1:]], cwd)

    def fail(self, what, text):
        if is_full(self.folder, text):
            raise full_disk(self.folder)
        raise Failure(f"apt could not {what}:\n" + "\n".join(text.strip().splitlines()[-8:])
                      + "\ndevice: check the network and the machine's apt sources, and start again; what is there is kept")

    def update(self):
        """Asks the servers, once a run."""
        if not self.is_updated:
            self.make()
            say("asking apt which armhf packages there are (9 MB)")
            self.updated = self.run("apt-get", "-q", "update")[1]
            self.is_updated = True

    def versions(self, packages):
        """Package -> version that the servers have now."""
        self.update()
        shown = self.run("apt-cache", "show", "--no-all-versions", *packages)[1]
        found, self.sizes = {}, {}
        for stanza in parse_stanzas(shown):
            if "Version" in stanza:
                found[stanza["Package"]] = stanza["Version"]
                self.sizes[stanza["Package"]] = int(stanza["Size"])
        missing = [name for name in packages if name not in found]
        if missing:
            self.fail(f"find {' '.join(missing)} for armhf", self.updated + shown)
        return found

    def download(self, versions, where):
        """Gets the packages that WHERE lacks, and what a torn file lacks; apt checks each against the signed lists."""
        where.mkdir(parents=True, exist_ok=True)
        patterns = {name: f"{name}_{version.replace(':', '%3a')}_*.deb" for name, version in versions.items()}
        there = [name for name, pattern in patterns.items()
                 if any(file.stat().st_size == self.sizes[name] for file in where.glob(pattern))]
        total = sum(self.sizes[name] for name in versions)
        what = f"downloading {next(iter(versions)) if len(versions) == 1 else f'{len(versions)} armhf packages'}"
        if len(there) < len(versions):
            say(f"{what} ({total / 1e6:.0f} MB)")
        with Growing(where, what, total):
            status, text = self.run("apt-get", "-q", "download", *(f"{name}={versions[name]}" for name in versions), cwd=where)
        if status != 0:
            self.fail(f"download {' '.join(versions)}", text)
        return [next(where.glob(pattern)) for pattern in patterns.values()]

    def remove(self):
        """The root is of no use once everything is there, and its lists are 18 MB."""
        shutil.rmtree(self.folder, ignore_errors=True)
