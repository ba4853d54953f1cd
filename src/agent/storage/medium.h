/* medium: the flash under the apps' mutable files: it holds each app to its quota and counts wear.
 *
 * An app's descriptor is of a file in a file system that a child of the agent serves (FUSE), so
 * that every change comes by there before it is made: by write() and its relatives, ftruncate(),
 * fallocate(), splice(), through copies of the descriptor, from children, and after the file was
 * deleted. The bytes themselves are where sph_storage keeps them. */
#ifndef SPH_AGENT_STORAGE_MEDIUM_H
#define SPH_AGENT_STORAGE_MEDIUM_H

#include <stdint.h>
#include <sys/types.h>

#include "agent/storage/wear.h"
#include "base/err.h"
#include "base/guid.h"

struct sph_device;
struct sph_medium;

/* Nothing is mounted before it is needed: a device whose apps have no storage needs no FUSE. */
int sph_medium_new(struct sph_device *device, struct sph_medium **ret_medium, struct sph_err *err);
/* After the last app: descriptors that are still open fail from now on (ENOTCONN). */
struct sph_medium *sph_medium_free(struct sph_medium *medium);

/* Mounts and starts the server, if that is still to be done. -ENOTSUP when this kernel has no FUSE:
 * then apps write to their files directly, and RLIMIT_FSIZE is all that holds them. */
int sph_medium_prepare(struct sph_medium *medium, struct sph_err *err);

/* As sph_storage_open, with the app's quota. */
int sph_medium_open(struct sph_medium *medium, const struct sph_guid *component, uid_t uid,
                    uint64_t limit_bytes, struct sph_err *err);
/* As sph_storage_delete. While the app has it open, the file takes its room as before. */
int sph_medium_delete(struct sph_medium *medium, const struct sph_guid *component,
                      struct sph_err *err);

struct sph_medium_figures {
    uint64_t used_bytes; /* with files that were deleted and are still open */
    struct sph_wear wear;
};
int sph_medium_read(struct sph_medium *medium, const struct sph_guid *component,
                    struct sph_medium_figures *ret_figures, struct sph_err *err);
/* Before the storage forgets it: an app of the same id that comes later begins anew. */
void sph_medium_forget(struct sph_medium *medium, const struct sph_guid *component);

#endif
