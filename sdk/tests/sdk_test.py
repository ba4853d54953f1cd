#!/usr/bin/env python3
"""Uses the SDK as an app developer does: a project in a scratch folder, configured with `cmake --preset`.

usage: sdk_test.py PREFIX STUB [unittest arguments]
PREFIX holds bin/spherule-cc and lib/spherule/sdk (a build tree or an installed stage); STUB stands in for spherule.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

PREFIX = pathlib.Path(sys.argv[1]).resolve()
STUB = pathlib.Path(sys.argv[2]).resolve()
SDK = PREFIX / "lib/spherule/sdk"
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ID = "1689d8b2-c835-2e27-27ad-e894d6d15fa9"

CMAKELISTS = """cmake_minimum_required(VERSION 3.20)
project(app C)
{before}
add_executable(${{PROJECT_NAME}} main.c)
target_link_libraries(${{PROJECT_NAME}} applibs gcc_s c)
{after}
azsphere_target_add_image_package(${{PROJECT_NAME}} {arguments})
"""
PRESET = {
    "name": "ARM-Debug", "generator": "Ninja", "binaryDir": "${sourceDir}/out/${presetName}",
    "toolchainFile": "$env{AzureSphereDefaultSDKDir}/CMakeFiles/AzureSphereToolchain.cmake",
    "cacheVariables": {"AZURE_SPHERE_TARGET_API_SET": "latest-lts", "CMAKE_BUILD_TYPE": "Debug"},
}
MAIN = """#include <applibs/log.h>
int main(void) { return Log_Debug("hello\\n"); }
"""


class Project:
    """An app project; what a test does not name is as the template has it."""

    def __init__(self, folder, before="", after="", arguments="", manifest=None, main=MAIN, cache=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        text = CMAKELISTS.format(before=before, after=after, arguments=arguments)
        (self.folder / "CMakeLists.txt").write_text(text)
        (self.folder / "main.c").write_text(main)
        preset = dict(PRESET, cacheVariables={**PRESET["cacheVariables"], "SPHERULE_PROGRAM": str(STUB), **(cache or {})})
        (self.folder / "CMakePresets.json").write_text(json.dumps({"version": 3, "configurePresets": [preset]}))
        self.manifest = self.folder / "app_manifest.json"
        if manifest is None:
            manifest = json.dumps({"SchemaVersion": 1, "Name": "app", "ComponentId": ID, "EntryPoint": "/bin/app",
                                   "CmdArgs": [], "Capabilities": {}})
        if manifest:
            self.manifest.write_text(manifest)
        self.out = self.folder / "out/ARM-Debug"

    def run(self, *command, env=None):
        environment = {**os.environ, "AzureSphereDefaultSDKDir": str(SDK) + "/", **(env or {})}
        environment.pop("CFLAGS", None)
        done = subprocess.run([str(word) for word in command], cwd=self.folder, env=environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        return done.returncode, done.stdout

    def configure(self, env=None):
        return self.run("cmake", "--preset", "ARM-Debug", env=env)

    def build(self):
        return self.run("cmake", "--build", self.out)


def words(text):
    """CMake breaks its messages into lines; a sentence is compared without them."""
    return " ".join(text.split())


class SdkTest(unittest.TestCase):
    def setUp(self):
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="spherule-sdk-"))
        self.addCleanup(shutil.rmtree, self.scratch)

    def project(self, **arguments):
        return Project(self.scratch / "project", **arguments)

    def assert_configures(self, project, env=None):
        code, text = project.configure(env)
        self.assertEqual(code, 0, text)
        return words(text)

    def assert_refused(self, sentence, env=None, **arguments):
        code, text = self.project(**arguments).configure(env)
        self.assertEqual(code, 1, text)
        self.assertIn(sentence, words(text))

    def assert_builds(self, project):
        self.assert_configures(project)
        code, text = project.build()
        self.assertEqual(code, 0, text)
        return text


class Packing(SdkTest):
    def test_a_plain_project(self):
        project = self.project()
        self.assert_builds(project)
        self.assertEqual((project.out / "app.imagepackage").read_text(), "./app_manifest.json\n./bin/app\n")
        self.assertEqual((project.out / "spherule-arguments").read_text().splitlines(), [
            "image-package", "pack-application", "--verbose", "--application-manifest", str(project.manifest),
            "--package-directory", str(project.out / "approotapp"), "--destination", str(project.out / "app.imagepackage"),
            "--target-api-set", "16"])
        self.assertTrue((project.out / "app.out").exists())
        self.assertEqual(project.build()[1].strip(), "ninja: no work to do.")

    def test_the_program_is_of_the_apps_world(self):
        project = self.project()
        self.assert_builds(project)
        program = project.out / "approotapp/bin/app"
        dynamic = subprocess.check_output(["readelf", "-dlW", program], text=True)
        self.assertEqual(re.findall(r"NEEDED\).*\[(.*)\]", dynamic), ["libapplibs.so.0", "libc.so"])
        self.assertRegex(dynamic, r"interpreter: /lib/ld-musl-.*\.so\.1\]")
        self.assertNotRegex(dynamic, "RUNPATH|RPATH")
        self.assertNotIn(str(PREFIX), dynamic)
        symbols = subprocess.run(["nm", program], text=True, stderr=subprocess.STDOUT, stdout=subprocess.PIPE, check=False)
        self.assertIn("no symbols", symbols.stdout)

    def test_a_changed_manifest_packs_again(self):
        project = self.project()
        self.assert_builds(project)
        before = (project.out / "app.imagepackage").stat().st_mtime_ns
        project.manifest.write_text(project.manifest.read_text() + "\n")
        self.assertEqual(project.build()[0], 0)
        self.assertNotEqual((project.out / "app.imagepackage").stat().st_mtime_ns, before)

    def test_resources_keep_their_folder(self):
        project = self.project(arguments="RESOURCE_FILES data/a.txt data/deep/b.bin c")
        for name in ("data/a.txt", "data/deep/b.bin", "c"):
            (project.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (project.folder / name).write_text(name)
        self.assert_builds(project)
        self.assertEqual((project.out / "app.imagepackage").read_text(),
                         "./app_manifest.json\n./bin/app\n./c\n./data/a.txt\n./data/deep/b.bin\n")

    def test_another_manifest(self):
        project = self.project(arguments="APP_MANIFEST other/manifest.json")
        (project.folder / "other").mkdir()
        project.manifest.rename(project.folder / "other/manifest.json")
        self.assert_builds(project)
        self.assertIn(str(project.folder / "other/manifest.json"), (project.out / "spherule-arguments").read_text())

    def test_two_apps_in_one_project(self):
        project = self.project(after="add_executable(second main.c)\ntarget_link_libraries(second applibs)\n"
                                     "azsphere_target_add_image_package(second)\n")
        self.assert_builds(project)
        self.assertTrue((project.out / "second.imagepackage").exists())
        self.assertTrue((project.out / "app.imagepackage").exists())

    def test_the_template(self):
        project = self.project()
        for file in (SDK / "templates/app").iterdir():
            shutil.copy(file, project.folder / file.name)
        code, text = project.run("cmake", "--preset", "release", f"-DSPHERULE_PROGRAM={STUB}", "-B", project.out)
        self.assertEqual(code, 0, text)
        self.assertRegex(json.loads(project.manifest.read_text())["ComponentId"], GUID)
        code, text = project.build()
        self.assertEqual(code, 0, text)
        self.assertNotIn("warning", text)
        self.assertIn("sample_appliance.json", (project.out / "spherule-arguments").read_text().splitlines())

    def test_find_package_and_lto(self):
        self.assert_builds(self.project(before="find_package(spherule 0.1 REQUIRED)", cache={"AZURE_SPHERE_LTO": "ON"}))

    def test_find_package_with_the_hosts_compiler(self):
        folder = self.scratch / "host"
        folder.mkdir()
        (folder / "CMakeLists.txt").write_text("cmake_minimum_required(VERSION 3.20)\nproject(app C)\n"
                                               "find_package(spherule REQUIRED)\n")
        done = subprocess.run(["cmake", "-G", "Ninja", "-S", folder, "-B", folder / "out", f"-DCMAKE_PREFIX_PATH={PREFIX}"],
                              text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"-DCMAKE_TOOLCHAIN_FILE={SDK}/CMakeFiles/AzureSphereToolchain.cmake", words(done.stdout))


@unittest.skipUnless((PREFIX / "bin/spherule").exists(), "no spherule in this prefix")
class WithTheRealPacker(SdkTest):
    def build(self, **arguments):
        project = self.project(cache={"SPHERULE_PROGRAM": str(PREFIX / "bin/spherule")}, **arguments)
        home = {"SPHERULE_HOME": str(self.scratch / "home")}
        self.assert_configures(project)
        code, text = project.run("cmake", "--build", project.out, env=home)
        return project, code, text

    def test_a_package_with_a_resource_and_a_pin(self):
        manifest = json.dumps({"SchemaVersion": 1, "Name": "app", "ComponentId": ID, "EntryPoint": "/bin/app",
                               "CmdArgs": [], "Capabilities": {"Gpio": ["$SAMPLE_LED"]}})
        project, code, text = self.build(
            manifest=manifest, arguments="RESOURCE_FILES main.c",
            after='azsphere_target_hardware_definition(app TARGET_DEFINITION "sample_appliance.json")')
        self.assertEqual(code, 0, text)
        package = project.out / "app.imagepackage"
        self.assertIn(b'"Gpio":[8]', package.read_bytes())
        shown = subprocess.check_output([PREFIX / "bin/spherule", "image-package", "show", "--image-package", package],
                                        text=True)
        self.assertIn(ID, shown)
        for name in ("app_manifest.json", "bin/app", "main.c"):
            self.assertRegex(shown, rf"(?m)^{name} ")
        self.assertIn("ApplicationRuntime, version 16", shown)

    def test_without_cmake(self):
        folder = self.scratch / "package"
        (folder / "bin").mkdir(parents=True)
        (self.scratch / "main.c").write_text(MAIN)
        (folder / "app_manifest.json").write_text(json.dumps({
            "SchemaVersion": 1, "Name": "app", "ComponentId": ID, "EntryPoint": "/bin/app", "CmdArgs": [],
            "Capabilities": {}}))
        for command in ([PREFIX / "bin/spherule-cc", "-Os", "-s", "-o", folder / "bin/app", "main.c", "-lapplibs"],
                        [PREFIX / "bin/spherule", "image-package", "pack-application", "--package-directory", folder,
                         "--destination", "app.imagepackage"]):
            done = subprocess.run([str(word) for word in command], cwd=self.scratch, text=True, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, check=False,
                                  env={**os.environ, "SPHERULE_HOME": str(self.scratch / "home")})
            self.assertEqual(done.returncode, 0, done.stdout)
        self.assertTrue((self.scratch / "app.imagepackage").exists())

    def test_a_pin_that_the_board_lacks(self):
        manifest = json.dumps({"SchemaVersion": 1, "Name": "app", "ComponentId": ID, "EntryPoint": "/bin/app",
                               "CmdArgs": [], "Capabilities": {"Gpio": ["$SAMPLE_HORN"]}})
        _, code, text = self.build(manifest=manifest, after=Hardware.CALL % "TARGET_DEFINITION sample_appliance.json")
        self.assertNotEqual(code, 0)
        self.assertIn("'SAMPLE_HORN' is not in the hardware definition", words(text))


class ComponentId(SdkTest):
    def test_an_empty_one_is_written_back_and_kept(self):
        project = self.project(manifest='{\n  "Name": "x",  "ComponentId" :\n ""\n , "Capabilities": {} }\n')
        self.assertIn("has no ComponentId yet", self.assert_configures(project))
        text = project.manifest.read_text()
        component = json.loads(text)["ComponentId"]
        self.assertRegex(component, GUID)
        self.assertEqual(text.replace(component, ""), '{\n  "Name": "x",  "ComponentId" :\n ""\n , "Capabilities": {} }\n')
        self.assertNotIn("has no ComponentId yet", self.assert_configures(project))
        self.assertEqual(project.manifest.read_text(), text)

    def test_a_wrong_one(self):
        for value in ("1689d8b2", ID[:-1], ID + "0", "{" + ID + "}", "1689d8b2c8352e2727ade894d6d15fa9", "g" + ID[1:]):
            with self.subTest(value):
                shutil.rmtree(self.scratch / "project", ignore_errors=True)
                self.assert_refused(f"The ComponentId '{value}' in", manifest=json.dumps({"ComponentId": value}))

    def test_none_at_all(self):
        self.assert_refused("has no string ComponentId", manifest='{"Name": "x"}')

    def test_a_number(self):
        self.assert_refused("has no string ComponentId", manifest='{"ComponentId": 5}')


class Refusals(SdkTest):
    def test_no_manifest(self):
        self.assert_refused(f"The application manifest {self.scratch}/project/app_manifest.json does not exist", manifest="")

    def test_a_broken_manifest(self):
        self.assert_refused("is not a JSON object", manifest="{ no json")

    def test_unknown_arguments(self):
        self.assert_refused("azsphere_target_add_image_package was called with unknown arguments: LIBRARY x",
                            arguments="LIBRARY x")

    def test_a_missing_value(self):
        self.assert_refused("azsphere_target_add_image_package was called without a value after: APP_MANIFEST",
                            arguments="APP_MANIFEST")

    def test_another_debug_lib(self):
        self.assert_refused("The resource library should be libmalloc", arguments='DEBUG_LIB "libfree"')

    def test_debug_lib_in_an_old_api_set(self):
        self.assert_refused("DEBUG_LIB: libmalloc which is not available in the selected Target API Set. Please select "
                            "version 10 or later in the CMakeLists.txt",
                            arguments='DEBUG_LIB "libmalloc"', cache={"AZURE_SPHERE_TARGET_API_SET": "9"})

    def test_an_absolute_resource(self):
        self.assert_refused("RESOURCE_FILES must be relative paths, but '/etc/passwd' is absolute",
                            arguments="RESOURCE_FILES /etc/passwd")

    def test_a_resource_outside(self):
        self.assert_refused("'data/../../x' leads out of it", arguments="RESOURCE_FILES data/../../x")

    def test_a_missing_resource(self):
        self.assert_refused("RESOURCE_FILES: there is no file 'absent.txt'", arguments="RESOURCE_FILES absent.txt")

    def test_another_generator(self):
        project = self.project()
        code, text = project.run("cmake", "-G", "Unix Makefiles", "-B", project.out,
                                 f"-DCMAKE_TOOLCHAIN_FILE={SDK}/CMakeFiles/AzureSphereToolchain.cmake")
        self.assertEqual(code, 1)
        self.assertIn("Azure Sphere apps are built with Ninja, but the generator is 'Unix Makefiles'", words(text))


class Tools(SdkTest):
    def test_supported(self):
        self.assert_configures(self.project(
            before='azsphere_configure_tools(TOOLS_REVISION "22.11")\nazsphere_configure_api(TARGET_API_SET "16")'))

    def test_unsupported(self):
        self.assert_refused("TOOLS_REVISION '19.10' is an unsupported tools version",
                            before='azsphere_configure_tools(TOOLS_REVISION "19.10")')

    def test_missing(self):
        self.assert_refused("azsphere_configure_tools missing TOOLS_REVISION argument",
                            before="azsphere_configure_tools()")

    def test_old_variables(self):
        self.assert_refused("AZURE_SPHERE_TARGET_HARDWARE_DEFINITION is set, which tools before 20.04 used",
                            before='azsphere_configure_tools(TOOLS_REVISION "22.11")',
                            cache={"AZURE_SPHERE_TARGET_HARDWARE_DEFINITION": "x.json"})

    def test_tools_without_api(self):
        self.assert_refused("azsphere_configure_api must be called after azsphere_configure_tools",
                            before='azsphere_configure_tools(TOOLS_REVISION "22.11")')


class ApiSet(SdkTest):
    CALL = 'azsphere_configure_api(TARGET_API_SET "15")'

    def test_mismatch(self):
        self.assert_refused("CMakeLists.txt asks for TARGET_API_SET '15', but this build uses '16'. Set "
                            "AZURE_SPHERE_TARGET_API_SET to '15' in CMakePresets.json", before=self.CALL)

    def test_from_the_preset(self):
        project = self.project(before=self.CALL, cache={"AZURE_SPHERE_TARGET_API_SET": "15"})
        self.assert_builds(project)
        self.assertEqual((project.out / "spherule-arguments").read_text().splitlines()[-2:], ["--target-api-set", "15"])

    def test_the_environment_comes_first(self):
        self.assert_configures(self.project(before=self.CALL, cache={"AZURE_SPHERE_TARGET_API_SET": "12"}),
                               env={"AzureSphereTargetApiSet": "15"})

    def test_not_installed(self):
        for name in ("99", "latest-beta", "newest"):
            with self.subTest(name):
                shutil.rmtree(self.scratch / "project", ignore_errors=True)
                self.assert_refused(f"The Target API Set '{name}' is not installed",
                                    cache={"AZURE_SPHERE_TARGET_API_SET": name})

    def test_no_number(self):
        self.assert_refused("TARGET_API_SET 'x' is neither a number", before='azsphere_configure_api(TARGET_API_SET "x")')

    def test_missing(self):
        self.assert_refused("azsphere_configure_api missing TARGET_API_SET argument", before="azsphere_configure_api()")


class Hardware(SdkTest):
    CALL = "azsphere_target_hardware_definition(${PROJECT_NAME} %s)"

    def test_own_definition_first_and_the_sdks_last(self):
        project = self.project(after=self.CALL % 'TARGET_DIRECTORY "board" TARGET_DEFINITION "board.json"',
                               main='#include <hw/board.h>\n#include <hw/mt3620.h>\n'
                                    'int main(void) { return BOARD_LED - MT3620_GPIO8; }\n')
        header = project.folder / "board/inc/hw/board.h"
        header.parent.mkdir(parents=True)
        header.write_text("#define BOARD_LED 8\n")
        (project.folder / "board/board.json").write_text("{}")
        self.assert_builds(project)
        self.assertEqual((project.out / "spherule-arguments").read_text().splitlines()[-4:], [
            "--hardware-definitions", f"{project.folder}/board,{SDK}/HardwareDefinitions",
            "--target-definition-filename", "board.json"])

    def test_refusals(self):
        rows = (
            ("TARGET_DEFINITION x.json", "TARGET_DEFINITION 'x.json' is in none of:"),
            ("TARGET_DIRECTORY gone TARGET_DEFINITION x.json", "TARGET_DIRECTORY 'gone' does not exist"),
            ("TARGET_DIRECTORY . TARGET_DEFINITION x.json", "TARGET_DIRECTORY '.' has no folder inc/hw"),
            ("", "azsphere_target_hardware_definition missing TARGET_DEFINITION argument"),
            ("BOARD x TARGET_DEFINITION x.json", "was called with unknown arguments: BOARD x"),
        )
        for arguments, sentence in rows:
            with self.subTest(arguments):
                shutil.rmtree(self.scratch / "project", ignore_errors=True)
                self.assert_refused(sentence, after=self.CALL % arguments)

    def test_no_such_target(self):
        self.assert_refused("azsphere_target_hardware_definition: there is no target 'nothing'",
                            before="azsphere_target_hardware_definition(nothing TARGET_DEFINITION x.json)")

    def test_too_late(self):
        self.assert_refused("comes too late: call it before azsphere_target_add_image_package(app)",
                            after="azsphere_target_add_image_package(${PROJECT_NAME})\n"
                                  + self.CALL % "TARGET_DEFINITION sample_appliance.json")

    def test_the_json_and_the_headers_agree(self):
        folder = SDK / "HardwareDefinitions"
        values = {p["Name"]: p for name in ("mt3620", "sample_appliance")
                  for p in json.loads((folder / f"{name}.json").read_text())["Peripherals"]}
        defined = dict(re.findall(r"#define (\w+) \(?(\w+)\)?", "".join(
            (folder / f"inc/hw/{name}.h").read_text() for name in ("mt3620", "sample_appliance"))))
        self.assertEqual(set(values), set(defined))
        for name, peripheral in values.items():
            self.assertEqual(defined[name], peripheral.get("Mapping", peripheral.get("MainCoreHeaderValue")), name)


class HeapStats(SdkTest):
    KEYS = {"SchemaVersion": 1, "Name": "app", "ComponentId": ID, "EntryPoint": "/bin/app", "CmdArgs": []}
    MANIFEST = json.dumps({**KEYS, "Capabilities": {"HeapMemStats": True}})
    WITHOUT = json.dumps({**KEYS, "Capabilities": {"HeapMemStats": False}})
    NO_LIBRARY = "HeapMemStats is true in {}, but DEBUG_LIB \"libmalloc\" is missing in " \
                 "azsphere_target_add_image_package() in {}"
    NO_CAPABILITY = "DEBUG_LIB \"libmalloc\" is set in {1}, but the capability \"HeapMemStats\": true is missing in {0}"

    def setUp(self):
        """An SDK that has libmalloc: a copy of links, with the file beside them."""
        super().setUp()
        prefix = self.scratch / "prefix"
        shutil.copytree(PREFIX / "lib/spherule", prefix / "lib/spherule", symlinks=True)
        shutil.copytree(PREFIX / "lib/cmake/spherule", prefix / "lib/cmake/spherule")
        (prefix / "bin").mkdir()
        shutil.copy(PREFIX / "bin/spherule-cc", prefix / "bin")
        self.sdk = prefix / "lib/spherule/sdk"
        self.library = self.sdk / "Sysroots/16/usr/lib/libmalloc.so.0"
        self.library.unlink(missing_ok=True)  # it may be a link to the real one
        self.library.write_text("library")
        self.env = {"AzureSphereDefaultSDKDir": str(self.sdk)}

    def output(self, capability, library, **more):
        project = self.project(manifest=self.MANIFEST if capability else self.WITHOUT,
                               arguments='DEBUG_LIB "libmalloc"' if library else "", **more)
        text = self.assert_configures(project, env=self.env)
        files = (project.manifest, project.folder / "CMakeLists.txt")
        return project, text, self.NO_LIBRARY.format(*files), self.NO_CAPABILITY.format(*files)

    def test_both(self):
        project, text, no_library, no_capability = self.output(True, True)
        self.assertNotIn("Warning", text)
        code, text = project.build()
        self.assertEqual(code, 0, text)
        self.assertIn("./libmalloc.so.0\n", (project.out / "app.imagepackage").read_text())

    def test_neither(self):
        self.assertNotIn("Warning", self.output(False, False)[1])

    def test_capability_alone(self):
        _, text, no_library, no_capability = self.output(True, False)
        self.assertIn(no_library, text)
        self.assertNotIn(no_capability, text)

    def test_library_alone(self):
        _, text, no_library, no_capability = self.output(False, True)
        self.assertIn(no_capability, text)
        self.assertNotIn(no_library, text)

    def test_the_oldest_api_set_that_has_it(self):
        project = self.project(manifest=self.MANIFEST, arguments='DEBUG_LIB "libmalloc"',
                               cache={"AZURE_SPHERE_TARGET_API_SET": "10"})
        self.assertNotIn("Warning", self.assert_configures(project, env=self.env))

    def test_an_sdk_without_it(self):
        self.library.unlink()
        self.assert_refused(f'DEBUG_LIB "libmalloc" needs {self.library}', env=self.env, manifest=self.MANIFEST,
                            arguments='DEBUG_LIB "libmalloc"')

    def build_and_read(self, project):
        code, text = project.run("cmake", "--build", project.out, env={"SPHERULE_HOME": str(self.scratch / "home")})
        self.assertEqual(code, 0, text)
        return words(text)

    def check_each_build(self, library, warned, configured, packed):
        """`warned`: the capability with which there is a warning. The manifest alone is edited between builds."""
        manifests = {True: self.MANIFEST, False: self.WITHOUT}
        project, text, no_library, no_capability = self.output(
            warned, library, cache={"SPHERULE_PROGRAM": str(PREFIX / "bin/spherule")})
        configured = {"library": no_library, "capability": no_capability}[configured]
        self.assertIn(configured, text)
        self.assertIn(packed, self.build_and_read(project))  # by packing: CMake has spoken already
        package = project.out / "app.imagepackage"
        self.assertTrue(package.exists())
        project.manifest.write_text(manifests[not warned])
        text = self.build_and_read(project)
        self.assertNotIn(configured, text)
        self.assertNotIn("half set up", text)
        project.manifest.write_text(manifests[warned])
        text = self.build_and_read(project)
        self.assertIn(configured, text)
        self.assertIn(packed, text)

    @unittest.skipUnless((PREFIX / "bin/spherule").exists(), "no spherule in this prefix")
    def test_each_build_says_what_the_package_lacks(self):
        self.check_each_build(False, True, "library",
                              'app_manifest.json has HeapMemStats, but the package has no libmalloc.so.0; add DEBUG_LIB '
                              '"libmalloc" to azsphere_target_add_image_package in CMakeLists.txt')

    @unittest.skipUnless((PREFIX / "bin/spherule").exists(), "no spherule in this prefix")
    def test_each_build_says_what_the_manifest_lacks(self):
        self.check_each_build(True, False, "capability",
                              'HeapMemStats is missing; add "HeapMemStats": true to Capabilities in app_manifest.json')

    @unittest.skipUnless((PREFIX / "bin/spherule").exists(), "no spherule in this prefix")
    def test_the_library_lies_at_the_root(self):
        project, _, _, _ = self.output(True, True, cache={"SPHERULE_PROGRAM": str(PREFIX / "bin/spherule")})
        self.assertNotIn("half set up", self.build_and_read(project))
        shown = subprocess.check_output([PREFIX / "bin/spherule", "image-package", "show", "--image-package",
                                         project.out / "app.imagepackage"], text=True)
        self.assertRegex(shown, r"(?m)^libmalloc\.so\.0 ")


class Compiler(SdkTest):
    """spherule-cc without CMake."""

    def cc(self, *arguments, **options):
        return subprocess.run([PREFIX / "bin/spherule-cc", *map(str, arguments)], cwd=self.scratch, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, **options)

    def test_links_applibs_when_asked(self):
        (self.scratch / "main.c").write_text(MAIN)
        done = self.cc("-Wall", "-Werror", "-o", "app", "main.c", "-lapplibs", "-lgcc_s")
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        dynamic = subprocess.check_output(["readelf", "-dW", self.scratch / "app"], text=True)
        self.assertEqual(re.findall(r"NEEDED\).*\[(.*)\]", dynamic), ["libapplibs.so.0", "libc.so"])

    def test_a_missing_library_is_the_linkers_error(self):
        (self.scratch / "main.c").write_text(MAIN)
        done = self.cc("-o", "app", "main.c")
        self.assertEqual(done.returncode, 1)
        self.assertIn("undefined reference to `Log_Debug'", done.stdout)

    def test_hardware_headers_and_other_steps(self):
        done = self.cc("-E", "-P", "-x", "c", "-", input="#include <hw/sample_appliance.h>\nSAMPLE_BUTTON_1\n")
        self.assertEqual(done.stdout.split(), ["(12)"])
        self.assertEqual(self.cc("--print-sdk").stdout.strip(), str(SDK))

    def test_without_musl_gcc(self):
        tools = self.scratch / "tools"
        tools.mkdir()
        for name in ("sh", "dirname", "readlink"):
            (tools / name).symlink_to(shutil.which(name))
        done = self.cc("-v", env={"PATH": str(tools)})
        self.assertEqual(done.returncode, 127)
        self.assertIn("musl-gcc was not found; install musl-tools", done.stdout)


ARM_WORLD = PREFIX / "lib/spherule/device/sysroot/usr"


@unittest.skipUnless((ARM_WORLD / "lib/arm-linux-musleabihf/libapplibs.so.0").exists(), "no ARM half; see make device")
class Arm(SdkTest):
    """The other target."""
    NEEDED = ["libapplibs.so.0", "libc.so"]

    def assert_is_arm(self, program):
        shown = subprocess.check_output(["readelf", "-hldAW", program], text=True)
        self.assertRegex(shown, r"Machine: +ARM\n")
        self.assertIn("hard-float ABI", shown)
        self.assertIn("Tag_THUMB_ISA_use: Thumb-2", shown)
        self.assertIn("interpreter: /lib/ld-musl-armhf.so.1]", shown)
        self.assertEqual(re.findall(r"NEEDED\).*\[(.*)\]", shown), self.NEEDED)
        self.assertNotRegex(shown, "RUNPATH|RPATH")

    def test_a_project_by_environment(self):
        project = self.project()
        self.assert_configures(project, env={"SPHERULE_TARGET": "arm"})
        code, text = project.build()
        self.assertEqual(code, 0, text)
        self.assert_is_arm(project.out / "approotapp/bin/app")
        symbols = subprocess.run(["arm-linux-gnueabihf-nm", project.out / "approotapp/bin/app"], text=True,
                                 stderr=subprocess.STDOUT, stdout=subprocess.PIPE, check=False)
        self.assertIn("no symbols", symbols.stdout)

    def test_a_project_by_variable_keeps_its_target(self):
        project = self.project(cache={"SPHERULE_TARGET": "arm"})
        self.assert_builds(project)
        self.assert_is_arm(project.out / "app.out")
        self.assertEqual(project.run("cmake", project.out)[0], 0)
        code, text = project.run("cmake", "-DSPHERULE_TARGET=native", project.out)
        self.assertEqual(code, 1, text)
        self.assertIn("This build folder is for SPHERULE_TARGET 'arm', not 'native'. Remove it", words(text))

    def test_lto_and_find_package(self):
        project = self.project(before="find_package(spherule 0.1 REQUIRED)",
                               cache={"AZURE_SPHERE_LTO": "ON", "SPHERULE_TARGET": "arm"})
        self.assert_builds(project)
        self.assert_is_arm(project.out / "app.out")

    def test_the_driver_alone(self):
        (self.scratch / "main.c").write_text(MAIN)
        for order in (("--target", "arm", "-o", "a b", "main.c"), ("-o", "a b", "main.c", "--target=arm")):
            done = subprocess.run([PREFIX / "bin/spherule-cc", "-Wall", "-Werror", *order, "-lapplibs", "-lgcc_s"],
                                  cwd=self.scratch, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
            self.assertEqual((done.returncode, done.stdout), (0, ""))
            self.assert_is_arm(self.scratch / "a b")

    def test_headers(self):
        names = sorted((SDK / "Sysroots/16/usr/include").glob("*/*.h"))
        text = "".join(f"#include <{name.parent.name}/{name.name}>\n" for name in names) + "#include <hw/sample_appliance.h>\n"
        done = subprocess.run([PREFIX / "bin/spherule-cc", "--target=arm", "-std=c11", "-D_POSIX_C_SOURCE", "-Wall", "-Wextra",
                               "-pedantic", "-Werror", "-fsyntax-only", "-x", "c", "-"], input=text, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, ""))


class Targets(SdkTest):
    """What is said about targets that are not there. The prefix is a copy without the ARM half."""

    def setUp(self):
        super().setUp()
        self.prefix = self.scratch / "prefix"
        shutil.copytree(SDK, self.prefix / "lib/spherule/sdk", symlinks=True)
        (self.prefix / "bin").mkdir()
        shutil.copy(PREFIX / "bin/spherule-cc", self.prefix / "bin")

    def test_the_driver(self):
        rows = (
            (["--target", "arm"], "the ARM half of the SDK is not built; run 'make device' in Spherule's source folder"),
            (["--target=mips"], "there is no target 'mips'; the targets are native and arm"),
            (["-c", "--target"], "--target needs a value: native or arm"),
        )
        for arguments, sentence in rows:
            with self.subTest(arguments):
                done = subprocess.run([self.prefix / "bin/spherule-cc", *arguments], text=True, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, check=False)
                self.assertEqual((done.returncode, done.stdout), (1, f"spherule-cc: {sentence}\n"))

    def test_the_toolchain_file(self):
        rows = (("arm", "The ARM half of the SDK is not built ("), ("mips", "There is no SPHERULE_TARGET 'mips'. The targets are"))
        for target, sentence in rows:
            with self.subTest(target):
                shutil.rmtree(self.scratch / "project", ignore_errors=True)
                self.assert_refused(sentence, env={"AzureSphereDefaultSDKDir": str(self.prefix / "lib/spherule/sdk"),
                                                   "SPHERULE_TARGET": target})


class Headers(SdkTest):
    def test_each_compiles_alone(self):
        folder = SDK / "Sysroots/16/usr/include"
        names = sorted(folder.glob("*/*.h"))
        self.assertEqual([str(name.relative_to(folder)) for name in names],
                         [f"applibs/{name}.h" for name in ("application", "applications", "eventloop", "gpio", "log",
                                                           "storage")] + ["spherule/memory.h"])
        include = f"-I{SDK}/Sysroots/16/usr/include"
        rest = ["-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only", include]
        for name in names:
            for compiler in (["gcc", "-std=c99", "-x", "c"], ["g++", "-std=c++98", "-x", "c++"],
                             ["g++", "-std=c++20", "-x", "c++"], ["clang", "-std=c99", "-Weverything", "-x", "c"],
                             [str(PREFIX / "bin/spherule-cc"), "-std=c11", "-D_POSIX_C_SOURCE", "-x", "c"]):
                with self.subTest(f"{name.name} {' '.join(compiler)}"):
                    done = subprocess.run([*compiler, *rest, "-"], input=f"#include <{name.relative_to(folder)}>\n", text=True,
                                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
                    self.assertEqual((done.returncode, done.stdout), (0, ""))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
