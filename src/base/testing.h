/* testing: what the unit tests share: cmocka, a scratch folder, and the check of an error's
 * sentence. */
#ifndef SPH_BASE_TESTING_H
#define SPH_BASE_TESTING_H

/* cmocka.h needs these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"

#define assert_err(err, expected_code, expected_text)                                              \
    do {                                                                                           \
        assert_int_equal((err)->code, (expected_code));                                            \
        assert_string_equal((err)->text, (expected_text));                                         \
    } while (0)

struct sph_scratch {
    char path[64];
    int fd;
};

static inline int sph_scratch_make(void **state) {
    struct sph_scratch *scratch = calloc(1, sizeof(*scratch));
    assert_non_null(scratch);
    (void)snprintf(scratch->path, sizeof(scratch->path), "/tmp/spherule-test-XXXXXX");
    assert_non_null(mkdtemp(scratch->path));
    scratch->fd = sph_dir_open(AT_FDCWD, scratch->path, NULL);
    assert_true(scratch->fd >= 0);
    *state = scratch;
    return 0;
}

static inline int sph_scratch_remove(void **state) {
    struct sph_scratch *scratch = *state;
    (void)close(scratch->fd);
    int result = sph_tree_remove(AT_FDCWD, scratch->path, NULL);
    free(scratch);
    return result;
}

#endif
