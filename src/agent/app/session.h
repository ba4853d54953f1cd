/* session: one app from the moment it is asked to run until nothing of it is left. */
#ifndef SPH_AGENT_APP_SESSION_H
#define SPH_AGENT_APP_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/app/backoff.h"
#include "agent/app/debug.h"
#include "agent/app/early_warning.h"
#include "agent/app/launch.h"
#include "agent/app/lifecycle.h"
#include "agent/app/output.h"
#include "agent/app/ration.h"
#include "agent/app/report.h"
#include "agent/process/heap.h"
#include "agent/process/target.h"
#include "base/err.h"
#include "base/loop.h"

/* Inside the lifecycle only. A restart is the same session with a new process. */

struct sph_channel;
struct sph_device;
struct sph_installed_app;
/* More get -EBUSY: four clients that stop one app in the same two seconds are no use case. */
enum { SPH_SESSION_WAITERS = 4 }; /* that asked for a stop of one app at the same time */

/* Allocated while an app runs or waits to run again, about 4 KiB; installed apps that do neither
 * cost nothing here. */
struct sph_session {
    struct sph_device *device;
    struct sph_lifecycle *lifecycle;
    struct sph_ration *ration;
    const struct sph_target *target;
    sph_output_end_fn *output_ended; /* of each of its pipes; its context is the session */
    struct sph_guid component, image;
    char name[33];
    unsigned flags;   /* SPH_START_* */
    char **arguments; /* that follow CmdArgs; owned; may be NULL */
    enum sph_session_state state;
    struct sph_backoff backoff;
    unsigned restarts;       /* by the device, since a person or the boot started it */
    uint64_t next_start_ms;  /* monotonic, while waiting */
    struct sph_watch *timer; /* grace time while stopping, back-off while waiting */

    /* of the present run */
    struct sph_ration_share share;
    struct sph_launched launched;
    struct sph_debug *debug; /* NULL: no debugger holds it */
    struct sph_channel *channel;
    struct sph_heap *heap; /* NULL: not tracked, for the reason in facts.heap_state */
    struct sph_early_warnings warnings;
    struct sph_output outputs[2]; /* stdout, stderr */
    bool app_gone, helper_gone;
    bool looked_at;    /* at its exit stop, and dying by a signal */
    bool peak_is_news; /* it has risen since listeners were told */
    struct sph_report_facts facts;

    struct {
        sph_lifecycle_done_fn *fn;
        void *context;
    } waiters[SPH_SESSION_WAITERS];
    unsigned n_waiters;
};

/* Idle; NULL (and err) when there is no memory. The lifecycle fills in what is its own. */
struct sph_session *sph_session_new(struct sph_device *device,
                                    const struct sph_start_request *request,
                                    const struct sph_installed_app *app, struct sph_err *err);
/* Starts a run of an idle session. On failure the session is idle as before. */
int sph_session_launch(struct sph_session *session, struct sph_err *err);
/* Where the ledger of one of its processes could not be put in place: a line in the log that says
 * why. */
void sph_session_note_heap(struct sph_session *session, pid_t pid);
/* Running or on its way out; one that waits for its restart has nothing in the system. */
static inline bool sph_session_has_process(const struct sph_session *session) {
    return session->state == SPH_SESSION_RUNNING || session->state == SPH_SESSION_STOPPING;
}
/* Nothing of it runs any more. What it wrote may not be read yet. */
static inline bool sph_session_is_gone(const struct sph_session *session) {
    return session->app_gone && session->helper_gone &&
           (!session->debug || sph_debug_pid(session->debug) < 0);
}
/* One of its three processes (the app's first, its helper, the debugger's server) was reaped. False
 * when it is none of them. */
bool sph_session_on_gone(struct sph_session *session, pid_t pid, int status);
/* SIGKILL to all three: nothing of it asks for time. */
void sph_session_kill(struct sph_session *session);
/* Something may be left in its pipes. */
bool sph_session_has_output(const struct sph_session *session);
/* Arms the timer of one that is gone for the time that the rest of its output has; less when
 * somebody waits for its end. */
void sph_session_await_output(struct sph_session *session, bool is_awaited);
/* After the last process is gone: the rest of the output, then everything of the run is given back.
 */
void sph_session_settle(struct sph_session *session);
/* Frees it with what is left of a run. Takes NULL, returns NULL. */
struct sph_session *sph_session_free(struct sph_session *session);

#endif
