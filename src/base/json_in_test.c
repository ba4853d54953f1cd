/* What the reader refuses and with which sentence, and what it gives from what it accepts. The
 * agreement with another parser is json_in_oracle_test.py. */
#include "base/json_in.h"

#include <errno.h>
#include <string.h>

#include "base/testing.h"

static struct sph_json_value check(const char *text) {
    struct sph_json_value top;
    struct sph_err err = SPH_ERR_NULL;
    int result = sph_json_check(text, strlen(text), &top, &err);
    if (result < 0)
        fail_msg("%s: %s", text, err.text);
    return top;
}

static void refused(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *sentence;
    } rows[] = {
        {"", "line 1, column 1: expected a value, but found the end of the text"},
        {" \n ", "line 2, column 2: expected a value, but found the end of the text"},
        {"x", "line 1, column 1: expected a value, but found 'x'"},
        {"tru", "line 1, column 1: expected a value, but found 't'"},
        {"nul1", "line 1, column 1: expected a value, but found 'n'"},
        {"NaN", "line 1, column 1: expected a value, but found 'N'"},
        {"\xef\xbb\xbf{}", "line 1, column 1: expected a value, but found byte 0xef"},
        {"{} {}", "line 1, column 4: expected nothing after the value, but found '{'"},
        {"1 2", "line 1, column 3: expected nothing after the value, but found '2'"},
        {"nullx", "line 1, column 5: expected nothing after the value, but found 'x'"},
        {"[1 2]", "line 1, column 4: expected ',' or ']', but found '2'"},
        {"[1}", "line 1, column 3: expected ',' or ']', but found '}'"},
        {"[1,]", "line 1, column 4: expected a value, but found ']'"},
        {"[,1]", "line 1, column 2: expected a value, but found ','"},
        {"[", "line 1, column 2: expected a value, but found the end of the text"},
        {"]", "line 1, column 1: expected a value, but found ']'"},
        {"{", "line 1, column 2: expected a key in double quotes, but found the end of the text"},
        {"{,}", "line 1, column 2: expected a key in double quotes, but found ','"},
        {"{'a':1}", "line 1, column 2: expected a key in double quotes, but found '''"},
        {"{a:1}", "line 1, column 2: expected a key in double quotes, but found 'a'"},
        {"{\"a\" 1}", "line 1, column 6: expected ':' after the key, but found '1'"},
        {"{\"a\":}", "line 1, column 6: expected a value, but found '}'"},
        {"{\"a\":1\n\"b\":2}", "line 2, column 1: expected ',' or '}', but found '\"'"},
        {"{\"a\":1,}", "line 1, column 8: expected a key in double quotes, but found '}'"},
        {"{\"a\":1]", "line 1, column 7: expected ',' or '}', but found ']'"},
        {"// no\n1", "line 1, column 1: expected a value, but found '/'"},
        {"[1,\n  /* no */ 2]", "line 2, column 3: expected a value, but found '/'"},
        {"\"abc",
         "line 1, column 5: expected '\"' at the end of the string, but found the end of the "
         "text"},
        {"\"a\nb\"",
         "line 1, column 3: expected control characters in a string as \\u escapes, but "
         "found byte 0x0a"},
        {"\"\\x\"",
         "line 1, column 3: expected one of \"\\/bfnrtu after a backslash, but found 'x'"},
        {"\"\\",
         "line 1, column 3: expected one of \"\\/bfnrtu after a backslash, but found the end "
         "of the text"},
        {"\"\\u12g4\"", "line 1, column 3: expected four hexadecimal digits after \\u"},
        {"\"\\u12", "line 1, column 3: expected four hexadecimal digits after \\u"},
        {"\"\\ud800\"", "line 1, column 3: expected a pair of surrogates, but found half of one"},
        {"\"\\udc00\"", "line 1, column 3: expected a pair of surrogates, but found half of one"},
        {"\"\\ud800\\u0041\"", "line 1, column 3: expected a pair of surrogates, but found half of "
                               "one"},
        {"\"\\ud800\\ud800\"", "line 1, column 3: expected a pair of surrogates, but found half of "
                               "one"},
        {"\"\\ud800\\udc0",
         "line 1, column 3: expected a pair of surrogates, but found half of one"},
        {"\"\xff\"", "line 1, column 2: expected UTF-8, but found byte 0xff"},
        {"\"\xed\xa0\x80\"", "line 1, column 2: expected UTF-8, but found byte 0xed"},
        {"\"\xe2\x82\"", "line 1, column 2: expected UTF-8, but found byte 0xe2"},
        {"-", "line 1, column 2: expected a digit, but found the end of the text"},
        {"+1", "line 1, column 1: expected a value, but found '+'"},
        {".5", "line 1, column 1: expected a value, but found '.'"},
        {"1.", "line 1, column 3: expected a digit, but found the end of the text"},
        {"1.e5", "line 1, column 3: expected a digit, but found 'e'"},
        {"1e", "line 1, column 3: expected a digit, but found the end of the text"},
        {"1e+", "line 1, column 4: expected a digit, but found the end of the text"},
        {"012", "line 1, column 2: expected a number without leading zeros"},
        {"-00", "line 1, column 3: expected a number without leading zeros"},
        {"0x10", "line 1, column 2: expected nothing after the value, but found 'x'"},
        {"-Infinity", "line 1, column 2: expected a digit, but found 'I'"},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_err err = SPH_ERR_NULL;
        struct sph_json_value top = {.type = SPH_JSON_END};
        assert_int_equal(sph_json_check(rows[i].text, strlen(rows[i].text), &top, &err), -EBADMSG);
        assert_err(&err, -EBADMSG, rows[i].sentence);
        assert_int_equal(top.type, SPH_JSON_END);
        assert_int_equal(sph_json_check(rows[i].text, strlen(rows[i].text), &top, NULL), -EBADMSG);
    }
}

