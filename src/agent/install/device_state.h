/* device_state: what a device keeps, read from state/ at the agent's start and given back at its
 * end. */
#ifndef SPH_AGENT_INSTALL_DEVICE_STATE_H
#define SPH_AGENT_INSTALL_DEVICE_STATE_H

#include <stddef.h>

#include "base/err.h"

struct sph_device;

/* Bytes of the two rings in memory; the rest lives on disk. */
struct sph_device_rings {
    size_t log_bytes;
    size_t event_bytes;
};

/* Clears away what a power cut left half done, then fills log, events, kills, uids, storage, trust,
 * registry and stage of the device, whose state_fd and hash are set. On failure what was made so
 * far stays in the device, for sph_device_unload_state(). */
int sph_device_load_state(struct sph_device *device, const struct sph_device_rings *rings,
                          struct sph_err *err);
/* Frees them in the reverse order; members may be NULL and are NULL after. */
void sph_device_unload_state(struct sph_device *device);

#endif
