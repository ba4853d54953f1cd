/* device_make: devices brought into being, started for the first time, and removed. */
#ifndef SPH_CLI_DEVICE_MAKE_H
#define SPH_CLI_DEVICE_MAKE_H

#include <stdbool.h>

#include "base/err.h"
#include "cli/device_config.h"
#include "cli/target.h"

/* Makes devices/NAME; a descriptor of the folder. -EEXIST when there is one of that name. */
int sph_device_make(int home_fd, const struct sph_device_config *config, struct sph_err *err);
/* Starts what is missing and, the first time, makes the device trust the development key.
 * *ret_started (may be NULL): whether anything was started. */
int sph_device_start(struct sph_target *target, bool *ret_started, struct sph_err *err);
/* Removes a stopped device with all that is on it. The lock must be held. */
int sph_device_remove(struct sph_target *target, struct sph_err *err);

#endif
