#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/app/lines.h"
#include "base/attr.h"

/* What came out: each line followed by '|' (its end) or '+' (goes on). */
struct seen {
    char text[8192];
    size_t len;
};

static void take(void *context, const char *text, size_t len, bool continued) {
    struct seen *seen = context;
    assert_true(len <= SPH_LINE_MAX);
    assert_true(seen->len + len + 1 < sizeof(seen->text));
    memcpy(seen->text + seen->len, text, len);
    seen->len += len;
    seen->text[seen->len++] = continued ? '+' : '|';
}

static void expect(const char *input, size_t len, size_t piece, const char *wanted,
                   size_t wanted_len) {
    struct sph_lines lines = {0};
    struct seen seen = {.len = 0};
    for (size_t at = 0; at < len; at += piece)
        sph_lines_feed(&lines, input + at, len - at < piece ? len - at : piece, take, &seen);
    sph_lines_flush(&lines, take, &seen);
    assert_int_equal(seen.len, wanted_len);
    assert_memory_equal(seen.text, wanted, wanted_len);
}

static void test_table(void **state) {
    (void)state;
    static const struct {
        const char *input;
        const char *wanted;
    } rows[] = {
        {"", ""},         {"\n", "|"},       {"a\n", "a|"},          {"a", "a|"},
        {"a\nb", "a|b|"}, {"\n\n\n", "|||"}, {"a\r\nb\n", "a\r|b|"},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++)
        for (size_t piece = 1; piece <= 8; piece++)
            expect(rows[i].input, strlen(rows[i].input), piece, rows[i].wanted,
                   strlen(rows[i].wanted));
}

/* Every length around the limit, fed whole, bytewise and in uneven pieces: nothing is lost. */
static void test_lengths(void **state) {
    (void)state;
    static const size_t pieces[] = {1, 7, 511, 512, 513, 4096};
    char input[1200], wanted[1300];
    for (size_t len = SPH_LINE_MAX - 2; len <= 2 * SPH_LINE_MAX + 2; len++) {
        memset(input, 'x', len);
        input[len] = '\n';
        size_t n = 0;
        for (size_t i = 0; i < len; i++) {
            if (i > 0 && i % SPH_LINE_MAX == 0)
                wanted[n++] = '+';
            wanted[n++] = 'x';
        }
        wanted[n++] = '|';
        for (size_t p = 0; p < SPH_ARRAY_SIZE(pieces); p++)
            expect(input, len + 1, pieces[p], wanted, n);
    }
}

static void test_nul_bytes(void **state) {
    (void)state;
    expect("a\0b\n\0", 5, 2, "a\0b|\0|", 6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_nul_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
