/* truth: what a test program knows of its own allocations, to hold the ledger against.
 *
 * The program (truth_app.c) and three libraries (truth_lib.c) allocate at random and free each
 * other's blocks. Each counts for itself, in a page that the test shares. */
#ifndef SPH_LIBMALLOC_TRUTH_H
#define SPH_LIBMALLOC_TRUTH_H

#include <stdint.h>

enum {
    TRUTH_REGION_FD = 200, /* the region: testing_region.c maps it */
    TRUTH_FD = 201,        /* struct truth */
    TRUTH_ASK_FD = 202,    /* the program writes a byte: compare now */
    TRUTH_GO_FD = 203,     /* and reads one: go on */
    TRUTH_PARTS = 4,       /* the program itself, and libraries a, b, c */
    TRUTH_SLOTS = 2000,
};

struct truth_part {
    uint64_t live_bytes, live_blocks, allocations, frees, peak_bytes;
};

struct truth {
    struct truth_part parts[TRUTH_PARTS];
};

/* A block that anyone may free. */
struct truth_slot {
    void *block; /* NULL: none */
    uint64_t bytes;
    uint32_t part, unused;
    uint32_t lock;
};

struct truth_world {
    struct truth *truth;
    struct truth_slot slots[TRUTH_SLOTS];
    int only_malloc; /* no function with passing blocks of its own: then peaks are known too */
};

/* One random thing. Of each part. */
typedef void truth_step_fn(struct truth_world *world, uint64_t random);
truth_step_fn truth_step_app, truth_step_a, truth_step_b, truth_step_c;

#endif
