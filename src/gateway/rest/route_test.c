/* Every route is resolved, built and answered by its table; the JSON that comes out is checked by
 * the reader of base. What single bodies look like is the business of spheruled_test.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json_in.h"
#include "gateway/rest/route.h"
#include "wire/message.h"
#include "wire/telemetry.h"
#include "wire/testing.h"

enum { SEED = 7, ROUNDS = 20 };

/* In the place of the real one (--wrap): the n-th from now on fails; 0 = none. */
static unsigned realloc_fails;
void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);

void *__wrap_realloc(void *old, size_t size) {
    return realloc_fails && --realloc_fails == 0 ? NULL : __real_realloc(old, size);
}

#define APP "2f074b0f-d99d-4692-82d9-ef93a7d6463c"

static const char *argument_for(enum sph_route_argument argument) {
    switch (argument) {
    case SPH_ARGUMENT_COMPONENT:
        return APP;
    case SPH_ARGUMENT_NUMBER:
        return "12";
    case SPH_ARGUMENT_THUMBPRINT:
        return "000102030405060708090a0b0c0d0e0f10111213";
    case SPH_ARGUMENT_NAME:
        return "wlan0";
    case SPH_ARGUMENT_NONE:
        break;
    }
    return "";
}

/* The route's pattern with something in the place of its '*'. */
static const char *path_of(const struct sph_route *route, const char *argument,
                           char ret_path[256]) {
    const char *star = strchr(route->path, '*');
    int before = star ? (int)(star - route->path) : (int)strlen(route->path);
    (void)snprintf(ret_path, 256, "%.*s%s%s", before, route->path, star ? argument : "",
                   star ? star + 1 : "");
    return ret_path;
}

static void resolve(const struct sph_route *route, struct sph_call *ret_call) {
    char path[256];
    struct sph_response response = SPH_RESPONSE_NULL;
    struct sph_route_request request = {.method = route->method,
                                        .path = path_of(route, argument_for(route->argument), path),
                                        .has_body = route->body != SPH_BODY_NONE};
    assert_int_equal(sph_route_resolve(&request, ret_call, &response), 0);
    assert_ptr_equal(ret_call->route, route);
    assert_int_equal(response.status, 0);
    sph_response_done(&response);
}

static void assert_is_json(const struct sph_response *response) {
    struct sph_json_value top;
    struct sph_err err = SPH_ERR_NULL;
    if (sph_json_check(response->body.data, response->body.len, &top, &err) < 0)
        fail_msg("%s: %s", err.text, response->body.data);
    assert_int_equal(top.type, SPH_JSON_OBJECT);
}

static void assert_error(const struct sph_response *response, bool is_own, unsigned status,
                         uint32_t number) {
    struct sph_json_value top, value;
    uint64_t found = 0;
    assert_int_equal(response->status, status);
    assert_is_json(response);
    assert_int_equal(sph_json_check(response->body.data, response->body.len, &top, NULL), 0);
    assert_true(sph_json_get(&top, "error", &value));
    assert_int_equal(sph_json_to_u64(&value, UINT32_MAX, &found), 0);
    assert_int_equal(found, number);
    assert_int_equal(sph_json_get(&top, "message", &value), is_own);
}

static void every_route_is_found_by_its_path(void **state) {
    (void)state;
    for (size_t i = 0; i < sph_route_count; i++) {
        struct sph_call call;
        resolve(&sph_routes[i], &call);
        assert_int_equal(call.is_own, strncmp(sph_routes[i].path, "/spherule/v1/", 13) == 0);
        assert_non_null(sph_op_find(sph_routes[i].op));
    }
}

static void every_route_is_documented(void **state) {
    (void)state;
    sph_autobuf struct sph_buf spec = SPH_BUF_NULL;
    assert_int_equal(sph_file_read(AT_FDCWD, SPH_REST_SPEC, &spec, NULL), 0);
    for (size_t i = 0; i < sph_route_count; i++) {
        const struct sph_route *route = &sph_routes[i];
        static const char *const placeholders[] = {"", "{id}", "{n}", "{thumbprint}", "{name}"};
        char path[256], row[300];
        (void)path_of(route, placeholders[route->argument], path);
        bool is_own = strncmp(path, "/spherule/v1/", 13) == 0;
        (void)snprintf(row, sizeof(row), "| %s `%s` |", route->method, path + (is_own ? 12 : 0));
        if (!strstr(spec.data, row))
            fail_msg("docs/spec/rest.md lacks: %s", row);
    }
}

