/* lifecycle_private: what the files of the lifecycle share: its table of sessions. */
#ifndef SPH_AGENT_LIFECYCLE_PRIVATE_H
#define SPH_AGENT_LIFECYCLE_PRIVATE_H

#include "agent/lifecycle.h"
#include "agent/session.h"

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
/* Takes what is in the meter's ring and tells listeners of a new peak. */
void sph_lifecycle_read_meter(struct sph_lifecycle *lifecycle);
/* Figures of everything that runs now, as the meter has them: nothing is checked. */
int sph_lifecycle_read_group(struct sph_lifecycle *lifecycle,
                             struct sph_memory_figures *ret_figures, struct sph_err *err);

#endif
