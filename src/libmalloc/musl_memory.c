/* What compilers call by themselves to fill and copy structs. Hidden: the program's own are not
 * found without a relocation. */
#include <stddef.h>

#include "libmalloc/musl.h"

SPH_HIDDEN void *memset(void *to, int value, size_t bytes);
SPH_HIDDEN void *memcpy(void *restrict to, const void *restrict from, size_t bytes);

void *memset(void *to, int value, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        ((unsigned char *)to)[i] = (unsigned char)value;
    return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        ((unsigned char *)to)[i] = ((const unsigned char *)from)[i];
    return to;
}
