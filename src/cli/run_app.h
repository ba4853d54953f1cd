/* run_app: one application run once on a device, its output passed through, to its end. */
#ifndef SPH_CLI_RUN_APP_H
#define SPH_CLI_RUN_APP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json_in.h"
#include "cli/device/target.h"

/* Borrowed for the call. Zero is the default of what follows the package. */
struct sph_run_app {
    const char *id; /* component */
    const void *package;
    size_t package_len;
    int out_fd;             /* where its standard output goes */
    bool track_heap;        /* its heap is to be tracked */
    bool keep_stacks;       /* and each block to keep the stack that made it */
    uint64_t stop_after_ms; /* then it is asked to stop; 0: it runs to its end */
    /* Called once, right before it is asked to stop; may make requests. */
    void (*before_stop)(struct sph_target *target, void *context);
    void *context;
};

struct sph_run_end {
    bool has_ended;        /* the end was seen; else an interrupt or a failure came first */
    struct sph_buf report; /* JSON of the report; empty when there is none */
};

/* Deploys, runs and waits, as long as it takes: there is no limit but stop_after_ms. *ret_end is
 * the caller's, begun with a limit for its report, and is filled as far as things went, whatever
 * the result. -ECANCELED after an interrupt, other negative errno with a sentence. */
int sph_run_app(struct sph_target *target, const struct sph_run_app *app,
                struct sph_run_end *ret_end, struct sph_err *err);
/* Stops the application (after an interrupt). One that does not run, or never came, is an error
 * that a caller who is tidying up ignores. */
int sph_run_app_stop(struct sph_target *target, const char *id, struct sph_err *err);

/* What `spherule run` ends with for such a report; *ret_note (160 bytes) gets a sentence where the
 * status does not say all, else "". Pure. */
int sph_run_status(const struct sph_json_value *report, char *ret_note, size_t size);

#endif
