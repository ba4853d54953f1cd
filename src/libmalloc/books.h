/* books: what the files of the writer share among themselves. */
#ifndef SPH_LIBMALLOC_BOOKS_H
#define SPH_LIBMALLOC_BOOKS_H

#include "libmalloc/object.h"
#include "libmalloc/write.h"

enum {
    SPH_SITE_OTHERS = SPH_LEDGER_SITES - 1,
    SPH_THREAD_SHARED = SPH_LEDGER_THREADS - 1,
    SPH_OWNER_IN_USE = 2,
    SPH_OWNER_UNLOADED = 3,
};

static inline void sph_lose(uint64_t *losses) {
    __atomic_fetch_add(losses, 1, __ATOMIC_RELAXED);
}

/* Sites, owners and stacks grow under one lock; they are found without it. False: who holds it
 * does not let go (a signal handler may have come in between): do without, cache nothing. */
SPH_HIDDEN bool sph_lock(struct sph_ledger *ledger);
SPH_HIDDEN void sph_unlock(struct sph_ledger *ledger);

/* Threads, each once, that have a record of their own: `used` is a copy of threads_used. */
static inline struct sph_ledger_thread *sph_thread_next(struct sph_ledger *ledger, uint64_t *used) {
    if (*used == 0)
        return NULL;
    uint32_t low = (uint32_t)*used; /* by halves: ARM has no instruction for 64 bits */
    int n = low != 0 ? __builtin_ctz(low) : 32 + __builtin_ctz((uint32_t)(*used >> 32));
    *used &= *used - 1;
    return &ledger->threads[n];
}

/* Under the lock. The owner of what lies at `address`, and its object (kind NONE: there is none).
 */
SPH_HIDDEN unsigned sph_owner_at(struct sph_ledger *ledger, uintptr_t address,
                                 struct sph_object *ret_object);

/* Under the lock. The owner's object is gone: its sites are not found any more, and its blocks stay
 * charged to them. `revive`: it is back, `delta` bytes further on. */
SPH_HIDDEN void sph_sites_retire(struct sph_ledger *ledger, unsigned owner);
SPH_HIDDEN void sph_sites_revive(struct sph_ledger *ledger, unsigned owner, uint64_t delta);

/* Site and owner for a call from `caller`, as they stand in an entry. */
SPH_HIDDEN uint32_t sph_charge(struct sph_ledger *ledger, struct sph_ledger_thread *thread,
                               uintptr_t caller);
/* A block of that site, or of that stack, is given back. */
SPH_HIDDEN void sph_site_free(struct sph_ledger *ledger, const struct sph_ledger_thread *thread,
                              unsigned site);
/* The same tag with a stack in the place of the site. */
SPH_HIDDEN uint32_t sph_stack_tag(struct sph_ledger *ledger, uint32_t tag, uintptr_t sp);

/* A call into the C library, by who would have to be found behind it. */
struct sph_behalf {
    uintptr_t sp, caller, frame; /* as sph_note_behalf() had them */
};
/* The innermost of them that is under way, was entered above `above`, and is another's than the C
 * library's; `sp` is the stack pointer of now. Changes nothing. */
SPH_HIDDEN bool sph_behalf_above(const struct sph_ledger *ledger,
                                 const struct sph_ledger_thread *thread, uintptr_t sp,
                                 uintptr_t above, struct sph_behalf *ret_behalf);

/* On whose behalf a call from a passing object at stack depth `sp` is; 0: its own. */
SPH_HIDDEN uintptr_t sph_behalf_find(struct sph_ledger *ledger, struct sph_ledger_thread *thread,
                                     uintptr_t sp);

#endif