static void nul_bytes_are_no_json(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t len;
        const char *sentence;
    } rows[] = {
        {"1\0", 2, "line 1, column 2: expected nothing after the value, but found byte 0x00"},
        {"\"a\0\"", 4,
         "line 1, column 3: expected control characters in a string as \\u escapes, but "
         "found byte 0x00"},
        {"\"\\\0\"", 4,
         "line 1, column 3: expected one of \"\\/bfnrtu after a backslash, but found "
         "byte 0x00"},
        {"[\0]", 3, "line 1, column 2: expected a value, but found byte 0x00"},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_err err = SPH_ERR_NULL;
        struct sph_json_value top;
        assert_int_equal(sph_json_check(rows[i].text, rows[i].len, &top, &err), -EBADMSG);
        assert_err(&err, -EBADMSG, rows[i].sentence);
    }
}

static void depth(void **state) {
    (void)state;
    static const struct {
        size_t depth;
        bool good;
    } rows[] = {{1, true}, {31, true}, {32, true}, {33, false}, {1000000, false}};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        for (int kind = 0; kind < 2; kind++) {
            sph_autobuf struct sph_buf buf = SPH_BUF_LIMIT(32 << 20);
            struct sph_json_value top;
            struct sph_err err = SPH_ERR_NULL;
            for (size_t k = 0; k < rows[i].depth; k++)
                sph_buf_puts(&buf, kind ? "{\"k\":" : "[");
            sph_buf_puts(&buf, "1");
            for (size_t k = 0; k < rows[i].depth; k++)
                sph_buf_puts(&buf, kind ? "}" : "]");
            assert_int_equal(sph_json_check(buf.data, buf.len, &top, &err),
                             rows[i].good ? 0 : -EBADMSG);
            if (!rows[i].good)
                assert_err(
                    &err, -EBADMSG,
                    kind ? "line 1, column 161: expected at most 32 levels of objects and arrays"
                         : "line 1, column 33: expected at most 32 levels of objects and arrays");
        }
    }
}

static const char manifest[] =
    "\xef\xbb\xbf" /* skipped below: RFC 8259 has no byte order mark */
    "{\n"
    "  \"SchemaVersion\": 1,\n"
    "  \"Name\": \"caf\\u00e9 \\ud83d\\ude00\",\n"
    "  \"CmdArgs\": [\"a\\\"b\", \"]\", \"\", \"}\\\\\"],\n"
    "  \"Capabilities\": { \"Gpio\": [ 8, 10 ], \"Empty\": {}, \"None\": [] },\n"
    "  \"Flags\": [true,false,null],\n"
    "  \"Name\": \"last\"\n"
    "}\n";

/* A text cut anywhere is refused, and never read past its end (the copy has no slack for it). */
static void truncated_everywhere(void **state) {
    (void)state;
    const char *whole = manifest + 3;
    size_t len = strlen(whole);
    for (size_t cut = 0; cut <= len; cut++) {
        char *text = malloc(cut ? cut : 1);
        assert_non_null(text);
        memcpy(text, whole, cut);
        struct sph_json_value top;
        assert_int_equal(sph_json_check(text, cut, &top, NULL), cut + 1 >= len ? 0 : -EBADMSG);
        free(text);
    }
}