static void other_methods_are_refused(void **state) {
    (void)state;
    char path[256];
    for (size_t i = 0; i < sph_route_count; i++) {
        struct sph_response response = SPH_RESPONSE_NULL;
        struct sph_call call;
        struct sph_route_request request = {
            .method = "HEAD",
            .path = path_of(&sph_routes[i], argument_for(sph_routes[i].argument), path)};
        assert_int_equal(sph_route_resolve(&request, &call, &response), 405);
        assert_error(&response, call.is_own, 405, SPH_DEVERR_INVALID_REQUEST_METHOD);
        assert_non_null(strstr(response.allow, sph_routes[i].method));
        sph_response_done(&response);
    }
}

static const char *const methods[] = {"GET",  "PUT",     "POST",  "PATCH", "DELETE",
                                      "HEAD", "OPTIONS", "TRACE", "get",   ""};

/* Rows of the table that stand for this path, whatever their method. */
static const struct sph_route *row_for(const char *method, const char *pattern) {
    for (size_t i = 0; i < sph_route_count; i++) {
        if (strcmp(sph_routes[i].path, pattern) == 0 && strcmp(sph_routes[i].method, method) == 0)
            return &sph_routes[i];
    }
    return NULL;
}

/* Each method on each path: the row of the table, or 405 with all methods that have one. */
static void every_method_on_every_path(void **state) {
    (void)state;
    for (size_t i = 0; i < sph_route_count; i++) {
        const struct sph_route *at = &sph_routes[i];
        char path[256], allow[64] = "";
        (void)path_of(at, argument_for(at->argument), path);
        for (size_t k = 0; k < 5; k++) {
            if (row_for(methods[k], at->path))
                (void)snprintf(allow + strlen(allow), sizeof(allow) - strlen(allow), "%s%s",
                               *allow ? ", " : "", methods[k]);
        }
        for (size_t k = 0; k < SPH_ARRAY_SIZE(methods); k++) {
            const struct sph_route *row = row_for(methods[k], at->path);
            const struct sph_route_request request = {
                .method = methods[k], .path = path, .has_body = true};
            struct sph_response response = SPH_RESPONSE_NULL;
            struct sph_call call = {.route = NULL};
            unsigned status = sph_route_resolve(&request, &call, &response);
            assert_int_equal(status, row ? 0 : 405);
            assert_ptr_equal(call.route, row);
            if (!row) {
                assert_error(&response, call.is_own, 405, SPH_DEVERR_INVALID_REQUEST_METHOD);
                assert_string_equal(response.allow, allow);
            }
            sph_response_done(&response);
        }
    }
}

/* A body where none is wanted is no reason to refuse; one that is needed is. */
static void bodies_that_are_needed(void **state) {
    (void)state;
    for (size_t i = 0; i < sph_route_count; i++) {
        const struct sph_route *at = &sph_routes[i];
        bool needs_one = at->body == SPH_BODY_JSON || at->body == SPH_BODY_PACKAGE;
        for (unsigned has_body = 0; has_body < 2; has_body++) {
            char path[256];
            const struct sph_route_request request = {
                .method = at->method,
                .path = path_of(at, argument_for(at->argument), path),
                .has_body = has_body};
            struct sph_response response = SPH_RESPONSE_NULL;
            struct sph_call call = {.route = NULL};
            unsigned status = sph_route_resolve(&request, &call, &response);
            assert_int_equal(status, needs_one && !has_body ? 400 : 0);
            if (status)
                assert_error(&response, call.is_own, 400, SPH_DEVERR_REQUEST_DATA_EXPECTED);
            sph_response_done(&response);
        }
    }
}

/* The most that is taken, and one byte more. */
static void bodies_that_are_too_long(void **state) {
    (void)state;
    for (size_t i = 0; i < sph_route_count; i++) {
        const struct sph_route *at = &sph_routes[i];
        uint64_t limit = at->body == SPH_BODY_PACKAGE ? 4194304 : 8192;
        if (strcmp(at->path, "/certstore/certs/*") == 0 && at->body == SPH_BODY_JSON)
            limit = 24576;
        const uint64_t lengths[] = {1, limit, limit + 1, UINT64_MAX};
        for (size_t k = 0; k < SPH_ARRAY_SIZE(lengths); k++) {
            char path[256];
            const struct sph_route_request request = {
                .method = at->method,
                .path = path_of(at, argument_for(at->argument), path),
                .has_body = true,
                .has_length = true,
                .body_length = lengths[k]};
            struct sph_response response = SPH_RESPONSE_NULL;
            struct sph_call call;
            unsigned status = sph_route_resolve(&request, &call, &response);
            assert_int_equal(status, lengths[k] > limit ? 413 : 0);
            if (status)
                assert_error(&response, call.is_own, 413, SPH_DEVERR_INVALID_CONTENT_LENGTH);
            sph_response_done(&response);
        }
    }
}

