/* quota: how much of a change still fits into an app's mutable storage. */
#ifndef SPH_AGENT_STORAGE_QUOTA_H
#define SPH_AGENT_STORAGE_QUOTA_H

#include <stdint.h>

/* What the medium holds of one app: the file that is changed, and files that it has deleted and
 * still has open, which take room as before. Holes count: the device's flash stores them. */
struct sph_quota {
    uint64_t limit_bytes; /* MutableStorage.SizeKB */
    uint64_t other_bytes; /* of deleted files that are still open */
    uint64_t file_bytes;  /* of the file that is changed */
};

/* Of a write of `length` bytes (not 0) at `offset`: how many of them may be written, from the first
 * one on, as a disk quota does it; -EDQUOT when none, -EFBIG when a file cannot be that long. What
 * does not let the file grow always fits, also when an update has lowered the limit. */
int sph_quota_admit(const struct sph_quota *quota, uint64_t offset, uint32_t length,
                    uint32_t *ret_length);
/* Of a new length of the file: 0, -EDQUOT or -EFBIG. */
int sph_quota_resize(const struct sph_quota *quota, uint64_t file_bytes);

#endif
