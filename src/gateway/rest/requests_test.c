/* What of a body and a query reaches the agent, field by field, and the sentence for everything
 * that must not. */
#include "base/testing.h"

#include <errno.h>
#include <string.h>

#include "base/json_in.h"
#include "gateway/rest/requests.h"
#include "gateway/rest/route.h"
#include "wire/message.h"

#define APP "2f074b0f-d99d-4692-82d9-ef93a7d6463c"
#define PRINT "000102030405060708090a0b0c0d0e0f10111213"
/* 130 digits: a point of 65 bytes. */
#define POINT "04" PRINT "1415161718191a1b1c1d1e1f" PRINT "3435363738393a3b3c3d3e3f"

/* Resolves and builds; 0 or the status of the refusal in *ret_response. */
static unsigned build(const struct sph_route_request *request, const char *body, size_t len,
                      struct sph_buf *ret_payload, struct sph_response *ret_response) {
    struct sph_call call;
    unsigned status = sph_route_resolve(request, &call, ret_response);
    return status ? status : sph_route_build(&call, body, len, ret_payload, ret_response);
}

static void expect_message(const char *method, const char *path, const char *body,
                           const struct sph_codec *codec, void *ret_message) {
    static struct sph_buf payload = SPH_BUF_NULL; /* slices of the message point into it */
    struct sph_route_request request = {.method = method, .path = path, .has_body = body != NULL};
    struct sph_response response = SPH_RESPONSE_NULL;
    struct sph_err err = SPH_ERR_NULL;
    sph_buf_done(&payload);
    if (build(&request, body, body ? strlen(body) : 0, &payload, &response))
        fail_msg("%s %s %s: %s", method, path, body, response.sentence);
    if (sph_codec_decode(codec, payload.data ? payload.data : "", payload.len, ret_message, &err) <
        0)
        fail_msg("%s %s %s: %s", method, path, body, err.text);
    sph_response_done(&response);
    if (payload.len == 0)
        sph_buf_done(&payload);
}

static void expect_refusal(const char *method, const char *path, const char *body, size_t len,
                           uint32_t number, const char *sentence) {
    struct sph_route_request request = {.method = method, .path = path, .has_body = body != NULL};
    struct sph_response response = SPH_RESPONSE_NULL;
    sph_autobuf struct sph_buf payload = SPH_BUF_NULL;
    char error[40];
    unsigned status = build(&request, body, len, &payload, &response);
    assert_string_equal(response.sentence, sentence);
    assert_int_equal(status, number == ENODEV ? 404 : 400);
    assert_int_equal(response.status, status);
    assert_int_equal(payload.len, 0); /* nothing is asked of the agent */
    (void)snprintf(error, sizeof(error), "{\"error\":%u", number);
    assert_int_equal(strncmp(response.body.data, error, strlen(error)), 0);
    sph_response_done(&response);
}

static void triggers(void **state) {
    (void)state;
    static const struct {
        const char *body;
        uint32_t trigger;
    } cases[] = {
        {"{\"trigger\":\"start\"}", SPH_TRIGGER_START},
        {"{\"trigger\":\"stop\"}", SPH_TRIGGER_STOP},
        {"{\"trigger\":\"startDebug\"}", SPH_TRIGGER_START_DEBUG},
        {" {\n\"else\":[{\"trigger\":\"stop\"}],\"trigger\" : \"start\"\t} ", SPH_TRIGGER_START},
        {"{\"trigger\":\"\\u0073top\"}", SPH_TRIGGER_STOP}, /* escapes are the client's choice */
        {"{\"trigger\":\"stop\",\"trigger\":\"start\"}", SPH_TRIGGER_START}, /* the last counts */
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        struct sph_msg_app_control message;
        expect_message("PATCH", "/app/status/" APP, cases[i].body, &sph_msg_app_control_codec,
                       &message);
        assert_int_equal(message.trigger, cases[i].trigger);
        assert_false(message.run_once);
        assert_int_equal(message.component.bytes[0], 0x0f); /* 2f074b0f, little-endian */
    }
}

