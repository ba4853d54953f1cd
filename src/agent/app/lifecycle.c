/* A session goes idle → running → (stopping) → gone or waiting. Everything that happens to its
 * processes comes through the tracer; everything that happens to its memory comes through the
 * meter's ring, which is read before any end is judged, so that the two cannot disagree.
 *
 * An app ends in two reports: its first process is gone, and its helper is gone (by which the
 * kernel has killed the rest). Only after both is the run settled. */
#include "agent/app/lifecycle_private.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/app/ending.h"
#include "agent/device/device.h"
#include "agent/device/events.h"
#include "agent/store/registry.h"
#include "agent/trace/tracer.h"
#include "base/cleanup.h"
#include "base/clock.h"

enum {
    FREE_TIMEOUT_MS = 5000, /* for killed processes to be gone; a disk in trouble can hold one */
};

/* ---- the table ---- */

struct sph_session *sph_lifecycle_find(const struct sph_lifecycle *lifecycle,
                                       const struct sph_guid *component) {
    for (size_t i = 0; i < lifecycle->n_sessions; i++)
        if (sph_guid_equal(&lifecycle->sessions[i]->component, component))
            return lifecycle->sessions[i];
    return NULL;
}

/* There is one at most: the port is one. */
static struct sph_session *find_debugged(const struct sph_lifecycle *lifecycle) {
    for (size_t i = 0; i < lifecycle->n_sessions; i++)
        if (lifecycle->sessions[i]->debug)
            return lifecycle->sessions[i];
    return NULL;
}

/* Takes it out, frees it and tells those who waited for that. */
static void drop(struct sph_lifecycle *lifecycle, struct sph_session *session) {
    size_t i = 0;
    while (lifecycle->sessions[i] != session)
        i++;
    lifecycle->n_sessions--;
    memmove(&lifecycle->sessions[i], &lifecycle->sessions[i + 1],
            (lifecycle->n_sessions - i) * sizeof(struct sph_session *));
    struct sph_session gone = *session;
    session = sph_session_free(session);
    if (lifecycle->closing)
        return;
    for (unsigned k = 0; k < gone.n_waiters; k++)
        gone.waiters[k].fn(gone.waiters[k].context);
    if (lifecycle->n_sessions == 0 && lifecycle->all_done) {
        sph_lifecycle_done_fn *done = lifecycle->all_done;
        lifecycle->all_done = NULL;
        done(lifecycle->all_context);
    }
}

/* Counted each time: 32 are looked through, and a number that is kept can be wrong. */
size_t sph_lifecycle_running(const struct sph_lifecycle *lifecycle) {
    size_t count = 0;
    for (size_t i = 0; i < lifecycle->n_sessions; i++)
        count += sph_session_has_process(lifecycle->sessions[i]);
    return count;
}

/* ---- the end of a run ---- */

static void settle(struct sph_lifecycle *lifecycle, struct sph_session *session);

/* A start that fails here has no caller to tell, so it is told by a report, and tried again later.
 */
static void on_back_off_over(struct sph_lifecycle *lifecycle, struct sph_session *session);

/* One timer per session: of the grace or the farewell time, the last output, or the back-off. */
static void on_timer(void *context) {
    struct sph_session *session = context;
    if (session->state == SPH_SESSION_WAITING) {
        on_back_off_over(session->lifecycle, session);
    } else if (sph_session_is_gone(session)) {
        settle(session->lifecycle, session);
    } else if (session->debug) {
        sph_debug_kill(session->debug); /* its farewell time is over */
    } else if (session->state == SPH_SESSION_STOPPING && !session->app_gone) {
        session->facts.signs.grace_over = true;
        sph_launched_signal(&session->launched, SIGKILL);
    }
}

/* Never at once from in here: the caller's stack is inside the end of the last run. */
static void wait_to_restart(struct sph_session *session, uint64_t wait_ms) {
    session->state = SPH_SESSION_WAITING;
    session->next_start_ms = sph_clock_monotonic_ms() + wait_ms;
    (void)sph_loop_arm_timer(session->timer, wait_ms > 0 ? wait_ms : 1, 0);
}

