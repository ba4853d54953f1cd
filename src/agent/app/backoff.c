/* The first unexpected end is answered at once, as on the device; only an app that keeps failing
 * waits, so that a broken one cannot take the processor. The count is capped where the wait is. */
#include "agent/app/backoff.h"

uint64_t sph_backoff_next(struct sph_backoff *backoff, uint64_t ran_ms) {
    if (ran_ms >= SPH_BACKOFF_GOOD_RUN_MS)
        backoff->failures = 0;
    if (backoff->failures++ == 0)
        return 0;
    uint64_t wait_ms = SPH_BACKOFF_FIRST_MS;
    for (unsigned i = 2; i < backoff->failures && wait_ms < SPH_BACKOFF_MAX_MS; i++)
        wait_ms *= 2;
    if (wait_ms >= SPH_BACKOFF_MAX_MS) {
        backoff->failures--; /* stays where the wait reached its end */
        wait_ms = SPH_BACKOFF_MAX_MS;
    }
    return wait_ms;
}