/* Of our own paths; each with its limit, and without a sign, a space or a fraction. */
static void queries(void **state) {
    (void)state;
#define ZERO "00000000-0000-0000-0000-000000000000"
    static const struct {
        const char *path;
        struct sph_route_request query;
        unsigned status;
        const char *sentence;
    } cases[] = {
        {"log", {.wait_ms = "30000", .cursor = "0"}, 0, ""},
        {"log", {.wait_ms = "30001"}, 400, "waitMs in the query is not a number up to 30000"},
        {"log", {.wait_ms = ""}, 400, "waitMs in the query is not a number up to 30000"},
        {"log", {.wait_ms = "-1"}, 400, "waitMs in the query is not a number up to 30000"},
        {"log", {.wait_ms = " 1"}, 400, "waitMs in the query is not a number up to 30000"},
        {"log",
         {.cursor = "18446744073709551616"},
         400,
         "cursor in the query is not a number up to 18446744073709551615"},
        {"log",
         {.reader = "x"},
         400,
         "reader in the query is not a number up to 18446744073709551615"},
        {"events", {.after = "0", .hold = "1"}, 0, ""},
        {"events", {.hold = "2"}, 400, "hold in the query is not a number up to 1"},
        {"events",
         {.after = "1.0"},
         400,
         "after in the query is not a number up to 18446744073709551615"},
        {"memory", {.first = "4294967295"}, 0, ""},
        {"memory",
         {.first = "4294967296"},
         400,
         "first in the query is not a number up to 4294967295"},
        {"kills", {.component = APP}, 0, ""},
        {"kills", {.component = ""}, 400, "component in the query is not a component id (a GUID)"},
        {"kills",
         {.component = ZERO},
         400,
         "component in the query is not a component id (a GUID)"},
        {"apps/" APP, {.component = "nonsense"}, 0, ""}, /* the path has named one already */
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        char path[128];
        struct sph_route_request request = cases[i].query;
        struct sph_response response = SPH_RESPONSE_NULL;
        struct sph_call call = {.route = NULL};
        (void)snprintf(path, sizeof(path), "/spherule/v1/%s", cases[i].path);
        request.method = "GET";
        request.path = path;
        assert_int_equal(sph_route_resolve(&request, &call, &response), cases[i].status);
        assert_string_equal(response.sentence, cases[i].sentence);
        sph_response_done(&response);
    }
}

static void odd_paths_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *path;
        unsigned status;
        uint32_t number;
    } cases[] = {
        {"", 404, SPH_DEVERR_INVALID_REQUEST_URI},
        {"/", 404, SPH_DEVERR_INVALID_REQUEST_URI},
        {"*", 404, SPH_DEVERR_INVALID_REQUEST_URI},
        {"/status/", 404, SPH_DEVERR_INVALID_REQUEST_URI},
        {"/Status", 404, SPH_DEVERR_INVALID_REQUEST_URI},
        {"/app/status", 404, SPH_DEVERR_INVALID_REQUEST_URI},
        {"/app/status//", 404, SPH_DEVERR_INVALID_REQUEST_URI},
        {"/app/status/a/b", 404, SPH_DEVERR_INVALID_REQUEST_URI},
        {"/app/status/a", 400, SPH_DEVERR_CANNOT_PARSE_COMPONENT_ID},
        {"/app/status/*", 400, SPH_DEVERR_CANNOT_PARSE_COMPONENT_ID},
        {"/spherule/v1", 404, SPH_DEVERR_INVALID_REQUEST_URI},
        {"/spherule/v1/", 404, SPH_DEVERR_INVALID_REQUEST_URI},
        {"/spherule/v2/device", 404, SPH_DEVERR_INVALID_REQUEST_URI},
        {"/spherule/v1/gpio/-1", 400, SPH_DEVERR_INVALID_REQUEST_URI},
        {"/spherule/v1/kills/18446744073709551616", 400, SPH_DEVERR_INVALID_REQUEST_URI},
        {"/spherule/v1/kills/99999999999999999999999999", 400, SPH_DEVERR_INVALID_REQUEST_URI},
        {"/spherule/v1/apps/x/run", 405, SPH_DEVERR_INVALID_REQUEST_METHOD},
        {"/certstore/certs/", 404, SPH_DEVERR_INVALID_REQUEST_URI},
        {"/net/interfaces/a/b", 404, SPH_DEVERR_INVALID_REQUEST_URI},
        {"/net/interfaces/0123456789012345678901234567890123456789012345678901234567890123", 404,
         SPH_DEVERR_INVALID_REQUEST_URI},
        {"/wifi/config/networks/one", 400, SPH_DEVERR_INVALID_REQUEST_URI},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        struct sph_response response = SPH_RESPONSE_NULL;
        struct sph_call call = {.is_own = true};
        struct sph_route_request request = {.method = "GET", .path = cases[i].path};
        assert_int_equal(sph_route_resolve(&request, &call, &response), cases[i].status);
        bool is_own = strncmp(cases[i].path, "/spherule/v1/", 13) == 0;
        assert_int_equal(call.is_own, is_own);
        assert_error(&response, is_own, cases[i].status, cases[i].number);
        sph_response_done(&response);
    }
}

