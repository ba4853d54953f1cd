/* storage: the mutable file of each app, kept across restart, update and power loss. */
#ifndef SPH_AGENT_STORAGE_STORAGE_H
#define SPH_AGENT_STORAGE_STORAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/guid.h"

struct sph_storage; /* state/storage/<component guid>/mutable, and wear beside it */

int sph_storage_new(int state_fd, struct sph_storage **ret_storage, struct sph_err *err);
struct sph_storage *sph_storage_free(struct sph_storage *storage);

/* Opens for reading and writing, made when missing (0600, owned by uid). What of it an app gets,
 * and how much it may write, is the medium's affair. A descriptor, or negative errno (-EIO when the
 * disk fails). */
int sph_storage_open(struct sph_storage *storage, const struct sph_guid *component, uid_t uid,
                     struct sph_err *err);
/* Removes the mutable file: 0, or -ENOENT when there is none. */
int sph_storage_delete(struct sph_storage *storage, const struct sph_guid *component,
                       struct sph_err *err);
/* The record of what was written to it. With `make` it is made, and its folder; else -ENOENT. */
int sph_storage_open_wear(struct sph_storage *storage, const struct sph_guid *component, bool make,
                          struct sph_err *err);
/* Size of the file in bytes; 0 when there is none. */
int sph_storage_usage(struct sph_storage *storage, const struct sph_guid *component,
                      uint64_t *ret_bytes, struct sph_err *err);
int sph_storage_fd(const struct sph_storage *storage); /* of its folder; stays the storage's */
/* Everything of a component, when it is deleted from the device. 0 also when there is nothing. */
int sph_storage_forget(struct sph_storage *storage, const struct sph_guid *component,
                       struct sph_err *err);

static inline void sph_storage_freep(struct sph_storage **storage) {
    *storage = sph_storage_free(*storage);
}

#endif
