/* What is seen of the apps while they run: growth from the meter's ring, signals and exits from the
 * tracer. Notes are taken here and, at a crossing, SIGKILL is sent; what becomes of a session is
 * decided in lifecycle.c when its processes are gone. The ring is read before any exit is looked
 * at, so that the two cannot disagree. */
#include "agent/app/lifecycle_private.h"

#include <signal.h>

#include "agent/app/autopsy.h"
#include "agent/device/device.h"
#include "agent/device/events.h"

/* By its first process or its helper: the two that a session knows of its app's. Others are found
 * through their tgid. */
static struct sph_session *find_process(const struct sph_lifecycle *lifecycle, pid_t pid) {
    for (size_t i = 0; i < lifecycle->n_sessions; i++) {
        const struct sph_launched *launched = &lifecycle->sessions[i]->launched;
        if (launched->app_pid == pid || launched->helper_pid == pid)
            return lifecycle->sessions[i];
    }
    return NULL;
}

/* NULL also for an event that was in the ring when its app was removed. */
static struct sph_session *find_share(const struct sph_lifecycle *lifecycle,
                                      const struct sph_meter_app *app) {
    for (size_t i = 0; i < lifecycle->n_sessions; i++)
        if (app && lifecycle->sessions[i]->share.meter == app)
            return lifecycle->sessions[i];
    return NULL;
}

/* ---- the meter's side ---- */

/* The first to cross is the one; with several CPUs the ring may hold a later one before it. */
static void take_crossing(struct sph_lifecycle *lifecycle, struct sph_session *session,
                          const struct sph_meter_event *event) {
    struct sph_growth *crossing = &session->facts.crossing;
    struct sph_memory_figures group;
    if (crossing->is_known && crossing->user_bytes <= event->counted_bytes)
        return;
    sph_growth_take_crossing(crossing, event);
    if (!session->debug)
        return;
    /* Nobody will see it in its exit stop, and there are no later figures of it. Its server may
     * have been so busy with its threads that it never notices (seen with 13.1). */
    if (sph_lifecycle_read_group(lifecycle, &group, NULL) == 0)
        sph_autopsy_take_figures(&group, &session->facts);
    (void)sph_loop_arm_timer(session->timer, SPH_DEBUG_FAREWELL_MS, 0);
}

/* From the meter's ring, in the order in which it happened. Only notes and kills are made here: the
 * event may be of a process that stands in its exit stop at this moment, with its memory about to
 * be read. */
static void on_growth(void *context, const struct sph_meter_event *event) {
    struct sph_lifecycle *lifecycle = context;
    struct sph_session *session = find_share(lifecycle, event->app);
    if (event->type == SPH_METER_EVENT_MARK)
        return; /* read_meter() looks at the counts */
    if (!session || !sph_session_has_process(session))
        return;
    if (event->type == SPH_METER_EVENT_PEAK) {
        sph_growth_take(&session->facts.last_growth, event);
        session->peak_is_news = true;
        return;
    }
    take_crossing(lifecycle, session, event);
    session->facts.signs.over_ration = true;
    /* A child of the app's, or nobody yet (growth by another's hand): the ration is the app's, so
     * all of it goes. Where the kernel has killed the first process already, this changes nothing.
     */
    if (!session->app_gone)
        sph_launched_signal(&session->launched, SIGKILL);
}

/* Warnings are the group's: whichever app crossed a level, all that watch it are told. */
static void read_meter(struct sph_lifecycle *lifecycle) {
    (void)sph_meter_dispatch(lifecycle->ration.meter, on_growth, lifecycle);
    for (size_t i = 0; i < lifecycle->n_sessions; i++)
        sph_early_warning_tell(&lifecycle->sessions[i]->warnings);
}

