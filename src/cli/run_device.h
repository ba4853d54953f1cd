/* run_device: the throw-away device of `spherule run`. */
#ifndef SPH_CLI_RUN_DEVICE_H
#define SPH_CLI_RUN_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/device/target.h"

/* A target that is open, and the lock that says that it is in use. Ends with one of remove and
 * keep, which close both. */
struct sph_run_device {
    struct sph_target target;
    int lock_fd; /* held while the device has an owner; -1 for a device that is not ours */
};

#define SPH_RUN_DEVICE_NULL                                                                        \
    { .target = SPH_TARGET_NULL, .lock_fd = -1 }

/* What the application to be run asks of its device. Sizes in bytes. */
struct sph_run_needs {
    uint64_t ram_bytes; /* 0: the profile's */
    uint64_t package_bytes;
    bool is_wrapped; /* made of a plain executable: flash grows with it */
    bool host_libraries;
    bool is_virtual;
};

/* Makes and starts a device; on failure nothing is left. First removes those whose owner is dead.
 */
int sph_run_device_make(const struct sph_cli *cli, const struct sph_run_needs *needs,
                        struct sph_run_device *ret_device, struct sph_err *err);
/* Stops and removes it. *device is closed in every case; after a failure (with its sentence) the
 * device is still there, and a later run clears it away. */
int sph_run_device_remove(struct sph_run_device *device, struct sph_err *err);
/* Makes it an ordinary device, which outlives us. */
void sph_run_device_keep(struct sph_run_device *device);

#endif