/* Not in free: who listens may be gone before the lifecycle is. */
static void tell_end(struct sph_lifecycle *lifecycle, const struct sph_ending *ending) {
    if (lifecycle->on_end && !lifecycle->closing)
        lifecycle->on_end(lifecycle->on_end_context, &ending->end);
}

/* A run is over, or could not be made again: the report, and then on or out. */
static void conclude(struct sph_lifecycle *lifecycle, struct sph_session *session,
                     struct sph_slice said) {
    struct sph_ending ending = {.may_restart = !lifecycle->halted && !lifecycle->closing};
    sph_ending_conclude(session, said, &ending);
    tell_end(lifecycle, &ending);
    if (ending.end.restarts)
        wait_to_restart(session, ending.wait_ms);
    else
        drop(lifecycle, session);
}

static void settle(struct sph_lifecycle *lifecycle, struct sph_session *session) {
    (void)sph_loop_arm_timer(session->timer, 0, 0);
    sph_lifecycle_read_meter(lifecycle);
    if (sph_ration_is_net_caught(&lifecycle->ration, &session->share))
        sph_device_note(lifecycle->device, &session->component,
                        "%s held memory that User does not count (a memfd, sockets) beyond the "
                        "device's second net; the kernel killed it.",
                        session->name);
    if (!session->facts.heap) /* nobody saw it at its exit: its ledger is still there */
        sph_lifecycle_heap_look(lifecycle, session, session->facts.pid, 0);
    sph_session_settle(session);
    conclude(lifecycle, session, sph_slice(NULL, 0));
}

/* The helper's end is reported after every process of its namespace is gone, so nothing can write
 * to the pipes, touch the group or ask the channel any more. What is in the pipes is read by the
 * loop, at the pace of those who must not lose it; without a loop at once. */
static void settle_when_gone(struct sph_lifecycle *lifecycle, struct sph_session *session) {
    if (!sph_session_is_gone(session))
        return;
    if (sph_session_has_output(session) && !lifecycle->closing)
        sph_session_await_output(session, session->facts.signs.stop_asked);
    else
        settle(lifecycle, session);
}

/* Of one of the two pipes; the second one settles, whichever that is. */
static void on_output_ended(void *context) {
    struct sph_session *session = context;
    if (sph_session_is_gone(session) && !sph_session_has_output(session))
        settle(session->lifecycle, session);
}

/* Also called for children's children and for helpers of starts that failed: of no session, and
 * passed over. */
static void on_gone(void *context, pid_t pid, int status) {
    struct sph_lifecycle *lifecycle = context;
    sph_lifecycle_heap_gone(lifecycle, pid);
    for (size_t i = 0; i < lifecycle->n_sessions; i++) {
        struct sph_session *session = lifecycle->sessions[i];
        if (sph_session_has_process(session) && sph_session_on_gone(session, pid, status)) {
            settle_when_gone(lifecycle, session);
            return;
        }
    }
}

/* ---- start and restart ---- */

/* Peak is the group's: it may start again only when nobody is in the middle of a session. */
static int launch(struct sph_lifecycle *lifecycle, struct sph_session *session,
                  struct sph_err *err) {
    if (sph_lifecycle_running(lifecycle) == 0)
        sph_meter_reset_peak(lifecycle->ration.meter);
    int rc = sph_session_launch(session, err);
    if (rc < 0)
        return rc;
    struct sph_msg_event event = {.kind = SPH_EVENT_STARTED,
                                  .component = session->component,
                                  .name = sph_slice_text(session->name),
                                  .pid = (uint32_t)session->launched.app_pid,
                                  .restarts = session->restarts};
    sph_events_publish(lifecycle->device->events, &event);
    return 0;
}