/* One event per app and reading, however many peaks there were: listeners want the newest. */
static void publish_peaks(struct sph_lifecycle *lifecycle) {
    struct sph_meter_figures figures;
    sph_meter_read(lifecycle->ration.meter, &figures);
    for (size_t i = 0; i < lifecycle->n_sessions; i++) {
        struct sph_session *session = lifecycle->sessions[i];
        if (!session->peak_is_news)
            continue;
        session->peak_is_news = false;
        struct sph_msg_event event = {.kind = SPH_EVENT_NEW_PEAK,
                                      .component = session->component,
                                      .name = sph_slice_text(session->name),
                                      .user_bytes = figures.current,
                                      .peak_user_bytes = figures.peak,
                                      .limit_bytes = figures.limit};
        sph_events_publish(lifecycle->device->events, &event);
    }
}

void sph_lifecycle_read_meter(struct sph_lifecycle *lifecycle) {
    read_meter(lifecycle);
    publish_peaks(lifecycle);
}

void sph_lifecycle_watch_meter(void *context, int fd, uint32_t epoll_events) {
    (void)fd;
    (void)epoll_events;
    sph_lifecycle_read_meter(context);
}

/* ---- the tracer's side ---- */

/* The session whose first process, or whose process that crossed the line, this is. */
static struct sph_session *find_ending(const struct sph_lifecycle *lifecycle, pid_t tgid) {
    for (size_t i = 0; i < lifecycle->n_sessions; i++) {
        struct sph_session *session = lifecycle->sessions[i];
        if (!sph_session_has_process(session))
            continue;
        if (session->launched.app_pid == tgid ||
            (session->facts.crossing.is_known && session->facts.crossing.tgid == tgid))
            return session;
    }
    return NULL;
}

/* What is kept of a process for the report, by a thread of it that is about to leave. */
static void look_at(struct sph_lifecycle *lifecycle, struct sph_session *session, pid_t tid,
                    pid_t tgid) {
    struct sph_memory_figures group, own;
    if (!session->facts.crossing.is_known) /* else the growth that was refused is in both counts */
        sph_ration_check(&session->share);
    bool is_known = sph_lifecycle_read_group(lifecycle, &group, NULL) == 0;
    bool is_own_known = sph_ration_read_share(&lifecycle->ration, &session->share, &own, NULL) == 0;
    sph_autopsy_look(is_known ? &group : NULL, &session->share, tid, tgid, &session->facts);
    if (is_known && is_own_known)
        sph_autopsy_take_own(&own, &session->facts);
    sph_lifecycle_heap_look(lifecycle, session, tgid, tid);
}

/* Every thread comes by here. Of a process that dies by a signal the first one is looked at: the
 * others are dying too. Of one that leaves by itself, the last, or the leader, whose exit is its
 * process's as a rule. */
void sph_lifecycle_watch_exiting(void *context, pid_t tid, int status) {
    struct sph_lifecycle *lifecycle = context;
    struct sph_thread_place place;
    read_meter(lifecycle);
    if (sph_autopsy_place(tid, &place) < 0)
        return;
    struct sph_session *session = find_ending(lifecycle, place.tgid);
    if (!session)
        return;
    sph_autopsy_look_at_crossing(tid, lifecycle->ration.meter, &session->facts);
    bool by_signal = (status & 0x7f) != 0;
    if (by_signal ? !session->looked_at : (place.threads <= 1 || tid == place.tgid)) {
        session->looked_at = by_signal;
        look_at(lifecycle, session, tid, place.tgid);
    }
    sph_lifecycle_heap_crossing(session, place.tgid);
}

/* The last one counts: an app may handle a SIGSEGV and abort on its own terms later. */
void sph_lifecycle_watch_signalled(void *context, pid_t tid, const struct sph_fault *fault) {
    struct sph_lifecycle *lifecycle = context;
    struct sph_session *session = find_process(lifecycle, tid);
    struct sph_thread_place place;
    if (!session && sph_autopsy_place(tid, &place) == 0)
        session = find_process(lifecycle, place.tgid);
    if (!session)
        return;
    session->facts.signs.has_fault = true;
    session->facts.signs.fault = *fault;
}
