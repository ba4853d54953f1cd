/* Commands about the devices that run: what they print, and what they make of a device that does
 * not say all, or nothing. */
#include "cli/device/fake_gateway_test.h"

#define NOT_RUNNING "error: device 'd' is not running; start it with 'spherule device start d'\n"

static const struct fake_route whole[] = {
    {.request = "GET /status", .body = "{\"uptime\":7}"},
    {.request = "GET /osversion", .body = "{\"osversion\":\"22.11\"}"},
    {.request = "GET /device/security_state",
     .body = "{\"securityState\":\"SECURE\",\"deviceIdentifier\":\"ABCD\"}"},
    {.request = "GET /spherule/v1/listen",
     .body = "{\"listening\":true,\"address\":\"127.0.0.1:8443\"}"},
    {.request = NULL},
};
static const struct fake_route bare[] = {
    {.request = "GET /status", .body = "{\"uptime\":7}"},
    {.request = "", .status = 404, .body = "{\"error\":15728642}"},
};
static const struct fake_route away[] = {{.request = "", .status = 503}};
static const struct fake_route nonsense[] = {{.request = "", .body = "[7]"}};

/* %s is the home. */
static const struct {
    const char *line;
    const struct fake_route *routes;
    int status;
    const char *out, *err;
} attached[] = {
    {"device show-attached", whole, 0,
     "Device ID       : ABCD\nName            : d\nIP address      : 127.0.0.1:8443\n"
     "Connection path : %s/devices/d/rest.sock\nIs responsive   : true\n",
     ""},
    {"device show-attached -o tsv", bare, 0, "\td\t\t%s/devices/d/rest.sock\ttrue\n", ""},
    {"device show-attached", NULL, 3, "", NOT_RUNNING},
    {"device show-attached", away, 3, "",
     "error: the agent of device 'd' is away; 'spherule device start d' brings it back\n"},
    {"device list-attached", whole, 0,
     "1 device attached:\n --> Device ID: ABCD\n   --> Name:            d\n"
     "   --> Is responsive:   yes\n   --> IP address:      127.0.0.1:8443\n"
     "   --> Connection path: %s/devices/d/rest.sock\n",
     ""},
    {"device list-attached", bare, 0,
     "1 device attached:\n --> Device ID: unknown\n   --> Name:            d\n"
     "   --> Is responsive:   yes\n   --> IP address:      none\n"
     "   --> Connection path: %s/devices/d/rest.sock\n",
     ""},
    {"device list-attached -o tsv", nonsense, 0, "\td\t\t%s/devices/d/rest.sock\ttrue\n", ""},
    {"device list-attached", NULL, 0, "0 devices attached:\n", ""},
    {"device list-attached -o json", NULL, 0, "[]\n", ""},
    {"device rescan-attached", whole, 0, "", "Found 1 device.\n"},
    {"device rescan-attached", NULL, 0, "", "Found 0 devices.\n"},
    {"device rescan-attached -o none", NULL, 0, "", ""},
};

static void test_attached(void **state) {
    const struct fake_gateway *fake = *state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(attached); i++) {
        char out[512];
        const char *home = strstr(attached[i].out, "%s");
        (void)snprintf(out, sizeof(out), "%.*s%s%s",
                       home ? (int)(home - attached[i].out) : (int)strlen(attached[i].out),
                       attached[i].out, home ? fake->home : "", home ? home + 2 : "");
        const struct talk talk = {attached[i].line, attached[i].routes, attached[i].status, out,
                                  attached[i].err};
        check_talk(*state, &talk);
    }
}

static const struct talk versions[] = {
    {"device show-os-version", whole, 0,
     "The device is compatible with Azure Sphere OS version 22.11.\n", ""},
    {"device show-os-version -o json", whole, 0, "{\n  \"osversion\": \"22.11\"\n}\n", ""},
    {"device show-os-version -o tsv", whole, 0, "22.11\n", ""},
    {"device show-os-version", bare, 1, "", "error: Invalid request URI.\n"},
    {"device show-os-version", nonsense, 1, "",
     "error: device 'd' gave an answer that is no JSON object\n"},
    {"device show-os-version", NULL, 3, "", NOT_RUNNING},
};

static void test_show_os_version(void **state) {
    check_talks(state, versions, SPH_ARRAY_SIZE(versions));
}

/* Nothing is started for a wrong command line. */
static const struct talk recoveries[] = {
    {"device recover --images .", NULL, 2, "",
     "error: --images is for a virtual device: a native one has this machine's system\n"},
    {"device recover --capability x", NULL, 2, "",
     "error: a device takes no capability file for its recovery; leave --capability out\n"},
    {"device recover -d x", NULL, 6, "",
     "error: there is no device 'x'; make it with 'spherule device create x'\n"},
};

static void test_recover(void **state) {
    check_talks(state, recoveries, SPH_ARRAY_SIZE(recoveries));
}

static void test_recover_a_virtual_device(void **state) {
    static const char json[] = "{\"backend\":\"virtual\"}";
    static const struct talk talk = {
        "device recover --images /nowhere/at/all", NULL, 6, "",
        "error: cannot find the folder '/nowhere/at/all': No such file or directory\n"};
    struct fake_gateway *fake = *state;
    assert_int_equal(
        sph_file_replace(fake->device_fd, "device.json", json, strlen(json), 0644, NULL), 0);
    check_talk(fake, &talk);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_DEVICE(test_attached),
        WITH_DEVICE(test_show_os_version),
        WITH_DEVICE(test_recover),
        WITH_DEVICE(test_recover_a_virtual_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
