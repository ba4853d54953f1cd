/* Sums only: which packages there are is the registry's business. The sum is made anew for each
 * question; a running total was rejected, as it would have to be right after every crash. */
#include "package/flash.h"

static struct sph_flash_use use_of(uint64_t used_bytes, uint64_t limit_bytes) {
    bool fits = used_bytes <= limit_bytes;
    return (struct sph_flash_use){
        .limit_bytes = limit_bytes,
        .used_bytes = used_bytes,
        .free_bytes = fits ? limit_bytes - used_bytes : 0,
        .over_bytes = fits ? 0 : used_bytes - limit_bytes,
    };
}

struct sph_flash_use sph_flash_sum(const struct sph_flash_package *packages, size_t count,
                                   uint64_t limit_bytes) {
    uint64_t used_bytes = 0;
    for (size_t i = 0; i < count; i++)
        used_bytes += packages[i].file_bytes;
    return use_of(used_bytes, limit_bytes);
}

/* The old package of the same component is not counted, though it is there until the new one is: an
 * update must not need room for two. */
int sph_flash_fit(const struct sph_flash_package *packages, size_t count, uint64_t limit_bytes,
                  const struct sph_flash_package *candidate, struct sph_flash_use *ret_use) {
    uint64_t used_bytes = candidate->file_bytes;
    for (size_t i = 0; i < count; i++) {
        if (!sph_guid_equal(&packages[i].component_id, &candidate->component_id))
            used_bytes += packages[i].file_bytes;
    }
    *ret_use = use_of(used_bytes, limit_bytes);
    return ret_use->over_bytes > 0 ? SPH_FLASH_E_NO_ROOM : 0;
}