static void on_back_off_over(struct sph_lifecycle *lifecycle, struct sph_session *session) {
    struct sph_err err = SPH_ERR_NULL;
    session->restarts++;
    if (launch(lifecycle, session, &err) == 0)
        return;
    if (sph_session_has_process(session))
        return; /* it is being killed; its end is concluded when it is gone */
    session->facts.signs = (struct sph_end_signs){.start_failed = true};
    conclude(lifecycle, session, sph_slice_text(err.text));
}

/* In the table before it is launched: reports of its processes may come at once. */
static int add_session(struct sph_lifecycle *lifecycle, const struct sph_start_request *request,
                       struct sph_session **ret_session, struct sph_err *err) {
    const struct sph_installed_app *app =
        sph_registry_find(lifecycle->device->registry, &request->component);
    if (!app)
        return SPH_FAIL(err, -ENOENT, "The application is not installed on this device.");
    if (lifecycle->n_sessions == SPH_LIFECYCLE_MAX)
        return SPH_FAIL(err, -ENOSPC, "%d applications run already: stop one first.",
                        SPH_LIFECYCLE_MAX);
    struct sph_session *session = sph_session_new(lifecycle->device, request, app, err);
    if (!session)
        return -ENOMEM;
    session->lifecycle = lifecycle;
    session->ration = &lifecycle->ration;
    session->target = &lifecycle->target;
    session->output_ended = on_output_ended;
    int rc =
        sph_loop_add_timer(lifecycle->device->loop, 0, 0, on_timer, session, &session->timer, err);
    if (rc < 0) {
        session = sph_session_free(session);
        return rc;
    }
    lifecycle->sessions[lifecycle->n_sessions++] = session;
    *ret_session = session;
    return 0;
}

static int check_debugging(const struct sph_lifecycle *lifecycle, const struct sph_guid *component,
                           struct sph_err *err) {
    const struct sph_registry *registry = lifecycle->device->registry;
    const struct sph_session *debugged = find_debugged(lifecycle);
    int rc = sph_debug_check(registry, sph_registry_find(registry, component), err);
    if (rc < 0 || !debugged || sph_guid_equal(&debugged->component, component))
        return rc;
    return SPH_FAIL(err, -EBUSY,
                    "%s is being debugged, and the device has one debugger: stop that application "
                    "first.",
                    debugged->name);
}

/* What a start is refused for, before anything is changed. */
static int check_start(const struct sph_lifecycle *lifecycle,
                       const struct sph_start_request *request, struct sph_err *err) {
    const struct sph_session *session = sph_lifecycle_find(lifecycle, &request->component);
    int rc =
        request->flags & SPH_START_DEBUG ? check_debugging(lifecycle, &request->component, err) : 0;
    if (rc < 0)
        return rc;
    if (lifecycle->halted)
        return SPH_FAIL(err, -ESHUTDOWN, "The device is restarting: start the application then.");
    if (session && sph_session_has_process(session))
        return SPH_FAIL(err, -EALREADY, "The application runs already.");
    return 0;
}

int sph_lifecycle_start(struct sph_lifecycle *lifecycle, const struct sph_start_request *request,
                        struct sph_err *err) {
    int rc = check_start(lifecycle, request, err);
    if (rc < 0)
        return rc;
    struct sph_session *session = sph_lifecycle_find(lifecycle, &request->component);
    if (session) /* it waits; who starts it by hand does not want to wait, and may want it otherwise
                  */
        drop(lifecycle, session);
    rc = add_session(lifecycle, request, &session, err);
    if (rc < 0)
        return rc;
    rc = launch(lifecycle, session, err);
    if (rc < 0 && !sph_session_has_process(session))
        drop(lifecycle, session);
    else if (rc < 0)
        session->flags |= SPH_START_ONCE; /* it is being killed and must not come back */
    return rc;
}

/* ---- stop ---- */

/* SIGTERM to the first process only, as the device does: what it does about its children is its
 * affair, until the helper ends them. */