static void wrong_triggers(void **state) {
    (void)state;
    static const struct {
        const char *body;
        uint32_t number;
        const char *sentence;
    } cases[] = {
        {"{}", SPH_DEVERR_INVALID_JSON, "the body's member \"trigger\" must be a string"},
        {"{\"trigger\":null}", SPH_DEVERR_INVALID_JSON,
         "the body's member \"trigger\" must be a string"},
        {"{\"trigger\":1}", SPH_DEVERR_INVALID_JSON,
         "the body's member \"trigger\" must be a string"},
        {"{\"Trigger\":\"start\"}", SPH_DEVERR_INVALID_JSON,
         "the body's member \"trigger\" must be a string"},
        {"{\"trigger\":\"\"}", SPH_DEVERR_TRIGGER_DOES_NOT_EXIST,
         "the trigger must be start, startDebug or stop"},
        {"{\"trigger\":\"Start\"}", SPH_DEVERR_TRIGGER_DOES_NOT_EXIST,
         "the trigger must be start, startDebug or stop"},
        {"{\"trigger\":\"start\\u0000\"}", SPH_DEVERR_TRIGGER_DOES_NOT_EXIST,
         "the trigger must be start, startDebug or stop"},
        {"[]", SPH_DEVERR_INVALID_JSON, "the body is not a JSON object"},
        {"\"start\"", SPH_DEVERR_INVALID_JSON, "the body is not a JSON object"},
        {"nul", SPH_DEVERR_INVALID_JSON, NULL},
        {"{\"trigger\":\"start\"", SPH_DEVERR_INVALID_JSON, NULL},
        {"{\"trigger\":\"start\"}}", SPH_DEVERR_INVALID_JSON, NULL},
        {"{'trigger':'start'}", SPH_DEVERR_INVALID_JSON, NULL},
        {"{\"trigger\":\"st\xff\"}", SPH_DEVERR_INVALID_JSON, NULL},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        char sentence[SPH_SENTENCE];
        struct sph_json_value top;
        struct sph_err err = SPH_ERR_NULL;
        const char *wanted = cases[i].sentence;
        if (!wanted) { /* the reader's own words, which name the place */
            assert_true(sph_json_check(cases[i].body, strlen(cases[i].body), &top, &err) < 0);
            (void)snprintf(sentence, sizeof(sentence), "the body is not JSON: %.200s", err.text);
            wanted = sentence;
        }
        expect_refusal("PATCH", "/app/status/" APP, cases[i].body, strlen(cases[i].body),
                       cases[i].number, wanted);
    }
}

static void starting_once(void **state) {
    (void)state;
    static const char *const bodies[] = {NULL, "{}", "{\"trigger\":\"stop\"}"};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(bodies); i++) {
        struct sph_msg_app_control message;
        expect_message("POST", "/spherule/v1/apps/" APP "/run", bodies[i],
                       &sph_msg_app_control_codec, &message);
        assert_int_equal(message.trigger, SPH_TRIGGER_START);
        assert_true(message.run_once);
        assert_false(message.heap || message.heap_stacks);
    }
    expect_refusal("POST", "/spherule/v1/apps/" APP "/run", "[]", 2, SPH_DEVERR_INVALID_JSON,
                   "the body is not a JSON object");
}

static void starting_with_a_heap(void **state) {
    (void)state;
    static const struct {
        const char *body;
        bool heap, stacks;
    } cases[] = {
        {"{\"heap\":true}", true, false},
        {"{\"heap\":false}", false, false},
        {"{\"heapStacks\":true,\"heap\":true}", true, true},
        {"{\"heap\":true,\"heap\":false}", false, false}, /* the last counts */
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        struct sph_msg_app_control message;
        expect_message("POST", "/spherule/v1/apps/" APP "/run", cases[i].body,
                       &sph_msg_app_control_codec, &message);
        assert_true(message.run_once);
        assert_int_equal(message.heap, cases[i].heap);
        assert_int_equal(message.heap_stacks, cases[i].stacks);
    }
    struct sph_msg_app_control start;
    expect_message("PATCH", "/app/status/" APP,
                   "{\"trigger\":\"start\",\"heap\":true,\"heapStacks\":true}",
                   &sph_msg_app_control_codec, &start);
    assert_true(start.heap && start.heap_stacks && !start.run_once);
    expect_message("PATCH", "/app/status/" APP, "{\"trigger\":\"start\"}",
                   &sph_msg_app_control_codec, &start);
    assert_false(start.heap || start.heap_stacks);
    static const struct {
        const char *body, *sentence;
    } wrong[] = {
        {"{\"heap\":1}", "the body's member \"heap\" must be true or false"},
        {"{\"heap\":\"true\"}", "the body's member \"heap\" must be true or false"},
        {"{\"heap\":null}", "the body's member \"heap\" must be true or false"},
        {"{\"heap\":true,\"heapStacks\":[]}",
         "the body's member \"heapStacks\" must be true or false"},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(wrong); i++)
        expect_refusal("POST", "/spherule/v1/apps/" APP "/run", wrong[i].body,
                       strlen(wrong[i].body), SPH_DEVERR_INVALID_JSON, wrong[i].sentence);
    static const char number[] = "{\"trigger\":\"start\",\"heap\":1}";
    expect_refusal("PATCH", "/app/status/" APP, number, strlen(number), SPH_DEVERR_INVALID_JSON,
                   wrong[0].sentence);
}

