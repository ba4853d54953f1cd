#include "cli/syntax/spelling.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"

static int cut(char *text, char *words[16]) {
    int count = 0;
    char *save = NULL;
    for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save))
        words[count++] = word;
    words[count] = NULL;
    return count;
}

static void test_names(void **state) {
    static const struct {
        const char *line, *program, *rest; /* NULL: refused */
    } rows[] = {
        {"spherule device list", "spherule", "device list"},
        {"/usr/bin/azsphere device list", "azsphere", "device list"},
        {"other device list", "spherule", "device list"},
        {"az sphere device list", "az sphere", "device list"},
        {"/x/az sphere", "az sphere", ""},
        {"spherule sphere device list", "az sphere", "device list"},
        {"spherule az sphere device list", "az sphere", "device list"},
        {"azsphere sphere device", "az sphere", "device"},
        {"az version", "az sphere", "version"},
        {"az --help", "az sphere", "--help"},
        {"az login", NULL, NULL},
        {"az", NULL, NULL},
        {"spherule az login", NULL, NULL},
        {"spherule", "spherule", ""},
        {"spherule device sphere", "spherule", "device sphere"},
        {"az sphere ip -of x -- -of", "az sphere", "ip --output-file x -- -of"},
        {"spherule ip -of x", "spherule", "ip -of x"},
    };
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        char text[80], rest[80] = "";
        char *words[16];
        struct sph_spelling spelling = {.program = NULL};
        struct sph_err err = SPH_ERR_NULL;
        (void)snprintf(text, sizeof(text), "%s", rows[i].line);
        int count = cut(text, words);
        int r = sph_spelling_read(count, words, &spelling, &err);
        if (!rows[i].program) {
            assert_int_equal(r, -EINVAL);
            assert_string_equal(err.text,
                                "this is Spherule, which knows no group of az but 'az sphere'");
            continue;
        }
        assert_int_equal(r, 0);
        assert_string_equal(spelling.program, rows[i].program);
        for (int k = spelling.skip + 1; k < count; k++)
            (void)snprintf(rest + strlen(rest), sizeof(rest) - strlen(rest), "%s%s",
                           *rest ? " " : "", words[k]);
        assert_string_equal(rest, rows[i].rest);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
