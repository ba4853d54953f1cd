/* Telemetry as the device's clients and as ours get it. */
#include "base/testing.h"

#include <string.h>

#include "gateway/rest/route.h"
#include "wire/message.h"
#include "wire/telemetry.h"

static void answer(const char *path, const void *data, size_t len, struct sph_response *response) {
    const struct sph_route_request request = {.method = "GET", .path = path};
    const struct sph_msg_telemetry_reply reply = {.data = sph_slice(data, len)};
    sph_autobuf struct sph_buf payload = SPH_BUF_NULL;
    struct sph_call call;
    assert_int_equal(sph_route_resolve(&request, &call, response), 0);
    assert_int_equal(sph_codec_encode(&sph_msg_telemetry_reply_codec, &reply, &payload, NULL), 0);
    sph_route_answer(&call, payload.data ? payload.data : "", payload.len, response);
}

/* Whatever they are: the gateway may be older than the agent. */
static void bytes_are_handed_on(void **state) {
    (void)state;
    struct sph_response response = SPH_RESPONSE_NULL;
    answer("/telemetry", "ST\0\1\2?", 6, &response);
    assert_int_equal(response.status, 200);
    assert_string_equal(response.content_type, "application/octet-stream");
    assert_int_equal(response.body.len, 6);
    assert_memory_equal(response.body.data, "ST\0\1\2?", 6);
    sph_response_done(&response);
}

static void check(const struct sph_telemetry_record *records, size_t count, const char *json) {
    static uint8_t bytes[SPH_TELEMETRY_BYTES_MAX];
    size_t len = SPH_TELEMETRY_HEADER_BYTES;
    struct sph_response response = SPH_RESPONSE_NULL;
    sph_telemetry_write_empty(6, bytes);
    for (size_t i = 0; i < count; i++)
        sph_telemetry_append(bytes, &len, &records[i]);
    answer("/spherule/v1/telemetry", bytes, len, &response);
    assert_int_equal(response.status, 200);
    assert_string_equal(response.body.data, json);
    sph_response_done(&response);
}

#define NO_ID "00000000-0000-0000-0000-000000000000"

static void records(void **state) {
    (void)state;
    static const struct sph_telemetry_record full = {
        .wall_ms = UINT64_MAX,
        .uptime_ms = 1,
        .run_ms = 2,
        .component = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}},
        .name = "a\"\xff",
        .why = SPH_END_CRASH,
        .will_restart = true,
        .signal = 11,
        .restarts = 3,
        .restart_delay_ms = 4000,
        .pid = 42,
        .has_figures = true,
        .user_exact = true,
        .user_bytes = 4096,
        .peak_user_bytes = 8192,
        .total_bytes = 12288,
        .has_pc = true,
        .has_address = true,
        .has_site = true,
        .pc = 0x401123,
        .address = 8,
        .site_offset = 0x1123,
        .site = "app",
        .report = 9,
    };
    static const struct sph_telemetry_record least = {.why = 200, .exit_code = 255, .pc = 7};
    check(NULL, 0, "{\"records\":[],\"dropped\":0,\"lastNumber\":6}");
    check(&full, 1,
          "{\"records\":[{\"number\":7,\"componentId\":\"04030201-0605-0807-090a-0b0c0d0e0f10\","
          "\"imageId\":\"" NO_ID "\",\"name\":\"a\\\"\xef\xbf\xbd\","
          "\"timeMs\":18446744073709551615,\"uptimeMs\":1,\"runMs\":2,\"pid\":42,\"why\":\"crash\","
          "\"exitCode\":0,\"signal\":11,\"signalName\":\"SIGSEGV\",\"restarts\":3,"
          "\"willRestart\":true,\"restartDelayMs\":4000,\"userBytes\":4096,\"peakUserBytes\":8192,"
          "\"totalBytes\":12288,\"userExact\":true,\"kernelExact\":false,\"pc\":\"0x401123\","
          "\"address\":\"0x8\",\"site\":\"app+0x1123\",\"reportId\":9}],\"dropped\":0,"
          "\"lastNumber\":7}");
    check(&least, 1,
          "{\"records\":[{\"number\":7,\"componentId\":\"" NO_ID "\",\"imageId\":\"" NO_ID
          "\",\"name\":\"\",\"timeMs\":0,\"uptimeMs\":0,\"runMs\":0,\"pid\":0,\"why\":\"unknown\","
          "\"exitCode\":255,\"signal\":0,\"signalName\":\"\",\"restarts\":0,\"willRestart\":false,"
          "\"restartDelayMs\":0}],\"dropped\":0,\"lastNumber\":7}");
}

static void what_cannot_be_read_is_told(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        const char *sentence;
    } rows[] = {
        {"", 0, "these 0 bytes are no telemetry of a device"},
        {"rubbish", 7, "these 7 bytes are no telemetry of a device"},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_response response = SPH_RESPONSE_NULL;
        answer("/spherule/v1/telemetry", rows[i].bytes, rows[i].len, &response);
        assert_int_equal(response.status, 500);
        assert_string_equal(response.sentence, rows[i].sentence);
        sph_response_done(&response);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_handed_on),
        cmocka_unit_test(records),
        cmocka_unit_test(what_cannot_be_read_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