static void walk(void **state) {
    (void)state;
    struct sph_json_value top = check(manifest + 3), value, item, key;
    struct sph_json_iter iter;
    unsigned line, column;
    assert_int_equal(top.type, SPH_JSON_OBJECT);
    assert_int_equal(top.offset, 0);

    static const struct {
        const char *key;
        enum sph_json_type type;
        unsigned line, column;
    } members[] = {
        {"SchemaVersion", SPH_JSON_NUMBER, 2, 20}, {"Name", SPH_JSON_STRING, 3, 11},
        {"CmdArgs", SPH_JSON_ARRAY, 4, 14},        {"Capabilities", SPH_JSON_OBJECT, 5, 19},
        {"Flags", SPH_JSON_ARRAY, 6, 12},          {"Name", SPH_JSON_STRING, 7, 11},
    };
    sph_json_iter_init(&iter, &top);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(members); i++) {
        assert_true(sph_json_next(&iter, &key, &value));
        assert_true(sph_json_is(&key, members[i].key));
        assert_int_equal(value.type, members[i].type);
        sph_json_position(manifest + 3, value.offset, &line, &column);
        assert_int_equal(line, members[i].line);
        assert_int_equal(column, members[i].column);
    }
    assert_false(sph_json_next(&iter, &key, &value));
    assert_false(sph_json_next(&iter, &key, &value)); /* and stays so */

    static const char *const arguments[] = {"a\"b", "]", "", "}\\"};
    assert_true(sph_json_get(&top, "CmdArgs", &value));
    sph_json_iter_init(&iter, &value);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(arguments); i++) {
        char text[8];
        assert_true(sph_json_next(&iter, NULL, &item));
        assert_int_equal(sph_json_to_text(&item, text, sizeof(text)), 0);
        assert_string_equal(text, arguments[i]);
    }
    assert_false(sph_json_next(&iter, NULL, &item));
}

static void get(void **state) {
    (void)state;
    struct sph_json_value top = check(manifest + 3), value, inner;
    struct sph_json_iter iter;
    assert_true(sph_json_get(&top, "Name", &value));
    assert_true(sph_json_is(&value, "last")); /* of two members with one key, the last counts */
    assert_false(sph_json_get(&top, "name", &value));
    assert_false(sph_json_get(&top, "", &value));
    assert_true(sph_json_get(&top, "Capabilities", &inner));
    static const char *const empty[] = {"Empty", "None"};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(empty); i++) {
        assert_true(sph_json_get(&inner, empty[i], &value));
        sph_json_iter_init(&iter, &value);
        assert_false(sph_json_next(&iter, NULL, &value));
    }
    assert_true(sph_json_get(&top, "Flags", &inner));
    assert_false(sph_json_get(&inner, "Gpio", &value)); /* not an object */
    struct sph_json_value number = check("12");
    sph_json_iter_init(&iter, &number);
    assert_false(sph_json_next(&iter, NULL, &value));
    struct sph_json_value escaped = check("{\"\\u0061\\/\": 1}");
    assert_true(sph_json_get(&escaped, "a/", &value)); /* keys are compared unescaped */
}

static void top_values(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum sph_json_type type;
        const char *slice;
        size_t offset;
    } rows[] = {
        {" null ", SPH_JSON_NULL, "null", 1},       {"true", SPH_JSON_BOOL, "true", 0},
        {"\tfalse\r\n", SPH_JSON_BOOL, "false", 1}, {"-0.5e+10", SPH_JSON_NUMBER, "-0.5e+10", 0},
        {"\"\"", SPH_JSON_STRING, "", 0},           {" \"a\\\"\" ", SPH_JSON_STRING, "a\\\"", 1},
        {" [ 1 ] ", SPH_JSON_ARRAY, "[ 1 ]", 1},    {"{}", SPH_JSON_OBJECT, "{}", 0},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_json_value top = check(rows[i].text);
        assert_int_equal(top.type, rows[i].type);
        assert_int_equal(top.len, strlen(rows[i].slice));
        assert_memory_equal(top.text, rows[i].slice, top.len);
        assert_int_equal(top.offset, rows[i].offset);
    }
}

