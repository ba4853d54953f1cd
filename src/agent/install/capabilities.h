/* capabilities: what the device is unlocked for, as it was last told. */
#ifndef SPH_AGENT_INSTALL_CAPABILITIES_H
#define SPH_AGENT_INSTALL_CAPABILITIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "wire/msg_setting.h"

struct sph_capabilities; /* state/capabilities */

/* Without a file the device has app development or, as `first` says, nothing. A file that is
 * damaged is refused: guessing would lock or unlock the device. */
int sph_capabilities_new(int state_fd, bool first, struct sph_capabilities **ret_capabilities,
                         struct sph_err *err);
struct sph_capabilities *sph_capabilities_free(struct sph_capabilities *capabilities);

/* Ascending, no number twice; their count. */
size_t sph_capabilities_get(const struct sph_capabilities *capabilities,
                            uint32_t ret_ids[SPH_DEVCAPS_MAX]);
bool sph_capabilities_has(const struct sph_capabilities *capabilities, uint32_t id);
/* These and no others, in any order. On the disk when it returns 0; -EINVAL for a number that is no
 * capability, negative errno of the disk: then they are as they were. */
int sph_capabilities_set(struct sph_capabilities *capabilities, const uint32_t *ids, size_t count,
                         struct sph_err *err) SPH_MUST_USE;

static inline void sph_capabilities_freep(struct sph_capabilities **capabilities) {
    *capabilities = sph_capabilities_free(*capabilities);
}

/* The original's own words, which its users look for. */
#define SPH_CAPABILITIES_DENIED                                                                    \
    "Permission denied; application development capability may be required ('azsphere device "     \
    "enable-development')"

/* Development mode: the other one is cloud test, where an app runs as it would at a customer's. */
static inline bool sph_capabilities_allow_development(const struct sph_capabilities *capabilities) {
    return sph_capabilities_has(capabilities, SPH_DEVCAP_APP_DEVELOPMENT);
}

#endif
