/* place: the gateway's place beside a device, which it takes as the owner and nobody else.
 *
 * Three steps in this order: open the folder (as who started us), become the owner (for good), lock
 * the pid file (as the owner). Each can refuse with a sentence for whoever started the gateway. */
#ifndef SPH_GATEWAY_MACHINE_PLACE_H
#define SPH_GATEWAY_MACHINE_PLACE_H

#include "base/err.h"
#include "gateway/machine/options.h"

/* A descriptor of the device's folder, the caller's, or negative errno: -EPERM when root would
 * serve as root or in a folder that is not the owner's. */
int sph_place_open(const struct sph_options *options, struct sph_err *err);
/* Gives up root, its groups and any way back; without root only the way up (no_new_privs). 0 or
 * negative errno: then the process may be half of one user and half of another and has to end. */
int sph_place_become_owner(const struct sph_options *options, struct sph_err *err);
/* The locked gateway.pid with our pid in it, the caller's to keep open; or -EBUSY when a gateway of
 * this device is running, or another negative errno. */
int sph_place_lock(int dir_fd, struct sph_err *err);

#endif
