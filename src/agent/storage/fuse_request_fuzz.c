/* Any bytes as a request of the kernel's: what is taken lies within them. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/storage/fuse_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct sph_fuse_request request;
    if (sph_fuse_request_parse(data, size, &request) < 0)
        return 0;
    const uint8_t *end = data + size;
    if (request.name && (const uint8_t *)request.name + strlen(request.name) >= end)
        abort();
    if (request.data && request.data + request.arg.write.size != end)
        abort();
    if (request.op == FUSE_WRITE ? !request.data : request.data != NULL)
        abort();
    return 0;
}
