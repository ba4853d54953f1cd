/* Records to the byte: numbers without a word, bytes that are no text, members that are left out.
 */
#include "base/testing.h"

#include <errno.h>
#include <string.h>

#include "gateway/rest/json_wire.h"

static struct sph_buf text;
static struct sph_json_out out;

static int set_up(void **state) {
    (void)state;
    text = (struct sph_buf)SPH_BUF_LIMIT(1 << 16);
    sph_json_begin(&out, &text);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    sph_buf_done(&text);
    return 0;
}

static void words(void **state) {
    (void)state;
    assert_string_equal(sph_app_state_word(SPH_APP_DEBUGGING), "debugging");
    assert_string_equal(sph_app_state_word(4), "unknown");
    assert_string_equal(sph_app_state_word(UINT32_MAX), "unknown");
    assert_string_equal(sph_end_why_word(SPH_END_UNKNOWN), "unknown");
    assert_string_equal(sph_end_why_word(SPH_END_START_FAILED), "startFailed");
    assert_string_equal(sph_end_why_word(8), "unknown");
}

static void mappings(void **state) {
    (void)state;
    static const struct {
        uint32_t perms, class;
        const char *json;
    } cases[] = {
        {0, SPH_MAPPING_OTHER, "\"perms\":\"---p\",\"class\":\"other\""},
        {15, SPH_MAPPING_SHARED, "\"perms\":\"rwxs\",\"class\":\"shared\""},
        {5, SPH_MAPPING_LIBRARY, "\"perms\":\"r-xp\",\"class\":\"library\""},
        {0xf0, 77, "\"perms\":\"---p\",\"class\":\"other\""},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        struct sph_msg_mapping mapping = {.pid = 1,
                                          .start = UINT64_MAX - 4095,
                                          .end = UINT64_MAX,
                                          .perms = cases[i].perms,
                                          .class = cases[i].class,
                                          .path = sph_slice_text("/a \"b\"\xff"),
                                          .file_pages = 3};
        char wanted[512];
        (void)snprintf(wanted, sizeof(wanted),
                       "{\"pid\":1,\"start\":\"0xfffffffffffff000\",\"end\":\"0xffffffffffffffff\","
                       "%s,\"path\":\"/a \\\"b\\\"\xef\xbf\xbd\",\"anonymousPages\":0,"
                       "\"sharedPages\":0,\"filePages\":3}",
                       cases[i].json);
        text.len = 0;
        sph_json_begin(&out, &text);
        sph_json_mapping(&out, &mapping);
        assert_string_equal(text.data, wanted);
    }
}

static void bytes_are_text_or_hex(void **state) {
    (void)state;
    char many[100];
    memset(many, 0xff, sizeof(many));
    sph_json_object(&out);
    sph_json_key_bytes(&out, sph_slice_text("h\xc3\xa4\n"));
    sph_json_key_bytes(&out, sph_slice("a\0b", 3));
    sph_json_key_bytes(&out, sph_slice("\xc3", 1)); /* half a character */
    sph_json_key_bytes(&out, sph_slice(NULL, 0));
    sph_json_key_hex(&out, "many", sph_slice(many, sizeof(many)));
    sph_json_object_end(&out);
    char wanted[400], hex[2 * sizeof(many) + 1];
    memset(hex, 'f', sizeof(hex) - 1);
    hex[sizeof(hex) - 1] = '\0';
    (void)snprintf(wanted, sizeof(wanted),
                   "{\"text\":\"h\xc3\xa4\\n\",\"hex\":\"610062\",\"hex\":\"c3\",\"text\":\"\","
                   "\"many\":\"%s\"}",
                   hex);
    assert_string_equal(text.data, wanted);
}

