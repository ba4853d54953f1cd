/* backend: the kinds of device, and the process of each that runs its applications. */
#ifndef SPH_CLI_DEVICE_BACKEND_H
#define SPH_CLI_DEVICE_BACKEND_H

#include <stdbool.h>

#include "base/err.h"

/* Starts one process unless it runs; sets *started when it did. */
typedef int sph_backend_step_fn(int device_fd, const char *name, bool *started,
                                struct sph_err *err);

/* A device is two processes: its gateway, the same in each kind, and its engine. */
struct sph_backend {
    const char *name;    /* in device.json */
    const char *engine;  /* as people call it: "agent", "machine" */
    const char *program; /* its argv[0] */
    const char *pid_file;
    sph_backend_step_fn *steps[2]; /* in this order */
    bool leaves_groups;            /* a killed engine leaves control groups in this machine */
    /* The apps' grace time is within one of the two: an agent has it after SIGTERM, a machine ends
     * at once by that and so has it after the request. */
    int asked_timeout_ms, term_timeout_ms;
};

/* One for each kind; ends with a NULL name. In launch.c, beside the steps. */
extern const struct sph_backend sph_backends[];

#endif
