/* sideload: image packages put on a device. */
#ifndef SPH_CLI_SIDELOAD_H
#define SPH_CLI_SIDELOAD_H

#include <stdbool.h>

#include "cli/device/target.h"

/* Stages and installs an image package of `len` bytes, replacing what has the same component id;
 * with `manual` the application is not started. The device judges signature, room and form, and its
 * refusal is the error: nothing has changed then. */
int sph_sideload(struct sph_target *target, const void *package, size_t len, bool manual,
                 struct sph_err *err);

/* The same within so many milliseconds, both requests together; 0 is the default of requests. */
struct sph_sideload_plan {
    const void *package;
    size_t len;
    bool manual;
    uint64_t timeout_ms;
};
int sph_sideload_within(struct sph_target *target, const struct sph_sideload_plan *plan,
                        struct sph_err *err);

#endif
