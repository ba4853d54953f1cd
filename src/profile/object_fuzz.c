/* Any bytes are an object or none, and what is kept of one is within its bounds. */
#include <stdint.h>

#include "profile/object.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct sph_object object;
    if (sph_object_parse(data, size, &object) == 0 &&
        (object.build_id_len > SPH_BUILD_ID_MAX || object.first_address % 4096 != 0))
        __builtin_trap();
    return 0;
}
