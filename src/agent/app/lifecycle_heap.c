/* What the tracer sees of processes whose heap is tracked: new programs and new processes get
 * ledgers before they run. Processes of other apps are passed over. */
#include "agent/app/lifecycle_private.h"

#include <errno.h>

#include "agent/app/autopsy.h"
#include "agent/device/device.h"
#include "agent/process/heap.h"
#include "agent/process/heap_report.h"
#include "agent/process/processes.h"
#include "base/cleanup.h"
#include "base/clock.h"

/* By any of its processes. NULL: of no app whose heap is tracked. */
static struct sph_session *find_tracked(const struct sph_lifecycle *lifecycle, pid_t tgid) {
    for (size_t i = 0; i < lifecycle->n_sessions; i++) {
        struct sph_session *session = lifecycle->sessions[i];
        if (sph_session_has_process(session) && session->heap &&
            sph_heap_knows(session->heap, tgid))
            return session;
    }
    return NULL;
}

void sph_lifecycle_heap_executed(void *context, pid_t tgid) {
    struct sph_lifecycle *lifecycle = context;
    struct sph_session *session = find_tracked(lifecycle, tgid);
    struct sph_err err = SPH_ERR_NULL;
    if (!session)
        return;
    if (sph_heap_exec(session->heap, tgid, &err) == 0)
        sph_session_note_heap(session, tgid);
    else if (err.code != -ESRCH)
        sph_device_note(lifecycle->device, &session->component, "%s: process %d was killed: %s",
                        session->name, (int)tgid, err.text);
}

static bool tracks_any(const struct sph_lifecycle *lifecycle) {
    for (size_t i = 0; i < lifecycle->n_sessions; i++)
        if (lifecycle->sessions[i]->heap)
            return true;
    return false;
}

/* Asked for each new thread of any app: where no heap is tracked, nothing is read for it. */
bool sph_lifecycle_heap_born(void *context, pid_t tid) {
    struct sph_thread_place place;
    return tracks_any(context) && sph_autopsy_place(tid, &place) == 0 && place.tgid == tid &&
           !find_tracked(context, tid) && find_tracked(context, place.parent);
}

void sph_lifecycle_heap_forked(void *context, pid_t child) {
    struct sph_thread_place place;
    if (sph_autopsy_place(child, &place) < 0)
        return;
    struct sph_session *session = find_tracked(context, place.parent);
    if (!session)
        return;
    sph_heap_fork(session->heap, place.parent, child);
    if (sph_heap_state_of(session->heap, place.parent) == SPH_HEAP_TRACKED)
        sph_session_note_heap(session, child);
}

void sph_lifecycle_heap_gone(struct sph_lifecycle *lifecycle, pid_t pid) {
    struct sph_session *session = find_tracked(lifecycle, pid);
    if (session)
        sph_heap_gone(session->heap, pid);
}

static struct sph_heap_report_plan plan_report(const struct sph_lifecycle *lifecycle, pid_t pid,
                                               pid_t reader, unsigned sites_max) {
    return (struct sph_heap_report_plan){.pid = pid,
                                         .reader = reader,
                                         .sites_max = sites_max,
                                         .uptime_ms = sph_clock_monotonic_ms() -
                                                      lifecycle->device->started_ms};
}

/* Gives the first process's state. A process that shares its parent's memory shares its ledger, and
 * is not told twice. Reading a ledger takes a while: those that have no place in any answer are
 * counted only. */
static enum sph_heap_state tell(const struct sph_lifecycle *lifecycle,
                                const struct sph_session *session, unsigned sites_max,
                                sph_lifecycle_heap_fn *fn, void *context) {
    pid_t first = session->launched.app_pid;
    enum sph_heap_state state = sph_heap_state_of(session->heap, first);
    struct sph_processes processes;
    unsigned told = 0;
    if (sph_processes_read(session->share.cgroup, first, &processes) < 0)
        return state;
    for (size_t i = 0; i < processes.count; i++) {
        const struct sph_process *process = &processes.list[i];
        if (process->repeats || !sph_heap_knows(session->heap, process->pid))
            continue;
        const struct sph_heap_report_plan plan =
            plan_report(lifecycle, process->pid, process->reader, sites_max);
        struct sph_heap_report *report = NULL;
        if (told++ < SPH_HEAP_PROCESSES_MAX)
            report = sph_heap_report_make(session->heap, &plan);
        if (report && process->pid == first)
            state = (enum sph_heap_state)report->heap.state; /* it may be damaged by now */
        fn(context, report);
    }
    return state;
}

enum sph_heap_state sph_lifecycle_heaps(struct sph_lifecycle *lifecycle,
                                        const struct sph_guid *component, unsigned sites_max,
                                        sph_lifecycle_heap_fn *fn, void *context) {
    const struct sph_session *session = sph_lifecycle_find(lifecycle, component);
    if (!session || !sph_session_has_process(session))
        return SPH_HEAP_NOT_ASKED;
    if (!session->heap)
        return session->facts.heap_state;
    enum sph_heap_state state = fn ? tell(lifecycle, session, sites_max, fn, context)
                                   : sph_heap_state_of(session->heap, session->launched.app_pid);
    return state == SPH_HEAP_NOT_ASKED ? SPH_HEAP_FAILED : state;
}

void sph_lifecycle_heap_look(const struct sph_lifecycle *lifecycle, struct sph_session *session,
                             pid_t tgid, pid_t tid) {
    const struct sph_heap_report_plan plan =
        plan_report(lifecycle, tgid, tid, SPH_HEAP_REPORT_SITES_MAX);
    struct sph_report_facts *facts = &session->facts;
    if (!sph_heap_knows(session->heap, tgid))
        return;
    sph_heap_report_free(facts->heap);
    facts->heap = sph_heap_report_make(session->heap, &plan);
    facts->heap_state = facts->heap ? facts->heap->heap.state : SPH_HEAP_FAILED;
}

void sph_lifecycle_heap_crossing(struct sph_session *session, pid_t tgid) {
    struct sph_report_facts *facts = &session->facts;
    struct sph_heap_view view SPH_CLEANUP(sph_heap_view_done) = SPH_HEAP_VIEW_NULL;
    if (facts->heap && facts->has_crossing_address && facts->crossing.tgid == tgid &&
        !facts->heap->heap.has_crossing_block &&
        sph_heap_view_open(session->heap, tgid, &view) == 0)
        sph_heap_report_crossing(&view.view, facts->crossing_address, facts->heap);
}