/* A report of which almost nothing is known has no member that pretends otherwise. */
static void an_empty_report(void **state) {
    (void)state;
    struct sph_msg_report report = {.id = 1, .why = SPH_END_EXIT, .exit_code = 3};
    sph_json_report(&out, &report);
    assert_string_equal(
        text.data,
        "{\"id\":1,\"componentId\":\"00000000-0000-0000-0000-000000000000\","
        "\"imageId\":\"00000000-0000-0000-0000-000000000000\",\"name\":\"\",\"pid\":0,"
        "\"timeMs\":0,\"uptimeMs\":0,\"runMs\":0,\"why\":\"exit\",\"exitCode\":3,\"signal\":0,"
        "\"signalName\":\"\",\"willRestart\":false,\"limitBytes\":0,\"userBytes\":0,"
        "\"peakUserBytes\":0,\"totalBytes\":0,\"kernelBytes\":0,\"userExact\":false,"
        "\"userHow\":\"\",\"kernelExact\":false,\"kernelHow\":\"\",\"stack\":[],\"stackHow\":\"\","
        "\"mappings\":[],\"mappingsDropped\":0,\"pagesHow\":\"\",\"log\":\"\","
        "\"heapState\":\"notAsked\"}");
}

static void signals_have_names(void **state) {
    (void)state;
    static const struct {
        uint32_t number;
        const char *json;
    } cases[] = {
        {9, "\"signalName\":\"SIGKILL\""},
        {11, "\"signalName\":\"SIGSEGV\""},
        {64, "\"signalName\":\"signal 64\""},
        {65, "\"signalName\":\"signal 65\""},
        {4000000000u, "\"signalName\":\"signal 4000000000\""},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        struct sph_msg_report report = {.signal = cases[i].number};
        text.len = 0;
        sph_json_begin(&out, &text);
        sph_json_report(&out, &report);
        assert_non_null(strstr(text.data, cases[i].json));
    }
}

/* Of every kind its members and no others, whatever else the record holds. */
static void events(void **state) {
    (void)state;
#define FIGURES                                                                                    \
    ",\"userBytes\":4,\"peakUserBytes\":5,\"totalBytes\":6,\"limitBytes\":18446744073709551615"
    static const struct {
        uint32_t kind;
        const char *word, *details;
    } cases[] = {
        {0, "unknown", ""},
        {SPH_EVENT_APP_INSTALLED, "installed", ""},
        {SPH_EVENT_STARTED, "started", ",\"pid\":7,\"restarts\":8"},
        {SPH_EVENT_OUTPUT, "output", ",\"stream\":\"stderr\",\"text\":\"out\\n\""},
        {SPH_EVENT_NEW_PEAK, "newPeak", FIGURES},
        {SPH_EVENT_ENDED, "ended",
         FIGURES ",\"pid\":7,\"why\":\"crash\",\"exitCode\":9,\"signal\":11,\"reportId\":10,"
                 "\"willRestart\":true,\"restartDelayMs\":12"},
        {SPH_EVENT_STOPPED, "stopped", ""},
        {SPH_EVENT_DELETED, "deleted", ""},
        {SPH_EVENT_GPIO, "gpio", ",\"pin\":13,\"value\":1"},
        {SPH_EVENT_AGENT_STOPPING, "agentStopping", ""},
        {SPH_EVENT_STORAGE_WEAR, "storageWear",
         ",\"writes\":14,\"bytesWritten\":16,\"blocksErased\":17,\"idleWrites\":15,\"warning\":"
         "\"out\\n\""},
        {11, "unknown", ""},
        {UINT32_MAX, "unknown", ""},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        struct sph_msg_event event = {
            .seq = 1,
            .wall_ms = 2,
            .monotonic_ns = 3,
            .user_bytes = 4,
            .total_bytes = 6,
            .peak_user_bytes = 5,
            .kind = cases[i].kind,
            .pid = 7,
            .restarts = 8,
            .exit_code = 9,
            .report_id = 10,
            .signal = 11,
            .pin = 13,
            .value = 1,
            .restart_delay_ms = 12,
            .writes = 14,
            .idle_writes = 15,
            .bytes_written = 16,
            .blocks_erased = 17,
            .will_restart = true,
            .why = SPH_END_CRASH,
            .limit_bytes = UINT64_MAX,
            .stream = SPH_EVENT_STDERR,
            .text = sph_slice_text("out\n"),
            .name = sph_slice_text("a\"\xff"),
        };
        char wanted[700];
        for (unsigned has_app = 0; has_app < 2; has_app++) {
            event.component.bytes[15] = has_app ? 0xfe : 0;
            (void)snprintf(wanted, sizeof(wanted),
                           "{\"seq\":1,\"timeMs\":2,\"monotonicNs\":3,\"kind\":\"%s\"%s%s}",
                           cases[i].word,
                           has_app ? ",\"componentId\":\"00000000-0000-0000-0000-0000000000fe\","
                                     "\"name\":\"a\\\"\xef\xbf\xbd\""
                                   : "",
                           cases[i].details);
            text.len = 0;
            sph_json_begin(&out, &text);
            sph_json_event(&out, &event);
            assert_string_equal(text.data, wanted);
        }
    }
}

