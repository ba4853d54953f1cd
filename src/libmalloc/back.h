/* back: what the ledger's writer needs of the C library that it stands before.
 *
 * Each build supplies these once: for musl in a program's loader, for glibc as a preloaded library,
 * and for tests. They neither allocate nor set errno, and are called where a call site is seen for
 * the first time, so they may take a microsecond. */
#ifndef SPH_LIBMALLOC_BACK_H
#define SPH_LIBMALLOC_BACK_H

#include "libmalloc/object.h"
#include "wire/ledger.h"

/* The object that holds `address`; false: none does. */
bool sph_back_object(const struct sph_ledger *ledger, uintptr_t address,
                     struct sph_object *ret_object);
/* Whether it is in the code of libmalloc itself, our trampolines included. */
bool sph_back_is_ours(const struct sph_ledger *ledger, uintptr_t address);
/* Whether the aligned 8 bytes that hold `address` can be read. (The kernel tells without a trace:
 * rt_sigprocmask() with a `how` that there is none of gives EFAULT where it cannot read its set.)
 */
bool sph_back_is_readable(const struct sph_ledger *ledger, uintptr_t address);
/* Lets another thread run, which holds what we wait for: for a moment where there is one to run
 * (it may not be the right one), or for some 0.1 ms, whoever is there. */
void sph_back_yield(const struct sph_ledger *ledger);
void sph_back_rest(const struct sph_ledger *ledger);

#endif
