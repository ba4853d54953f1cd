"""Hostile input: whatever is wrong has one sentence and one exit status of its own.

The tables give the whole of standard error. {home}, {dev} and the like stand for what differs from run to run.
"""
import base64
import hashlib
import json
import os
import signal
import unittest

from device import (BACKEND, Device, Home, fixture, main, manifest, only, pack, probe, wait_for)

PROBE = "00000000-1111-2222-3333-444444444444"
NOBODY = "99999999-1111-2222-3333-444444444444"
GUID_HINT = "it looks like 2f074b0f-d99d-4692-82d9-ef93a7d6463c"
NAME_HINT = "use 1 to 32 letters, digits, '.', '_' and '-', beginning with a letter or digit"


class Table(unittest.TestCase):
    """Runs rows of (words, status, sentence): one line on standard error, nothing on standard output."""

    def check(self, home, rows, **names):
        for words, status, sentence in rows:
            with self.subTest(words=words):
                words = [word.format(**names) for word in words.split()] if isinstance(words, str) else words
                result = home.run(*words)
                self.assertEqual(result, (status, "", sentence.format(**names) + "\n"))


class Arguments(Table):
    """Nothing has to run for these."""

    USAGE = (
        # words, sentence after "error: ", command whose help is named in a second line
        ("bogus", "'spherule' has no command 'bogus'; see 'spherule --help'", None),
        ("devise list", "'spherule' has no command 'devise'; did you mean 'device'?", None),
        ("device frobnicate", "'spherule device' has no command 'frobnicate'; see 'spherule device --help'", None),
        ("device lst", "'spherule device' has no command 'lst'; did you mean 'list'?", None),
        ("device app show-memory", "'spherule device app' has no command 'show-memory'; did you mean "
                                   "'show-memory-stats'?", None),
        ("--bogus", "unknown option '--bogus'", None),
        ("--outptu json device list", "unknown option '--outptu'; did you mean '--output'?", None),
        ("-q device list", "unknown option '-q'", None),
        ("--output xml device list", "'xml' is no value for --output; use table, json, jsonc, yaml, tsv or none",
         "device list"),
        ("device list --output", "option '--output' needs a value: FORMAT", "device list"),
        ("device list more", "unexpected argument 'more'", "device list"),
        ("device list --verbose=1", "option '--verbose' takes no value", "device list"),
        ("device sideload deploy", "option '--image-package PATH' is missing", "device sideload deploy"),
        ("device sideload deploy --image-package", "option '--image-package' needs a value: PATH",
         "device sideload deploy"),
        ("device sideload deploy --image x", "option '--image' is the beginning of several options",
         "device sideload deploy"),
        ("device gpio get", "argument PIN is missing", "device gpio get"),
        ("device gpio set 3", "argument LEVEL is missing", "device gpio set"),
        ("device gpio set 3 2", "'2' is no value for LEVEL; use 0 or 1", "device gpio set"),
        ("completion tcsh", "'tcsh' is no value for SHELL; use bash, zsh or fish", "completion"),
        ("image-package pack-application", "option '--package-directory DIR' is missing",
         "image-package pack-application"),
        ("image-package pack-application --package-directory x", "option '--destination FILE' is missing",
         "image-package pack-application"),
    )

    def test_usage(self):
        with Home() as home:
            for words, sentence, command in self.USAGE:
                with self.subTest(words=words):
                    more = f"See 'spherule {command} --help'.\n" if command else ""
                    self.assertEqual(home.run(*words.split()), (2, "", f"error: {sentence}\n{more}"))
            self.assertEqual(os.listdir(home.top), ["tmp"])  # and nothing was made

    def test_group_without_command(self):
        with Home() as home:
            for words in ("", "device", "device app", "device sideload", "device image", "device gpio",
                          "image-package", "trust"):
                with self.subTest(words=words):
                    result = home.run(*words.split())
                    name = f"spherule {words}".strip()
                    self.assertEqual((result.status, result.out), (2, ""))
                    self.assertTrue(result.err.startswith(f"error: '{name}' needs a command\n\n"), result.err)

    def test_help(self):
        """Every command has help, under either name of the program."""
        with Home() as home:
            for words in ("", "run", "device", "device create", "device start", "device app show-memory-stats",
                          "device gpio set", "image-package pack-application", "trust add", "completion", "version"):
                with self.subTest(words=words):
                    text = home.ok(*words.split(), "--help")
                    self.assertTrue(text.startswith("Usage:\n spherule"), text)
            self.assertTrue(home.ok("--help", program="azsphere").startswith("Usage:\n azsphere"))

    def test_run_usage(self):
        """`spherule run` has a status of its own, so that scripts can tell its mistakes from the app's."""
        with Home() as home:
            for words, sentence in (("run", "argument PACKAGE-or-EXECUTABLE is missing"),
                                    ("run --bogus x", "unknown option '--bogus'"),
                                    ("run --ram", "option '--ram' needs a value: SIZE")):
                with self.subTest(words=words):
                    self.assertEqual(home.run(*words.split()),
                                     (125, "", f"error: {sentence}\nSee 'spherule run --help'.\n"))

    VALUES = (
        ("device create a/b", 2, "error: 'a/b' is no name for a device: " + NAME_HINT),
        ("device create ..", 2, "error: '..' is no name for a device: " + NAME_HINT),
        ("device create -- -x", 2, "error: '-x' is no name for a device: " + NAME_HINT),
        ("device create " + "x" * 33, 2, f"error: '{'x' * 33}' is no name for a device: " + NAME_HINT),
        ("device start a/b", 2, "error: 'a/b' is no name for a device"),
        ("device list --device ../..", 0, None),
        ("device create x --ram 1", 2, "error: --ram must be from 16 KiB to 1048576 KiB, not 1 bytes"),
        ("device create x --ram 2G", 2, "error: --ram must be from 16 KiB to 1048576 KiB, not 2147483648 bytes"),
        ("device create x --ram 100000", 2, "error: --ram must be a whole number of pages of 4096 bytes, not 100000 "
                                            "bytes"),
        ("device create x --ram lots", 2, "error: 'lots' is no size for --ram: write bytes, or 256K, or 1M"),
        ("device create x --ram -1", 2, "error: '-1' is no size for --ram: write bytes, or 256K, or 1M"),
        ("device create x --ram 99999999999999999999", 2, "error: '99999999999999999999' is no size for --ram: write "
                                                          "bytes, or 256K, or 1M"),
        ("device create x --flash 4K", 2, "error: --flash must be from 16 KiB to 1048576 KiB, not 4096 bytes"),
        ("device create x --forward 80:80", 2, "error: --forward is for a virtual device: give --virtual, too"),
        ("device create x --virtual --forward 0:80", 2, "error: '0:80' is no forward: write this machine's port and the "
                                                        "device's, each from 1 to 65535, as in 8080:80"),
        ("device delete", 2, "error: say which device to delete"),
        ("device app show-kills x1", 2, "error: 'x1' is no report: give its number, or 'last'"),
        ("device app show-status -i 123", 2, "error: '123' is no component id: " + GUID_HINT),
        ("device gpio get 76", 2, "error: '76' is no pin: they have the numbers 0 to 75"),
        ("device gpio get BUTTON", 2, "error: 'BUTTON' is no pin: they have the numbers 0 to 75"),
        ("device gpio set -- -1 1", 2, "error: '-1' is no pin: they have the numbers 0 to 75"),
        ("device sideload delete -e 1,2", 2, "error: '1' is no component id: " + GUID_HINT),
        (f"device sideload delete -i {NOBODY} -e {NOBODY}", 2, "error: --component-id and --except-component-ids "
                                                               "cannot go together"),
        ("trust remove xyz", 2, "error: 'xyz' is no thumbprint: it has 40 hexadecimal digits"),
        ("device sideload deploy -p {none}", 4, "error: cannot open the image package '{none}': No such file or "
                                                "directory"),
        ("device sideload deploy -p {folder}", 4, "error: the image package '{folder}' is not a file"),
        ("image-package show {none}", 4, "error: cannot open the image package '{none}': No such file or directory"),
        ("trust add", 2, "error: give either a certificate or --sdk-development"),
        ("trust add {text} --sdk-development", 2, "error: give either a certificate or --sdk-development"),
        ("trust add {none}", 4, "error: cannot open the certificate '{none}': No such file or directory"),
        ("trust add {text}", 4, "error: {text}: this is no certificate in PEM form"),
        ("device create x --profile {none}", 4, "error: cannot open the profile '{none}': No such file or directory"),
        ("device create x --profile {text}", 4, "error: {text}: line 1, column 1: expected a value, but found 'h'"),
        ("device start", 6, "error: there is no device; make one with 'spherule device create'"),
        ("device start nobody", 6, "error: there is no device 'nobody'; make it with 'spherule device create nobody'"),
        ("device app show-memory-stats -d nobody", 6, "error: there is no device 'nobody'; make it with 'spherule "
                                                      "device create nobody'"),
    )

    def test_values(self):
        with Home() as home:
            text = os.path.join(home.temp, "text")
            with open(text, "w", encoding="utf-8") as file:
                file.write("hello\n")
            rows = [row for row in self.VALUES if row[2]]
            self.check(home, rows, none="/none/such.file", folder=home.temp, text=text)
            self.assertEqual(home.names(), [])

    PROFILES = (
        ("[]", "line 1, column 1: a profile is a JSON object"),
        ("{", "line 1, column 2: expected a key in double quotes, but found the end of the text"),
        ('{"ramBytes":1}', "line 1, column 13: ramBytes must be from 16 KiB to 1048576 KiB, not 1 bytes"),
        ('{"ramBytes":"many"}', "line 1, column 13: ramBytes: not a whole number"),
        ('{"ramBytes":1.5}', "line 1, column 13: ramBytes: not a whole number"),
        ('{\n "memory":1}', "line 2, column 11: 'memory' is not a key of a profile"),
        ('{"pageBytes":65536}', "line 1, column 14: pageBytes must be from 4 KiB to 4 KiB, not 65536 bytes"),
        ('{"name":7}', "line 1, column 9: name: not a text of at most 31 bytes"),
    )

    def test_profiles(self):
        with Home() as home:
            path = os.path.join(home.temp, "profile.json")
            for text, sentence in self.PROFILES:
                with self.subTest(text=text):
                    with open(path, "w", encoding="utf-8") as file:
                        file.write(text)
                    self.assertEqual(home.run("device", "create", "x", "--profile", path),
                                     (4, "", f"error: {path}: {sentence}\n"))


