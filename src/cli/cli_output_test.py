#!/usr/bin/env python3
"""Forms of answers, queries, watching and the other spellings of the program, from outside, against stand-ins for devices.

usage: cli_output_test.py BIN-DIR
"""
import hashlib
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cli_args_test  # noqa: E402
from cli_args_test import APPS, ID, ID2, MANIFEST, MEMORY, Case  # noqa: E402

STATS = {("GET", "/stats/memory/groups/applications"): (200, MEMORY)}
LIST = {("GET", "/spherule/v1/apps"): (200, APPS)}


class Forms(Case):
    def test_query_takes_the_answers_json(self):
        self.fake({**STATS, **LIST})
        stats = ["device", "app", "show-memory-stats"]
        self.expect(stats + ["--query", "memoryStats.userModeMemoryUsageInBytes"], 0, "",
                    "Result\n36864\n")
        self.expect(stats + ["--query", "memoryStats.userModeMemoryUsageInBytes", "-o", "tsv"], 0, "", "36864\n")
        self.expect(stats + ["--query", "memoryStats.*", "-o", "tsv"], 0, "", "65536\n36864\n36864\n")
        self.expect(["device", "app", "show-status", "--query", "[?state=='running'].componentId | [0]", "-o", "json"], 0,
                    "", f'"{ID}"\n')
        self.expect(["--query", "[].{Id:imageId,Name:name}", "device", "image", "list-installed"], 0, "",
                    f"Id                                    Name\n{ID2}  blink\n")
        self.expect(["version", "--query", "keys(@)", "-o", "yaml"], 0, "", "- Azure Sphere SDK\n- Spherule\n")
        self.expect(["version", "--query", "nothing"], 0, "", "")

    def test_a_wrong_query_is_found_before_anything_is_done(self):
        fake = self.fake({**LIST})
        self.expect(["device", "sideload", "delete", "--query", "[?a"], 2,
                    "error: the query is wrong at column 4: ']' is expected here\n"
                    "See 'spherule device sideload delete --help'.\n")
        self.assertEqual(fake.requests, [])
        self.expect_error(["device", "app", "show-status", "--query", "sum(@)"], 2,
                          "sum() of the query takes an array of numbers, not this array")
        self.expect_error(["run", "x", "--query"][:1] + ["--query", "a b", "x"], 125,
                          "the query is wrong at column 3: this cannot stand here\nSee 'spherule run --help'.")

    def test_what_has_no_json_does_without(self):
        self.fake({("GET", "/log"): (200, "a line\n")})
        self.expect(["device", "log", "--query", "x", "-o", "yaml"], 0, "", "a line\n")
        self.assertEqual(self.run_cli("completion", "bash", "--query", "x"), self.run_cli("completion", "bash"))

    def test_yaml_is_read_as_the_same_value(self):
        try:
            import yaml
        except ImportError:
            self.skipTest("python3-yaml is not installed")
        odd = {"apps": [{**APPS["apps"][0], "name": name} for name in (
            "true", "~", "1e3", "0x1F", "a: b", "- a", "# x", " a", "a ", "é\u2028\x85", "12:30", "2026-11-29", "'", '"', "\\",
            "!x", "&x", "*x", "{", "[", "?", "%", "@", "`", "|", ">", "=", "<<", "null", ".inf", "1_0", "tab\t", "a\nb")]}
        self.fake({**STATS, ("GET", "/spherule/v1/apps"): (200, {**APPS, **odd})})
        for args in (["device", "app", "show-memory-stats"], ["device", "image", "list-installed"], ["device", "list"],
                     ["version"]):
            with self.subTest(args=args):
                ours = yaml.safe_load(self.run_cli(*args, "-o", "yaml")[1])
                self.assertEqual(ours, json.loads(self.run_cli(*args, "-o", "json")[1]))


