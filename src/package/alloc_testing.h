/* alloc_testing: counts what a test's program allocates, and lets the n-th allocation fail. Link
 * with -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc, and include in one file only. */
#ifndef SPH_PACKAGE_ALLOC_TESTING_H
#define SPH_PACKAGE_ALLOC_TESTING_H

#include <stddef.h>

static unsigned alloc_count; /* calls since it was set to 0 */
static unsigned alloc_fail;  /* the call that fails, from 1; 0: none */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

void *__wrap_malloc(size_t size) {
    return ++alloc_count == alloc_fail ? NULL : __real_malloc(size);
}
void *__wrap_calloc(size_t count, size_t size) {
    return ++alloc_count == alloc_fail ? NULL : __real_calloc(count, size);
}
void *__wrap_realloc(void *old, size_t size) {
    return ++alloc_count == alloc_fail ? NULL : __real_realloc(old, size);
}

#endif
