/* The modes of a device, its capabilities and the state of its making. */
#include "cli/device/fake_gateway_test.h"

#define NOT_RUNNING "error: device 'd' is not running; start it with 'spherule device start d'\n"
#define ID_DEBUGGER "8548b129-b16f-4f84-8dbe-d2c847862e78"
#define DENIED                                                                                     \
    "error: Permission denied; application development capability may be required ('azsphere "     \
    "device enable-development')\n"

static const struct fake_route developed[] = {
    {.request = "GET /device/capabilities", .body = "{\"device_capabilities\":[12,11]}"},
    {.request = "PUT /spherule/v1/capabilities", .body = "{}"},
    {.request = "GET /spherule/v1/apps",
     .body = "{\"apps\":[{\"componentId\":\"" ID_DEBUGGER "\",\"isDebugger\":true},"
             "{\"componentId\":\"00000000-0000-4000-8000-00000000000a\"}]}"},
    {.request = "DELETE /app/image/" ID_DEBUGGER, .body = "{}"},
    {.request = NULL},
};
static const struct fake_route bare[] = {
    {.request = "GET /device/capabilities", .body = "{\"device_capabilities\":[]}"},
    {.request = "PUT /spherule/v1/capabilities", .body = "{}"},
    {.request = "GET /spherule/v1/apps", .body = "{\"apps\":[]}"},
    {.request = "PUT /update/stage", .body = "{}"},
    {.request = "POST /update/install", .body = "{}"},
    {.request = NULL},
};
static const struct fake_route full[] = {
    {.request = "GET /device/capabilities", .body = "{\"device_capabilities\":[]}"},
    {.request = "PUT /spherule/v1/capabilities", .body = "{}"},
    {.request = "GET /spherule/v1/apps", .body = "{\"apps\":[]}"},
    {.request = "", .status = 400, .body = "{\"error\":14680082}"},
};
static const struct fake_route odd[] = {
    {.request = "GET /device/capabilities", .body = "{\"device_capabilities\":[14]}"},
    {.request = NULL},
};
static const struct fake_route denied[] = {
    {.request = "", .status = 403, .body = "{\"error\":13}"}};
static const struct fake_route nonsense[] = {{.request = "", .body = "{\"x\":1}"}};

#define ENABLED "Application development capability enabled.\n"
#define INSTALLING "Installing the debugging server on device 'd'.\n"
#define SET_UP "Successfully set up device 'd' for application development.\n"

/* Where $PATH has a gdbserver. */
static const struct talk developments[] = {
    {"device enable-development", bare, 0, "", ENABLED INSTALLING SET_UP},
    {"device enable-development -r", developed, 0, "", ENABLED SET_UP},
    {"device enable-development -o none", bare, 0, "", ""},
    {"device enable-development", full, 7, "",
     ENABLED INSTALLING
     "error: application development is enabled, but the debugging server could not be installed: "
     "Insufficient free space on the device\n"},
    {"device enable-development", denied, 5, "", DENIED},
    {"device enable-development", nonsense, 1, "",
     "error: device 'd' gave an answer without its capabilities: there is no "
     "\"device_capabilities\" in it\n"},
    {"device enable-development", NULL, 3, "", NOT_RUNNING},
};

static void put_gdbserver(const struct fake_gateway *fake) {
    char path[96];
    assert_int_equal(sph_dir_make(fake->home_fd, "programs", 0755, NULL), 0);
    assert_int_equal(
        sph_file_replace(fake->home_fd, "programs/gdbserver", "\177ELF", 4, 0755, NULL), 0);
    (void)snprintf(path, sizeof(path), "relative:/nowhere:%s/programs:", fake->home);
    assert_int_equal(setenv("PATH", path, 1), 0);
}

static void test_enable_development(void **state) {
    struct fake_gateway *fake = *state;
    put_gdbserver(fake);
    check_talks(state, developments, SPH_ARRAY_SIZE(developments));
    check_talk(fake, &developments[0]);
    /* the capability first, and the debugger is not started by itself */
    const char *put = strstr(fake->seen, "PUT /spherule/v1/capabilities "
                                         "{\"device_capabilities\":[11]}\n");
    assert_non_null(put);
    assert_non_null(strstr(put, "POST /update/install {\"appControlMode\":\"Manual\"}\n"));
    check_talk(fake, &developments[1]);
    assert_null(strstr(fake->seen, "PUT"));
}