class Manifests(Table):
    GOOD = json.dumps(manifest(PROBE))
    # text, what follows "error: PATH: "
    ROWS = (
        ("", "line 1, column 1: expected a value, but found the end of the text"),
        ("{", "line 1, column 2: expected a key in double quotes, but found the end of the text"),
        ("[1]", "line 1, column 1: the manifest must be an object"),
        (GOOD.replace('"SchemaVersion": 1, ', ""), "line 1, column 1: SchemaVersion: this key is missing"),
        (GOOD.replace('"SchemaVersion": 1', '"SchemaVersion": 2'), "line 1, column 19: SchemaVersion: this must be 1"),
        (GOOD.replace(PROBE, "1234"), 'line 1, column 54: ComponentId: this must be a GUID like '
                                      '"2f074b0f-d99d-4692-82d9-ef93a7d6463c"'),
        (GOOD.replace("/bin/app", "bin/app"), 'line 1, column 108: EntryPoint: this must be an absolute path in the '
                                              'package, like "/bin/app", of at most 255 bytes'),
        (GOOD.replace("/bin/app", "/bin/../app"), 'line 1, column 108: EntryPoint: this must be an absolute path in '
                                                  'the package, like "/bin/app", of at most 255 bytes'),
        (GOOD.replace('"Capabilities": {}', '"Capabilities": []'), "line 1, column 151: Capabilities: this must be "
                                                                   "an object"),
        (GOOD.replace('"Capabilities": {}', '"Capabilities": {"Gpio": ["$LED"]}'),
         "line 1, column 161: Capabilities.Gpio: '$LED' needs a hardware definition, and none was given"),
        (GOOD.replace('"Capabilities": {}', '"Capabilities": {"MutableStorage": {"SizeKB": 65}}'),
         "line 1, column 181: Capabilities.MutableStorage.SizeKB: 65 KiB is more than the 64 KiB that the device has"),
        (GOOD.replace('"CmdArgs": []', '"CmdArgs": [1]'), "line 1, column 132: CmdArgs[0]: this must be a string "
                                                          "without U+0000"),
        (GOOD.replace('"Default"', '"Other"'), 'line 1, column 174: ApplicationType: this must be "Default", '
                                               '"RealTimeCapable" or "Debugger"'),
        (GOOD.replace('"Name": "Probe"', '"Name": "Probe", "Name": "Probe"'), "line 1, column 39: Name: this key is "
                                                                              "there twice"),
        (GOOD.replace("/bin/app", "/bin/other"), "EntryPoint: the package has no file '/bin/other'"),
        (GOOD.replace("/bin/app", "/bin"), "EntryPoint: '/bin' in the package is not a file"),
    )

    def test_pack(self):
        with Home() as home:
            folder = os.path.join(home.temp, "in")
            os.makedirs(os.path.join(folder, "bin"))
            path = os.path.join(folder, "app_manifest.json")
            output = os.path.join(home.temp, "out.imagepackage")
            with open(os.path.join(folder, "bin", "app"), "wb") as file:
                file.write(b"\x7fELF")
            for text, sentence in self.ROWS:
                with self.subTest(sentence=sentence):
                    with open(path, "w", encoding="utf-8") as file:
                        file.write(text)
                    result = home.run("image-package", "pack-application", "--package-directory", folder,
                                      "--destination", output)
                    self.assertEqual(result, (4, "", f"error: app_manifest.json: {sentence}\n"))
                    self.assertFalse(os.path.exists(output))

    def test_unknown_keys_are_warnings(self):
        """They are kept, and told with their place."""
        with Home() as home:
            folder = os.path.join(home.temp, "in")
            os.makedirs(os.path.join(folder, "bin"))
            with open(os.path.join(folder, "bin", "app"), "wb") as file:
                file.write(b"\x7fELF")
            text = self.GOOD.replace('"Capabilities": {}', '"Capabilities": {"NewThing": [1]}, "Extra": 1')
            with open(os.path.join(folder, "app_manifest.json"), "w", encoding="utf-8") as file:
                file.write(text)
            output = os.path.join(home.temp, "out.imagepackage")
            result = home.run("image-package", "pack-application", "--package-directory", folder,
                              "--destination", output)
            self.assertEqual(result, (0, "", "".join(
                f"warn: app_manifest.json: line 1, column {text.index(value) + 1}: '{name}' is not a known key and is "
                "kept as it is\n" for name, value in (("Capabilities.NewThing", '"NewThing"'), ("Extra", '"Extra"')))))
            with open(output, "rb") as file:
                self.assertIn(b'"NewThing"', file.read())


