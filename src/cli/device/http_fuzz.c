/* Any bytes, in pieces whose sizes come from the bytes themselves, are read or refused.
 *
 * The sizes have to come from the input: a fuzzer that cannot cut in new places never reaches the
 * states in which a head or a chunk's size is unfinished, and those are the ones that hold a
 * buffer. */
#include "cli/device/http.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads every byte: one that lies outside of the input is seen by the sanitizer. */
static int on_body(void *context, const char *data, size_t len) {
    size_t *total = context;
    for (size_t i = 0; i < len; i++)
        *total += (unsigned char)data[i] & 1u;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t total = 0;
    struct sph_http_reader reader;
    sph_http_reader_init(&reader, NULL, on_body, &total);
    while (size > 0) {
        size_t piece = 1 + data[0] % 64;
        if (piece > size)
            piece = size;
        if (sph_http_feed(&reader, (const char *)data, piece, NULL) < 0)
            return 0;
        data += piece;
        size -= piece;
    }
    return sph_http_end(&reader, NULL) < 0 ? 0 : (int)(total & 0);
}