static void ask_to_stop(struct sph_lifecycle *lifecycle, struct sph_session *session) {
    if (session->state == SPH_SESSION_WAITING) {
        drop(lifecycle, session);
    } else if (sph_session_is_gone(session)) {
        session->flags |= SPH_START_ONCE; /* it ended by itself, and does not come back */
        sph_session_await_output(session, true);
    } else if (session->state == SPH_SESSION_RUNNING) {
        session->state = SPH_SESSION_STOPPING;
        session->facts.signs.stop_asked = true;
        (void)sph_loop_arm_timer(session->timer,
                                 session->debug ? SPH_DEBUG_FAREWELL_MS : SPH_STOP_GRACE_MS, 0);
        if (session->app_gone)
            return;
        /* A debugger gets every signal first, and its user may be at lunch. */
        sph_launched_signal(&session->launched, session->debug ? SIGKILL : SIGTERM);
        /* One that stands still (SIGSTOP) would hear of it only after SIGKILL, and be told to have
         * ignored it. The kernel delivers the lower number first: SIGTERM. */
        sph_launched_signal(&session->launched, SIGCONT);
    }
}

int sph_lifecycle_stop(struct sph_lifecycle *lifecycle, const struct sph_guid *component,
                       sph_lifecycle_done_fn *done, void *context, struct sph_err *err) {
    struct sph_session *session = sph_lifecycle_find(lifecycle, component);
    struct sph_session *debugged = find_debugged(lifecycle);
    if (!session && debugged && sph_guid_equal(sph_debug_component(debugged->debug), component))
        session = debugged; /* the debugger is asked for, which runs for that app */
    if (!session) {
        if (done)
            done(context);
        return 0;
    }
    if (done) {
        if (session->n_waiters == SPH_SESSION_WAITERS)
            return SPH_FAIL(err, -EBUSY, "The application is being stopped already.");
        session->waiters[session->n_waiters].fn = done;
        session->waiters[session->n_waiters++].context = context;
    }
    ask_to_stop(lifecycle, session);
    return 0;
}

/* From the back: a session that waits for its restart leaves the table at once. */
int sph_lifecycle_stop_all(struct sph_lifecycle *lifecycle, sph_lifecycle_done_fn *done,
                           void *context, struct sph_err *err) {
    if (lifecycle->all_done)
        return SPH_FAIL(err, -EBUSY, "The device is stopping its applications already.");
    lifecycle->halted = true;
    for (size_t i = lifecycle->n_sessions; i-- > 0;)
        ask_to_stop(lifecycle, lifecycle->sessions[i]);
    if (lifecycle->n_sessions > 0) {
        lifecycle->all_done = done;
        lifecycle->all_context = context;
    } else if (done) {
        done(context);
    }
    return 0;
}

void sph_lifecycle_resume(struct sph_lifecycle *lifecycle) {
    lifecycle->halted = false;
}

/* ---- questions ---- */

enum sph_session_state sph_lifecycle_state(const struct sph_lifecycle *lifecycle,
                                           const struct sph_guid *component) {
    const struct sph_session *session = sph_lifecycle_find(lifecycle, component);
    return session ? session->state : SPH_SESSION_NONE;
}

/* 0 as well while the output of an app that has ended is read: its number is anyone's by then. */
pid_t sph_lifecycle_pid(const struct sph_lifecycle *lifecycle, const struct sph_guid *component) {
    const struct sph_session *session = sph_lifecycle_find(lifecycle, component);
    return session && session->launched.app_pid > 0 ? session->launched.app_pid : 0;
}

unsigned sph_lifecycle_start_flags(const struct sph_lifecycle *lifecycle,
                                   const struct sph_guid *component) {
    const struct sph_session *session = sph_lifecycle_find(lifecycle, component);
    return session ? session->flags : 0;
}

unsigned sph_lifecycle_debug_port(const struct sph_lifecycle *lifecycle,
                                  const struct sph_guid *component) {
    const struct sph_session *session = sph_lifecycle_find(lifecycle, component);
    return session && session->debug ? SPH_DEBUG_PORT : 0;
}

unsigned sph_lifecycle_restarts(const struct sph_lifecycle *lifecycle,
                                const struct sph_guid *component) {
    const struct sph_session *session = sph_lifecycle_find(lifecycle, component);
    return session ? session->restarts : 0;
}