class Packages(Table):
    """Packages that were cut, changed, not signed, signed by others, or are too large."""

    def setUp(self):
        self.device = self.enterContext(Device())
        self.good = pack(self.device, PROBE, ["stay"])
        with open(self.good, "rb") as file:
            self.bytes = file.read()

    def write(self, data):
        path = os.path.join(self.device.temp, "bad.imagepackage")
        with open(path, "wb") as file:
            file.write(data)
        return path

    def deploy(self, data, *options):
        """Status and the last line of standard error."""
        path = self.write(data)
        result = self.device.run("device", "sideload", "deploy", "-p", path, *options)
        self.assertEqual(result.out, "")
        lines = result.err.splitlines()
        self.assertEqual(sum(line.startswith("error: ") for line in lines), 1, result.err)
        self.assertEqual(self.device.get("/spherule/v1/apps")["apps"], [])
        return result.status, lines[-1].replace(path, "FILE")

    def test_cut(self):
        """At whatever byte: one sentence, status 4."""
        size = len(self.bytes)
        for keep in (0, 1, 63, 64, 100, 4096, size // 2, size - 65, size - 64, size - 1):
            with self.subTest(keep=keep):
                status, sentence = self.deploy(self.bytes[:keep])
                self.assertEqual(status, 4, sentence)
                self.assertRegex(sentence, r"^error: FILE: (this is no image package|the package's )")

    def test_cut_and_forced(self):
        """--force sends it as it is: then the device refuses it."""
        for keep in (1, 100, len(self.bytes) - 1):
            with self.subTest(keep=keep):
                status, sentence = self.deploy(self.bytes[:keep], "--force")
                self.assertEqual(status, 4, sentence)
                self.assertRegex(sentence, r"^error: Could not deploy application to device: Image could not be "
                                           r"staged; check that it is a valid image package \(this is no image package")

    def test_flipped(self):
        """One bit anywhere: the file system's checksum or the signature sees it."""
        size = len(self.bytes)
        signature = ("error: Could not deploy application to device: Image not trusted by device; check if application "
                     "development capability is enabled ('azsphere device enable-development') (the package was "
                     "changed after 'CN=Spherule SDK Development' signed it: the signature does not fit its bytes)")
        self.assertEqual(self.deploy(self.flip(size - 10)), (1, signature))
        for place in (5, 40, 4096, size // 2, size - 64 - 8, size - 64 - 60):
            with self.subTest(place=place):
                status, sentence = self.deploy(self.flip(place))
                self.assertIn(status, (1, 4), sentence)
                self.assertTrue(sentence == signature or sentence.startswith("error: FILE: "), sentence)

    def flip(self, place):
        data = bytearray(self.bytes)
        data[place] ^= 0x10
        return bytes(data)

    def test_other_signer(self):
        """A package that another home's key has signed, before and after `trust add`."""
        with Home() as other:
            package = pack(other, PROBE, ["stay"])
            certificate = os.path.join(other.home, "sdk", "sdk-development-certificate.pem")
            with open(package, "rb") as file:
                data = file.read()
            status, sentence = self.deploy(data)
            self.assertEqual(status, 1)
            self.assertRegex(sentence, r"^error: Could not deploy application to device: Image not trusted by device; "
                             r".* \(the package's signer [0-9a-f]{40} is not trusted by this device; add its "
                             r"certificate with 'spherule trust add CERT.pem'\)$")
            result = self.device.run("trust", "add", certificate)
            self.assertEqual(result, (0, "", "Device 'dev' now trusts 'CN=Spherule SDK Development'.\n"))
            self.device.deploy(package)
            thumbprint = hashlib.sha1(self.der(certificate)).hexdigest()
            rows = self.device.json("trust", "list")
            self.assertIn(thumbprint, [row["thumbprint"] for row in rows])
            self.assertEqual(len(rows), 2)
            self.assertEqual(self.device.run("trust", "remove", thumbprint),
                             (0, "", f"Device 'dev' no longer trusts {thumbprint}.\n"))
            self.assertEqual(self.device.state(PROBE), "running")
            again = self.device.run("trust", "remove", thumbprint)
            self.assertEqual((again.status, again.out), (6, ""), again)

    @staticmethod
    def der(path):
        with open(path, encoding="ascii") as file:
            lines = [line.strip() for line in file if not line.startswith("-----")]
        return base64.b64decode("".join(lines))

    def test_original_packages(self):
        """A package of the original SDK is not trusted at first; then it is for another processor."""
        with open(fixture("azure_sphere_blink.imagepackage"), "rb") as file:
            data = file.read()
        status, sentence = self.deploy(data)
        self.assertEqual(status, 1, sentence)
        self.assertTrue(sentence.endswith("(the package is signed by the original SDK's development key, which this "
                                          "device does not trust; 'spherule trust add --sdk-development' changes "
                                          "that)"), sentence)

    def test_too_large_for_the_flash(self):
        filler = os.urandom(600 << 10)
        package = pack(self.device, PROBE, files={"filler": filler})
        self.device.deploy(package, "--manual-start")
        size = os.path.getsize(package)
        other = pack(self.device, NOBODY, files={"filler": filler})
        result = self.device.run("device", "sideload", "deploy", "-p", other)
        over = os.path.getsize(other) + size - (1 << 20)
        self.assertEqual(result, (7, "", f"Deploying '{other}' to the attached device.\n"
                                  "error: Could not deploy application to device: Insufficient free space on the "
                                  f"device (the package takes {os.path.getsize(other)} bytes, but of the {1 << 20} "
                                  f"bytes of flash other packages take {size}: {over} bytes too many)\n"))
        self.assertEqual([app["componentId"] for app in self.device.get("/spherule/v1/apps")["apps"]], [PROBE])
        self.device.deploy(package, "--manual-start")  # its own place counts as free
        huge = pack(self.device, NOBODY, files={"filler": os.urandom(1100 << 10)})
        size = os.path.getsize(huge)
        result = self.device.run("device", "sideload", "deploy", "-p", huge)
        self.assertEqual(result.status, 7, result)
        self.assertIn("Insufficient free space on the device", result.err)

    @only("native", "there is no other C library for the machine's processor")
    def test_wrong_loader(self):
        """A glibc program in a package, on a device without the host's libraries."""
        package = pack(self.device, PROBE, executable=probe("glibc"))
        result = self.device.run("device", "sideload", "deploy", "-p", package)
        self.assertEqual((result.status, result.out), (4, ""), result)
        self.assertRegex(result.err.splitlines()[-1], r"wants the loader /lib.*, which this device does not have: "
                                                      r"build it with spherule-cc")


class Devices(Table):
    """Unknown ids, and devices of which a part or all is dead."""

    ABSENT = (
        (f"device app start -i {NOBODY}", 6, "error: Application is not present (no application {0} on device 'dev')"),
        (f"device app stop -i {NOBODY}", 6, "error: Application is not present (no application {0} on device 'dev')"),
        (f"device app show-quota -i {NOBODY}", 6, "error: Application is not present (no application {0} on device "
                                                  "'dev')"),
        (f"device sideload delete -i {NOBODY}", 6, "error: Application is not present (no application {0} on device "
                                                   "'dev')"),
        ("device app start", 6, "error: no application is installed on device 'dev'"),
        ("device app show-kills 7", 6, "error: Not found (there is no kill report 7)"),
        ("device app show-kills last", 6, "error: device 'dev' has no reports"),
        ("trust remove 0123456789012345678901234567890123456789", 6,
         "error: Not found (the signer 0123456789012345678901234567890123456789 is not in the trust store)"),
        ("device create dev", 1, "error: there is a device 'dev' already"),
        ("device delete dev", 1, "error: device 'dev' is running; stop it first, or use --force"),
        ("run --device dev --ram 64K {probe}", 125, "error: --ram cannot be used with --device: the device has its "
                                                    "limit"),
    )

    def test_absent(self):
        with Device() as device:
            self.check(device, [(words, status, text.replace("{0}", NOBODY)) for words, status, text in self.ABSENT],
                       probe=probe("static"))
            self.assertEqual(device.ok("device", "app", "show-status", "-i", NOBODY),
                             f"{NOBODY}: App state: notPresent\n")

    def test_held_pin(self):
        """A pin that an app drives is not the user's to set; see the applibs suite for the app's side."""
        with Device() as device:
            status, _, body = device.request("PUT", "/spherule/v1/gpio/99", '{"value":1}')
            self.assertEqual((status, json.loads(body)["error"]), (404, 19), body)

    EVERY = ("device app show-memory-stats", "device app show-status", "device app show-quota", "device app start",
             "device app stop", "device app show-kills", "device log", "device log --follow", "device restart",
             "device image list-installed", "device gpio get 1", "device gpio set 1 1", "device gpio list",
             "trust list", "device sideload delete", "device sideload deploy -p {good}")

    def check_every(self, device, status, sentence, good):
        for words in self.EVERY:
            with self.subTest(words=words):
                result = device.run(*words.format(good=good).split())
                self.assertEqual((result.status, result.out), (status, ""), result)
                lines = [line for line in result.err.splitlines() if not line.startswith("Deploying ")]
                prefix = "Could not deploy application to device: " if "deploy" in words else ""
                self.assertEqual(lines, [f"error: {prefix}{sentence}"])

    def test_stopped_device(self):
        with Device(start=False) as device:
            good = pack(device, PROBE)
            self.check_every(device, 3, "device 'dev' is not running; start it with 'spherule device start dev'", good)
            self.assertEqual(device.run("device", "stop"), (0, "", "Device 'dev' is not running.\n"))

    def test_dead_gateway(self):
        with Device() as device:
            good = pack(device, PROBE)
            agent = device.agent()
            os.kill(device.gateway(), signal.SIGKILL)
            wait_for(lambda: not device.gateway(), what="the gateway's end")
            self.check_every(device, 3, "the gateway of device 'dev' is not running; 'spherule device start dev' "
                                        "brings it back", good)
            self.assertEqual(device.json("device", "list")[0]["state"], "agent only")
            self.assertEqual(device.run("device", "start"), (0, "", "Device 'dev' started.\n"))
            self.assertEqual(device.agent(), agent)
            self.assertEqual(device.stats()[1], 0)

    def test_dead_agent(self):
        with Device() as device:
            good = pack(device, PROBE)
            gateway = device.gateway()
            os.kill(device.agent(), signal.SIGKILL)
            wait_for(lambda: not device.agent(), what="the agent's end")
            wait_for(lambda: device.request("GET", "/status")[0] == 503, what="the gateway's notice of it")
            for words in self.EVERY:
                with self.subTest(words=words):
                    result = device.run(*words.format(good=good).split())
                    self.assertEqual((result.status, result.out), (3, ""), result)
                    self.assertIn("the agent of device 'dev' is away; 'spherule device start dev' brings it back",
                                  result.err)
            self.assertEqual(device.json("device", "list")[0]["state"], "gateway only")
            self.assertEqual(device.run("device", "start"), (0, "", "Device 'dev' started.\n"))
            self.assertEqual(device.gateway(), gateway)
            self.assertEqual(device.stats()[1], 0)

    def test_broken_device_json(self):
        with Device(start=False) as device:
            path = os.path.join(device.dir, "device.json")
            with open(path, encoding="utf-8") as file:
                good = file.read()
            for text in ("", "{", "[]", good.replace(BACKEND, "hologram"), good.replace("262144", "-1"),
                         good.replace("4096", "5000"), "\0" * 100, "{" * 100000):
                with self.subTest(text=text[:40]):
                    with open(path, "w", encoding="utf-8") as file:
                        file.write(text)
                    result = device.run("device", "start")
                    self.assertNotEqual(result.status, 0)
                    self.assertEqual((result.out, result.err.count("\n")), ("", 1), result)
                    self.assertIn("device.json", result.err)
                    self.assertFalse(device.agent() or device.gateway())
            with open(path, "w", encoding="utf-8") as file:
                file.write(good)
            device.ok("device", "start")


if __name__ == "__main__":
    main()
