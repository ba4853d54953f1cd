/* fake_lifecycle_test: the lifecycle's functions without processes, so that the wire side is tested
 * without root: an app "runs" when a start was asked for, and is gone when the test lets a stop
 * finish. */
#ifndef SPH_AGENT_APP_FAKE_LIFECYCLE_TEST_H
#define SPH_AGENT_APP_FAKE_LIFECYCLE_TEST_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/app/lifecycle.h"

struct fake_lifecycle {
    bool holds_stops; /* a stop of a running app waits for fake_finish_stops() */
    int start_error;  /* negative errno of the next starts; 0 = they work */
    int pages_error;  /* of sph_lifecycle_pages(), likewise */
    bool pages_cut;   /* it does not know all processes */
    unsigned heaps;   /* processes of each app whose heaps are told */
    enum sph_heap_state heap_state;
    unsigned starts, stops;
    unsigned last_flags;
};
extern struct fake_lifecycle fake_lifecycle;

void fake_reset(void);
void fake_finish_stops(void);
void fake_set_state(const struct sph_guid *component, enum sph_session_state state);

#endif