static void installing(void **state) {
    (void)state;
    static const struct {
        const char *body;
        bool manual;
    } cases[] = {
        {NULL, false},
        {"{}", false},
        {"{\"appControlMode\":\"Auto\"}", false},
        {"{\"appControlMode\":\"Manual\"}", true},
        {"{\"appControlMode\":\"Auto\",\"appControlMode\":\"Manual\"}", true},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        struct sph_msg_install message;
        expect_message("POST", "/update/install", cases[i].body, &sph_msg_install_codec, &message);
        assert_int_equal(message.manual, cases[i].manual);
    }
    static const char *const wrong[] = {
        "{\"appControlMode\":\"manual\"}", "{\"appControlMode\":true}",
        "{\"appControlMode\":null}",       "{\"appControlMode\":[\"Manual\"]}",
        "{\"appControlMode\":\"\"}",
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(wrong); i++)
        expect_refusal("POST", "/update/install", wrong[i], strlen(wrong[i]),
                       SPH_DEVERR_INVALID_JSON,
                       "the body's member \"appControlMode\" must be \"Manual\" or \"Auto\"");
}

static void trusting(void **state) {
    (void)state;
    static char body[700];
    char name[129];
    memset(name, 'n', 128);
    name[128] = '\0';
    const struct {
        const char *json, *name;
        bool production;
    } cases[] = {{"", "", false},
                 {",\"name\":\"\"", "", false},
                 {",\"name\":\"\\u00e4\\\"\"", "\xc3\xa4\"", false},
                 {",\"kind\":\"development\"", "", false},
                 {",\"kind\":\"production\"", "", true},
                 {NULL, name, false}};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        char longest[160];
        struct sph_msg_trust message;
        (void)snprintf(longest, sizeof(longest), ",\"name\":\"%s\"", name);
        (void)snprintf(body, sizeof(body), "{\"point\":\"%s\",\"thumbprint\":\"%s\"%s}", POINT,
                       "000102030405060708090A0B0C0D0E0F10111213",
                       cases[i].json ? cases[i].json : longest);
        expect_message("POST", "/spherule/v1/trust", body, &sph_msg_trust_codec, &message);
        assert_int_equal(message.thumbprint.len, SPH_TRUST_THUMBPRINT);
        assert_int_equal(message.point.len, SPH_TRUST_POINT);
        assert_int_equal(((const uint8_t *)message.thumbprint.data)[19], 0x13);
        assert_int_equal(((const uint8_t *)message.point.data)[0], 4);
        assert_int_equal(((const uint8_t *)message.point.data)[64], 0x3f);
        assert_true(sph_slice_is(message.name, cases[i].name));
        assert_int_equal(message.production, cases[i].production);
        assert_int_equal(message.added_wall_ms, 0); /* the device's clock says that */
    }
}

