/* Tables of what is accepted and what is refused; a refused text leaves the result alone. */
#include "base/text.h"

#include <errno.h>
#include <string.h>

#include "base/testing.h"

enum { UNTOUCHED = 77 };

static void numbers(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t max;
        int result;
        uint64_t value;
    } rows[] = {
        {"0", 0, 0, 0},
        {"1", 0, -ERANGE, 0},
        {"007", 10, 0, 7},
        {"18446744073709551615", UINT64_MAX, 0, UINT64_MAX},
        {"18446744073709551616", UINT64_MAX, -ERANGE, 0},
        {"99999999999999999999999", UINT64_MAX, -ERANGE, 0},
        {"99999999999999999999999x", UINT64_MAX, -EINVAL, 0},
        {"", 9, -EINVAL, 0},
        {" 1", 9, -EINVAL, 0},
        {"1 ", 9, -EINVAL, 0},
        {"+1", 9, -EINVAL, 0},
        {"-1", 9, -EINVAL, 0},
        {"0x1", 9, -EINVAL, 0},
        {"1.0", 9, -EINVAL, 0},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        uint64_t value = UNTOUCHED;
        assert_int_equal(sph_text_to_u64(rows[i].text, rows[i].max, &value), rows[i].result);
        assert_int_equal(value, rows[i].result ? UNTOUCHED : rows[i].value);
    }
}

static void sizes(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t max;
        int result;
        uint64_t value;
    } rows[] = {
        {"262144", UINT64_MAX, 0, 262144},
        {"256K", 262144, 0, 262144},
        {"256KiB", 262144, 0, 262144},
        {"257K", 262144, -ERANGE, 0},
        {"1M", UINT64_MAX, 0, 1048576},
        {"1MiB", UINT64_MAX, 0, 1048576},
        {"0M", 0, 0, 0},
        {"17592186044415M", UINT64_MAX, 0, UINT64_MAX - 1048575},
        {"17592186044416M", UINT64_MAX, -ERANGE, 0},
        {"99999999999999999999999K", UINT64_MAX, -ERANGE, 0},
        {"99999999999999999999999Q", UINT64_MAX, -EINVAL, 0},
        {"256k", UINT64_MAX, -EINVAL, 0},
        {"256KB", UINT64_MAX, -EINVAL, 0},
        {"256 K", UINT64_MAX, -EINVAL, 0},
        {"K", UINT64_MAX, -EINVAL, 0},
        {"1G", UINT64_MAX, 0, 1073741824},
        {"1GiB", 1073741824, 0, 1073741824},
        {"2G", 1073741824, -ERANGE, 0},
        {"1T", UINT64_MAX, -EINVAL, 0},
        {"-1K", UINT64_MAX, -EINVAL, 0},
        {"", UINT64_MAX, -EINVAL, 0},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        uint64_t value = UNTOUCHED;
        assert_int_equal(sph_text_to_bytes(rows[i].text, rows[i].max, &value), rows[i].result);
        assert_int_equal(value, rows[i].result ? UNTOUCHED : rows[i].value);
    }
}

static void hex(void **state) {
    (void)state;
    uint8_t bytes[256], back[256];
    char text[513];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)i;
    sph_bytes_to_hex(bytes, sizeof(bytes), text);
    assert_int_equal(strlen(text), 512);
    assert_memory_equal(text, "000102", 6);
    assert_string_equal(text + 506, "fdfeff");
    assert_int_equal(sph_hex_to_bytes(text, sizeof(back), back), 0);
    assert_memory_equal(bytes, back, sizeof(bytes));
    assert_int_equal(sph_hex_to_bytes("AbCdEF", 3, back), 0);
    assert_memory_equal(back, "\xab\xcd\xef", 3);
    sph_bytes_to_hex(bytes, 0, text);
    assert_string_equal(text, "");

    static const char *const bad[] = {"0", "0g", "g0", " 0", "0x", "", "/0", ":0", "@0", "`0"};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(bad); i++)
        assert_int_equal(sph_hex_to_bytes(bad[i], 1, back), -EINVAL);
}

/* Every code point in its only form is accepted; every two-byte start is tried against a plain
 * rule. */
