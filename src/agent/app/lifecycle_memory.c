/* What the running apps hold. Every answer is compared with the page tables before it is given: the
 * figures are cheap to have and dear to doubt. The pages of an app are those of all of its
 * processes, each address space once, so that their sum is the app's User while it holds still: the
 * kernel counts a page that two processes share (copy-on-write, shared memory) for each of them,
 * and so do the meter and the map. */
#include "agent/app/lifecycle_private.h"

#include <errno.h>

#include "agent/process/processes.h"
#include "base/cleanup.h"
#include "meter/pagemap.h"

int sph_lifecycle_read_group(struct sph_lifecycle *lifecycle,
                             struct sph_memory_figures *ret_figures, struct sph_err *err) {
    const struct sph_ration_share *shares[SPH_LIFECYCLE_MAX + 1]; /* and the debugger's */
    size_t count = 0;
    for (size_t i = 0; i < lifecycle->n_sessions; i++) {
        const struct sph_session *session = lifecycle->sessions[i];
        if (sph_session_has_process(session))
            shares[count++] = &session->share;
        if (session->debug)
            shares[count++] = sph_debug_share(session->debug);
    }
    return sph_ration_read(&lifecycle->ration, shares, count, ret_figures, err);
}

/* Not per app: a run of the kernel program that was skipped tells nobody whose it was. */
void sph_lifecycle_health(struct sph_lifecycle *lifecycle, struct sph_meter_health *ret_health,
                          uint64_t *ret_events) {
    struct sph_meter_figures figures;
    sph_meter_read(lifecycle->ration.meter, &figures);
    sph_meter_health(lifecycle->ration.meter, ret_health);
    *ret_events = figures.events;
}

/* For questions about one app's memory. */
static int find_running(struct sph_lifecycle *lifecycle, const struct sph_guid *component,
                        struct sph_session **ret_session, struct sph_err *err) {
    struct sph_session *session = sph_lifecycle_find(lifecycle, component);
    if (!session || !sph_session_has_process(session) || sph_session_is_gone(session))
        return SPH_FAIL(err, -ENOENT, "The application does not run.");
    *ret_session = session;
    return 0;
}

/* A walk over page tables takes the app's locks: one app's figures cost the others nothing. */
static void check_shares(struct sph_lifecycle *lifecycle, const struct sph_session *only) {
    for (size_t i = 0; i < lifecycle->n_sessions; i++) {
        struct sph_session *session = lifecycle->sessions[i];
        if (sph_session_has_process(session) && (!only || session == only))
            sph_ration_check(&session->share);
        if (session->debug && !only)
            sph_ration_check(sph_debug_share(session->debug));
    }
}

int sph_lifecycle_memory(struct sph_lifecycle *lifecycle, const struct sph_guid *component,
                         struct sph_memory_figures *ret_memory, struct sph_err *err) {
    struct sph_session *session = NULL;
    int rc = component ? find_running(lifecycle, component, &session, err) : 0;
    if (rc < 0)
        return rc;
    /* Not asked of the meter: what ended apps have left charged is no app's any more. */
    if (sph_lifecycle_running(lifecycle) == 0) {
        *ret_memory = (struct sph_memory_figures){.user_exact = true, .kernel_source = ""};
        return 0;
    }
    sph_lifecycle_read_meter(
        lifecycle); /* listeners hear of a peak no later than who asks for it */
    check_shares(lifecycle, session);
    if (session)
        return sph_ration_read_share(&lifecycle->ration, &session->share, ret_memory, err);
    return sph_lifecycle_read_group(lifecycle, ret_memory, err);
}

/* As of the call: a pid is a number that may be another's by the time it is shown. */
int sph_lifecycle_pids(struct sph_lifecycle *lifecycle, const struct sph_guid *component,
                       pid_t *ret_pids, size_t max) {
    struct sph_session *session = NULL;
    struct sph_processes processes;
    int rc = find_running(lifecycle, component, &session, NULL);
    if (rc == 0)
        rc = sph_processes_read(session->share.cgroup, session->launched.app_pid, &processes);
    if (rc < 0)
        return rc;
    size_t count = processes.count < max ? processes.count : max;
    for (size_t i = 0; i < count; i++)
        ret_pids[i] = processes.list[i].pid;
    return (int)count;
}

/* One map at a time: the maps of 64 processes together would be more than the agent itself. */
static int visit(const struct sph_process *process, sph_lifecycle_pages_fn *fn, void *context,
                 struct sph_err *err) {
    struct sph_pagemap map SPH_CLEANUP(sph_pagemap_donep) = SPH_PAGEMAP_NULL;
    int rc = sph_pagemap_read(process->reader, &map, err);
    if (rc == 0)
        fn(context, process->pid, &map);
    return rc;
}

int sph_lifecycle_pages(struct sph_lifecycle *lifecycle, const struct sph_guid *component,
                        sph_lifecycle_pages_fn *fn, void *context, struct sph_err *err) {
    struct sph_session *session = NULL;
    struct sph_processes processes;
    int rc = find_running(lifecycle, component, &session, err);
    if (rc < 0)
        return rc;
    rc = sph_processes_read(session->share.cgroup, session->launched.app_pid, &processes);
    if (rc < 0)
        return SPH_FAIL_ERRNO(err, rc, "Cannot list the application's processes");
    for (size_t i = 0; i < processes.count; i++) {
        const struct sph_process *process = &processes.list[i];
        struct sph_err cause = SPH_ERR_NULL;
        rc = process->repeats ? 0 : visit(process, fn, context, &cause);
        if (rc < 0 && rc != -ESRCH) /* it may have ended since it was listed: it holds nothing */
            return SPH_FAIL(err, rc, "%s", cause.text);
    }
    return processes.cut ? SPH_LIFECYCLE_PAGES_E_CUT : 0;
}
