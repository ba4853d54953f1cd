/* lifecycle_private: what the files of the lifecycle share: its table of sessions. */
#ifndef SPH_AGENT_APP_LIFECYCLE_PRIVATE_H
#define SPH_AGENT_APP_LIFECYCLE_PRIVATE_H

#include "agent/app/lifecycle.h"
#include "agent/app/session.h"

struct sph_tracer;

/* lifecycle.c changes it; lifecycle_memory.c reads it to answer what memory is held, and changes
 * nothing but the meter (by correcting it). */
struct sph_lifecycle {
    struct sph_device *device;
    struct sph_ration ration;
    struct sph_target target;
    struct sph_tracer *tracer;
    struct sph_watch *meter_watch;
    struct sph_session *sessions[SPH_LIFECYCLE_MAX]; /* the first n_sessions, in order of start */
    size_t n_sessions;
    bool halted;  /* stop_all: nothing starts */
    bool closing; /* in free: nothing is called back */
    sph_lifecycle_done_fn *all_done;
    void *all_context;
    sph_lifecycle_end_fn *on_end;
    void *on_end_context;
};

/* NULL when the app neither runs nor waits to run again. */
struct sph_session *sph_lifecycle_find(const struct sph_lifecycle *lifecycle,
                                       const struct sph_guid *component);

/* lifecycle_watch.c: takes what is in the meter's ring and tells listeners of a new peak. */
void sph_lifecycle_read_meter(struct sph_lifecycle *lifecycle);
/* Callbacks of the loop and of the tracer (struct sph_tracer_ops); `context` is the lifecycle. */
void sph_lifecycle_watch_meter(void *context, int fd, uint32_t epoll_events);
void sph_lifecycle_watch_exiting(void *context, pid_t tid, int status);
void sph_lifecycle_watch_signalled(void *context, pid_t tid, const struct sph_fault *fault);

/* lifecycle_memory.c: figures of everything that runs now, as the meter has them: nothing is
 * checked. */
int sph_lifecycle_read_group(struct sph_lifecycle *lifecycle,
                             struct sph_memory_figures *ret_figures, struct sph_err *err);

/* lifecycle_heap.c: the tracer's calls about apps whose heap is tracked (struct sph_tracer_ops);
 * `context` is the lifecycle. */
void sph_lifecycle_heap_executed(void *context, pid_t tgid);
bool sph_lifecycle_heap_born(void *context, pid_t tid);
void sph_lifecycle_heap_forked(void *context, pid_t child);
/* What the heap of `tgid` holds goes into the report: it is about to end, with its memory still
 * there for `tid`, or is gone (0), and then nothing of it is resident. */
void sph_lifecycle_heap_look(const struct sph_lifecycle *lifecycle, struct sph_session *session,
                             pid_t tgid, pid_t tid);
/* Adds the block that crossed to what was looked at, once its address is known. */
void sph_lifecycle_heap_crossing(struct sph_session *session, pid_t tgid);
void sph_lifecycle_heap_gone(struct sph_lifecycle *lifecycle, pid_t pid);

#endif
