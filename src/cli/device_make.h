/* device_make: devices brought into being, started for the first time, and removed. */
#ifndef SPH_CLI_DEVICE_MAKE_H
#define SPH_CLI_DEVICE_MAKE_H

#include <stdbool.h>

#include "base/err.h"
#include "cli/device/device_config.h"
#include "cli/device/target.h"

/* Makes devices/NAME, owned by sph_home_owner(); a descriptor of the folder, the caller's to close.
 * -EINVAL for a bad name; -EEXIST when there is a device of that name. A folder that an interrupted
 * call left is used. Takes the device's lock meanwhile. */
int sph_device_make(int home_fd, const struct sph_device_config *config, struct sph_err *err);
/* Starts what is missing and, the first time, makes the device trust the development key. Returns
 * when the gateway has found its agent: the next request will not get 503.
 *
 * *ret_started (may be NULL): whether anything was started. Errors as of sph_launch_start();
 * -EHOSTDOWN when the two do not find each other (10 s; a machine that starts has 60 s, one that
 * has ended none); -ENOENT for a device that was deleted while its lock was waited for. -ECANCELED
 * after SIGINT or SIGTERM, which from here on only set the flag of interrupt.h. After each of these
 * nothing runs that did not before. Takes the lock itself. */
int sph_device_start(struct sph_target *target, bool *ret_started, struct sph_err *err);
/* Removes a stopped device with all that is on it, and what a killed agent left of it in the
 * machine. The lock must be held. -EPERM with the command to type when what is on it belongs to
 * root and sudo does not help. The target stays open; its folder has no name any more. */
int sph_device_remove(struct sph_target *target, struct sph_err *err);

#endif
