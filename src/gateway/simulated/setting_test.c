/* Calls about simulated state from bytes to bytes: what is kept, what is sent, what comes out, and
 * what is kept then. spheruled_settings_test.py has whole conversations. */
#include "base/testing.h"

#include <errno.h>
#include <string.h>

#include "gateway/simulated/setting.h"
#include "wire/device_error.h"

/* In the place of the real one (--wrap): the n-th from now on fails; 0 = none. */
static unsigned realloc_fails;
void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);

void *__wrap_realloc(void *old, size_t size) {
    return realloc_fails && --realloc_fails == 0 ? NULL : __real_realloc(old, size);
}

#define KEPT_CERTIFICATE                                                                           \
    "{\"id\":\"a\",\"notBefore\":\"2026-11-22T13:21:34Z\",\"notAfter\":\"2046-11-22T13:21:34Z\","  \
    "\"subjectName\":\"CN=a\",\"issuerName\":\"CN=b\",\"certType\":\"RootCA\",\"bytes\":24000}"
#define CERTIFICATES_JSON "{\"certificates\":[" KEPT_CERTIFICATE "]}"
#define KEPT_NETWORK                                                                               \
    "{\"id\":4,\"ssid\":\"spherule-open\",\"securityState\":\"open\",\"configState\":\"enabled\"," \
    "\"targetedScan\":false}"
#define WIFI_JSON "{\"networks\":[" KEPT_NETWORK "]}"
#define SHOWN_NETWORK(id, state)                                                                   \
    "{\"id\":" #id ",\"ssid\":\"spherule-open\",\"securityState\":\"open\",\"configState\":"       \
    "\"" state "\",\"targetedScan\":false,\"connectionState\":"

struct example {
    const char *method, *path;
    const char *kept; /* of the setting that the route may change */
    const char *body; /* NULL without one */
    unsigned status;
    const char *answer; /* or the sentence, of a refusal */
    const char *put;    /* NULL: nothing changes */
};

static const struct example examples[] = {
    /* looking */
    {"GET", "/certstore/certs", CERTIFICATES_JSON, NULL, 200, "{\"identifiers\":[\"a\"]}", NULL},
    {"GET", "/certstore/certs/a", CERTIFICATES_JSON, NULL, 200,
     "{\"id\":\"a\",\"notBefore\":\"2026-11-22T13:21:34Z\",\"notAfter\":\"2046-11-22T13:21:34Z\","
     "\"subjectName\":\"CN=a\",\"issuerName\":\"CN=b\"}",
     NULL},
    {"GET", "/certstore/space", CERTIFICATES_JSON, NULL, 200, "{\"AvailableSpace\":\"514\"}", NULL},
    {"GET", "/net/proxy", "{}", NULL, 200,
     "{\"enabled\":false,\"address\":\"\",\"port\":0,\"authenticationType\":\"anonymous\","
     "\"noProxyAddresses\":[]}",
     NULL},
    {"GET", "/device/manufacturing_state", "{\"manufacturingState\":\"DeviceComplete\"}", NULL, 200,
     "{\"manufacturingState\":\"DeviceComplete\"}", NULL},
    {"GET", "/wifi/config/networks", WIFI_JSON, NULL, 200,
     "{\"values\":[" SHOWN_NETWORK(4, "enabled") "\"connected\"}]}", NULL},
    {"GET", "/net/interfaces/azspheresvc", "", NULL, 200,
     "{\"interfaceName\":\"azspheresvc\",\"interfaceUp\":true,\"connectedToNetwork\":false,"
     "\"ipAcquired\":false,\"connectedToInternet\":false,\"ipAddresses\":[\"192.168.35.2\"]}",
     NULL},
    /* changing */
    {"DELETE", "/certstore/certs/a", CERTIFICATES_JSON, NULL, 200, "{}", "{\"certificates\":[]}"},
    {"PUT", "/device/manufacturing_state", "", "{\"manufacturingState\":\"DeviceComplete\"}", 200,
     "{\"manufacturingState\":\"DeviceComplete\"}", "{\"manufacturingState\":\"DeviceComplete\"}"},
    {"PATCH", "/wifi/interface", "{\"eth0Up\":true}", "{\"interfaceState\":\"disabled\"}", 200,
     "{}", "{\"wlan0Up\":false,\"eth0Up\":true,\"eth0HardwareAddress\":\"02:53:50:48:00:20\"}"},
    {"PATCH", "/wifi/config/networks/4", WIFI_JSON, "{\"configState\":\"disabled\"}", 200,
     SHOWN_NETWORK(4, "disabled") "\"disconnected\"}",
     "{\"networks\":[{\"id\":4,\"ssid\":\"spherule-open\",\"securityState\":\"open\","
     "\"configState\":\"disabled\",\"targetedScan\":false}]}"},
    {"POST", "/wifi/config/networks", WIFI_JSON,
     "{\"ssid\":\"spherule-open\",\"securityState\":\"open\",\"id\":77,"
     "\"connectionState\":\"connected\"}",
     201, SHOWN_NETWORK(5, "enabled") "\"disconnected\"}", /* the first of two is connected */
     "{\"networks\":[" KEPT_NETWORK ",{\"id\":5,\"ssid\":\"spherule-open\",\"securityState\":"
     "\"open\",\"configState\":\"enabled\",\"targetedScan\":false}]}"},
    {"DELETE", "/wifi/config/networks/4", WIFI_JSON, NULL, 200, "{}", "{\"networks\":[]}"},
    {"POST", "/net/proxy", "",
     "{\"enabled\":false,\"address\":\"p\",\"port\":1,\"username\":\"u\"}", 200,
     "{\"enabled\":false,\"address\":\"p\",\"port\":1,\"authenticationType\":\"anonymous\","
     "\"username\":\"u\",\"noProxyAddresses\":[]}",
     "{\"enabled\":false,\"address\":\"p\",\"port\":1,\"authenticationType\":\"anonymous\","
     "\"username\":\"u\",\"noProxyAddresses\":[]}"},
    {"DELETE", "/net/proxy", "what nobody can read", NULL, 200, "{}", "{}"},
    /* refusing */
    {"GET", "/certstore/certs/b", CERTIFICATES_JSON, NULL, 404,
     "there is no certificate \"b\" in the device's store", NULL},
    {"PATCH", "/wifi/interface", "", "{}", 400,
     "the body's member \"interfaceState\" must be \"enabled\" or \"disabled\"", NULL},
    {"PATCH", "/wifi/interface", "", NULL, 400, "PATCH /wifi/interface needs a body", NULL},
    {"PATCH", "/net/interfaces/eth1", "", "{\"interfaceUp\":true}", 404,
     "there is no network interface \"eth1\", only azspheresvc, wlan0 and eth0", NULL},
    {"PUT", "/device/manufacturing_state", "{\"manufacturingState\":\"DeviceComplete\"}",
     "{\"manufacturingState\":\"Module1Complete\"}", 400,
     "the device is DeviceComplete already, which cannot be taken back", NULL},
};

