#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "agent/app/backoff.h"
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

/* The table of docs/spec/agent-lifecycle.md, written down once more and in another way. */
static uint64_t wait_of(unsigned end_in_a_row) {
    static const uint64_t seconds[] = {0, 1, 2, 4, 8, 16, 32, 60};
    return 1000 * seconds[end_in_a_row < 8 ? end_in_a_row : 7];
}

/* Ten days of an app that fails after runs of any length, by a clock that only the test turns: each
 * wait is the table's, and the app never starts more often than the waits allow. */
static void test_days_by_a_fake_clock(void **state) {
    (void)state;
    struct sph_backoff backoff = {0};
    const uint64_t seed = 20260117, end_ms = UINT64_C(10) * 24 * 3600 * 1000;
    uint64_t now_ms = 0, random = seed;
    unsigned in_a_row = 0, starts = 0;
    for (; now_ms < end_ms; starts++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        /* Mostly short runs; one in sixteen near or over the minute that forgives. */
        uint64_t ran_ms = random >> 60 == 0 ? SPH_BACKOFF_GOOD_RUN_MS - 2 + (random >> 40) % 4
                                            : (random >> 40) % 50;
        in_a_row = ran_ms >= SPH_BACKOFF_GOOD_RUN_MS ? 0 : in_a_row;
        uint64_t wait_ms = sph_backoff_next(&backoff, ran_ms);
        if (wait_ms != wait_of(in_a_row))
            fail_msg("start %u, end %u in a row, seed %llu: waits %llu ms", starts, in_a_row,
                     (unsigned long long)seed, (unsigned long long)wait_ms);
        in_a_row++;
        now_ms += ran_ms + wait_ms;
    }
    assert_true(starts > 10000); /* the clock went on, and in small steps */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sequence),
        cmocka_unit_test(test_good_run_forgives),
        cmocka_unit_test(test_many_failures),
        cmocka_unit_test(test_days_by_a_fake_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
