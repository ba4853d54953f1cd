/* launch: the two processes of a device, started, looked at and stopped. */
#ifndef SPH_CLI_DEVICE_LAUNCH_H
#define SPH_CLI_DEVICE_LAUNCH_H

#include <stdbool.h>

#include "base/err.h"

/* What runs of a device: its gateway, and what runs its applications (the agent; of a virtual
 * device the machine that has the agent in it). Both together are "running"; one alone is a fault
 * to be mended by a start, which adds what is missing. */
enum sph_device_state {
    SPH_DEVICE_STOPPED,
    SPH_DEVICE_RUNNING,
    SPH_DEVICE_AGENT_ONLY,   /* its gateway is gone */
    SPH_DEVICE_GATEWAY_ONLY, /* its agent, or machine, is gone */
};

/* By pid files and locks, without asking anybody; never fails. `device_fd` is the device's folder,
 * as in all calls below. */
enum sph_device_state sph_launch_state(int device_fd);
const char *sph_device_state_name(enum sph_device_state state);

/* Takes the device's lock, so that only one command starts, stops or deletes it at a time.
 * A descriptor to close, or negative errno. Waits for up to 60 s (-EBUSY). */
int sph_launch_lock(int device_fd, struct sph_err *err);

/* Starts what is missing and waits until it is ready. *ret_started (may be NULL) tells whether
 * anything was. On failure nothing runs that did not before. -EPERM without the right to meter,
 * -EOPNOTSUPP where the kernel cannot (both of a native device only), -EBADMSG for a device.json
 * that cannot be used, -ECANCELED after an interrupt, else what the program or the gateway says.
 * The lock must be held. */
int sph_launch_start(int device_fd, const char *name, bool *ret_started, struct sph_err *err);
/* Ends what runs but did not in that state, by signals: of a start that came to nothing. What
 * cannot be ended stays. The lock must be held. */
void sph_launch_take_back(int device_fd, const char *name, enum sph_device_state before);
/* Removes what a killed agent left of the device in this machine: its control groups. The lock must
 * be held and nothing run. */
int sph_launch_sweep(int device_fd, struct sph_err *err);
/* Asks both to end, waits, and ends by signal what does not. The lock must be held. */
int sph_launch_stop(int device_fd, const char *name, struct sph_err *err);

#endif
