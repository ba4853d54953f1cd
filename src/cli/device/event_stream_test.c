/* Lines of the stream, whole, odd and broken. */
#include "cli/device/event_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"

static const struct {
    const char *line;
    enum sph_stream_kind kind;
    const char *text; /* of an output */
    bool is_stderr;
} lines[] = {
    {"{\"kind\":\"subscribed\",\"lastSeq\":4}", SPH_STREAM_SUBSCRIBED, NULL, false},
    {"{\"kind\":\"started\",\"pid\":1}", SPH_STREAM_STARTED, NULL, false},
    {"{\"kind\":\"output\",\"stream\":\"stdout\",\"text\":\"a\\nb\"}", SPH_STREAM_OUTPUT, "a\nb",
     false},
    {"{\"kind\":\"output\",\"stream\":\"stderr\",\"text\":\"\\u00e4\"}", SPH_STREAM_OUTPUT, "ä",
     true},
    {"{\"kind\":\"output\",\"stream\":\"stdout\",\"hex\":\"61ff\"}", SPH_STREAM_OUTPUT, "a\xff",
     false},
    {"{\"kind\":\"output\",\"stream\":\"stdout\",\"hex\":\"6\"}", SPH_STREAM_OUTPUT, "", false},
    {"{\"kind\":\"output\",\"stream\":\"stdout\",\"hex\":\"zz\"}", SPH_STREAM_OUTPUT, "", false},
    {"{\"kind\":\"output\"}", SPH_STREAM_OUTPUT, "", false},
    {"{\"kind\":\"newPeak\"}", SPH_STREAM_NEW_PEAK, NULL, false},
    {"{\"kind\":\"ended\"}", SPH_STREAM_ENDED, NULL, false},
    {"{\"kind\":\"stopped\"}", SPH_STREAM_STOPPED, NULL, false},
    {"{\"kind\":\"lost\",\"count\":3}", SPH_STREAM_LOST, NULL, false},
    {"{\"kind\":\"deviceLost\"}", SPH_STREAM_DEVICE_LOST, NULL, false},
    {"{\"kind\":\"somethingNew\"}", SPH_STREAM_OTHER, NULL, false},
    {"{\"kind\":7}", SPH_STREAM_OTHER, NULL, false},
    {"{}", SPH_STREAM_OTHER, NULL, false},
};

static void test_lines(void **state) {
    (void)state;
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(lines); i++) {
        struct sph_stream_event event;
        assert_true(sph_stream_parse(lines[i].line, strlen(lines[i].line), &text, &event));
        assert_int_equal(event.kind, lines[i].kind);
        assert_int_equal(event.is_stderr, lines[i].is_stderr);
        if (!lines[i].text)
            continue;
        assert_int_equal(event.text_len, strlen(lines[i].text));
        assert_memory_equal(event.text ? event.text : "", lines[i].text, event.text_len);
    }
}

static void test_what_is_no_event(void **state) {
    static const char *const none[] = {"", " ", "[]", "7", "{", "{\"kind\":\"ended\"", "nonsense"};
    (void)state;
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(none); i++) {
        struct sph_stream_event event;
        assert_false(sph_stream_parse(none[i], strlen(none[i]), &text, &event));
    }
}

static void test_members(void **state) {
    static const char line[] = "{\"kind\":\"lost\",\"count\":18446744073709551615,\"componentId\":"
                               "\"2f074b0f-d99d-4692-82d9-ef93a7d6463c\"}";
    (void)state;
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    struct sph_stream_event event;
    assert_true(sph_stream_parse(line, strlen(line), &text, &event));
    assert_true(event.count == UINT64_MAX);
    assert_string_equal(event.component_id, "2f074b0f-d99d-4692-82d9-ef93a7d6463c");
}

/* Each line cut at each byte is no event, but for the whole one. */
static void test_lines_cut_anywhere(void **state) {
    (void)state;
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(lines); i++) {
        for (size_t len = 0; len < strlen(lines[i].line); len++) {
            struct sph_stream_event event;
            assert_false(sph_stream_parse(lines[i].line, len, &text, &event));
        }
    }
}

/* A text that does not fit is empty, and the next one is whole again. */
static void test_a_text_that_does_not_fit(void **state) {
    static const char large[] = "{\"kind\":\"output\",\"text\":\"0123456789\"}";
    static const char hex[] = "{\"kind\":\"output\",\"hex\":\"303132333435363738\"}";
    static const char small[] = "{\"kind\":\"output\",\"text\":\"0123\"}";
    static const char *const too_large[] = {large, hex};
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(too_large); i++) {
        sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(8);
        struct sph_stream_event event;
        assert_true(sph_stream_parse(too_large[i], strlen(too_large[i]), &text, &event));
        assert_int_equal(event.text_len, 0);
        assert_true(sph_stream_parse(small, strlen(small), &text, &event));
        assert_int_equal(event.text_len, 4);
        assert_memory_equal(event.text, "0123", 4);
    }
}

/* Every byte there is, as text or as digits, comes out as it went in. */
static void test_every_byte(void **state) {
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        char line[64];
        struct sph_stream_event event;
        sph_autobuf struct sph_buf text = SPH_BUF_NULL;
        (void)snprintf(line, sizeof(line), "{\"kind\":\"output\",\"hex\":\"%02x%02X\"}", byte,
                       byte);
        assert_true(sph_stream_parse(line, strlen(line), &text, &event));
        assert_int_equal(event.text_len, 2);
        assert_int_equal((unsigned char)event.text[0], byte);
        assert_int_equal((unsigned char)event.text[1], byte);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_what_is_no_event),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_lines_cut_anywhere),
        cmocka_unit_test(test_a_text_that_does_not_fit),
        cmocka_unit_test(test_every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
