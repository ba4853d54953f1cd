/* backoff: how long an app that ended unexpectedly waits until it is started again. */
#ifndef SPH_AGENT_APP_BACKOFF_H
#define SPH_AGENT_APP_BACKOFF_H

#include <stdint.h>

/* At once the first time, then 1 s doubling to 60 s. A run of a minute or more forgives the past.
 */
enum {
    SPH_BACKOFF_FIRST_MS = 1000,
    SPH_BACKOFF_MAX_MS = 60 * 1000,
    SPH_BACKOFF_GOOD_RUN_MS = 60 * 1000,
};

/* No clock in here: who asks says how long the run was, and waits himself. All zero is a start by
 * hand. */
struct sph_backoff {
    unsigned failures; /* unexpected ends in a row, each after a short run */
};

/* Counts an unexpected end after `ran_ms`; the wait in milliseconds. */
uint64_t sph_backoff_next(struct sph_backoff *backoff, uint64_t ran_ms);

#endif