/* One sentence, and the rest is done. */
static void test_no_gdbserver_on_this_machine(void **state) {
    static const struct talk talk = {
        "device enable-development", bare, 0, "",
        ENABLED "warn: this machine has no gdbserver (Debian's package is 'gdbserver'), so 'device "
                "app start --debug-mode' has nothing to work with\n" SET_UP};
    struct fake_gateway *fake = *state;
    assert_int_equal(setenv("PATH", "gdbserver:/nowhere", 1), 0);
    check_talk(fake, &talk);
    assert_null(strstr(fake->seen, "/update/"));
    assert_int_equal(unsetenv("PATH"), 0);
    check_talk(fake, &talk);
}

/* The package is the one of the images' folder, as for a debug start. */
static void test_a_virtual_device_without_images(void **state) {
    static const char json[] = "{\"backend\":\"virtual\"}";
    static const struct talk talk = {
        "device enable-development", bare, 7, "",
        ENABLED "error: application development is enabled, but the debugging server could not be "
                "installed: the device has no debugging server, and there is none to install: "
                "'make device' builds it, or set SPHERULE_DEVICE_IMAGES to the folder that has "
                "'debugger' (looked at /nowhere/debugger)\n"};
    struct fake_gateway *fake = *state;
    assert_int_equal(
        sph_file_replace(fake->device_fd, "device.json", json, strlen(json), 0644, NULL), 0);
    assert_int_equal(setenv("SPHERULE_DEVICE_IMAGES", "/nowhere", 1), 0);
    check_talk(fake, &talk);
    assert_int_equal(unsetenv("SPHERULE_DEVICE_IMAGES"), 0);
}

static const struct talk cloud_tests[] = {
    {"device enable-cloud-test", developed, 0, "",
     "Removing the debugging server from device 'd'.\nApplication development capability "
     "disabled.\nSuccessfully set up device 'd' for cloud testing.\n"},
    {"device enable-cloud-test", bare, 0, "",
     "Application development capability disabled.\nSuccessfully set up device 'd' for cloud "
     "testing.\n"},
    {"device enable-cloud-test", denied, 5, "", DENIED},
    {"device enable-cloud-test", nonsense, 1, "",
     "error: device 'd' answered without its applications\n"},
};

static void test_enable_cloud_test(void **state) {
    struct fake_gateway *fake = *state;
    check_talks(state, cloud_tests, SPH_ARRAY_SIZE(cloud_tests));
    check_talk(fake, &cloud_tests[0]);
    const char *deletion = strstr(fake->seen, "DELETE /app/image/" ID_DEBUGGER "\n");
    assert_non_null(deletion);
    assert_non_null(
        strstr(deletion, "PUT /spherule/v1/capabilities {\"device_capabilities\":[12]}\n"));
}

#define GIVE_ONE "error: give one of --type, --capability-file and --none"

static const struct talk capabilities[] = {
    {"device capability show-attached", developed, 0, "enableRFTestMode\nappDevelopment\n", ""},
    {"device capability show-attached -o json", developed, 0,
     "[\n  \"enableRFTestMode\",\n  \"appDevelopment\"\n]\n", ""},
    {"device capability show-attached -o tsv", odd, 0, "14\t14\n", ""},
    {"device capability show-attached", bare, 0, "", "Device 'd' has no capability.\n"},
    {"device capability show-attached -o json", bare, 0, "[]\n", "Device 'd' has no capability.\n"},
    {"device capability update", bare, 2, "",
     GIVE_ONE ", or choose with 'device capability select' first\n"},
    {"device capability update --none --type 11", bare, 2, "", GIVE_ONE "\n"},
    {"device capability update --type 12,appDevelopment", bare, 0, "",
     "Device 'd' has new capabilities.\n"},
    {"device capability apply --none", bare, 0, "", "Device 'd' has new capabilities.\n"},
    {"device capability update --type x", bare, 2, "",
     "error: 'x' is no capability; they are appDevelopment, enableRFTestMode and "
     "fieldServicing\n"},
    {"device capability update -p /nowhere", bare, 4, "",
     "error: cannot open the capability file '/nowhere': No such file or directory\n"},
    {"device capability select", NULL, 2, "", GIVE_ONE "\n"},
    {"device capability select --type fieldServicing", NULL, 0, "",
     "Selected for 'device capability update'.\n"},
    {"device capability update", bare, 0, "", "Device 'd' has new capabilities.\n"},
    {"device capability select --none", NULL, 0, "", "No capability is selected.\n"},
    {"device capability select --none", NULL, 0, "", "No capability is selected.\n"},
    {"device capability update", bare, 2, "",
     GIVE_ONE ", or choose with 'device capability select' first\n"},
    {"device capability update --none", denied, 5, "", DENIED},
};

