/* Sums saturate instead of wrapping: offsets are the app's, and any 64-bit number. */
#include "agent/storage/quota.h"

#include <errno.h>

/* The largest length that a file can have to the kernel (loff_t). */
#define FILE_BYTES_MAX ((uint64_t)INT64_MAX)

/* The greatest length that the file may have. Never less than it has: what is there, stays. */
static uint64_t greatest(const struct sph_quota *quota) {
    uint64_t limit = quota->limit_bytes;
    uint64_t room = quota->other_bytes < limit ? limit - quota->other_bytes : 0;
    return room > quota->file_bytes ? room : quota->file_bytes;
}

int sph_quota_admit(const struct sph_quota *quota, uint64_t offset, uint32_t length,
                    uint32_t *ret_length) {
    uint64_t end = greatest(quota);
    if (offset > FILE_BYTES_MAX || length > FILE_BYTES_MAX - offset)
        return -EFBIG;
    if (offset >= end)
        return -EDQUOT;
    *ret_length = length < end - offset ? length : (uint32_t)(end - offset);
    return 0;
}

int sph_quota_resize(const struct sph_quota *quota, uint64_t file_bytes) {
    if (file_bytes > FILE_BYTES_MAX)
        return -EFBIG;
    return file_bytes <= greatest(quota) ? 0 : -EDQUOT;
}
