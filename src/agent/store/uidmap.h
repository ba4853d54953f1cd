/* uidmap: the user id of each component, the same across updates and restarts. */
#ifndef SPH_AGENT_STORE_UIDMAP_H
#define SPH_AGENT_STORE_UIDMAP_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/guid.h"

/* uid = SPH_UIDMAP_BASE | (hash & 0xffff) << 8 | index. Kept in state/uidmap, one line per
 * component. */
enum { SPH_UIDMAP_BASE = 0x70000000, SPH_UIDMAP_MAX = 256 };

struct sph_uidmap;

int sph_uidmap_new(int state_fd, uint32_t device_hash, struct sph_uidmap **ret_map,
                   struct sph_err *err);
struct sph_uidmap *sph_uidmap_free(struct sph_uidmap *map);

/* The component's id; a new component gets the first free one, which is on disk before this
 * returns. -ENOSPC when all are taken. */
int sph_uidmap_get(struct sph_uidmap *map, const struct sph_guid *component, uid_t *ret_uid,
                   struct sph_err *err);
/* Gives the id back, when the app and its storage are gone. 0 also when it had none. */
int sph_uidmap_forget(struct sph_uidmap *map, const struct sph_guid *component,
                      struct sph_err *err);

static inline void sph_uidmap_freep(struct sph_uidmap **map) {
    *map = sph_uidmap_free(*map);
}

#endif