static void test_capabilities(void **state) {
    check_talks(state, capabilities, SPH_ARRAY_SIZE(capabilities));
}

/* What is selected, and what is shown in JSON, can be given back. */
static void test_capability_files(void **state) {
    struct fake_gateway *fake = *state;
    char line[128], sentence[160];
    static const struct talk select = {"device capability select --type 13,11", NULL, 0, "",
                                       "Selected for 'device capability update'.\n"};
    static const struct talk update = {"device capability update", bare, 0, "",
                                       "Device 'd' has new capabilities.\n"};
    check_talk(fake, &select);
    check_talk(fake, &update);
    assert_string_equal(fake->seen,
                        "PUT /spherule/v1/capabilities {\"device_capabilities\":[13,11]}\n");
    (void)snprintf(line, sizeof(line), "device capability update -p %s/file", fake->home);
    const struct talk from_file = {line, bare, 0, "", "Device 'd' has new capabilities.\n"};
    fake_put(fake, "file", "[\"appDevelopment\"]\n", 19);
    check_talk(fake, &from_file);
    assert_string_equal(fake->seen,
                        "PUT /spherule/v1/capabilities {\"device_capabilities\":[11]}\n");
    (void)snprintf(sentence, sizeof(sentence),
                   "error: %s/file: a capability is a name or a number\n", fake->home);
    const struct talk broken = {line, bare, 4, "", sentence};
    fake_put(fake, "file", "[{}]", 4);
    check_talk(fake, &broken);
    static const struct talk unreadable = {
        "device capability update", bare, 4, "",
        "error: capabilities.json in the folder of all devices: line 1, column 1: expected a "
        "value, but found the end of the text\n"};
    fake_put(fake, "capabilities.json", "", 0);
    check_talk(fake, &unreadable);
}

static const struct fake_route made[] = {
    {.request = "GET /device/manufacturing_state",
     .body = "{\"manufacturingState\":\"Module1Complete\"}"},
    {.request = "PUT /device/manufacturing_state",
     .body = "{\"manufacturingState\":\"DeviceComplete\"}"},
    {.request = NULL},
};

static const struct talk makings[] = {
    {"device manufacturing-state show", made, 0, "Manufacturing State: Module1Complete\n", ""},
    {"device manufacturing-state show -o json", made, 0,
     "{\n  \"manufacturingState\": \"Module1Complete\"\n}\n", ""},
    {"device manufacturing-state show -o tsv", made, 0, "Module1Complete\n", ""},
    {"device manufacturing-state update -s DeviceComplete", made, 0, "",
     "Manufacturing state set to 'DeviceComplete'.\n"},
    {"device manufacturing-state update --manufacturing-state Module1Complete", denied, 5, "",
     DENIED},
    {"device manufacturing-state update -s Blank", made, 2, "",
     "error: 'Blank' is no value for --state; use Module1Complete or DeviceComplete\nSee "
     "'spherule device manufacturing-state update --help'.\n"},
};

static void test_manufacturing_state(void **state) {
    struct fake_gateway *fake = *state;
    check_talks(state, makings, SPH_ARRAY_SIZE(makings));
    check_talk(fake, &makings[3]);
    assert_string_equal(fake->seen, "PUT /device/manufacturing_state "
                                    "{\"manufacturingState\":\"DeviceComplete\"}\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_DEVICE(test_enable_development),
        WITH_DEVICE(test_no_gdbserver_on_this_machine),
        WITH_DEVICE(test_a_virtual_device_without_images),
        WITH_DEVICE(test_enable_cloud_test),
        WITH_DEVICE(test_capabilities),
        WITH_DEVICE(test_capability_files),
        WITH_DEVICE(test_manufacturing_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
