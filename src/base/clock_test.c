/* The calendar against known dates and against the C library over a seeded walk. */
#include "base/clock.h"

#include <string.h>
#include <time.h>

#include "base/testing.h"

static void known_dates(void **state) {
    (void)state;
    static const struct {
        uint64_t ms;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {999, "1970-01-01T00:00:00.999Z"},
        {951782400000, "2000-02-29T00:00:00.000Z"},
        {951868799999, "2000-02-29T23:59:59.999Z"},
        {951868800000, "2000-03-01T00:00:00.000Z"},
        {2147483648000, "2038-01-19T03:14:08.000Z"},
        {4107542400000, "2100-03-01T00:00:00.000Z"}, /* 2100 has no leap day */
        {1795350601123, "2026-11-22T12:30:01.123Z"},
        {253402300800000, "10000-01-01T00:00:00.000Z"},
        {UINT64_MAX, "584556019-04-03T14:25:51.615Z"},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        char text[SPH_CLOCK_TEXT];
        assert_ptr_equal(sph_clock_format(rows[i].ms, text), text);
        assert_string_equal(text, rows[i].text);
    }
}

static void agrees_with_libc(void **state) {
    (void)state;
    uint64_t ms = 1; /* steps of a bit over a day, and not a whole number of seconds */
    for (int i = 0; i < 200000; i++, ms += 86432101) {
        char text[SPH_CLOCK_TEXT], expected[SPH_CLOCK_TEXT];
        time_t seconds = (time_t)(ms / 1000);
        struct tm fields;
        assert_non_null(gmtime_r(&seconds, &fields));
        size_t len = strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S", &fields);
        (void)snprintf(expected + len, sizeof(expected) - len, ".%03uZ", (unsigned)(ms % 1000));
        assert_string_equal(sph_clock_format(ms, text), expected);
    }
}

static void clocks_go_forward(void **state) {
    (void)state;
    uint64_t before = sph_clock_monotonic_ns();
    assert_true(sph_clock_monotonic_ms() >= before / 1000000);
    assert_true(sph_clock_monotonic_ns() >= before);
    assert_true(sph_clock_wall_ms() / 1000 + 1 >= (uint64_t)time(NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_dates),
        cmocka_unit_test(agrees_with_libc),
        cmocka_unit_test(clocks_go_forward),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
