/* lifecycle: the running apps of a device: started, stopped, restarted, metered and seen to their
 * end. */
#ifndef SPH_AGENT_APP_LIFECYCLE_H
#define SPH_AGENT_APP_LIFECYCLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/guid.h"
#include "wire/msg_heap.h"

struct sph_device;
struct sph_lifecycle;
struct sph_meter_health;
struct sph_heap_report;
struct sph_pagemap;

enum {
    SPH_STOP_GRACE_MS = 2000, /* from SIGTERM to SIGKILL, as on the device */
    SPH_LIFECYCLE_MAX = 32,   /* sessions at once: running apps and those that wait to restart */
};

/* Of an installed app; whether it is installed at all the registry knows. */
enum sph_session_state {
    SPH_SESSION_NONE,
    SPH_SESSION_RUNNING,
    SPH_SESSION_STOPPING, /* SIGTERM is sent, the grace time runs */
    SPH_SESSION_WAITING,  /* ended by itself; starts again when its back-off is over */
};

enum {
    SPH_START_ONCE = 1u << 0,   /* no restart after an unexpected end */
    SPH_START_DEBUG = 1u << 1,  /* before its first instruction, held by the installed debugger */
    SPH_START_HEAP = 1u << 2,   /* its heap is tracked, whatever its package says */
    SPH_START_STACKS = 1u << 3, /* and each block keeps the stack that made it */
};

/* Figures of one reading, in bytes; total >= user and peak >= user always hold. */
struct sph_memory_figures {
    uint64_t user;
    uint64_t peak;   /* highest User since the session began: the first app of a group started */
    uint64_t total;  /* user + kernel */
    uint64_t kernel; /* page tables, stacks, slab, sockets charged to the apps */
    bool user_exact; /* false: the kernel's own walk disagreed with the meter; `user` is the walk's
                      */
    bool kernel_known;
    bool kernel_exact; /* the machine's own kernel, which charges each page as it is taken; others
                          charge ahead for each CPU and are a few pages off */
    const char *kernel_source; /* how `kernel` was obtained; static storage */
};

/* How a session ended, for callers that wait for it; the full story is in the report. */
struct sph_app_end {
    struct sph_guid component;
    uint32_t why;           /* enum sph_end_why of the wire */
    int exit_code;          /* of an exit by itself, else -1 */
    int signal;             /* that ended it, else 0 */
    uint64_t report_number; /* in the kill store; 0 when it could not be kept */
    bool restarts;          /* it will be started again */
};
typedef void sph_lifecycle_end_fn(void *context, const struct sph_app_end *end);
typedef void sph_lifecycle_done_fn(void *context);

/* Makes the device's cgroups, loads the meter and removes what a killed agent left behind. Refuses
 * with -ENOTSUP and a sentence when this kernel or user cannot be metered exactly. */
int sph_lifecycle_new(struct sph_device *device, struct sph_lifecycle **ret_lifecycle,
                      struct sph_err *err);
/* Kills what still runs, waits for it (bounded) and removes the cgroups. */
struct sph_lifecycle *sph_lifecycle_free(struct sph_lifecycle *lifecycle);

/* A start by a person or by the boot. It forgets the back-off and the restarts of before. */
struct sph_start_request {
    struct sph_guid component;
    unsigned flags;               /* SPH_START_* */
    const char *const *arguments; /* behind the manifest's CmdArgs; NULL-terminated; may be NULL */
};
/* Returns when the app's program has been entered (execve is over) or with the reason why not:
 * -ENOENT not installed, -EALREADY running, -ENOEXEC wrong architecture or no loader, -EKEYREJECTED
 * its signer is trusted for development only, which is switched off, -ENOTSUP a debugger was wanted
 * and none is installed, -EBUSY it holds another app, -ESHUTDOWN the device stops, -ENOSPC 32 run
 * already, or what the launch met. Nothing is left of a start that failed. */
int sph_lifecycle_start(struct sph_lifecycle *lifecycle, const struct sph_start_request *request,
                        struct sph_err *err) SPH_MUST_USE;
/* SIGTERM, then SIGKILL after the grace time; SIGKILL at once to one that is debugged. That is also
 * stopped when the debugger is asked to. Returns at once; `done` (may be NULL) is called when
 * nothing of the app is left, also at once when nothing ran: before this returns. */