static void media_types(void **state) {
    (void)state;
    static const struct {
        const char *method, *path, *type;
        bool has_body;
        unsigned status;
    } cases[] = {
        {"POST", "/update/install", "application/json", true, 0},
        {"POST", "/update/install", "Application/JSON ; charset=utf-8", true, 0},
        {"POST", "/update/install", NULL, true, 0},
        {"POST", "/update/install", "text/plain", false, 0},
        {"POST", "/update/install", "text/plain", true, 415},
        {"POST", "/update/install", "application/jsonp", true, 415},
        {"POST", "/restart", "text/plain", true, 0},
        {"POST", "/restart", "application/json", true, 415},
        {"PUT", "/update/stage", "application/octet-stream", true, 0},
        {"PUT", "/update/stage", "application/octet-stream", false, 400},
        {"PUT", "/update/stage", "multipart/form-data", true, 415},
        {"GET", "/status", "text/html", true, 0},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        struct sph_response response = SPH_RESPONSE_NULL;
        struct sph_call call;
        struct sph_route_request request = {.method = cases[i].method,
                                            .path = cases[i].path,
                                            .content_type = cases[i].type,
                                            .has_body = cases[i].has_body};
        assert_int_equal(sph_route_resolve(&request, &call, &response), cases[i].status);
        sph_response_done(&response);
    }
}

/* What is asked of the agent decodes as what the operation takes. */
static void every_request_can_be_read_by_the_agent(void **state) {
    (void)state;
    static const char body[] =
        "{\"trigger\":\"start\",\"value\":1,\"appControlMode\":\"Manual\","
        "\"thumbprint\":\"000102030405060708090a0b0c0d0e0f10111213\","
        "\"point\":\"%0130d\",\"name\":\"\\u00e4\",\"device_capabilities\":[11],"
        "\"address\":\"[::1]:8443\"}";
    char text[sizeof(body) + 130], message[1024];
    (void)snprintf(text, sizeof(text), body, 4);
    for (size_t i = 0; i < sph_route_count; i++) {
        struct sph_response response = SPH_RESPONSE_NULL;
        sph_autobuf struct sph_buf payload = SPH_BUF_NULL;
        struct sph_call call;
        struct sph_err err = SPH_ERR_NULL;
        resolve(&sph_routes[i], &call);
        if (call.route->action == SPH_ROUTE_EVENTS || call.route->action == SPH_ROUTE_STAGE ||
            call.route->action == SPH_ROUTE_SETTING)
            continue; /* asked by link, upload and setting_calls */
        bool has_body = call.route->body != SPH_BODY_NONE;
        assert_int_equal(sph_route_build(&call, has_body ? text : NULL, has_body ? strlen(text) : 0,
                                         &payload, &response),
                         0);
        assert_int_equal(sph_codec_decode(sph_op_find(call.route->op)->request, payload.data,
                                          payload.len, message, &err),
                         0);
        sph_response_done(&response);
    }
}