static void integers(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int as_u64, as_i64;
        uint64_t value;
    } rows[] = {
        {"0", 0, 0, 0},
        {"-0", 0, 0, 0},
        {"42", 0, 0, 42},
        {"-42", -ERANGE, 0, (uint64_t)-42},
        {"9223372036854775807", 0, 0, INT64_MAX},
        {"9223372036854775808", 0, -ERANGE, 1 + (uint64_t)INT64_MAX},
        {"-9223372036854775808", -ERANGE, 0, 1 + (uint64_t)INT64_MAX},
        {"-9223372036854775809", -ERANGE, -ERANGE, 0},
        {"18446744073709551615", 0, -ERANGE, UINT64_MAX},
        {"18446744073709551616", -ERANGE, -ERANGE, 0},
        {"1e400", -EINVAL, -EINVAL, 0},
        {"1.0", -EINVAL, -EINVAL, 0},
        {"1E2", -EINVAL, -EINVAL, 0},
        {"\"1\"", -EINVAL, -EINVAL, 0},
        {"true", -EINVAL, -EINVAL, 0},
        {"[1]", -EINVAL, -EINVAL, 0},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_json_value value = check(rows[i].text);
        uint64_t number = 77;
        int64_t signed_number = 77;
        assert_int_equal(sph_json_to_u64(&value, UINT64_MAX, &number), rows[i].as_u64);
        assert_int_equal(number, rows[i].as_u64 ? 77 : rows[i].value);
        assert_int_equal(sph_json_to_i64(&value, &signed_number), rows[i].as_i64);
        assert_int_equal(signed_number, rows[i].as_i64 ? 77 : (int64_t)rows[i].value);
    }
    struct sph_json_value value = check("64");
    uint64_t number;
    assert_int_equal(sph_json_to_u64(&value, 64, &number), 0);
    assert_int_equal(sph_json_to_u64(&value, 63, &number), -ERANGE);
}

static void flags(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int result;
        bool flag;
    } rows[] = {{"true", 0, true}, {"false", 0, false}, {"null", -EINVAL, 0}, {"1", -EINVAL, 0}};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_json_value value = check(rows[i].text);
        bool flag = !rows[i].flag;
        assert_int_equal(sph_json_to_bool(&value, &flag), rows[i].result);
        assert_int_equal(flag, rows[i].result ? !rows[i].flag : rows[i].flag);
    }
}

static void strings(void **state) {
    (void)state;
    static const struct {
        const char *json;
        size_t size;
        int result;
        const char *text;
    } rows[] = {
        {"\"\"", 1, 0, ""},
        {"\"\"", 0, -ENOSPC, ""},
        {"\"abc\"", 4, 0, "abc"},
        {"\"abc\"", 3, -ENOSPC, ""},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", 32, 0, "\"\\/\b\f\n\r\t"},
        {"\"\\u0041\\u00e9\\u20AC\"", 32, 0, "A\xc3\xa9\xe2\x82\xac"},
        {"\"\\ud83d\\ude00!\"", 32, 0, "\xf0\x9f\x98\x80!"},
        {"\"\\ud83d\\ude00\"", 4, -ENOSPC, ""},
        {"\"\\uDBFF\\uDFFF\"", 5, 0, "\xf4\x8f\xbf\xbf"},
        {"\"a\\u0000b\"", 32, -EILSEQ, ""},
        {"12", 32, -EINVAL, ""},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_json_value value = check(rows[i].json);
        char text[32];
        assert_int_equal(sph_json_to_text(&value, text, rows[i].size), rows[i].result);
        if (rows[i].result == 0) {
            assert_string_equal(text, rows[i].text);
            assert_true(sph_json_is(&value, rows[i].text));
        }
        assert_false(sph_json_is(&value, "something else"));
        assert_false(sph_json_is(&value, "a")); /* and not its beginning */
    }
}

static void strings_into_a_buffer(void **state) {
    (void)state;
    sph_autobuf struct sph_buf buf = SPH_BUF_LIMIT(6);
    struct sph_json_value empty = check("\"\""), some = check("\"abc\""), number = check("1");
    struct sph_json_value with_nul = check("\"x\\u0000\"");
    assert_int_equal(sph_json_to_buf(&empty, &buf), 0);
    assert_string_equal(buf.data, "");
    assert_int_equal(sph_json_to_buf(&some, &buf), 0);
    assert_int_equal(sph_json_to_buf(&with_nul, &buf), -EILSEQ);
    assert_int_equal(sph_json_to_buf(&number, &buf), -EINVAL);
    assert_string_equal(buf.data, "abc");
    assert_int_equal(sph_json_to_buf(&some, &buf), 0);
    assert_string_equal(buf.data, "abcabc");
    assert_int_equal(sph_json_to_buf(&some, &buf), -EFBIG);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused),
        cmocka_unit_test(nul_bytes_are_no_json),
        cmocka_unit_test(depth),
        cmocka_unit_test(truncated_everywhere),
        cmocka_unit_test(walk),
        cmocka_unit_test(get),
        cmocka_unit_test(top_values),
        cmocka_unit_test(integers),
        cmocka_unit_test(flags),
        cmocka_unit_test(strings),
        cmocka_unit_test(strings_into_a_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
