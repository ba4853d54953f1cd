/* A table of what is seen when, and whether it is still waited for. */
#include "base/patience.h"

#include "base/testing.h"

struct step {
    uint64_t now_ms, position;
    bool is_awaited, waits;
};

static void run(const struct step *steps, size_t count) {
    struct sph_patience patience = SPH_PATIENCE(100);
    for (size_t i = 0; i < count; i++) {
        bool waits =
            sph_patience_look(&patience, steps[i].position, steps[i].is_awaited, steps[i].now_ms);
        if (waits != steps[i].waits)
            fail_msg("step %zu: waits=%d", i, waits);
    }
}

static void slow_is_not_stuck(void **state) {
    (void)state;
    static const struct step steps[] = {
        {1000, 5, true, true}, {1099, 5, true, true}, {1099, 6, true, true},  {1198, 6, true, true},
        {1198, 7, true, true}, {1297, 7, true, true}, {1298, 7, true, false},
    };
    run(steps, SPH_ARRAY_SIZE(steps));
}

static void idle_time_does_not_count(void **state) {
    (void)state;
    static const struct step steps[] = {
        {1000, 5, true, true}, {1050, 5, false, true},
        {5000, 5, true, true}, /* the time begins here */
        {5099, 5, true, true}, {5100, 5, true, false},
    };
    run(steps, SPH_ARRAY_SIZE(steps));
}

static void given_up_until_caught_up(void **state) {
    (void)state;
    static const struct step steps[] = {
        {1000, 5, true, true},  {1100, 5, true, false},
        {1101, 6, true, false}, /* it moves, but is behind still */
        {1102, 9, false, true}, {1103, 9, true, true},
        {1203, 9, true, false},
    };
    run(steps, SPH_ARRAY_SIZE(steps));
}

static void a_first_look_is_no_standstill(void **state) {
    (void)state;
    static const struct step steps[] = {{100000, 0, true, true}, {100099, 0, true, true}};
    run(steps, SPH_ARRAY_SIZE(steps));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slow_is_not_stuck),
        cmocka_unit_test(idle_time_does_not_count),
        cmocka_unit_test(given_up_until_caught_up),
        cmocka_unit_test(a_first_look_is_no_standstill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
