/* Records to the byte: numbers without a word, bytes that are no text, members that are left out.
 */
#include "base/testing.h"

#include <string.h>

#include "gateway/json_wire.h"

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
        "\"mappings\":[],\"mappingsDropped\":0,\"pagesHow\":\"\",\"log\":\"\"}");
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
