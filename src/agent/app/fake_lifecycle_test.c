#include "agent/app/fake_lifecycle_test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/process/heap_report.h"
#include "meter/meter.h"
#include "meter/pagemap.h"

enum { APPS = 32, PID = 4242 };

static struct {
    struct sph_guid component;
    enum sph_session_state state;
    unsigned flags;
    sph_lifecycle_done_fn *done;
    void *context;
} apps[APPS];
struct fake_lifecycle fake_lifecycle;

void fake_reset(void) {
    memset(apps, 0, sizeof(apps));
    memset(&fake_lifecycle, 0, sizeof(fake_lifecycle));
}

/* The app's place, or a free one. */
static size_t place(const struct sph_guid *component) {
    size_t at = 0;
    while (at < APPS && !sph_guid_equal(&apps[at].component, component))
        at++;
    for (size_t i = 0; at == APPS; i++)
        if (apps[i].state == SPH_SESSION_NONE)
            at = i;
    apps[at].component = *component;
    return at;
}

void fake_set_state(const struct sph_guid *component, enum sph_session_state state) {
    apps[place(component)].state = state;
}

void fake_finish_stops(void) {
    for (size_t i = 0; i < APPS; i++) {
        sph_lifecycle_done_fn *done = apps[i].done;
        if (apps[i].state != SPH_SESSION_STOPPING)
            continue;
        apps[i].state = SPH_SESSION_NONE;
        apps[i].done = NULL;
        if (done)
            done(apps[i].context);
    }
}

int sph_lifecycle_start(struct sph_lifecycle *lifecycle, const struct sph_start_request *request,
                        struct sph_err *err) {
    (void)lifecycle;
    fake_lifecycle.starts++;
    fake_lifecycle.last_flags = request->flags;
    if (fake_lifecycle.start_error)
        return SPH_FAIL(err, fake_lifecycle.start_error, "the fake does not start apps");
    fake_set_state(&request->component, SPH_SESSION_RUNNING);
    apps[place(&request->component)].flags = request->flags;
    return 0;
}

int sph_lifecycle_stop(struct sph_lifecycle *lifecycle, const struct sph_guid *component,
                       sph_lifecycle_done_fn *done, void *context, struct sph_err *err) {
    (void)lifecycle;
    (void)err;
    size_t at = place(component);
    fake_lifecycle.stops++;
    if (apps[at].state == SPH_SESSION_RUNNING && fake_lifecycle.holds_stops) {
        apps[at].state = SPH_SESSION_STOPPING;
        apps[at].done = done;
        apps[at].context = context;
        return 0;
    }
    apps[at].state = SPH_SESSION_NONE;
    if (done)
        done(context);
    return 0;
}

enum sph_session_state sph_lifecycle_state(const struct sph_lifecycle *lifecycle,
                                           const struct sph_guid *component) {
    (void)lifecycle;
    return apps[place(component)].state;
}

pid_t sph_lifecycle_pid(const struct sph_lifecycle *lifecycle, const struct sph_guid *component) {
    return sph_lifecycle_state(lifecycle, component) == SPH_SESSION_RUNNING ? PID : 0;
}

unsigned sph_lifecycle_start_flags(const struct sph_lifecycle *lifecycle,
                                   const struct sph_guid *component) {
    (void)lifecycle;
    return apps[place(component)].flags;
}

unsigned sph_lifecycle_debug_port(const struct sph_lifecycle *lifecycle,
                                  const struct sph_guid *component) {
    bool debugs = fake_lifecycle.last_flags & SPH_START_DEBUG;
    return debugs && sph_lifecycle_state(lifecycle, component) == SPH_SESSION_RUNNING ? 2345 : 0;
}

unsigned sph_lifecycle_restarts(const struct sph_lifecycle *lifecycle,
                                const struct sph_guid *component) {
    (void)lifecycle;
    (void)component;
    return 3;
}

uint64_t sph_lifecycle_next_start_ms(const struct sph_lifecycle *lifecycle,
                                     const struct sph_guid *component) {
    return sph_lifecycle_state(lifecycle, component) == SPH_SESSION_WAITING ? 4000 : 0;
}

void sph_lifecycle_health(struct sph_lifecycle *lifecycle, struct sph_meter_health *ret_health,
                          uint64_t *ret_events) {
    (void)lifecycle;
    *ret_health = (struct sph_meter_health){.checks = 5};
    *ret_events = 17;
}

int sph_lifecycle_memory(struct sph_lifecycle *lifecycle, const struct sph_guid *component,
                         struct sph_memory_figures *ret_memory, struct sph_err *err) {
    if (component && sph_lifecycle_pid(lifecycle, component) == 0)
        return SPH_FAIL(err, -ENOENT, "it does not run");
    *ret_memory = (struct sph_memory_figures){.user = 36864,
                                              .peak = 40960,
                                              .total = 65536,
                                              .kernel = 28672,
                                              .user_exact = true,
                                              .kernel_known = true,
                                              .kernel_exact = true,
                                              .kernel_source = "fake"};
    return 0;
}

/* Three processes: a first one and two that it started. */
int sph_lifecycle_pids(struct sph_lifecycle *lifecycle, const struct sph_guid *component,
                       pid_t *ret_pids, size_t max) {
    int count = 0;
    if (sph_lifecycle_pid(lifecycle, component) == 0)
        return -ENOENT;
    for (; count < 3 && (size_t)count < max; count++)
        ret_pids[count] = PID + count;
    return count;
}

/* The same real map for eight of them: together more rows than a reply has. */
int sph_lifecycle_pages(struct sph_lifecycle *lifecycle, const struct sph_guid *component,
                        sph_lifecycle_pages_fn *fn, void *context, struct sph_err *err) {
    struct sph_pagemap map SPH_CLEANUP(sph_pagemap_donep) = SPH_PAGEMAP_NULL;
    (void)lifecycle;
    (void)component;
    int rc = fake_lifecycle.pages_error ? SPH_FAIL(err, fake_lifecycle.pages_error, "no pages")
                                        : sph_pagemap_read(getpid(), &map, err);
    if (rc < 0)
        return rc;
    for (pid_t i = 0; i < 8; i++)
        fn(context, PID + i, &map);
    return fake_lifecycle.pages_cut ? SPH_LIFECYCLE_PAGES_E_CUT : 0;
}

/* Of each process one, whose figures are its number. */
enum sph_heap_state sph_lifecycle_heaps(struct sph_lifecycle *lifecycle,
                                        const struct sph_guid *component, unsigned sites_max,
                                        sph_lifecycle_heap_fn *fn, void *context) {
    if (sph_lifecycle_pid(lifecycle, component) == 0)
        return SPH_HEAP_NOT_ASKED;
    for (unsigned i = 0; i < fake_lifecycle.heaps; i++) {
        if (i >= SPH_HEAP_PROCESSES_MAX) {
            fn(context, NULL);
            continue;
        }
        struct sph_heap_report *report = calloc(1, sizeof(*report));
        if (!report)
            break;
        report->heap.pid = PID + i;
        report->heap.state = fake_lifecycle.heap_state;
        report->heap.live_bytes = 1000 + i;
        report->callers[0].name = sph_slice_text("one");
        report->callers[0].live_bytes = 1000 + i;
        report->heap.callers = SPH_LIST(report->callers, 1);
        report->sites[0].live_bytes = 1000 + i;
        report->heap.sites = SPH_LIST(report->sites, sites_max > 0);
        fn(context, report);
    }
    return fake_lifecycle.heap_state;
}
