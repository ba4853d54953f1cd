/* tracer: the wait loop over traced app processes: passes their signals on and shows their ends. */
#ifndef SPH_AGENT_TRACE_TRACER_H
#define SPH_AGENT_TRACE_TRACER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/loop.h"

/* The signal that a process is about to die of, as its delivery stop showed it. */
struct sph_fault {
    int signal;
    int code;         /* si_code */
    uint64_t address; /* si_addr for SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGTRAP */
    uint64_t pc, sp;
    pid_t sender; /* for signals sent by a process: its pid as the app sees it, else 0 */
    uid_t sender_uid;
    bool is_fault; /* raised by the processor, so `address` is true */
};

/* What the owner hears. The calls come from the loop, one at a time, in the order of the reports:
 * of one process exiting, then gone. During the first two `tid` stands still: its memory can be
 * read, and it holds no lock of ours. */
struct sph_tracer_ops {
    /* The thread is about to leave, its memory is still there. status: as for waitpid. */
    void (*exiting)(void *context, pid_t tid, int status);
    /* A signal is about to be delivered; it is passed on when this returns. */
    void (*signalled)(void *context, pid_t tid, const struct sph_fault *fault);
    /* The three below are for apps whose heap is tracked; the options below bring their stops. A
     * program was executed; it runs when this returns. */
    void (*executed)(void *context, pid_t tgid);
    /* A thread or process is in its first stop. True: it stands still until its parent's fork is
     * told, which may have come before. */
    bool (*born)(void *context, pid_t tid);
    /* That child is there, its parent stands still. Both run when this returns. */
    void (*forked)(void *context, pid_t child);
    /* The process is gone; status as for waitpid. Also called for children that are not traced. */
    void (*gone)(void *context, pid_t pid, int status);
};

/* There can be one per process: it waits for every child there is. */
struct sph_tracer;

/* Takes SIGCHLD of the loop. The thread that calls this must be the one that launches. */
int sph_tracer_new(struct sph_loop *loop, const struct sph_tracer_ops *ops, void *context,
                   struct sph_tracer **ret_tracer, struct sph_err *err);
struct sph_tracer *sph_tracer_free(struct sph_tracer *tracer);

/* A signal by which processes crash: SIGSEGV, SIGABRT and the like. */
bool sph_tracer_may_be_fault(int number);
/* Options for PTRACE_SEIZE: exit stops, children are seized too, and all die with the agent. */
unsigned sph_tracer_options(void);
/* The same, with a stop at each execve, and system call stops told from others. */
unsigned sph_tracer_heap_options(void);
/* Handles all that has been reported and not yet handled; the number of reports. The loop does this
 * by itself; for shutdown without the loop. */
int sph_tracer_poll(struct sph_tracer *tracer);

static inline void sph_tracer_freep(struct sph_tracer **tracer) {
    *tracer = sph_tracer_free(*tracer);
}

#endif
