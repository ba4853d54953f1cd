/* HTTPS switched on, shown and off. */
#include "cli/device/fake_gateway_test.h"

static const struct fake_route on[] = {
    {.request = "GET /spherule/v1/listen",
     .body = "{\"listening\":true,\"address\":\"127.0.0.1:8443\",\"trusted\":true,"
             "\"fingerprint\":\"ab12\"}"},
    {.request = "POST /spherule/v1/listen",
     .body = "{\"listening\":true,\"address\":\"127.0.0.1:8443\",\"trusted\":false,"
             "\"fingerprint\":\"ab12\",\"token\":\"secret\"}"},
    {.request = "DELETE /spherule/v1/listen", .body = "{}"},
    {.request = "GET /spherule/v1/listen/ca", .body = "-----BEGIN\nx\n"},
    {.request = NULL},
};
static const struct fake_route off[] = {
    {.request = "GET /spherule/v1/listen", .body = "{\"listening\":false}"},
    {.request = "GET /spherule/v1/listen/ca",
     .status = 404,
     .body = "{\"error\":2,\"message\":\"there is no certificate yet\"}"},
    {.request = "POST /spherule/v1/listen",
     .status = 409,
     .body = "{\"error\":16,\"message\":\"another program listens there\"}"},
    {.request = NULL},
};
static const struct fake_route refused[] = {
    {.request = "",
     .status = 403,
     .body = "{\"error\":13,\"message\":\"other machines may reach it\"}"}};
static const struct fake_route troubled[] = {
    {.request = "GET /spherule/v1/listen",
     .body = "{\"listening\":false,\"address\":\"127.0.0.1:8443\",\"trusted\":false,"
             "\"message\":\"taken\"}"},
    {.request = NULL},
};
static const struct fake_route nonsense[] = {{.request = "", .body = "[]"}};

static const struct talk talks[] = {
    {"device rest", on, 0,
     "Listening   : true\nAddress     : 127.0.0.1:8443\nTrusted     : true\nFingerprint : ab12\n",
     ""},
    {"device rest", off, 0, "Listening   : false\n", ""},
    {"device rest -o tsv", troubled, 0, "false\t127.0.0.1:8443\tfalse\t\ttaken\t\n", ""},
    {"device rest -o json", off, 0, "{\n  \"listening\": false\n}\n", ""},
    {"device rest --listen 127.0.0.1:8443", on, 0,
     "Listening   : true\nAddress     : 127.0.0.1:8443\nTrusted     : false\n"
     "Fingerprint : ab12\nToken       : secret\n",
     ""},
    {"device rest --listen 127.0.0.1:8443", off, 1, "",
     "error: The resource is in use (another program listens there)\n"},
    {"device rest --listen 0.0.0.0:1 --trusted", refused, 5, "",
     "error: Permission denied (other machines may reach it)\n"},
    {"device rest --off", on, 0, "", "The REST interface is no longer served over HTTPS.\n"},
    {"device rest --ca", on, 0, "-----BEGIN\nx\n", ""},
    {"device rest --ca -o json", on, 0, "{\n  \"certificate\": \"-----BEGIN\\nx\\n\"\n}\n", ""},
    {"device rest --ca", off, 6, "", "error: Not found (there is no certificate yet)\n"},
    {"device rest --token", on, 0, "secret\n", ""},
    {"device rest --token -o tsv", on, 0, "secret\n", ""},
    {"device rest --token", off, 6, "",
     "error: device 'd' serves no HTTPS and has no token; 'device rest --listen 127.0.0.1:8443' "
     "switches it on\n"},
    {"device rest --token", nonsense, 1, "",
     "error: device 'd' gave an answer that is no JSON object\n"},
    {"device rest --off --ca", on, 2, "", "error: give one of --listen, --off, --ca and --token\n"},
    {"device rest --trusted", on, 2, "", "error: --trusted goes together with --listen\n"},
    {"device rest --off", NULL, 3, "",
     "error: device 'd' is not running; start it with 'spherule device start d'\n"},
};

static void test_rest(void **state) {
    check_talks(state, talks, SPH_ARRAY_SIZE(talks));
}

static void test_what_is_asked(void **state) {
    static const struct {
        const char *line, *asked;
    } rows[] = {
        {"device rest --listen [::1]:0 --trusted",
         "POST /spherule/v1/listen {\"address\":\"[::1]:0\",\"trusted\":true}\n"},
        {"device rest --listen x",
         "POST /spherule/v1/listen {\"address\":\"x\",\"trusted\":false}\n"},
        /* it changes nothing: where it listens, and whom it trusts, stay */
        {"device rest --token", "GET /spherule/v1/listen\nPOST /spherule/v1/listen {\"address\":"
                                "\"127.0.0.1:8443\",\"trusted\":true}\n"},
    };
    static struct spoken spoken;
    struct fake_gateway *fake = *state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        fake_start(fake, on);
        speak(rows[i].line, &spoken);
        fake_stop(fake);
        assert_string_equal(fake->seen, rows[i].asked);
        assert_int_equal(spoken.status, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_DEVICE(test_rest),
        WITH_DEVICE(test_what_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