static void utf8_forms(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t len;
        bool valid;
    } rows[] = {
        {"", 0, true},
        {"plain", 5, true},
        {"a\0b", 3, false},
        {"\xc3\xa9", 2, true},
        {"\xc3", 1, false},
        {"\x80", 1, false},
        {"\xc0\x80", 2, false}, /* overlong NUL */
        {"\xc1\xbf", 2, false},
        {"\xe0\x80\x80", 3, false},
        {"\xe0\x9f\xbf", 3, false},
        {"\xe0\xa0\x80", 3, true},
        {"\xed\x9f\xbf", 3, true},
        {"\xed\xa0\x80", 3, false}, /* surrogate */
        {"\xed\xbf\xbf", 3, false},
        {"\xee\x80\x80", 3, true},
        {"\xef\xbf\xbf", 3, true},
        {"\xe2\x82", 2, false},
        {"\xe2\x82\x28", 3, false},
        {"\xf0\x8f\xbf\xbf", 4, false},
        {"\xf0\x90\x80\x80", 4, true},
        {"\xf4\x8f\xbf\xbf", 4, true},
        {"\xf4\x90\x80\x80", 4, false}, /* past U+10FFFF */
        {"\xf5\x80\x80\x80", 4, false},
        {"\xff", 1, false},
        {"\xf0\x9f\x98\x80!", 5, true},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++)
        assert_int_equal(sph_text_is_utf8(rows[i].text, rows[i].len), rows[i].valid);
    assert_int_equal(sph_utf8_step("", 0), 0);
    assert_int_equal(sph_utf8_step("\0", 1), 1);
}

static void utf8_code_points(void **state) {
    (void)state;
    unsigned accepted = 0;
    for (unsigned code = 0x800; code < 0x10000; code++) {
        char bytes[3] = {(char)(0xe0 | code >> 12), (char)(0x80 | (code >> 6 & 0x3f)),
                         (char)(0x80 | (code & 0x3f))};
        bool surrogate = code >= 0xd800 && code < 0xe000;
        assert_int_equal(sph_utf8_step(bytes, 3), surrogate ? 0 : 3);
        assert_int_equal(sph_utf8_step(bytes, 2), 0);
        accepted += !surrogate;
    }
    assert_int_equal(accepted, 0x10000 - 0x800 - 0x800);
}

static void printable(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t len, size;
        const char *shown;
    } rows[] = {
        {"plain", 5, 16, "plain"},
        {"plain", 5, 6, "plain"},
        {"plain", 5, 5, "plai"},
        {"plain", 5, 1, ""},
        {"a\nb\x1b[1m\x7f", 8, 16, "a?b?[1m?"},
        {"a\0b", 3, 16, "a?b"},
        {"\xc3\xa9\xc3\xa9", 4, 4, "\xc3\xa9"}, /* cut at a character's border */
        {"\xc3\xa9\xc3\xa9", 4, 5, "\xc3\xa9\xc3\xa9"},
        {"\xc2\x9b!", 3, 16, "?!"}, /* C1: a terminal's CSI */
        {"\xc2\xa0", 2, 16, "\xc2\xa0"},
        {"a\xe2\x80\xae"
         "b",
         5, 16, "a?b"}, /* right-to-left override */
        {"a\xe2\x81\xa6"
         "b",
         5, 16, "a?b"},
        {"\xe2\x82\xac", 3, 16, "\xe2\x82\xac"},
        {"\xff\xfe", 2, 16, "??"},
        {"\xe2\x82", 2, 16, "??"},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        char shown[16];
        sph_text_printable(rows[i].text, rows[i].len, shown, rows[i].size);
        assert_string_equal(shown, rows[i].shown);
        if (strlen(rows[i].text) == rows[i].len) {
            char again[sizeof(shown)];
            assert_ptr_equal(sph_text_shown(rows[i].text, again, rows[i].size), again);
            assert_string_equal(again, rows[i].shown);
        }
    }
}

static void names(void **state) {
    (void)state;
    static const struct {
        const char *name;
        bool valid;
    } rows[] = {
        {"a", true},
        {"virtual-1", true},
        {"A_b.c-9", true},
        {"_x", true},
        {"12345678901234567890123456789012", true},
        {"123456789012345678901234567890123", false},
        {"", false},
        {".", false},
        {"..", false},
        {".hidden", false},
        {"-option", false},
        {"a/b", false},
        {"a b", false},
        {"\xc3\xa9", false},
        {"a\n", false},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++)
        assert_int_equal(sph_name_is_valid(rows[i].name), rows[i].valid);
}

static void file_names(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"", ""}, {"app", "app"}, {"/bin/app", "app"}, {"/bin/", ""}, {"a//b", "b"}};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++)
        assert_string_equal(sph_text_file_name(rows[i][0]), rows[i][1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(file_names), cmocka_unit_test(numbers),
        cmocka_unit_test(sizes),      cmocka_unit_test(hex),
        cmocka_unit_test(utf8_forms), cmocka_unit_test(utf8_code_points),
        cmocka_unit_test(printable),  cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
