/* runner: starts a program with the tests' libmalloc over a region of the test's own, and sums what
 * the ledger then says: a second reader, written for the tests alone. */
#ifndef SPH_LIBMALLOC_RUNNER_TEST_H
#define SPH_LIBMALLOC_RUNNER_TEST_H

/* cmocka.h needs these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

#include "libmalloc/truth.h"
#include "wire/ledger.h"

struct runner {
    struct sph_ledger *ledger;
    struct truth *truth;
    pid_t pid;
    int region_fd, truth_fd;
    int ask_fd, go_fd; /* our ends */
};

struct runner_sum {
    uint64_t bytes, blocks;      /* from the entries */
    uint64_t allocations, frees; /* from the threads' counts */
    uint64_t counted_bytes;      /* the same */
    uint64_t site_allocations;   /* from the sites */
};

/* A region that is empty; `flags` as in the configuration. */
void runner_init(struct runner *runner, uint32_t flags);
void runner_done(struct runner *runner);
/* argv ends with NULL; argv[0] is found beside the test. */
void runner_start(struct runner *runner, const char *const argv[]);
/* True: the program rests at a comparison; false: it has ended. */
int runner_rests(struct runner *runner);
void runner_go_on(struct runner *runner);
/* The wait status. */
int runner_wait(struct runner *runner);

/* By owner. Fails the test where an entry, its site and its owner do not agree. */
void runner_add(const struct runner *runner, struct runner_sum sums[SPH_LEDGER_OWNERS]);
/* The highest sum of that owner's live bytes, as far as it is kept. */
uint64_t runner_peak(const struct runner *runner, unsigned owner);
/* The owner whose name ends so; "": the app. 0: there is none. */
unsigned runner_owner(const struct runner *runner, const char *name);

#endif
