/* pagemap: every resident page of a process and the mapping that owns it.
 *
 * For the picture of a process at one moment, above all of its end. The meter's figures do not come
 * from here: a walk costs too much, and would come after the fact. */
#ifndef SPH_METER_PAGEMAP_H
#define SPH_METER_PAGEMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"
#include "meter/maps.h"

enum sph_page_kind {
    SPH_PAGE_ANON,   /* private memory: counts to User */
    SPH_PAGE_SHARED, /* shared memory (memfd, shared anonymous, tmpfs): counts to User */
    SPH_PAGE_FILE,   /* page of a file, unwritten: does not count */
};

/* Neighbouring pages of one kind in one mapping. */
struct sph_page_run {
    uint64_t start; /* address */
    uint32_t pages;
    uint8_t kind; /* enum sph_page_kind */
};

/* A mapping with its pages counted, in pages of the host. */
struct sph_pagemap_mapping {
    struct sph_maps_entry entry;
    enum sph_maps_class class;
    bool is_shmem; /* its unwritten pages are shared memory */
    uint32_t anon_pages;
    uint32_t shared_pages;
    uint32_t file_pages;
    size_t first_run; /* index into runs */
    size_t n_runs;
};

/* Ends with sph_pagemap_done(). */
struct sph_pagemap {
    struct sph_pagemap_mapping *mappings; /* by address; those without a resident page too */
    size_t n_mappings;
    struct sph_page_run *runs;
    size_t n_runs;
    uint64_t anon_bytes; /* sums over all mappings */
    uint64_t shared_bytes;
    uint64_t file_bytes;
    bool cut; /* a limit of this module was met: the sums hold, runs or mappings are incomplete */
};
#define SPH_PAGEMAP_NULL                                                                           \
    { .mappings = NULL, .runs = NULL }

/* What a process can make the reader hold: far above an application of a few MiB, whose mappings
 * are a few dozen and whose runs are fewer than its pages. Past them the sums go on. */
enum {
    SPH_PAGEMAP_MAPPINGS_MAX = 4096,
    SPH_PAGEMAP_RUNS_MAX = 65536, /* 1 MiB of them */
};

/* Uses PAGEMAP_SCAN where the kernel has it (6.7), /proc/PID/pagemap elsewhere. The
 * process should hold still (stopped, or in its exit stop) for the parts to be of one instant. 0;
 * -ESRCH when it is gone or has no memory any more. */
int sph_pagemap_read(pid_t pid, struct sph_pagemap *ret_map, struct sph_err *err);
/* Frees the arrays; the map is empty after. */
void sph_pagemap_done(struct sph_pagemap *map);

static inline void sph_pagemap_donep(struct sph_pagemap *map) {
    sph_pagemap_done(map);
}

#endif
