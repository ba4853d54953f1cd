/* meter: exact User and Peak User of a group of processes, with the kill at the page too many. */
#ifndef SPH_METER_METER_H
#define SPH_METER_METER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"

/* The model is docs/spec/meter.md: a program in the kernel sees every change of the anonymous and
 * shared-memory counters of every process in the apps' control groups; sums are kept in maps that
 * this side reads without a system call. One meter = one device = one ration. */

enum {
    SPH_METER_APPS_MAX = 32,  /* apps (debug server included) at one time */
    SPH_METER_MMS_MAX = 1024, /* address spaces at one time; more are counted as overflow */
    SPH_METER_STACK_MAX = 32, /* return addresses kept of a user stack */
    SPH_METER_RING_BYTES = 32768,
};

struct sph_meter;
struct sph_meter_app; /* one app's share; a slot of the meter */

struct sph_meter_options {
    bool pinned_kernel; /* the virtual device's own kernel: exact at its version, skip the check */
};

/* Loads and attaches. Refuses with a sentence that names the virtual device when the kernel is
 * older than 6.2 (-ENOSYS), when there is no privilege for it (-EPERM), no tracefs or no such event
 * (-ENOENT), or when the event's fields are not where they are known to be (-EPROTO). */
int sph_meter_open(uint64_t limit_bytes, const struct sph_meter_options *options,
                   struct sph_meter **ret_meter, struct sph_err *err);
/* Detaches; apps still added are forgotten. Takes NULL, returns NULL. */
struct sph_meter *sph_meter_close(struct sph_meter *meter);
/* The descriptor that attaches it, the meter's own. Whoever has a copy keeps the ration in force,
 * also when the agent is gone. */
int sph_meter_attachment(const struct sph_meter *meter);

/* Figures. All in bytes, all of one instant as far as one CPU at a time changes them. */
struct sph_meter_figures {
    uint64_t current; /* User: anon + shm */
    uint64_t peak;    /* highest current since the reset, the refused page never in it */
    uint64_t anon;
    uint64_t shm;
    uint64_t counted; /* share of current that stands against the limit */
    uint64_t limit;   /* 0 = none */
    uint32_t mms;     /* address spaces counted */
    uint32_t kills;   /* SIGKILLs by the kernel program since the app was added (group: ever) */
    uint64_t events;  /* counter changes seen (group only) */
    uint64_t peak_time_ns; /* CLOCK_MONOTONIC of the peak; 0 when it never rose */
};
/* What could make a figure inexact: all zero in a sound run. */
struct sph_meter_health {
    uint64_t checks;     /* sph_meter_check() calls that reached a verdict */
    uint64_t mismatches; /* of these: differed from the kernel's own count, and were corrected */
    uint64_t unsettled;  /* calls that gave up as the figures would not hold still */
    uint64_t overflow;   /* changes of address spaces beyond SPH_METER_MMS_MAX */
    uint64_t missed;     /* runs of the program that the kernel skipped (nested tracing) */
    uint64_t dropped;    /* events that found the ring full; figures are not touched by it */
    bool exact;          /* no overflow and no miss since the last check of every app that agreed */
};
void sph_meter_read(const struct sph_meter *meter, struct sph_meter_figures *ret_figures);
void sph_meter_health(struct sph_meter *meter, struct sph_meter_health *ret_health);
/* A lower limit than what is held kills at the next growth, not now. 0 = no limit. */
void sph_meter_set_limit(struct sph_meter *meter, uint64_t limit_bytes);
/* The peak of the group starts again from its current. */
void sph_meter_reset_peak(struct sph_meter *meter);

/* Apps. */
enum {
    SPH_METER_APP_UNLIMITED = 1u << 0, /* in User, but not against the limit (the debug server) */
};
/* cgroup_id is sph_cgroup_app_id(). Starts disarmed. -ENOSPC beyond SPH_METER_APPS_MAX, -EEXIST. */
int sph_meter_app_add(struct sph_meter *meter, uint64_t cgroup_id, unsigned flags,
                      struct sph_meter_app **ret_app, struct sph_err *err);
/* Forgets the app and what it held. Only after its processes are gone. NULL-safe, returns NULL. */
struct sph_meter_app *sph_meter_app_remove(struct sph_meter_app *app);
void sph_meter_app_read(const struct sph_meter_app *app, struct sph_meter_figures *ret_figures);
/* Number of the slot, as events carry it. */
unsigned sph_meter_app_slot(const struct sph_meter_app *app);
/* For the next start in the same cgroup: disarmed, peak and kills of the app from zero. */
void sph_meter_app_restart(struct sph_meter_app *app);