static void wrong_bodies_are_refused(void **state) {
    (void)state;
    static const char *const bodies[] = {
        "",
        "null",
        "[]",
        "\"start\"",
        "{",
        "{}x",
        "{\"trigger\":}",
        "{\"value\":\"1\"}",
        "{\"value\":1.0}",
        "\xff",
    };
    for (size_t i = 0; i < sph_route_count; i++) {
        struct sph_call call;
        resolve(&sph_routes[i], &call);
        if (call.route->body != SPH_BODY_JSON || call.route->action == SPH_ROUTE_SETTING)
            continue;
        for (size_t k = 0; k < SPH_ARRAY_SIZE(bodies); k++) {
            struct sph_response response = SPH_RESPONSE_NULL;
            sph_autobuf struct sph_buf payload = SPH_BUF_NULL;
            assert_int_equal(
                sph_route_build(&call, bodies[k], strlen(bodies[k]), &payload, &response), 400);
            assert_error(&response, call.is_own, 400,
                         *bodies[k] ? SPH_DEVERR_INVALID_JSON : SPH_DEVERR_REQUEST_DATA_EXPECTED);
            assert_int_equal(payload.len, 0);
            sph_response_done(&response);
        }
    }
}

/* A success, or a refusal that the formatter made (no such app): JSON in any case, but for the log
 * and telemetry. */
static void check_answer(const struct sph_call *call, const struct sph_response *response) {
    if (strcmp(response->content_type, "application/octet-stream") == 0)
        assert_true(call->route->op == SPH_OP_LOG_READ || call->route->op == SPH_OP_TELEMETRY_GET);
    else
        assert_is_json(response);
}

/* Any values, but bytes that have a form of their own. */
static void fill(const struct sph_codec *codec, void *ret_message, unsigned *seed) {
    static uint8_t telemetry[SPH_TELEMETRY_BYTES_MAX];
    size_t len = SPH_TELEMETRY_HEADER_BYTES;
    sph_testing_fill(codec, ret_message, seed);
    if (codec != &sph_msg_telemetry_reply_codec)
        return;
    sph_telemetry_write_empty(*seed, telemetry);
    sph_telemetry_append(telemetry, &len, &(struct sph_telemetry_record){.name = "\xff\""});
    *(struct sph_msg_telemetry_reply *)ret_message =
        (struct sph_msg_telemetry_reply){.data = sph_slice(telemetry, len)};
}

static void answer_filled(const struct sph_call *call, unsigned seed) {
    const struct sph_codec *codec = sph_op_find(call->route->op)->reply;
    _Alignas(16) char message[1024];
    fill(codec, message, &seed);
    sph_autobuf struct sph_buf payload = SPH_BUF_NULL;
    assert_int_equal(sph_codec_encode(codec, message, &payload, NULL), 0);
    struct sph_response response = SPH_RESPONSE_NULL;
    sph_route_answer(call, payload.data, payload.len, &response);
    assert_true(response.status == 200 || response.status == 201 || response.status == 404);
    check_answer(call, &response);
    sph_response_done(&response);
    for (size_t len = 0; len < payload.len; len++) { /* the agent's words cut anywhere */
        struct sph_response cut = SPH_RESPONSE_NULL;
        sph_route_answer(call, payload.data, len, &cut);
        check_answer(call, &cut);
        if (cut.status == 500)
            assert_error(&cut, call->is_own, 500, EIO);
        sph_response_done(&cut);
    }
}

static void every_answer_is_json(void **state) {
    (void)state;
    for (size_t i = 0; i < sph_route_count; i++) {
        struct sph_call call;
        resolve(&sph_routes[i], &call);
        for (unsigned round = 0; round < ROUNDS; round++) {
            answer_filled(&call, SEED * (round + 1) + (unsigned)i);
            sph_testing_free_lists();
        }
    }
}