class Spellings(Case):
    def test_az_sphere(self):
        self.fake({**STATS, **LIST})
        link = os.path.join(self.tmp, "az")
        os.symlink(os.path.join(cli_args_test.BIN, "spherule"), link)
        words = ["device", "app", "show-memory-stats", "-g", "group", "--catalog", "mine"]
        expected = self.run_cli("device", "app", "show-memory-stats", "-o", "json")
        self.assertEqual(expected[0], 0)
        for program, before in ((link, ["sphere"]), ("spherule", ["sphere"]), ("azsphere", ["az", "sphere"])):
            with self.subTest(program=program):
                self.assertEqual(self.run_cli(*before, *words, program=program), expected)
        self.assertEqual(self.run_cli("sphere", *words, "-o", "table"), self.run_cli(*words[:3]))
        self.assertEqual(self.run_cli("version", program=link)[1], self.run_cli("version", "-o", "json")[1])
        self.assertEqual(self.run_cli("login", program=link),
                         (2, "", "error: this is Spherule, which knows no group of az but 'az sphere'\n"))
        status, out, err = self.run_cli("sphere", "device", "lst", program=link)
        self.assertEqual((status, out, err), (2, "", "error: 'az sphere device' has no command 'lst'; did you mean 'list'?\n"))


class Sizes(Case):
    """image-package show: what is in a package, against readelf and nm."""
    PROGRAM = "#include <stdio.h>\nconst char table[3000] = {1};\nint main(void) { return puts(table) + EXTRA; }\n"
    LIBRARY = "int answer[300] = {1};\nint f(int x) { return answer[x]; }\n"

    def build(self, path, source, *flags, compiler="gcc"):
        source = self.write("source.c", source)
        path = os.path.join(self.tmp, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        subprocess.check_call([compiler, "-g", "-O1", "-o", path, source, *flags])
        with open(path, "rb") as f:
            return path, f.read()

    def make(self, name, extra="0", **more):
        path, program = self.build(name + ".elf", self.PROGRAM, f"-DEXTRA={extra}")
        _, library = self.build("lib", self.LIBRARY, "-shared", "-fPIC")
        made, done = self.package(None, {"bin/app": program, "libx.so.0": library, "data/x.txt": b"x" * 5000, **more})
        self.assertEqual(done[0], 0, done[2])
        to = os.path.join(self.tmp, name)
        os.rename(made, to)
        return to, path

    def sections(self, path):
        rows = re.findall(r"^ *\[ *\d+\] (\S+) +(\S+) +\S+ +\S+ (\S+)", subprocess.check_output(
            ["readelf", "-SW", path], text=True), re.M)
        return [(name, int(size, 16)) for name, kind, size in rows if kind not in ("NULL", "NOBITS") and int(size, 16)]

    def symbols(self, path):
        rows = re.findall(r"^\S+ (\S+) [TtRrDdWwVv] (\S+)$", subprocess.check_output(
            ["nm", "-S", path], text=True), re.M)
        return sorted(((name, int(size, 16)) for size, name in rows), key=lambda row: (-row[1], row[0]))

    def test_sizes_add_up_to_the_last_byte(self):
        package, program = self.make("a")
        status, out, err = self.run_cli("image-package", "show", package, "--sizes", "-o", "tsv")
        self.assertEqual((status, err), (0, ""))
        rows = [line.split("\t") for line in out.splitlines()]
        self.assertEqual(sum(int(row[3]) for row in rows), os.path.getsize(package))
        self.assertEqual([(row[2], int(row[3])) for row in rows if row[:2] == ["bin/app", "section"]], self.sections(program))
        self.assertIn(["data/x.txt", "file", "", "5000"], rows)
        self.assertIn(["data/x.txt", "padding", "", "3192"], rows)
        self.assertIn(["", "metadata", "", "148"], rows)
        shown = json.loads(self.run_cli("image-package", "show", package, "--sizes", "--top", "1000", "-o", "json")[1])
        files = {row["Path"]: row for row in shown["Files"]}
        self.assertEqual(shown["Size"], os.path.getsize(package))
        self.assertEqual({path: row["Kind"] for path, row in files.items()},
                         {"app_manifest.json": "manifest", "bin/app": "program", "data/x.txt": "resource", "libx.so.0": "library"})
        self.assertEqual([(row["Name"], row["Bytes"]) for row in files["bin/app"]["Symbols"]], self.symbols(program))
        needed = re.findall(r"NEEDED.*\[(.*)\]", subprocess.check_output(["readelf", "-d", program], text=True))
        self.assertEqual(files["bin/app"]["Needed"], needed)
        debug = sum(size for name, size in self.sections(program) if re.match(r"\.debug|\.symtab|\.strtab", name))
        self.assertEqual(files["bin/app"]["DebugBytes"], debug)
        self.assertEqual(files["data/x.txt"]["InFlash"], 8192)

    def test_sizes_for_people(self):
        package, program = self.make("a")
        out = self.run_cli("image-package", "show", package, "--sizes", "--top", "1")[1]
        size = os.path.getsize(package)
        self.assertTrue(out.startswith(f"Size in flash: {size} bytes, {size * 1000 // 1048576 / 10:.1f}"[:-1]), out)
        self.assertRegex(out, r"\nresource files  5000 +\d+\.\d %\n")
        self.assertRegex(out, r"\ndata/x.txt +resource  5000 +8192\n")
        self.assertRegex(out, r"\nbin/app: program for \S+( \S+)?; needs libc\.so\.6\n\d+ bytes of it are for debuggers only; 'strip'")
        self.assertRegex(out, r"\ntable +3000 +\.rodata\n\(and \d+ smaller ones\)\n")

    def test_a_program_for_arm(self):
        if not shutil.which("arm-linux-gnueabihf-gcc"):
            self.skipTest("there is no compiler for ARM")
        path, program = self.build("arm", self.PROGRAM, "-DEXTRA=0", compiler="arm-linux-gnueabihf-gcc")
        package, done = self.package(None, {"bin/app": program})
        self.assertEqual(done[0], 0, done[2])
        shown = json.loads(self.run_cli("image-package", "show", package, "--sizes", "-o", "json")[1])
        self.assertEqual([(row["Name"], row["Bytes"]) for row in shown["Parts"] if row["Kind"] == "section"],
                         self.sections(path))
        app = shown["Files"][1]
        self.assertEqual((app["Machine"], app["Symbols"][0]), ("32-bit ARM", {"Name": "table", "Bytes": 3000, "Section": ".rodata"}))

    def test_a_stripped_program(self):
        path, _ = self.build("whole/app.elf", self.PROGRAM, "-DEXTRA=0", "-Wl,--build-id")
        small = os.path.join(self.tmp, "small")
        subprocess.check_call(["strip", "-o", small, path])
        with open(small, "rb") as f:
            package, done = self.package(None, {"bin/app": f.read()})
        self.assertEqual(done[0], 0, done[2])
        out = self.run_cli("image-package", "show", package, "--sizes")[1]
        self.assertIn("\n(stripped: link it with -Wl,--build-id, and name the file that it was made from with --symbols)\n", out)
        for where in (path, os.path.dirname(path)):
            shown = json.loads(self.run_cli("image-package", "show", package, "--sizes", "--symbols", where, "--top", "1000", "-o",
                                            "json")[1])
            app = shown["Files"][1]
            names = dict(self.sections(small))
            self.assertEqual([(row["Name"], row["Bytes"]) for row in app["Symbols"]], self.symbols(path))
            self.assertTrue({row["Section"] for row in app["Symbols"]} <= set(names))
            self.assertEqual(app["DebugBytes"], 0)
        status, out, err = self.run_cli("image-package", "show", package, "--sizes", "--symbols", "none")
        self.assertEqual((status, err), (0, "warn: --symbols none: No such file or directory\n"))

    def test_compare(self):
        old, _ = self.make("old")
        new, _ = self.make("new", "printf(\"%d more\", 1)", **{"added.txt": b"y" * 10})
        shown = json.loads(self.run_cli("image-package", "show", new, "--compare", old, "-o", "json")[1])
        change = os.path.getsize(new) - os.path.getsize(old)
        self.assertEqual((shown["SizeBefore"], shown["Size"], shown["Change"]),
                         (os.path.getsize(old), os.path.getsize(new), change))
        self.assertEqual(sum(row["Change"] for row in shown["Parts"]), change)
        self.assertIn({"Path": "added.txt", "Kind": "file", "Name": "", "BytesBefore": 0, "Bytes": 10, "Change": 10},
                      shown["Parts"])
        main = [row for row in shown["Symbols"] if row["Name"] == "main"]
        self.assertEqual(len(main), 1)
        self.assertGreater(main[0]["Bytes"], main[0]["BytesBefore"])
        self.assertEqual(main[0]["Change"], main[0]["Bytes"] - main[0]["BytesBefore"])
        out = self.run_cli("image-package", "show", new, "--compare", old)[1]
        self.assertTrue(out.startswith(f"{old}: {os.path.getsize(old)} bytes\n{new}: {os.path.getsize(new)} bytes "
                                       f"(+{change})\n\nFile "), out)
        same = self.run_cli("image-package", "show", old, "--compare", old)
        self.assertEqual(same, (0, f"{old}: {os.path.getsize(old)} bytes\n{old}: {os.path.getsize(old)} bytes (+0)\n", ""))
        self.expect_error(["image-package", "show", old, "--compare", "none"], 4,
                          "cannot open the image package 'none': No such file or directory")
        self.expect_error(["image-package", "show", old, "--top", "x"], 2, "--top takes a number up to 65535, not 'x'")

    def test_every_section_of_the_metadata(self):
        path, _ = self.package()
        with open(path, "rb") as f:
            data = f.read()
        length = struct.unpack("<I", data[-68:-64])[0]
        metadata = bytearray(data[-64 - length:-64])
        count = struct.unpack("<I", metadata[4:8])[0]
        added = b"RV\x04\x00\x01\x02\x03\xff" + b"\x01\x00\x00\x00"
        metadata[4:8] = struct.pack("<I", count + 2)
        metadata[-4:] = added + struct.pack("<I", length + len(added))
        odd = self.write("odd.imagepackage", data[:-64 - length] + bytes(metadata) + data[-64:])
        out = self.run_cli("image-package", "show", odd)[1]
        self.assertIn("Section: RV\n  Data (4 bytes):       010203ff\nSection: 0x0001\n  Data (0 bytes):       none\n", out)
        shown = json.loads(self.run_cli("image-package", "show", odd, "-o", "json")[1])
        self.assertEqual([row["Type"] for row in shown["Sections"]], ["ID", "SG", "DB", "TP", "ND", "RV", "0x0001"])
        self.assertEqual(shown["Sections"][5], {"Type": "RV", "Size": 4, "Data": "010203ff"})
        self.assertEqual(shown["Sections"][0]["Size"], 36)


class Catalog(Case):
    def add(self, path, *options):
        return self.run_cli("image", "add", "--image", path, *options)

    def ids(self, path):
        shown = json.loads(self.run_cli("image-package", "show", path, "-o", "json")[1])
        return shown["Identity"]["ImageId"], shown

    def test_an_image_is_signed_anew(self):
        made, _ = self.package()
        image, before = self.ids(made)
        status, out, err = self.add(made)
        self.assertEqual((status, err), (0, ""))
        self.assertEqual(out, f"Uploading image from file '{made}':\n --> Image ID:       {image}\n --> Component ID:   {ID}\n"
                              f" --> Component name: 'probe'\nSuccessfully uploaded image with ID '{image}' and name 'probe' to "
                              f"component with ID '{ID}'.\n")
        folder = os.path.join(self.home, "catalog")
        kept = os.path.join(folder, image + ".imagepackage")
        certificate = os.path.join(folder, "catalog-certificate.pem")
        self.assertEqual(os.stat(os.path.join(folder, "catalog-key.pem")).st_mode & 0o777, 0o600)
        after = self.ids(kept)[1]
        der = subprocess.check_output(["openssl", "x509", "-in", certificate, "-outform", "DER"])
        self.assertEqual(after["Signature"]["Cert"], hashlib.sha1(der).hexdigest())
        self.assertNotEqual(before["Signature"]["Cert"], after["Signature"]["Cert"])
        for shown in (before, after):
            del shown["Signature"], shown["Sections"][1]
        self.assertEqual(before, after)
        with open(kept, "rb") as f:
            data = f.read()
        key = self.write("key.pem", subprocess.check_output(["openssl", "x509", "-in", certificate, "-noout", "-pubkey"]))
        halves = [int.from_bytes(data[-64:-32], "big"), int.from_bytes(data[-32:], "big")]
        numbers = [n.to_bytes(n.bit_length() // 8 + 1, "big") for n in halves]
        body = b"".join(b"\x02" + bytes([len(n)]) + n for n in numbers)
        signature = self.write("signature", b"\x30" + bytes([len(body)]) + body)
        subprocess.check_call(["openssl", "dgst", "-sha256", "-verify", key, "-signature", signature,
                               self.write("signed", data[:-64])], stdout=subprocess.DEVNULL)
        # the same again is no other image; as JSON, and in Azure's spelling
        answer = json.loads(self.run_cli("sphere", "image", "add", "--image-path", made, "-g", "g", "-c", "c")[1])
        self.assertEqual(answer, {"imageId": image, "componentId": ID, "name": "probe", "packageBytes": len(data), "path": kept,
                                  "isNew": False})
        self.assertTrue(self.add(kept)[1].endswith("The image is in the catalog already.\n"))

    def test_list_show_and_delete(self):
        self.expect(["image", "list", "-o", "json"], 0, "", "[]\n")
        missing = f"the catalog has no image {ID2}; see 'spherule image list'"
        self.expect_error(["image", "show", "-i", ID2], 6, missing)
        made, _ = self.package()
        image, shown = self.ids(made)
        self.add(made)
        kept = os.path.join(self.home, "catalog", image + ".imagepackage")
        self.assertEqual(json.loads(self.run_cli("image", "list", "-o", "json")[1]), [
            {"name": "probe", "componentId": ID, "imageId": image, "packageBytes": shown["Size"],
             "builtOnUtc": shown["Debug"]["BuiltOnUtc"], "path": kept}])
        out = self.run_cli("image", "show", "-i", image)[1]
        self.assertTrue(out.startswith("Section: Identity\n  Image Type:           Application\n"), out)
        self.assertTrue(out.endswith(f"Size in flash:          {shown['Size']} bytes\nFile:                   {kept}\n"), out)
        self.assertEqual(json.loads(self.run_cli("image", "show", "--image", image, "-o", "json")[1])["Files"], shown["Files"])
        self.expect_error(["image", "show", "-i", ID2], 6, missing)
        self.expect_error(["image", "delete", "-i", "x"], 2, f"'x' is no image id: it looks like {ID}")
        self.expect(["image", "delete", "-i", image], 0, f"Image '{image}' deleted.\n")
        self.expect(["image", "list", "-o", "json"], 0, "", "[]\n")

    def test_the_newest_of_each_component_is_targeted(self):
        self.expect(["device", "image", "list-targeted"], 0, "", "Targeted images:\n")
        first, _ = self.package()
        self.add(first)
        other, _ = self.package({**MANIFEST, "ComponentId": ID2, "Name": "other"})
        self.add(other)
        other_image = self.ids(other)[0]
        time.sleep(1.1)  # build times are whole seconds
        last, _ = self.package({**MANIFEST, "Name": "a new name"})
        self.add(last)
        image = self.ids(last)[0]
        self.assertEqual(len(json.loads(self.run_cli("image", "list", "-o", "json")[1])), 3)
        self.expect(["device", "image", "list-targeted"], 0, "",
                    "Targeted images:\n"
                    f" --> a new name\n   --> Image type:   Application\n   --> Component ID: {ID}\n   --> Image ID:     {image}\n"
                    f" --> other\n   --> Image type:   Application\n   --> Component ID: {ID2}\n   --> Image ID:     {other_image}\n")

    def test_what_is_refused(self):
        big, done = self.package(None, {"bin/app": b"\x7fELF", "data": os.urandom(1 << 20)})
        self.assertEqual(done[0], 0, done[2])
        size = os.path.getsize(big)
        self.expect_error(["image", "add", "--image", big], 4,
                          f"{big}: the image package has {size} bytes, {size - (1 << 20)} more than the 1048576 (1 MiB) that a "
                          "device has for applications")
        self.expect_error(["image", "add", "--image", "none"], 4,
                          "cannot open the image package 'none': No such file or directory")
        status, _, err = self.add(self.write("odd", "no package"))
        self.assertEqual(status, 4)
        self.assertTrue(err.startswith("error: "), err)
        self.expect(["image", "list", "-o", "json"], 0, "", "[]\n")
        made, _ = self.package()
        image = self.ids(made)[0]
        folder = os.path.join(self.home, "catalog")
        kept = os.path.join(folder, image + ".imagepackage")
        with open(kept, "w") as f:
            f.write("another one")
        self.expect_error(["image", "add", "--image", made], 1,
                          f"the catalog has another package with the image id {image}; delete that, or pack yours again")
        self.expect(["image", "list", "-o", "json"], 0, "", "[]\n")  # what is no package has no row
        os.unlink(kept)
        for i in range(256):
            open(os.path.join(folder, f"{i:08x}-0000-0000-0000-000000000000.imagepackage"), "w").close()
        self.expect_error(["image", "add", "--image", made], 7,
                          "the catalog is full with 256 images; remove some with 'spherule image delete'")


class DeploymentTimeout(Case):
    SHOW = ["device", "sideload", "show-deployment-timeout"]
    SET = ["device", "sideload", "set-deployment-timeout"]

    def test_set_and_show(self):
        self.expect(self.SHOW + ["-o", "json"], 0, "", '{\n  "deploymentTimeout": 70\n}\n')
        self.expect(self.SET + ["--value", "120"], 0, "A deployment may take 120 seconds from now on.\n")
        self.expect(self.SHOW, 0, "", "Deployment timeout (s)\n120\n")
        for value in ("0", "86401", "x", ""):
            self.expect_error(self.SET + ["-v", value], 2, f"--value takes a number of seconds from 1 to 86400, not '{value}'")
        with open(os.path.join(self.home, "deployment-timeout"), "w") as f:
            f.write("soon\n" * 100)
        self.expect_error(self.SHOW, 4, "the file deployment-timeout of Spherule's folder holds no number of seconds; set it with "
                          "'spherule device sideload set-deployment-timeout'")

    def test_a_deployment_that_takes_longer(self):
        path, _ = self.package()
        asked, done = threading.Event(), threading.Event()

        def install(handler, body):
            asked.set()
            done.wait(60)

        self.fake({("PUT", "/update/stage"): (200, {}), ("POST", "/update/install"): install})
        self.run_cli(*self.SET, "-v", "1")
        self.expect(["device", "sideload", "deploy", "-p", path], 3,
                    f"Deploying '{path}' to the attached device.\nerror: Could not deploy application to device: it took longer than "
                    "1 s ('spherule device sideload set-deployment-timeout' sets how long it may)\n")
        self.assertTrue(asked.is_set())
        done.set()


class Watch(Case):
    """--watch, and the loops of the original's document."""
    TABLE = (" -------------------------- -------------\n Name                       Usage (bytes)\n"
             " ========================================\n Total (Kernel + User Mode) 65536\n"
             " -------------------------- -------------\n User Mode                  36864\n"
             " -------------------------- -------------\n Peak User Mode             36864\n"
             " -------------------------- -------------\n")

    def start(self, *args, stdout=subprocess.PIPE):
        child = subprocess.Popen([os.path.join(cli_args_test.BIN, "spherule"), "device", "app", "show-memory-stats", *args],
                                 env=self.env, cwd=self.tmp, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE)
        self.addCleanup(child.stderr.close)
        if child.stdout:
            self.addCleanup(child.stdout.close)
        return child

    def interrupt(self, child):
        child.send_signal(signal.SIGINT)
        self.assertEqual(child.wait(60), 0)
        self.assertEqual(child.stderr.read(), b"")

    def test_each_reading_is_an_answer_and_ctrl_c_ends_it(self):
        self.fake({**STATS})
        for args, text in (("--watch",), self.TABLE), (("--watch", "1", "-o", "yaml", "--query", "memoryStats.*"),
                                                       "---\n- 65536\n- 36864\n- 36864\n"):
            with self.subTest(args=args):
                child = self.start(*args)
                self.assertEqual(child.stdout.read(2 * len(text.encode())).decode(), 2 * text)
                self.interrupt(child)
                rest = child.stdout.read().decode()
                self.assertEqual(rest, len(rest) // len(text) * text)  # whole answers only

    def test_the_values_that_are_refused(self):
        self.fake({**STATS})
        for value in ("0", "86401", "1s", "0.5"):
            self.expect_error(["device", "app", "show-memory-stats", "--watch", value], 2,
                              f"--watch takes a number of seconds from 1 to 86400, not '{value}'")

    def test_a_picture_on_a_terminal(self):
        figures = iter([(65536, 32768), (131072, 65536), (131072, 131072)] + [(131072, 4096)] * 1000)

        def answer(handler, body):
            total, user = next(figures)
            return 200, {"memoryStats": {**MEMORY["memoryStats"], "currentMemoryUsageInBytes": total,
                                         "userModeMemoryUsageInBytes": user}}

        self.fake({("GET", "/stats/memory/groups/applications"): answer})
        master, slave = os.openpty()
        child = self.start("--watch", stdout=slave)
        os.close(slave)
        out = b""
        while "█▁ 4096".encode() not in out:
            out += os.read(master, 65536)
        self.interrupt(child)
        os.close(master)
        text = out.decode().replace("\r\n", "\n")
        self.assertIn("\033[H\033[Jdefault: every 1 s, 3 readings; Ctrl+C ends it\n" + self.TABLE.splitlines(True)[0], text)
        self.assertIn("\n Total ▄██ 131072\n User  ▂▄█ 131072\n", text)
        self.assertIn("\n Total ▄███ 131072\n User  ▂▄█▁ 4096\n", text)

    def test_ctrl_c_ends_a_reading_that_hangs(self):
        asked = threading.Event()
        done = threading.Event()

        def answer(handler, body):
            asked.set()
            done.wait(60)

        self.fake({("GET", "/stats/memory/groups/applications"): answer})
        child = self.start("--watch")
        self.assertTrue(asked.wait(60))
        self.interrupt(child)
        done.set()

    def test_a_reader_that_has_seen_enough_and_a_device_that_goes_away(self):
        fake = self.fake({**STATS})
        child = self.start("--watch")
        self.assertEqual(child.stdout.readline(), self.TABLE.splitlines(True)[0].encode())
        child.stdout.close()
        self.assertEqual((child.wait(60), child.stderr.read()), (0, b""))
        child = self.start("--watch")
        child.stdout.read(len(self.TABLE.encode()))
        fake.close()
        self.fakes.remove(fake)
        self.assertEqual(child.wait(60), 3)
        self.assertTrue(child.stderr.read().startswith(b"error: "))

    def press_ctrl_c_until_it_ends(self, child):
        """As a terminal does it. Bash goes on with a loop when the command under way ended by itself in that moment, and
        whoever sits there presses it again."""
        for _ in range(60):
            os.killpg(child.pid, signal.SIGINT)
            try:
                return child.wait(1)
            except subprocess.TimeoutExpired:
                pass
        return child.wait(0)

    def test_the_documents_loop_in_bash(self):
        """As printed, but for a sleep that a test can wait for; `az sphere` as the newer edition has it."""
        self.fake({**STATS})
        os.symlink(os.path.join(cli_args_test.BIN, "spherule"), os.path.join(self.tmp, "az"))
        env = {**self.env, "PATH": f"{self.tmp}:{cli_args_test.BIN}:{self.env['PATH']}"}
        for command in ("azsphere", "az sphere"):
            loop = f"while true; do {command} device app show-memory-stats; sleep 1; done"
            table = self.TABLE if command == "azsphere" else json.dumps(MEMORY, indent=2) + "\n"
            with self.subTest(command=command):
                child = subprocess.Popen(["bash", "-c", loop], env=env, cwd=self.tmp, stdin=subprocess.DEVNULL,
                                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, process_group=0)
                self.assertEqual(child.stdout.read(2 * len(table)).decode(), 2 * table)
                self.assertEqual(self.press_ctrl_c_until_it_ends(child), -signal.SIGINT)
                self.assertEqual(child.stderr.read(), b"")
                child.stdout.close()
                child.stderr.close()


if __name__ == "__main__":
    cli_args_test.BIN = os.path.abspath(sys.argv.pop(1))
    unittest.main()
