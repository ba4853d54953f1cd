/* flash: what packages cost of the device's flash, each at its full file size.
 *
 * The original charges whole package files, metadata and padding included, against one limit; the
 * debugger's as well, as long as it is there: leaving development mode is deleting it. Files
 * of the user's storage do not count here: they have a limit of their own. */
#ifndef SPH_PACKAGE_FLASH_H
#define SPH_PACKAGE_FLASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/guid.h"

enum { SPH_FLASH_MT3620_BYTES = 1 << 20 }; /* for applications, of the chip's 16 MiB */

/* An installed package, or one that is to be. */
struct sph_flash_package {
    struct sph_guid component_id;
    uint64_t file_bytes;
};

struct sph_flash_use {
    uint64_t limit_bytes;
    uint64_t used_bytes;
    uint64_t free_bytes; /* 0 when over */
    uint64_t over_bytes; /* 0 when it fits */
};

enum sph_flash_condition {
    SPH_FLASH_E_NO_ROOM = 1, /* over_bytes more are needed */
};

/* Pure. Sums are 64 bits wide and files at most 64 MiB, so no count of packages can wrap them. */
struct sph_flash_use sph_flash_sum(const struct sph_flash_package *packages, size_t count,
                                   uint64_t limit_bytes);
/* The use after `candidate` takes the place of the package with its component id, if there is one.
 * 0 or SPH_FLASH_E_NO_ROOM; ret_use is written in both cases. */
int sph_flash_fit(const struct sph_flash_package *packages, size_t count, uint64_t limit_bytes,
                  const struct sph_flash_package *candidate,
                  struct sph_flash_use *ret_use) SPH_MUST_USE;

#endif