/* Output is text only when all of it is; a stream that is not known counts as standard output. */
static void output_of_any_bytes(void **state) {
    (void)state;
    static const struct {
        uint32_t stream;
        struct sph_slice bytes;
        const char *json;
    } cases[] = {
        {SPH_EVENT_STDOUT, {"a", 1}, "\"stream\":\"stdout\",\"text\":\"a\"}"},
        {SPH_EVENT_STDOUT, {NULL, 0}, "\"stream\":\"stdout\",\"text\":\"\"}"},
        {SPH_EVENT_STDERR, {"\xe2\x82", 2}, "\"stream\":\"stderr\",\"hex\":\"e282\"}"},
        {SPH_EVENT_STDERR, {"\xe2\x82\xac", 3}, "\"stream\":\"stderr\",\"text\":\"\xe2\x82\xac\"}"},
        {0, {"\0", 1}, "\"stream\":\"stdout\",\"hex\":\"00\"}"},
        {9, {"\x1b[1m\t\r", 6}, "\"stream\":\"stdout\",\"text\":\"\\u001b[1m\\t\\r\"}"},
        {1, {"\xed\xa0\x80", 3}, "\"stream\":\"stdout\",\"hex\":\"eda080\"}"}, /* a surrogate */
        {1, {"\xc0\xaf", 2}, "\"stream\":\"stdout\",\"hex\":\"c0af\"}"},       /* too long a '/' */
        {1, {"\xf4\x90\x80\x80", 4}, "\"stream\":\"stdout\",\"hex\":\"f4908080\"}"},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        const struct sph_msg_event event = {
            .kind = SPH_EVENT_OUTPUT, .stream = cases[i].stream, .text = cases[i].bytes};
        text.len = 0;
        sph_json_begin(&out, &text);
        sph_json_event(&out, &event);
        const char *found = strstr(text.data, "\"stream\"");
        assert_non_null(found);
        assert_string_equal(found, cases[i].json);
    }
}

