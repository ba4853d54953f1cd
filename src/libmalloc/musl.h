/* musl: what the files of the library for musl share: it has no variables, so all is found from its
 * own address. */
#ifndef SPH_LIBMALLOC_MUSL_H
#define SPH_LIBMALLOC_MUSL_H

#include <stdbool.h>

#include "libmalloc/write.h"
#include "wire/ledger_reals.h"

extern const char __ehdr_start[] SPH_HIDDEN;

/* The agent maps the region right behind the room of this code. Its first page is always there. */
static inline struct sph_ledger *sph_musl_ledger(void) {
    return (struct sph_ledger *)(__ehdr_start + SPH_LEDGER_CODE_MAX_BYTES);
}

static inline uintptr_t sph_musl_real(const struct sph_ledger *ledger, unsigned index) {
    return (uintptr_t)ledger->config.reals[index];
}

/* Called by the trampolines, with the place of the real function among the reals: gives its
 * address. */
SPH_HIDDEN uintptr_t sph_musl_behalf(uintptr_t sp, uintptr_t caller, unsigned index);

#endif