uint64_t sph_lifecycle_next_start_ms(const struct sph_lifecycle *lifecycle,
                                     const struct sph_guid *component) {
    const struct sph_session *session = sph_lifecycle_find(lifecycle, component);
    uint64_t now = sph_clock_monotonic_ms();
    if (!session || session->state != SPH_SESSION_WAITING)
        return 0;
    return session->next_start_ms > now ? session->next_start_ms - now : 1;
}

void sph_lifecycle_on_end(struct sph_lifecycle *lifecycle, sph_lifecycle_end_fn *fn,
                          void *context) {
    lifecycle->on_end = fn;
    lifecycle->on_end_context = context;
}

/* ---- the whole ---- */

int sph_lifecycle_new(struct sph_device *device, struct sph_lifecycle **ret_lifecycle,
                      struct sph_err *err) {
    static const struct sph_tracer_ops ops = {.exiting = sph_lifecycle_watch_exiting,
                                              .signalled = sph_lifecycle_watch_signalled,
                                              .executed = sph_lifecycle_heap_executed,
                                              .born = sph_lifecycle_heap_born,
                                              .forked = sph_lifecycle_heap_forked,
                                              .gone = on_gone};
    struct sph_lifecycle *lifecycle SPH_CLEANUP(sph_lifecycle_freep) =
        calloc(1, sizeof(*lifecycle));
    if (!lifecycle)
        return SPH_FAIL(err, -ENOMEM, "No memory for the running apps.");
    lifecycle->device = device;
    sph_target_open(&lifecycle->target);
    const struct sph_meter_options meter = {.pinned_kernel = device->is_virtual};
    int rc =
        sph_ration_open(device->group, device->profile.ram_bytes, &meter, &lifecycle->ration, err);
    if (rc == 0)
        rc = sph_tracer_new(device->loop, &ops, lifecycle, &lifecycle->tracer, err);
    if (rc == 0)
        rc = sph_loop_add_fd(device->loop, sph_meter_fd(lifecycle->ration.meter), EPOLLIN,
                             sph_lifecycle_watch_meter, lifecycle, &lifecycle->meter_watch, err);
    if (rc < 0)
        return rc;
    *ret_lifecycle = SPH_STEAL_PTR(lifecycle);
    return 0;
}

/* The loop does not run any more: the tracer is asked by hand until all are gone. */
static void kill_all(struct sph_lifecycle *lifecycle) {
    const struct timespec pause = {.tv_nsec = 1000000};
    uint64_t end_ms = sph_clock_monotonic_ms() + FREE_TIMEOUT_MS;
    for (size_t i = lifecycle->n_sessions; i-- > 0;) {
        struct sph_session *session = lifecycle->sessions[i];
        if (sph_session_has_process(session) && sph_session_is_gone(session))
            settle(lifecycle, session);
        else if (sph_session_has_process(session))
            sph_session_kill(session);
        else
            drop(lifecycle, session);
    }
    while (lifecycle->n_sessions > 0 && sph_clock_monotonic_ms() < end_ms)
        if (sph_tracer_poll(lifecycle->tracer) == 0)
            (void)nanosleep(&pause, NULL);
    while (lifecycle->n_sessions > 0)
        drop(lifecycle, lifecycle->sessions[0]);
}

/* The order is that of need: the tracer reaps what is killed, the watch reads a ring of the
 * meter's, and the ration wants every share back before it closes the groups. */
struct sph_lifecycle *sph_lifecycle_free(struct sph_lifecycle *lifecycle) {
    if (!lifecycle)
        return NULL;
    lifecycle->closing = true;
    if (lifecycle->tracer)
        kill_all(lifecycle);
    lifecycle->tracer = sph_tracer_free(lifecycle->tracer);
    lifecycle->meter_watch = sph_loop_remove(lifecycle->meter_watch);
    sph_ration_close(&lifecycle->ration);
    sph_target_close(&lifecycle->target);
    free(lifecycle);
    return NULL;
}
