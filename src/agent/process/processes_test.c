/* Which letter of a stat file is the state: the part of listing processes that needs none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/process/processes.h"
#include "base/attr.h"

static void test_state_is_found(void **state) {
    static const struct {
        const char *text;
        char state;
    } rows[] = {
        {"17 (app) S 1 17 17 0 -1", 'S'},
        {"17 (app) Z", 'Z'},
        {"17 (a b) R 1", 'R'},
        {"17 (a) Z 1) T 1", 'T'}, /* a name may say what it likes */
        {"17 (a\n) X) t 1", 't'},
        {"17 ()) D 1", 'D'},
        {"17 () S 1", 'S'},
        {"", 0},
        {"17", 0},
        {"17 (app", 0},
        {"17 (app)", 0},
        {"17 (app) ", 0},
        {"17 (app)S", 0},
        {"17 (app)S 1", 0},
    };
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++)
        assert_int_equal(sph_processes_parse_state(rows[i].text, strlen(rows[i].text)),
                         rows[i].state);
}

/* Cut at any byte, the letter is the right one or none: in memory of just that size, so that a
 * sanitizer sees a read behind it. */
static void test_cut_text(void **state) {
    static const char text[] = "4242 (worker) S 1 4242";
    const size_t whole = sizeof("4242 (worker) S") - 1;
    (void)state;
    for (size_t len = 0; len < sizeof(text); len++) {
        char *part = malloc(len ? len : 1);
        assert_non_null(part);
        memcpy(part, text, len);
        assert_int_equal(sph_processes_parse_state(part, len), len >= whole ? 'S' : 0);
        free(part);
    }
}

/* The oracle is the kernel: this process runs while it reads. */
static void test_real_text(void **state) {
    char text[512];
    (void)state;
    FILE *file = fopen("/proc/self/stat", "r");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof(text), file);
    (void)fclose(file);
    assert_true(len > 0 && len < sizeof(text)); /* the room that processes.c has is enough */
    assert_int_equal(sph_processes_parse_state(text, len), 'R');
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_state_is_found),
        cmocka_unit_test(test_cut_text),
        cmocka_unit_test(test_real_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
