/* One table read, refused, kept and shown: the edges of each type. */
#include "base/testing.h"

#include <errno.h>
#include <string.h>

#include "gateway/rest/members.h"

struct record {
    char text[5], spare[5], secret[5];
    uint32_t number, word, shown;
    bool flag;
};

static const char *const words[] = {"zero", "one", NULL};
#define ROW(name, sort, member, ...)                                                               \
    {                                                                                              \
        .key = (name), .type = SPH_MEMBER_##sort, .offset = offsetof(struct record, member),       \
        __VA_ARGS__                                                                                \
    }
static const struct sph_member rows[] = {
    ROW("text", TEXT, text, .min = 2, .max = 4),
    ROW("spare", TEXT, spare, .max = 4, .kind = SPH_MEMBER_SPARE),
    ROW("secret", TEXT, secret, .max = 4, .kind = SPH_MEMBER_SECRET),
    ROW("number", NUMBER, number, .min = 3, .max = 9),
    ROW("word", WORD, word, .words = words),
    ROW("flag", FLAG, flag, .min = 0),
    ROW("shown", NUMBER, shown, .kind = SPH_MEMBER_SHOWN, .max = 9),
};
static const struct sph_members members = {rows, SPH_ARRAY_SIZE(rows)};

#define BEFORE                                                                                     \
    { .text = "old", .spare = "s", .secret = "x", .number = 5, .word = 1, .shown = 7, .flag = true }
static const struct record before = BEFORE;

static int read_text(const char *text, struct record *record, uint32_t *ret_present,
                     const struct sph_member **ret_wrong) {
    struct sph_json_value object;
    struct sph_err err = SPH_ERR_NULL;
    if (sph_json_check(text, strlen(text), &object, &err) < 0)
        fail_msg("%s: %s", text, err.text);
    *record = before;
    return sph_members_read(&object, &members, record, ret_present, ret_wrong);
}

static void what_is_there_is_set(void **state) {
    (void)state;
    static const struct {
        const char *json;
        uint32_t present;
        struct record record;
    } cases[] = {
        {"{}", 0, BEFORE},
        {"{\"other\":1}", 0, BEFORE},
        {"{\"text\":null,\"flag\":null,\"word\":null}", 0, BEFORE},
        {"{\"shown\":3}", 0, BEFORE}, /* nobody sets it */
        {"{\"text\":\"ab\"}", 1, {"ab", "s", "x", 5, 1, 7, true}},
        {"{\"text\":\"\\u00e4\\u00f6\"}", 1, {"\xc3\xa4\xc3\xb6", "s", "x", 5, 1, 7, true}},
        {"{\"text\":\"ab\",\"text\":\"abcd\"}", 1, {"abcd", "s", "x", 5, 1, 7, true}},
        {"{\"spare\":\"\",\"secret\":\"\"}", 6, {"old", "", "", 5, 1, 7, true}},
        {"{\"number\":3}", 8, {"old", "s", "x", 3, 1, 7, true}},
        {"{\"number\":9}", 8, {"old", "s", "x", 9, 1, 7, true}},
        {"{\"word\":\"zero\"}", 16, {"old", "s", "x", 5, 0, 7, true}},
        {"{\"flag\":false}", 32, {"old", "s", "x", 5, 1, 7, false}},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        struct record record;
        const struct sph_member *wrong;
        uint32_t present = UINT32_MAX;
        assert_int_equal(read_text(cases[i].json, &record, &present, &wrong), 0);
        assert_int_equal(present, cases[i].present);
        assert_string_equal(record.text, cases[i].record.text);
        assert_string_equal(record.spare, cases[i].record.spare);
        assert_string_equal(record.secret, cases[i].record.secret);
        assert_int_equal(record.number, cases[i].record.number);
        assert_int_equal(record.word, cases[i].record.word);
        assert_int_equal(record.shown, cases[i].record.shown);
        assert_int_equal(record.flag, cases[i].record.flag);
    }
}

static void what_is_wrong_is_named(void **state) {
    (void)state;
    static const struct {
        const char *json, *key;
    } cases[] = {
        {"{\"text\":\"a\"}", "text"},
        {"{\"text\":\"abcde\"}", "text"},
        {"{\"text\":1}", "text"},
        {"{\"text\":[]}", "text"},
        {"{\"text\":\"a\\nb\"}", "text"},
        {"{\"text\":\"a\\u007f\"}", "text"},
        {"{\"text\":\"ab\\u0000\"}", "text"},
        {"{\"spare\":true}", "spare"},
        {"{\"secret\":\"12345\"}", "secret"},
        {"{\"number\":2}", "number"},
        {"{\"number\":10}", "number"},
        {"{\"number\":-3}", "number"},
        {"{\"number\":3.0}", "number"},
        {"{\"number\":\"3\"}", "number"},
        {"{\"number\":4294967299}", "number"},
        {"{\"word\":\"two\"}", "word"},
        {"{\"word\":\"\"}", "word"},
        {"{\"word\":1}", "word"},
        {"{\"flag\":1}", "flag"},
        {"{\"flag\":\"true\"}", "flag"},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        struct record record;
        const struct sph_member *wrong = NULL;
        uint32_t present = UINT32_MAX;
        if (read_text(cases[i].json, &record, &present, &wrong) != -EINVAL)
            fail_msg("%s was taken", cases[i].json);
        assert_string_equal(wrong->key, cases[i].key);
        assert_int_equal(present, UINT32_MAX);
    }
}

static void expect_written(const struct record *record, bool is_shown, const char *wanted) {
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    struct sph_json_out out;
    sph_json_begin(&out, &text);
    sph_json_object(&out);
    sph_members_write(&out, &members, record, is_shown);
    sph_json_object_end(&out);
    assert_string_equal(text.data, wanted);
}

static void secrets_are_kept_and_never_shown(void **state) {
    (void)state;
    static const struct record empty = {.text = ""};
    expect_written(&before, false,
                   "{\"text\":\"old\",\"spare\":\"s\",\"secret\":\"x\",\"number\":5,"
                   "\"word\":\"one\",\"flag\":true}");
    expect_written(&before, true,
                   "{\"text\":\"old\",\"spare\":\"s\",\"number\":5,\"word\":\"one\",\"flag\":true,"
                   "\"shown\":7}");
    expect_written(&empty, false, "{\"text\":\"\",\"number\":0,\"word\":\"zero\",\"flag\":false}");
    expect_written(&empty, true,
                   "{\"text\":\"\",\"number\":0,\"word\":\"zero\",\"flag\":false,\"shown\":0}");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_there_is_set),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(secrets_are_kept_and_never_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
