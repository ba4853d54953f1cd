/* Time as integers. The calendar is computed here: gmtime_r reads the zone files, which a static
 * program in an initramfs does not have, and takes a lock. */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

enum { MS_PER_DAY = 86400000 };

static uint64_t read_ns(clockid_t id) {
    struct timespec now;
    (void)clock_gettime(id, &now); /* cannot fail for these two clocks */
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

uint64_t sph_clock_monotonic_ns(void) {
    return read_ns(CLOCK_MONOTONIC);
}

uint64_t sph_clock_monotonic_ms(void) {
    return read_ns(CLOCK_MONOTONIC) / 1000000U;
}

uint64_t sph_clock_wall_ms(void) {
    return read_ns(CLOCK_REALTIME) / 1000000U;
}

/* Gregorian date of a day number since 1970-01-01. Years start in March, so that the leap day is
 * last. */
static void civil_date(uint64_t days, uint64_t *ret_year, unsigned *ret_month, unsigned *ret_day) {
    uint64_t shifted = days + 719468; /* days from 0000-03-01 */
    uint64_t era = shifted / 146097;  /* 400 years */
    unsigned of_era = (unsigned)(shifted % 146097);
    unsigned year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned from_march = (5 * of_year + 2) / 153;
    *ret_day = of_year - (153 * from_march + 2) / 5 + 1;
    *ret_month = from_march < 10 ? from_march + 3 : from_march - 9;
    *ret_year = era * 400 + year_of_era + (*ret_month <= 2 ? 1 : 0);
}

/* RFC 3339 with milliseconds, always UTC. */
char *sph_clock_format(uint64_t wall_ms, char ret_text[SPH_CLOCK_TEXT]) {
    uint64_t year;
    unsigned month, day;
    civil_date(wall_ms / MS_PER_DAY, &year, &month, &day);
    unsigned ms = (unsigned)(wall_ms % MS_PER_DAY);
    (void)snprintf(ret_text, SPH_CLOCK_TEXT, "%04llu-%02u-%02uT%02u:%02u:%02u.%03uZ",
                   (unsigned long long)year, month, day, ms / 3600000, ms / 60000 % 60,
                   ms / 1000 % 60, ms % 1000);
    return ret_text;
}