static const struct sph_route *resolve(const char *method, const char *path, bool has_body,
                                       struct sph_call *ret_call) {
    const struct sph_route_request request = {.method = method, .path = path, .has_body = has_body};
    struct sph_response response = SPH_RESPONSE_NULL;
    if (sph_route_resolve(&request, ret_call, &response) != 0)
        fail_msg("%s %s: %s", method, path, response.sentence);
    return ret_call->route;
}

static unsigned run(const struct example *example, struct sph_buf *ret_value,
                    struct sph_response *response) {
    struct sph_call call = {0};
    const struct sph_route *route = resolve(example->method, example->path, true, &call);
    struct sph_setting_request request = {
        .call = &call, .body = example->body, .len = example->body ? strlen(example->body) : 0};
    request.values[route->writes] = sph_slice_text(example->kept);
    return sph_setting_run(&request, ret_value, response);
}

static void examples_to_the_byte(void **state) {
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(examples); i++) {
        const struct example *example = &examples[i];
        struct sph_response response = SPH_RESPONSE_NULL;
        sph_autobuf struct sph_buf value = SPH_BUF_LIMIT(SPH_SETTING_VALUE_MAX);
        unsigned status = run(example, &value, &response);
        assert_int_equal(response.status, example->status);
        assert_int_equal(status, example->status < 400 ? 0 : example->status);
        assert_string_equal(status ? response.sentence : response.body.data, example->answer);
        if (!status)
            assert_string_equal(value.len ? value.data : "", example->put ? example->put : "");
        sph_response_done(&response);
    }
}

/* Each allocation of each example fails once: there is a refusal, or the whole answer. */
static void no_memory(void **state) {
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(examples); i++) {
        const struct example *example = &examples[i];
        unsigned nth = 0;
        bool has_failed;
        do {
            struct sph_response response = SPH_RESPONSE_NULL;
            sph_autobuf struct sph_buf value = SPH_BUF_LIMIT(SPH_SETTING_VALUE_MAX);
            realloc_fails = ++nth;
            unsigned status = run(example, &value, &response);
            has_failed = realloc_fails == 0;
            realloc_fails = 0;
            if (example->status < 400 && has_failed) {
                assert_int_equal(status, 500);
                assert_string_equal(response.sentence, "the gateway has no memory for the answer");
            } else if (status == 0) {
                assert_string_equal(response.body.data, example->answer);
            }
            sph_response_done(&response);
        } while (has_failed && nth < 40);
        assert_true(nth > 1 && nth < 40);
    }
}