static void errors_of_the_agent(void **state) {
    (void)state;
    static const struct {
        const char *method, *path;
        uint32_t number;
        unsigned status;
    } cases[] = {
        {"PATCH", "/app/status/*", SPH_DEVERR_APP_NOT_PRESENT, 409},
        {"POST", "/spherule/v1/apps/*/run", SPH_DEVERR_APP_NOT_PRESENT, 404},
        {"GET", "/app/quota/*", SPH_DEVERR_APP_NOT_PRESENT, 404},
        {"GET", "/spherule/v1/storage/*", SPH_DEVERR_APP_NOT_PRESENT, 404},
        {"DELETE", "/app/image/*", SPH_DEVERR_APP_NOT_PRESENT, 200},
        {"DELETE", "/app/image/*", SPH_DEVERR_NO_IMAGE_WITH_MATCHING_COMPONENT, 200},
        {"DELETE", "/app/image/*", SPH_DEVERR_APP_BUSY, 409},
        {"GET", "/status", 0xffffffff, 500},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        struct sph_msg_error error = {.device_error = cases[i].number,
                                      .text = sph_slice_text("because of \xff\r\n")};
        sph_autobuf struct sph_buf payload = SPH_BUF_NULL;
        assert_int_equal(sph_codec_encode(&sph_msg_error_codec, &error, &payload, NULL), 0);
        const struct sph_route *route = sph_routes;
        while (strcmp(route->path, cases[i].path) != 0 ||
               strcmp(route->method, cases[i].method) != 0)
            route++;
        struct sph_call call;
        resolve(route, &call);
        struct sph_response response = SPH_RESPONSE_NULL;
        sph_route_answer_error(&call, payload.data, payload.len, &response);
        if (cases[i].status == 200) {
            assert_string_equal(response.body.data, "{}");
        } else {
            assert_error(&response, call.is_own, cases[i].status, cases[i].number);
            assert_string_equal(response.sentence, "because of ???");
        }
        sph_response_done(&response);
    }
}

static void a_body_that_cannot_be_kept_is_an_error(void **state) {
    (void)state;
    struct sph_call call;
    const struct sph_route *route = sph_routes;
    while (route->op != SPH_OP_LOG_READ)
        route++;
    resolve(route, &call);
    static const char data[1000];
    struct sph_msg_log_reply reply = {.cursor = 1, .data = sph_slice(data, sizeof(data))};
    sph_autobuf struct sph_buf payload = SPH_BUF_NULL;
    assert_int_equal(sph_codec_encode(&sph_msg_log_reply_codec, &reply, &payload, NULL), 0);
    struct sph_response response = SPH_RESPONSE_NULL;
    response.body.limit = 999;
    sph_route_answer(&call, payload.data, payload.len, &response);
    assert_error(&response, false, 500, ENOMEM);
    assert_string_equal(response.sentence, "the answer is too large for the gateway");
    sph_response_done(&response);
}

/* Each allocation of an answer fails once: there is still an answer, or none that could be sent. */
static void no_memory_for_an_answer(void **state) {
    (void)state;
    for (size_t i = 0; i < sph_route_count; i++) {
        struct sph_call call;
        unsigned seed = SEED + (unsigned)i;
        resolve(&sph_routes[i], &call);
        const struct sph_codec *codec = sph_op_find(call.route->op)->reply;
        _Alignas(16) char message[1024];
        fill(codec, message, &seed);
        sph_autobuf struct sph_buf payload = SPH_BUF_NULL;
        assert_int_equal(sph_codec_encode(codec, message, &payload, NULL), 0);
        unsigned nth = 0;
        do {
            struct sph_response response = SPH_RESPONSE_NULL;
            realloc_fails = ++nth;
            sph_route_answer(&call, payload.data, payload.len, &response);
            if (realloc_fails == 0 && response.status >= 500)
                assert_error(&response, call.is_own, 500, ENOMEM);
            else if (!response.body.error)
                check_answer(&call, &response);
            sph_response_done(&response);
        } while (realloc_fails == 0 && nth < 40);
        assert_true(nth > 1 && nth < 40);
        realloc_fails = 0;
        sph_testing_free_lists();
    }
}

int main(void) {
    printf("seed %d\n", SEED);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_is_found_by_its_path),
        cmocka_unit_test(every_route_is_documented),
        cmocka_unit_test(other_methods_are_refused),
        cmocka_unit_test(every_method_on_every_path),
        cmocka_unit_test(bodies_that_are_needed),
        cmocka_unit_test(bodies_that_are_too_long),
        cmocka_unit_test(queries),
        cmocka_unit_test(odd_paths_are_refused),
        cmocka_unit_test(media_types),
        cmocka_unit_test(every_request_can_be_read_by_the_agent),
        cmocka_unit_test(wrong_bodies_are_refused),
        cmocka_unit_test(every_answer_is_json),
        cmocka_unit_test(errors_of_the_agent),
        cmocka_unit_test(a_body_that_cannot_be_kept_is_an_error),
        cmocka_unit_test(no_memory_for_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