static void what_is_not_trusted(void **state) {
    (void)state;
    static const char print_text[] =
        "the body's member \"thumbprint\" must be 40 hexadecimal digits";
    static const char point_text[] = "the body's member \"point\" must be 130 hexadecimal digits";
    static const char name_text[] =
        "the body's member \"name\" must be a string of at most 128 bytes";
    static const char kind_text[] =
        "the body's member \"kind\" must be \"development\" or \"production\"";
    static const struct {
        const char *print, *point, *name, *sentence;
    } cases[] = {
        {"", "\"" POINT "\"", "\"\"", print_text},
        {"null", "\"" POINT "\"", "\"\"", print_text},
        {"40", "\"" POINT "\"", "\"\"", print_text},
        {"\"" PRINT "0\"", "\"" POINT "\"", "\"\"", print_text},
        {"\"" PRINT "00\"", "\"" POINT "\"", "\"\"", print_text},
        {"\"0001020304050607080g0a0b0c0d0e0f10111213\"", "\"" POINT "\"", "\"\"", print_text},
        {"\" 00102030405060708090a0b0c0d0e0f10111213\"", "\"" POINT "\"", "\"\"", print_text},
        {"\"" PRINT "\"", "", "\"\"", point_text},
        {"\"" PRINT "\"", "\"" PRINT "\"", "\"\"", point_text},
        {"\"" PRINT "\"", "\"" POINT "0\"", "\"\"", point_text},
        {"\"" PRINT "\"", "\"" POINT "00\"", "\"\"", point_text},
        {"\"" PRINT "\"", "\"" POINT "\"", "7", name_text},
        {"\"" PRINT "\"", "\"" POINT "\"", "null", name_text},
        {"\"" PRINT "\"", "\"" POINT "\"", "\"a\\u0000b\"", name_text},
        {"\"" PRINT "\"", "\"" POINT "\"", "\"0123456789" POINT "\"", name_text},
        {"\"" PRINT "\"", "\"" POINT "\"", "\"\",\"kind\":\"\"", kind_text},
        {"\"" PRINT "\"", "\"" POINT "\"", "\"\",\"kind\":true", kind_text},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        char body[700];
        bool has_print = *cases[i].print, has_point = *cases[i].point;
        (void)snprintf(body, sizeof(body), "{%s%s%s%s%s%s\"name\":%s}",
                       has_print ? "\"thumbprint\":" : "", cases[i].print, has_print ? "," : "",
                       has_point ? "\"point\":" : "", cases[i].point, has_point ? "," : "",
                       cases[i].name);
        expect_refusal("POST", "/spherule/v1/trust", body, strlen(body), SPH_DEVERR_INVALID_JSON,
                       cases[i].sentence);
    }
}

static void capabilities(void **state) {
    (void)state;
    static const struct {
        const char *body;
        size_t count;
        uint32_t first;
    } cases[] = {
        {"{\"device_capabilities\":[]}", 0, 0},
        {"{\"device_capabilities\":[11]}", 1, 11},
        {"{\"device_capabilities\":[4294967295,2,3,4,5,6,7,8]}", 8, UINT32_MAX},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        struct sph_msg_capabilities message;
        expect_message("PUT", "/spherule/v1/capabilities", cases[i].body,
                       &sph_msg_capabilities_codec, &message);
        assert_int_equal(sph_slice_u32_count(message.ids), cases[i].count);
        if (cases[i].count > 0)
            assert_int_equal(sph_slice_u32(message.ids, 0), cases[i].first);
    }
    static const char *const wrong[] = {
        "{}",
        "{\"device_capabilities\":11}",
        "{\"device_capabilities\":null}",
        "{\"device_capabilities\":{}}",
        "{\"device_capabilities\":[\"11\"]}",
        "{\"device_capabilities\":[11,-1]}",
        "{\"device_capabilities\":[4294967296]}",
        "{\"device_capabilities\":[1,2,3,4,5,6,7,8,9]}",
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(wrong); i++)
        expect_refusal("PUT", "/spherule/v1/capabilities", wrong[i], strlen(wrong[i]),
                       SPH_DEVERR_INVALID_JSON,
                       "the body's member \"device_capabilities\" must be a list of at most 8 "
                       "numbers");
}