/* Of every call that takes a body. */
static void wrong_bodies(void **state) {
    (void)state;
    static const struct {
        const char *body;
        uint32_t number;
    } bodies[] = {
        {"", SPH_DEVERR_REQUEST_DATA_EXPECTED}, {"null", SPH_DEVERR_INVALID_JSON},
        {"[]", SPH_DEVERR_INVALID_JSON},        {"{", SPH_DEVERR_INVALID_JSON},
        {"{}", SPH_DEVERR_INVALID_JSON},        {"{}x", SPH_DEVERR_INVALID_JSON},
        {"\xff", SPH_DEVERR_INVALID_JSON},
    };
    for (size_t i = 0; i < sph_route_count; i++) {
        const struct sph_route *route = &sph_routes[i];
        if (route->action != SPH_ROUTE_SETTING || route->body != SPH_BODY_JSON)
            continue;
        struct sph_call call = {.route = route, .name = "eth0", .number = 4};
        for (size_t k = 0; k < SPH_ARRAY_SIZE(bodies); k++) {
            struct sph_response response = SPH_RESPONSE_NULL;
            sph_autobuf struct sph_buf value = SPH_BUF_LIMIT(SPH_SETTING_VALUE_MAX);
            char number[40];
            struct sph_setting_request request = {
                .call = &call, .body = bodies[k].body, .len = strlen(bodies[k].body)};
            request.values[SPH_SETTING_WIFI] = sph_slice_text(WIFI_JSON);
            assert_int_equal(sph_setting_run(&request, &value, &response), 400);
            assert_int_equal(response.status, 400);
            (void)snprintf(number, sizeof(number), "{\"error\":%u}", bodies[k].number);
            assert_string_equal(response.body.data, number);
            assert_int_equal(value.len, 0);
            sph_response_done(&response);
        }
    }
}

/* A value of each kind that is nearly right, and a call that looks at it. */
static void kept_values_that_cannot_be_read(void **state) {
    (void)state;
    static const struct {
        const char *path, *kept;
    } cases[] = {
        {"/certstore/certs", "{\"certificates\":{}}"},
        {"/certstore/certs", "{\"certificates\":[{\"id\":\"a\"}]}"},
        {"/certstore/certs", "{\"certificates\":[" KEPT_CERTIFICATE "," KEPT_CERTIFICATE "]}"},
        {"/certstore/certs", "{\"certificates\":[1]}"},
        {"/wifi/config/networks", "{\"networks\":[{}]}"},
        {"/wifi/config/networks", "{\"networks\":[{\"ssid\":\"a\",\"securityState\":\"x\"}]}"},
        {"/wifi/config/networks", "{\"networks\":{\"ssid\":\"a\"}}"},
        {"/net/interfaces", "{\"wlan0Up\":1}"},
        {"/net/interfaces/eth0", "{\"eth0HardwareAddress\":\"\"}"},
        {"/net/proxy", "{\"port\":65536}"},
        {"/net/proxy", "{\"noProxyAddresses\":[\"a,b\"]}"},
        {"/device/manufacturing_state", "{\"manufacturingState\":\"Unknown\"}"},
        {"/device/security_state", "{\"deviceIdentifier\":\"00\"}"},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        const struct example example = {.method = "GET", .path = cases[i].path};
        struct sph_call call = {0};
        struct sph_response response = SPH_RESPONSE_NULL;
        sph_autobuf struct sph_buf value = SPH_BUF_LIMIT(SPH_SETTING_VALUE_MAX);
        char sentence[SPH_SENTENCE];
        enum sph_setting setting = resolve("GET", example.path, false, &call)->writes;
        struct sph_setting_request request = {.call = &call};
        request.values[setting] = sph_slice_text(cases[i].kept);
        if (sph_setting_run(&request, &value, &response) != 500)
            fail_msg("%s was read", cases[i].kept);
        (void)snprintf(sentence, sizeof(sentence),
                       "what the device keeps as \"%s\" cannot be read; repair or remove "
                       "state/settings/%s in its folder, or create the device anew",
                       sph_setting_key(setting), sph_setting_key(setting));
        assert_string_equal(response.sentence, sentence);
        assert_string_equal(response.body.data, "{\"error\":5}");
        assert_int_equal(value.len, 0);
        sph_response_done(&response);
    }
}

/* More than the device would keep: refused before it is asked. */
static void a_value_that_is_too_long(void **state) {
    (void)state;
    struct sph_response response = SPH_RESPONSE_NULL;
    sph_autobuf struct sph_buf value = SPH_BUF_LIMIT(60);
    const struct example example = {
        "PATCH", "/wifi/interface", "", "{\"interfaceState\":\"enabled\"}", 400, NULL, NULL};
    assert_int_equal(run(&example, &value, &response), 400);
    assert_string_equal(response.body.data, "{\"error\":14680082}");
    assert_string_equal(response.sentence,
                        "the device keeps 16384 bytes of this at most; remove some first");
    sph_response_done(&response);
}

/* Keys are the device's for ever. */
static void keys(void **state) {
    (void)state;
    static const char *const wanted[] = {"certificates",        "wifi",    "proxy", "interfaces",
                                         "manufacturing-state", "identity"};
    for (size_t i = 0; i < SPH_SETTINGS; i++)
        assert_string_equal(sph_setting_key((enum sph_setting)i), wanted[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_to_the_byte),
        cmocka_unit_test(no_memory),
        cmocka_unit_test(wrong_bodies),
        cmocka_unit_test(kept_values_that_cannot_be_read),
        cmocka_unit_test(a_value_that_is_too_long),
        cmocka_unit_test(keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