int sph_lifecycle_stop(struct sph_lifecycle *lifecycle, const struct sph_guid *component,
                       sph_lifecycle_done_fn *done, void *context, struct sph_err *err);
/* Every app; `done` is called when all are gone. For the device's restart and the agent's orderly
 * end: nothing starts again until sph_lifecycle_resume(). */
int sph_lifecycle_stop_all(struct sph_lifecycle *lifecycle, sph_lifecycle_done_fn *done,
                           void *context, struct sph_err *err);
void sph_lifecycle_resume(struct sph_lifecycle *lifecycle);

enum sph_session_state sph_lifecycle_state(const struct sph_lifecycle *lifecycle,
                                           const struct sph_guid *component);
pid_t sph_lifecycle_pid(const struct sph_lifecycle *lifecycle, const struct sph_guid *component);
/* SPH_START_* of the start that it runs by, or waits to run again by; 0 when it does neither. */
unsigned sph_lifecycle_start_flags(const struct sph_lifecycle *lifecycle,
                                   const struct sph_guid *component);
/* Where a gdb can connect to an app that is debugged; 0 when it is not. */
unsigned sph_lifecycle_debug_port(const struct sph_lifecycle *lifecycle,
                                  const struct sph_guid *component);
size_t sph_lifecycle_running(const struct sph_lifecycle *lifecycle);
/* By the device, since a person or the boot started it; 0 when it does not run. */
unsigned sph_lifecycle_restarts(const struct sph_lifecycle *lifecycle,
                                const struct sph_guid *component);
/* Until the device starts it again: at least 1 while it waits for that; else 0. */
uint64_t sph_lifecycle_next_start_ms(const struct sph_lifecycle *lifecycle,
                                     const struct sph_guid *component);
/* How sound the meter is, and the counter changes that it has seen. */
void sph_lifecycle_health(struct sph_lifecycle *lifecycle, struct sph_meter_health *ret_health,
                          uint64_t *ret_events);
/* Called at each end, after the report is stored. One listener; NULL takes it off. */
void sph_lifecycle_on_end(struct sph_lifecycle *lifecycle, sph_lifecycle_end_fn *fn, void *context);

/* `component` NULL: the whole group (what the API and show-memory-stats show). -ENOENT when that
 * app does not run. The group's figures with nothing running are zero. */
int sph_lifecycle_memory(struct sph_lifecycle *lifecycle, const struct sph_guid *component,
                         struct sph_memory_figures *ret_memory, struct sph_err *err);
/* The processes of a running app, its first one first, at most `max`; their number. -ENOENT when it
 * does not run. Room for SPH_PROCESSES_MAX is room for all. */
int sph_lifecycle_pids(struct sph_lifecycle *lifecycle, const struct sph_guid *component,
                       pid_t *ret_pids, size_t max);

/* There are more processes than an app may have: those shown are not all. */
enum { SPH_LIFECYCLE_PAGES_E_CUT = 1 };
/* The map is the caller's for the time of the call only. */
typedef void sph_lifecycle_pages_fn(void *context, pid_t pid, const struct sph_pagemap *map);
/* Every resident page of an app and the mapping that owns it: calls `fn` for each of its processes
 * that has memory of its own, the first process first. While the app holds still, the anonymous and
 * shared pages of all of them sum up to its User. 0, a condition of above, or negative errno. */
int sph_lifecycle_pages(struct sph_lifecycle *lifecycle, const struct sph_guid *component,
                        sph_lifecycle_pages_fn *fn, void *context, struct sph_err *err);

/* The report is the callee's, to keep or to free (sph_heap_report_free). NULL stands for a process
 * that has a heap and is not told of. */
typedef void sph_lifecycle_heap_fn(void *context, struct sph_heap_report *report);
/* The ledger of each of the app's processes that has one of its own, the first process's first;
 * those after SPH_HEAP_PROCESSES_MAX are not told of. `sites_max` as in sph_heap_report_plan. Gives
 * the state of the app: why there are ledgers, or why not. Without `fn` that alone. */
enum { SPH_HEAP_PROCESSES_MAX = 8 };
enum sph_heap_state sph_lifecycle_heaps(struct sph_lifecycle *lifecycle,
                                        const struct sph_guid *component, unsigned sites_max,
                                        sph_lifecycle_heap_fn *fn, void *context);

static inline void sph_lifecycle_freep(struct sph_lifecycle **lifecycle) {
    *lifecycle = sph_lifecycle_free(*lifecycle);
}

#endif
