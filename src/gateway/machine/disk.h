/* disk: state.img, the disk of a virtual device, made whole or not at all. */
#ifndef SPH_GATEWAY_MACHINE_DISK_H
#define SPH_GATEWAY_MACHINE_DISK_H

#include <stdint.h>

#include "base/err.h"

/* Makes state.img in the device's folder when there is none: ext4, with all its blocks there, so
 * that a host that runs full later cannot take a write back from the device. One that is there is
 * looked at: -EBADMSG when it is no file system or smaller than `bytes`. -ENOENT without mke2fs,
 * -ENOSPC on a full disk; nothing of a failed try is left. Blocks for some 50 ms. */
int sph_disk_prepare(int dir_fd, uint64_t bytes, struct sph_err *err);

#endif
