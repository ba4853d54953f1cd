/* What is written is compared as text, then read back by our own strict reader. */
#include "base/json_out.h"

#include <errno.h>
#include <string.h>

#include "base/json_in.h"
#include "base/testing.h"
#include "base/text.h"

static void structure(void **state) {
    (void)state;
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    struct sph_json_out out;
    sph_json_begin(&out, &buf);
    sph_json_object(&out);
    sph_json_key_string(&out, "name", "mt3620");
    sph_json_key_u64(&out, "ram", UINT64_MAX);
    sph_json_key_bool(&out, "exact", true);
    sph_json_key(&out, "list");
    sph_json_array(&out);
    sph_json_i64(&out, INT64_MIN);
    sph_json_null(&out);
    sph_json_array(&out);
    sph_json_array_end(&out);
    sph_json_object(&out);
    sph_json_object_end(&out);
    sph_json_bool(&out, false);
    sph_json_array_end(&out);
    sph_json_key(&out, "raw");
    sph_json_raw(&out, "[1.5]", 5);
    sph_json_key(&out, "last");
    sph_json_string_n(&out, "abcdef", 3);
    sph_json_object_end(&out);
    assert_int_equal(buf.error, 0);
    assert_string_equal(buf.data,
                        "{\"name\":\"mt3620\",\"ram\":18446744073709551615,\"exact\":true,"
                        "\"list\":[-9223372036854775808,null,[],{},false],"
                        "\"raw\":[1.5],\"last\":\"abc\"}");
}

static void escapes(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t len;
        const char *json;
    } rows[] = {
        {"", 0, "\"\""},
        {"\"\\/", 3, "\"\\\"\\\\/\""},
        {"\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\""},
        {"\0\x01\x1f\x7f", 4, "\"\\u0000\\u0001\\u001f\x7f\""},
        {"caf\xc3\xa9 \xf0\x9f\x98\x80", 10, "\"caf\xc3\xa9 \xf0\x9f\x98\x80\""},
        {"a\xff"
         "b",
         3,
         "\"a\xef\xbf\xbd"
         "b\""},
        {"\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {"\xe2\x82", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\""},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
        struct sph_json_out out;
        sph_json_begin(&out, &buf);
        sph_json_string_n(&out, rows[i].text, rows[i].len);
        assert_string_equal(buf.data, rows[i].json);
    }
}

/* Any bytes at all: what comes out is always JSON, and text that was UTF-8 comes back as it was. */
static void any_bytes_make_valid_json(void **state) {
    (void)state;
    uint32_t seed = 20261122;
    print_message("seed %u\n", seed);
    for (int round = 0; round < 20000; round++) {
        char bytes[24];
        size_t len = (size_t)round % sizeof(bytes);
        for (size_t i = 0; i < len; i++) {
            seed = seed * 1664525 + 1013904223;
            bytes[i] = (char)(seed >> 24);
        }
        sph_autobuf struct sph_buf buf = SPH_BUF_NULL, back = SPH_BUF_NULL;
        struct sph_json_out out;
        struct sph_json_value top;
        sph_json_begin(&out, &buf);
        sph_json_string_n(&out, bytes, len);
        assert_int_equal(sph_json_check(buf.data, buf.len, &top, NULL), 0);
        bool has_nul = memchr(bytes, 0, len);
        assert_int_equal(sph_json_to_buf(&top, &back), has_nul ? -EILSEQ : 0);
        if (sph_text_is_utf8(bytes, len)) {
            assert_int_equal(back.len, len);
            assert_memory_equal(back.data, bytes, len);
        }
    }
}

static void every_code_point_comes_back(void **state) {
    (void)state;
    for (unsigned code = 1; code < 0x110000; code += code < 0x3000 ? 1 : 97) {
        char json[16], escaped[24];
        struct sph_json_value top;
        sph_autobuf struct sph_buf text = SPH_BUF_NULL, buf = SPH_BUF_NULL, again = SPH_BUF_NULL;
        struct sph_json_out out;
        if (code >= 0xd800 && code < 0xe000)
            continue;
        if (code < 0x10000)
            (void)snprintf(escaped, sizeof(escaped), "\"\\u%04X\"", code);
        else
            (void)snprintf(escaped, sizeof(escaped), "\"\\u%04x\\u%04x\"",
                           0xd800 + ((code - 0x10000) >> 10), 0xdc00 + ((code - 0x10000) & 0x3ff));
        assert_int_equal(sph_json_check(escaped, strlen(escaped), &top, NULL), 0);
        assert_int_equal(sph_json_to_buf(&top, &text), 0);
        assert_int_equal(sph_utf8_step(text.data, text.len), text.len);
        sph_json_begin(&out, &buf);
        sph_json_string(&out, text.data);
        assert_int_equal(sph_json_check(buf.data, buf.len, &top, NULL), 0);
        assert_int_equal(sph_json_to_text(&top, json, sizeof(json)), 0);
        assert_string_equal(json, text.data);
        assert_true(sph_json_is(&top, text.data));
        assert_int_equal(sph_json_to_buf(&top, &again), 0);
        assert_string_equal(again.data, text.data);
    }
}

static void depth_to_the_end(void **state) {
    (void)state;
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    struct sph_json_out out;
    sph_json_begin(&out, &buf);
    for (int i = 0; i < 63; i++) {
        sph_json_array(&out);
        sph_json_u64(&out, 1);
    }
    for (int i = 0; i < 63; i++)
        sph_json_array_end(&out);
    assert_int_equal(buf.len, 63 * 3 + 62);
    assert_memory_equal(buf.data, "[1,[1,[1", 8);
    assert_memory_equal(buf.data + buf.len - 3, "]]]", 3);
}

static void full_buffer_keeps_its_error(void **state) {
    (void)state;
    sph_autobuf struct sph_buf buf = SPH_BUF_LIMIT(10);
    struct sph_json_out out;
    sph_json_begin(&out, &buf);
    sph_json_object(&out);
    sph_json_key_string(&out, "key", "a value that is too long");
    sph_json_object_end(&out);
    assert_int_equal(buf.error, -EFBIG);
    assert_null(sph_buf_take(&buf));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(structure),
        cmocka_unit_test(escapes),
        cmocka_unit_test(any_bytes_make_valid_json),
        cmocka_unit_test(every_code_point_comes_back),
        cmocka_unit_test(depth_to_the_end),
        cmocka_unit_test(full_buffer_keeps_its_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
