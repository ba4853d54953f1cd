/* write: keeps the heap ledger of the process that it runs in.
 *
 * The hooks of both C libraries call it around the real functions. It uses no libc, no lock in the
 * common path and no memory but the region and its caller's stack; it never fails (what it cannot
 * keep it counts, struct sph_ledger_losses) and believes nothing that it reads from the region: a
 * stray write of the app may spoil figures, never the app.
 *
 * `sp` is the frame of the hook that calls (__builtin_frame_address(0)), or 0 in a hook that ends
 * in the call and has no frame. It serves stacks alone. `caller` is the hook's return address, with
 * the thumb bit on ARM. */
#ifndef SPH_LIBMALLOC_WRITE_H
#define SPH_LIBMALLOC_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libmalloc/arch.h"
#include "wire/ledger.h"

#define SPH_LIKELY(x) __builtin_expect(!!(x), 1)
#define SPH_UNLIKELY(x) __builtin_expect(!!(x), 0)
/* Seen by our own files alone, so that no call goes through a table that the loader must write. */
#define SPH_HIDDEN __attribute__((visibility("hidden")))
#define SPH_SLOW __attribute__((visibility("hidden"), cold, noinline))

enum {
    SPH_NEST_BYTES = 4096, /* of stack, at most, between a hook and one that it calls itself */
    SPH_OWNER_MASK = SPH_LEDGER_OWNERS - 1,
    SPH_SITE_MASK = (1 << SPH_LEDGER_SITE_BITS) - 1,
    SPH_TAG_MASK = (1 << SPH_LEDGER_SIZE_SHIFT) - 1,
};
/* Bytes that a thread and an owner may be ahead of flushed_bytes: peaks are less exact by so much
 * for each thread, and rarer writes to what threads share pay for it. */
#define SPH_HAND_OVER_BYTES UINT64_C(4096)
#define SPH_SIZE_MAX_BYTES ((UINT64_C(1) << SPH_LEDGER_SIZE_BITS) - 1)

/* Whether there is a ledger to write; `ledger` is where one would be, its first page is there. */
static inline bool sph_ledger_is_on(const struct sph_ledger *ledger) {
    return ledger->config.magic == SPH_LEDGER_MAGIC &&
           ledger->config.version == SPH_LEDGER_VERSION && ledger->config.state == SPH_LEDGER_ON &&
           ledger->config.region_bytes >= sizeof(*ledger);
}

/* A block was made. Called after the real function, with what was asked for. Gives the block, so
 * that a hook can end in it. */
static inline void *sph_note_alloc(struct sph_ledger *ledger, void *block, size_t bytes,
                                   uintptr_t caller, uintptr_t sp);
/* A block is about to be given back: sph_try_free(), and where that is false, sph_note_free_slow(),
 * which a hook best reaches by a jump. Before the real function: afterwards another thread may have
 * the block. False from both: it is not in the ledger; sph_note_unknown() counts that, where the
 * hook cannot explain it. */
/* Around the real realloc: the entry that was taken out before it, 0 when the block had none, and
 * then exactly one of the _end, _freed and _failed functions. A block of NULL is fine. */
SPH_HIDDEN uint64_t sph_note_realloc(struct sph_ledger *ledger, void *block);
SPH_HIDDEN void sph_note_realloc_end(struct sph_ledger *ledger, uint64_t taken, void *block,
                                     size_t bytes, uintptr_t caller, uintptr_t sp);
SPH_HIDDEN void sph_note_realloc_freed(struct sph_ledger *ledger, uint64_t taken);
SPH_HIDDEN void sph_note_realloc_failed(struct sph_ledger *ledger, uint64_t taken, void *block);
SPH_SLOW void sph_note_unknown(struct sph_ledger *ledger);

/* `caller` calls a function that will allocate for it; `sp` is the stack pointer at the function's
 * entry (on x86-64 it points to the return address), and `frame` what the caller has in its frame
 * pointer, or 0. Nothing is to be called when it returns. */
SPH_HIDDEN void sph_note_behalf(struct sph_ledger *ledger, uintptr_t sp, uintptr_t caller,
                                uintptr_t frame);
/* After a dlclose(): looks which objects are gone. */
SPH_HIDDEN void sph_note_unload(struct sph_ledger *ledger);

/* For an allocator that calls its own hooked functions (musl's calloc calls malloc): the outer hook
 * enters before the real function and leaves after it; one that finds itself within another passes
 * its call on and notes nothing. By stack depth, so that a longjmp() out of it leaves nothing
 * behind. */
static inline bool sph_is_within(struct sph_ledger *ledger, uintptr_t sp);
static inline void sph_enter(struct sph_ledger *ledger, uintptr_t sp);
static inline void sph_leave(struct sph_ledger *ledger);

#include "libmalloc/write_inline.h"

#endif