static void pins(void **state) {
    (void)state;
    static const struct {
        const char *path, *body;
        uint32_t pin, value;
    } cases[] = {
        {"/spherule/v1/gpio/0", "{\"value\":0}", 0, 0},
        {"/spherule/v1/gpio/75", "{\"value\":1}", 75, 1},
        {"/spherule/v1/gpio/012", "{\"value\":1,\"pin\":3}", 12, 1},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        struct sph_msg_gpio_set set;
        struct sph_msg_gpio_pin get;
        expect_message("PUT", cases[i].path, cases[i].body, &sph_msg_gpio_set_codec, &set);
        assert_int_equal(set.pin, cases[i].pin);
        assert_int_equal(set.value, cases[i].value);
        expect_message("GET", cases[i].path, NULL, &sph_msg_gpio_pin_codec, &get);
        assert_int_equal(get.pin, cases[i].pin);
    }
    expect_refusal("GET", "/spherule/v1/gpio/76", NULL, 0, ENODEV,
                   "there is no pin 76; the device has pins 0 to 75");
    expect_refusal("PUT", "/spherule/v1/gpio/18446744073709551615", "{", 1, ENODEV,
                   "there is no pin 18446744073709551615; the device has pins 0 to 75");
    /* 2^32 + 12 is not pin 12 */
    expect_refusal("GET", "/spherule/v1/gpio/4294967308", NULL, 0, ENODEV,
                   "there is no pin 4294967308; the device has pins 0 to 75");
    static const char *const wrong[] = {
        "{}",
        "{\"value\":2}",
        "{\"value\":-1}",
        "{\"value\":true}",
        "{\"value\":\"1\"}",
        "{\"value\":1.0}",
        "{\"value\":1e0}",
        "{\"value\":null}",
        "{\"value\":[1]}",
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(wrong); i++)
        expect_refusal("PUT", "/spherule/v1/gpio/3", wrong[i], strlen(wrong[i]),
                       SPH_DEVERR_INVALID_JSON, "the body's member \"value\" must be 0 or 1");
}

static void what_the_path_names(void **state) {
    (void)state;
    struct sph_msg_report_id report;
    struct sph_msg_trust_remove removed;
    struct sph_msg_component component;
    expect_message("GET", "/spherule/v1/kills/18446744073709551615", NULL, &sph_msg_report_id_codec,
                   &report);
    assert_true(report.id == UINT64_MAX);
    expect_message("DELETE", "/spherule/v1/trust/" PRINT, NULL, &sph_msg_trust_remove_codec,
                   &removed);
    assert_int_equal(removed.thumbprint.len, SPH_TRUST_THUMBPRINT);
    assert_int_equal(((const uint8_t *)removed.thumbprint.data)[1], 1);
    static const char *const paths[][2] = {{"DELETE", "/app/image/" APP},
                                           {"GET", "/app/quota/" APP},
                                           {"GET", "/app/status/" APP},
                                           {"GET", "/spherule/v1/storage/" APP},
                                           {"GET", "/spherule/v1/apps/" APP}};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(paths); i++) {
        expect_message(paths[i][0], paths[i][1], NULL, &sph_msg_component_codec, &component);
        assert_int_equal(component.component.bytes[15], 0x3c);
    }
    expect_message("GET", "/images", NULL, &sph_msg_component_codec, &component);
    assert_true(sph_guid_is_zero(&component.component)); /* of all apps */
}

/* A query belongs to our own paths: clients of the device's send none, and none counts there. */
static void queries(void **state) {
    (void)state;
    struct sph_route_request request = {.method = "GET",
                                        .path = "/spherule/v1/log",
                                        .cursor = "18446744073709551615",
                                        .wait_ms = "30000"};
    struct sph_response response = SPH_RESPONSE_NULL;
    struct sph_msg_log log;
    sph_autobuf struct sph_buf payload = SPH_BUF_NULL;
    assert_int_equal(build(&request, NULL, 0, &payload, &response), 0);
    assert_int_equal(sph_codec_decode(&sph_msg_log_codec, payload.data, payload.len, &log, NULL),
                     0);
    assert_true(log.cursor == UINT64_MAX);
    assert_int_equal(log.wait_ms, 30000);
    request.path = "/log";
    sph_buf_done(&payload);
    assert_int_equal(build(&request, NULL, 0, &payload, &response), 0);
    assert_int_equal(payload.len, 0); /* from the oldest on, without waiting */
    request = (struct sph_route_request){
        .method = "GET", .path = "/spherule/v1/memory/pages/" APP, .first = "4294967295"};
    struct sph_msg_pages pages;
    assert_int_equal(build(&request, NULL, 0, &payload, &response), 0);
    assert_int_equal(
        sph_codec_decode(&sph_msg_pages_codec, payload.data, payload.len, &pages, NULL), 0);
    assert_int_equal(pages.first, UINT32_MAX);
    sph_response_done(&response);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(triggers),
        cmocka_unit_test(wrong_triggers),
        cmocka_unit_test(starting_once),
        cmocka_unit_test(starting_with_a_heap),
        cmocka_unit_test(installing),
        cmocka_unit_test(trusting),
        cmocka_unit_test(what_is_not_trusted),
        cmocka_unit_test(capabilities),
        cmocka_unit_test(pins),
        cmocka_unit_test(what_the_path_names),
        cmocka_unit_test(queries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
