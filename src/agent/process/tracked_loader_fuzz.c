/* Any two files as loader and libmalloc: refused or turned round, never out of bounds. The input's
 * first four bytes say how long the first is. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/process/tracked_loader.h"
#include "base/le.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 4)
        return 0;
    size_t first = sph_le32_get(data);
    data += 4;
    size -= 4;
    if (first > size)
        first = size;
    uint8_t *loader = malloc(first + 1), *code = malloc(size - first + 1);
    struct sph_tracked_loader made;
    struct sph_err err = SPH_ERR_NULL;
    if (loader && code) {
        memcpy(loader, data, first);
        memcpy(code, data + first, size - first);
        if (sph_tracked_loader_make(loader, first, code, size - first, &made, &err) == 0 &&
            made.mark_offset + made.mark_bytes > first)
            abort();
    }
    free(loader);
    free(code);
    return 0;
}
