/* launch: one app process brought up inside its namespaces and cgroups, traced from its first
 * instruction. */
#ifndef SPH_AGENT_APP_LAUNCH_H
#define SPH_AGENT_APP_LAUNCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/app/sandbox.h"
#include "base/err.h"
#include "meter/cgroup.h"
#include "meter/meter.h"

/* All descriptors stay the caller's. */
/* Read by three processes: the agent, the helper and the app's, until its execve. */
struct sph_launch_plan {
    struct sph_sandbox_plan sandbox;
    struct sph_sandbox_identity identity;
    char *const *argv; /* argv[0] is the path inside the sandbox; NULL-terminated */
    char *const *envp;
    const char *working_folder;    /* inside the sandbox */
    struct sph_cgroup *tree;       /* the helper returns from it to the agent's groups */
    struct sph_cgroup_app *cgroup; /* the app is born in it */
    struct sph_meter_app *meter;   /* disarmed; armed right before execve. NULL: not metered */
    int attachment;                /* of the meter; the helper keeps it. 0: not metered */
    unsigned ptrace_options;       /* of PTRACE_SEIZE */
    bool share_network;            /* the agent's network, and not an empty one of its own */
    /* For a debugger: the app is left untraced, in its frozen group (which `cgroup` must name),
     * before its first instruction, and its user may trace it. */
    bool hands_over;
    struct sph_heap *heap; /* tracks the app's heap; not with hands_over. NULL: nobody does */
};

/* What a started app leaves in the agent's hands. */
struct sph_launched {
    pid_t helper_pid; /* pid 1 of the app's pid namespace: all its processes end with it */
    pid_t app_pid;    /* the app's first process, seen from here; already seized */
    int output_fd;    /* stdout, non-blocking */
    int error_fd;     /* stderr, non-blocking */
    int channel_fd;   /* listening, /run/spherule/agent inside */
    int app_fd;       /* pidfd of an app that was handed over: not our child, nor traced; else -1 */
    int status_fd;    /* its wait status comes here from the helper, non-blocking; else -1 */
    uint64_t start_ns; /* monotonic: when the launch began */
    uint64_t exec_ns;  /* and when execve was over */
};
#define SPH_LAUNCHED_NULL                                                                          \
    {                                                                                              \
        .helper_pid = -1, .app_pid = -1, .output_fd = -1, .error_fd = -1, .channel_fd = -1,        \
        .app_fd = -1, .status_fd = -1                                                              \
    }

/* Returns when execve has succeeded, or has not: then nothing is left of the try and err names the
 * step that failed. */
/* Blocks for the time of a start (2 to 3 ms; 10 s at the very most): an app that is half started is
 * a state that nobody else has to know of. Meanwhile other apps run, but their signals and output
 * wait. */
int sph_launch(const struct sph_launch_plan *plan, struct sph_launched *ret_launched,
               struct sph_err *err);
/* To the app's first process, if there still is one. */
void sph_launched_signal(const struct sph_launched *launched, int number);
/* Of an app that was handed over: false from the moment of its death, reaped or not. */
bool sph_launched_is_alive(const struct sph_launched *launched);
/* Of an app that was handed over, after the helper's end: its status as for waitpid. SIGKILL when
 * the helper was killed before it could tell: then the kernel has done that to the app too. */
int sph_launched_read_status(const struct sph_launched *launched);
/* Kills the helper and with it the app, and returns when both are gone. No tracer other than the
 * caller may hold the app. */
void sph_launched_kill(struct sph_launched *launched);
/* Closes what is open and kills the helper when it is still there; safe on a SPH_LAUNCHED_NULL. */
void sph_launched_done(struct sph_launched *launched);

#endif