/* Arming: while an app is disarmed, every address space seen in its cgroup is our own set-up code
 * and is ignored for good; each such process must call sph_meter_touch() once, inside the cgroup,
 * disarmed. Right before execve the process that becomes the app calls sph_meter_arm(): from then
 * on every unknown address space in the cgroup is the app's, the one that execve makes being the
 * first. Both are plain stores to memory: usable after fork, in any namespace, under any seccomp
 * filter. A set-up process that stays behind in the cgroup must not execve itself. */
void sph_meter_touch(void);
void sph_meter_arm(struct sph_meter_app *app);
bool sph_meter_app_is_armed(const struct sph_meter_app *app);

/* Events, oldest first. */
enum sph_meter_event_type {
    SPH_METER_EVENT_PEAK = 1, /* the group's peak rose; not waking: comes with the next dispatch */
    SPH_METER_EVENT_KILL = 2, /* over the limit: SIGKILL was sent to tgid before this was written */
    SPH_METER_EVENT_FOREIGN = 3, /* over the limit by another process's doing (ptrace, a write into
                                    it): nothing was killed, the reader has to kill tgid's app */
    SPH_METER_EVENT_MARK = 4, /* a mark was crossed upwards, or several; sph_meter_mark_crossings()
                                 tells which, and how often */
};
struct sph_meter_event {
    enum sph_meter_event_type type;
    struct sph_meter_app *app; /* NULL when it was removed meanwhile */
    pid_t tgid;           /* owner of the address space, in the initial pid namespace; 0 unknown */
    pid_t tid;            /* the thread that ran */
    uint64_t time_ns;     /* CLOCK_MONOTONIC */
    uint64_t group_bytes; /* the group's User, the refused growth included */
    uint64_t counted_bytes; /* what of it stands against the limit */
    uint64_t app_bytes;     /* the app's share of it */
    uint64_t growth_bytes;  /* what this one change asked for */
    uint64_t limit_bytes;
    bool shared; /* shared memory grew, not anonymous */
    /* The user stack of tid, innermost first; the first entry is exact, the others need frame
     * pointers. */
    unsigned n_stack;
    const uint64_t *stack;
};
typedef void sph_meter_event_fn(void *context, const struct sph_meter_event *event);
/* Readable (epoll) after a KILL, FOREIGN or MARK event, or when peaks fill half the ring. */
int sph_meter_fd(const struct sph_meter *meter);
/* Calls fn for every event there is; the number of them. fn may read figures, not add or remove
 * apps. */
int sph_meter_dispatch(struct sph_meter *meter, sph_meter_event_fn *fn, void *context);

/* Marks: levels of what counts against the limit. Each rise from the level or below to above it is
 * counted, by the page, in the event of the change itself; a MARK event then wakes the reader. */
enum { SPH_METER_MARKS_MAX = 16 };
/* -ENOSPC beyond SPH_METER_MARKS_MAX. Those who want the same level can each have one. */
int sph_meter_mark_add(struct sph_meter *meter, uint64_t level_bytes, unsigned *ret_mark);
void sph_meter_mark_remove(struct sph_meter *meter, unsigned mark);
/* Since it was added. */
uint64_t sph_meter_mark_crossings(const struct sph_meter *meter, unsigned mark);

/* Compares the app's figures with the kernel's page tables (smaps of every process in `pids`, which
 * must be all of its processes in the caller's pid namespace), repeated until two readings of the
 * meter around it agree, and corrects the meter where it differs. Only for an armed app whose first
 * execve is done. Health counts the result. */
enum { SPH_METER_CHECK_E_UNSETTLED = 1 /* changed all the time, or a process ended: no verdict */ };
struct sph_meter_check {
    uint64_t kernel_anon; /* by the page tables */
    uint64_t kernel_shm;
    uint64_t meter_anon; /* by the meter, before any correction */
    uint64_t meter_shm;
    bool corrected;
};
int sph_meter_check(struct sph_meter_app *app, const pid_t *pids, size_t n_pids,
                    struct sph_meter_check *ret_check, struct sph_err *err);

/* The same for an app that may fork meanwhile. A child that was born after the listing is in the
 * meter and in no listed process: without `hold` it is taken for an error and put out of the count.
 */
struct sph_meter_members {
    const pid_t *pids;
    size_t count;
    /* Asked when the two sides differ, before anything is corrected: are these still all? False
     * makes the check one without a verdict. NULL: they are. */
    bool (*hold)(void *context);
    void *context;
};
int sph_meter_check_members(struct sph_meter_app *app, const struct sph_meter_members *members,
                            struct sph_meter_check *ret_check, struct sph_err *err);

static inline void sph_meter_closep(struct sph_meter **meter) {
    *meter = sph_meter_close(*meter);
}

#endif