/* Everything known: each group of members in its place. */
static void a_full_report(void **state) {
    (void)state;
    struct sph_msg_report report = {.id = UINT64_MAX,
                                    .name = sph_slice_text("\xc3"),
                                    .wall_ms = 1,
                                    .uptime_ms = 2,
                                    .run_ms = 3,
                                    .pid = UINT32_MAX,
                                    .why = SPH_END_RATION,
                                    .signal = 9,
                                    .will_restart = true,
                                    .limit_bytes = 4,
                                    .user_bytes = 5,
                                    .peak_user_bytes = 6,
                                    .total_bytes = 7,
                                    .kernel_bytes = 8,
                                    .user_exact = true,
                                    .kernel_exact = true,
                                    .user_how = sph_slice_text("u"),
                                    .kernel_how = sph_slice_text("k"),
                                    .has_crossing = true,
                                    .crossing_user_bytes = 9,
                                    .has_own = true,
                                    .own_user_bytes = 13,
                                    .own_total_bytes = 14,
                                    .has_fault_address = true,
                                    .has_pc = true,
                                    .pc = UINT64_MAX,
                                    .stack = sph_slice("\1\0\0\0\0\0\0\0", 8),
                                    .stack_how = sph_slice_text("s"),
                                    .has_growth = true,
                                    .growth_user_bytes = 10,
                                    .growth_uptime_ms = 11,
                                    .growth_stack = sph_slice("\2\0\0\0\0\0\0\0\3", 9),
                                    .mappings_dropped = 12,
                                    .pages_how = sph_slice_text("p"),
                                    .log = sph_slice_text("last\n")};
    memset(&report.component, 0x11, sizeof(report.component));
    memset(&report.image, 0xee, sizeof(report.image));
    sph_json_report(&out, &report);
    assert_string_equal(
        text.data,
        "{\"id\":18446744073709551615,\"componentId\":\"11111111-1111-1111-1111-111111111111\","
        "\"imageId\":\"eeeeeeee-eeee-eeee-eeee-eeeeeeeeeeee\",\"name\":\"\xef\xbf\xbd\","
        "\"pid\":4294967295,\"timeMs\":1,\"uptimeMs\":2,\"runMs\":3,\"why\":\"ration\","
        "\"exitCode\":0,\"signal\":9,\"signalName\":\"SIGKILL\",\"willRestart\":true,"
        "\"limitBytes\":4,\"userBytes\":5,\"peakUserBytes\":6,\"totalBytes\":7,"
        "\"kernelBytes\":8,\"userExact\":true,\"userHow\":\"u\",\"kernelExact\":true,"
        "\"kernelHow\":\"k\",\"own\":{\"userBytes\":13,\"totalBytes\":14},\"crossing\":{"
        "\"userBytes\":9},\"faultAddress\":\"0x0\","
        "\"pc\":\"0xffffffffffffffff\",\"stack\":[\"0x1\"],\"stackHow\":\"s\","
        "\"growth\":{\"userBytes\":10,\"uptimeMs\":11,\"stack\":[\"0x2\"]},\"mappings\":[],"
        "\"mappingsDropped\":12,\"pagesHow\":\"p\",\"log\":\"last\\n\","
        "\"heapState\":\"notAsked\"}");
}

/* What has no room is an error of the buffer, wherever it happens, and never half a text taken for
 * a whole one. */
static void no_room_shows_in_the_buffer(void **state) {
    (void)state;
    char many[300];
    memset(many, 0xff, sizeof(many));
    for (size_t room = 0; room < 700; room += 7) {
        struct sph_buf tight = SPH_BUF_LIMIT(room);
        sph_json_begin(&out, &tight);
        sph_json_object(&out);
        sph_json_key_hex(&out, "many", sph_slice(many, sizeof(many)));
        sph_json_object_end(&out);
        if (tight.error)
            assert_int_equal(tight.error, -EFBIG);
        else
            assert_int_equal(tight.len, 11 + 2 * sizeof(many));
        sph_buf_done(&tight);
    }
}

/* A list of numbers whose length is no multiple of a number loses the odd bytes, not the rest. */
static void addresses(void **state) {
    (void)state;
    static const uint8_t bytes[] = {1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0};
    sph_json_object(&out);
    sph_json_key_addresses(&out, "stack", sph_slice(bytes, sizeof(bytes)));
    sph_json_key_address(&out, "pc", 0);
    sph_json_object_end(&out);
    assert_string_equal(text.data, "{\"stack\":[\"0x1\"],\"pc\":\"0x0\"}");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(words, set_up, tear_down),
        cmocka_unit_test_setup_teardown(mappings, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bytes_are_text_or_hex, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_report, set_up, tear_down),
        cmocka_unit_test_setup_teardown(signals_have_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(addresses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(events, set_up, tear_down),
        cmocka_unit_test_setup_teardown(output_of_any_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_report, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_room_shows_in_the_buffer, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
