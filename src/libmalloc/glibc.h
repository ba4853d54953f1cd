/* glibc: what the files of the preloaded library for glibc share. */
#ifndef SPH_LIBMALLOC_GLIBC_H
#define SPH_LIBMALLOC_GLIBC_H

#include <stddef.h>
#include <stdint.h>

#include "libmalloc/write.h"

/* With the tables that the loader writes, instead of a page further on. */
#define SPH_ON_THE_PAGE __attribute__((section(".data")))

/* Where the agent put the region of this process, ready to be written; NULL: there is none. Called
 * once, before anything else of the library. */
SPH_HIDDEN struct sph_ledger *sph_glibc_region(void);

/* NULL: there is none, or nobody has looked yet. */
extern struct sph_ledger *sph_the_ledger SPH_HIDDEN;
/* Looks, once, and for the real functions that each program needs. */
SPH_HIDDEN struct sph_ledger *sph_glibc_ledger(void);

/* Names of the functions in glibc_behalf.def, by their order there. */
enum {
#define SPH_BEHALF(name) SPH_BEHALF_##name,
#include "libmalloc/glibc_behalf.def"
#undef SPH_BEHALF
    SPH_BEHALF_COUNT
};

#endif
