/* ledger_testing: words of a heap ledger made by hand, where a writer puts them, for tests. */
#ifndef SPH_WIRE_LEDGER_TESTING_H
#define SPH_WIRE_LEDGER_TESTING_H

#include "wire/ledger.h"

static inline uint64_t sph_ledger_testing_entry(unsigned owner, unsigned site, uint64_t bytes) {
    return (uint64_t)owner << SPH_LEDGER_OWNER_SHIFT | (uint64_t)site << SPH_LEDGER_SITE_SHIFT |
           bytes << SPH_LEDGER_SIZE_SHIFT;
}

/* A leaf for that MiB of addresses. */
static inline struct sph_ledger_slot sph_ledger_testing_slot(uint64_t mib, uint64_t leaf) {
    return (struct sph_ledger_slot){.bias = (leaf - mib) * SPH_LEDGER_LEAF_ENTRIES, .mib = mib + 1};
}

/* By its size among the small or the large ones; `granule` of the leaf's 16 bytes. */
static inline void sph_ledger_testing_put(struct sph_ledger *ledger, unsigned leaf,
                                          unsigned granule, uint64_t entry) {
    if (entry >> SPH_LEDGER_SIZE_SHIFT < SPH_LEDGER_LARGE_BYTES)
        ledger->leaves[leaf][granule] = entry;
    else
        ledger->large[leaf][granule / SPH_LEDGER_LARGE_PLACES] =
            entry | (uint64_t)(granule % SPH_LEDGER_LARGE_PLACES) << SPH_LEDGER_PLACE_SHIFT;
}

#endif
