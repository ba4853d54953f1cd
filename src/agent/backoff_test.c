#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "agent/backoff.h"
#include "base/attr.h"

static void test_sequence(void **state) {
    (void)state;
    static const uint64_t waits[] = {0, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000};
    struct sph_backoff backoff = {0};
    for (unsigned i = 0; i < SPH_ARRAY_SIZE(waits); i++)
        assert_int_equal(sph_backoff_next(&backoff, 10), waits[i]);
}

/* A run just short of a minute is a failure like any other; a full minute starts over. */
static void test_good_run_forgives(void **state) {
    (void)state;
    struct sph_backoff backoff = {0};
    for (int i = 0; i < 4; i++)
        (void)sph_backoff_next(&backoff, 0);
    assert_int_equal(sph_backoff_next(&backoff, SPH_BACKOFF_GOOD_RUN_MS - 1), 8000);
    assert_int_equal(sph_backoff_next(&backoff, SPH_BACKOFF_GOOD_RUN_MS), 0);
    assert_int_equal(sph_backoff_next(&backoff, 0), 1000);
}

/* However often it fails, the wait neither grows past its end nor wraps. */
static void test_many_failures(void **state) {
    (void)state;
    struct sph_backoff backoff = {0};
    for (int i = 0; i < 8; i++)
        (void)sph_backoff_next(&backoff, 0);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(sph_backoff_next(&backoff, 0), SPH_BACKOFF_MAX_MS);
    assert_true(backoff.failures < 16);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sequence),
        cmocka_unit_test(test_good_run_forgives),
        cmocka_unit_test(test_many_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
