/* testing: what the unit tests share: cmocka, a scratch folder, numbers drawn from a seed, and the
 * check of an error's sentence. */
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

/* The code and the whole sentence: "any failure" is not an expectation. */
#define assert_err(err, expected_code, expected_text)                                              \
    do {                                                                                           \
        assert_int_equal((err)->code, (expected_code));                                            \
        assert_string_equal((err)->text, (expected_text));                                         \
    } while (0)

/* A folder of the test's own under /tmp, for cmocka_unit_test_setup_teardown(test,
 * sph_scratch_make, sph_scratch_remove); the test gets it as *state. */
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

/* Numbers for property tests: xorshift, the same on every machine, so that a printed seed brings a
 * failure back. rand() was rejected: its sequence is each libc's own. */
struct sph_draw {
    uint32_t state; /* never 0 */
};

static inline struct sph_draw sph_draw_begin(uint32_t seed) {
    print_message("seed %u\n", seed);
    return (struct sph_draw){.state = seed};
}

/* 0 … below-1; `below` > 0. The modulo's bias does not matter to a test. */
static inline uint32_t sph_draw_below(struct sph_draw *draw, uint32_t below) {
    draw->state ^= draw->state << 13;
    draw->state ^= draw->state >> 17;
    draw->state ^= draw->state << 5;
    return draw->state % below;
}

/* Fills `order` with 0 … count-1 in any order. */
static inline void sph_draw_order(struct sph_draw *draw, unsigned *order, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        order[i] = i;
    for (unsigned i = count; i > 1; i--) {
        unsigned j = sph_draw_below(draw, i), kept = order[i - 1];
        order[i - 1] = order[j];
        order[j] = kept;
    }
}

#endif
