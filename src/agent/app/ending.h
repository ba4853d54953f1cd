/* ending: what is done with the end of a run: judged, reported, told, and whether it starts again.
 */
#ifndef SPH_AGENT_APP_ENDING_H
#define SPH_AGENT_APP_ENDING_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/app/session.h"
#include "wire/codec.h"

/* Filled in by sph_ending_conclude() but for the first member. It lives on the stack of the one
 * call that concludes: what must last is in the report, or in the session's back-off. */
struct sph_ending {
    bool may_restart; /* in: false while the device stops */
    struct sph_app_end end;
    uint64_t wait_ms; /* of a restart */
};

/* After sph_session_settle(), or after a start that failed: then `said` is the reason in words,
 * which takes the place of the app's last lines. A report that cannot be kept is said in the
 * device's log. */
void sph_ending_conclude(struct sph_session *session, struct sph_slice said,
                         struct sph_ending *ending);

#endif
