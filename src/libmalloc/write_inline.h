/* write_inline: the common path of write.h, in each hook. Included by it alone.
 *
 * Each half first looks whether all is as usual, and only then writes: so it needs no call, keeps
 * few registers, and what is unusual starts again in the functions below, which do everything. */
#ifndef SPH_LIBMALLOC_WRITE_INLINE_H
#define SPH_LIBMALLOC_WRITE_INLINE_H

SPH_SLOW struct sph_ledger_thread *sph_thread_slow(struct sph_ledger *ledger, uintptr_t pointer);
SPH_HIDDEN void *sph_note_alloc_slow(struct sph_ledger *ledger, void *block, size_t bytes,
                                     uintptr_t caller, uintptr_t sp);
SPH_SLOW bool sph_note_free_slow(struct sph_ledger *ledger, void *block);

/* Upper bits of a product: near addresses, and far ones at round distances, spread alike. */
static inline uint32_t sph_hash(uintptr_t value, unsigned bits) {
    return ((uint32_t)value * UINT32_C(0x9E3779B1)) >> (32 - bits);
}

/* Threads' stacks, at whose ends the pointers are, lie an odd number of pages apart: guard pages.
 */
static inline unsigned sph_thread_slot(uintptr_t pointer) {
    return (unsigned)(pointer / sizeof(struct sph_ledger_thread)) % SPH_LEDGER_THREADS;
}

static inline struct sph_ledger_thread *sph_thread_at(struct sph_ledger *ledger,
                                                      uintptr_t pointer) {
    uintptr_t offset = pointer & (SPH_LEDGER_THREADS - 1) * sizeof(struct sph_ledger_thread);
    return (struct sph_ledger_thread *)((char *)ledger->threads + offset);
}

static inline struct sph_ledger_thread *sph_thread(struct sph_ledger *ledger) {
    uintptr_t pointer = sph_thread_pointer();
    struct sph_ledger_thread *thread = sph_thread_at(ledger, pointer);
    return SPH_LIKELY(thread->pointer == pointer) ? thread : sph_thread_slow(ledger, pointer);
}

/* Last address of the block's MiB. */
static inline uint64_t sph_last_of(uintptr_t block) {
    return block | ((UINT64_C(1) << SPH_LEDGER_LEAF_SHIFT) - 1);
}

/* The slot that the block's MiB hashes to: its leaf is there, or further on, or not yet. */
static inline struct sph_ledger_slot *sph_slot_at(struct sph_ledger *ledger, uintptr_t block) {
    return &ledger->directory[sph_hash((uintptr_t)sph_last_of(block), 8)];
}

/* Whether it is there. Another thread may be making the slot: its leaf is looked at afterwards. */
static inline bool sph_slot_is_of(const struct sph_ledger_slot *slot, uintptr_t block, bool many) {
    uint64_t last = sph_load(&slot->last);
    if (many)
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return last == sph_last_of(block);
}

_Static_assert((SPH_LEDGER_LEAVES & (SPH_LEDGER_LEAVES - 1)) == 0, "sph_entry_at() masks with it");

/* Within the leaves, whatever stands in the slot. */
static inline uint64_t *sph_entry_at(struct sph_ledger *ledger, const struct sph_ledger_slot *slot,
                                     uintptr_t block) {
    size_t leaf = (size_t)slot->at & (size_t)(SPH_LEDGER_LEAVES - 1) * SPH_LEDGER_LEAF_BYTES;
    size_t entry = block >> (SPH_LEDGER_GRANULE_SHIFT - 3) & (SPH_LEDGER_LEAF_BYTES - 8);
    return (uint64_t *)((char *)ledger->leaves + leaf + entry);
}

/* By bits of the address: calls are longer than a few bytes, so neighbours seldom meet. */
static inline struct sph_ledger_recent *sph_recent_at(struct sph_ledger_thread *thread,
                                                      uintptr_t caller) {
    _Static_assert(sizeof(thread->recent[0]) == 16, "an index and an offset alike");
    return (struct sph_ledger_recent *)((char *)thread->recent +
                                        (caller & (SPH_LEDGER_RECENT - 1) * 16));
}

_Static_assert(sizeof(struct sph_ledger_count) == 1 << 5, "as sph_count_of() takes it");

/* By the owner in the entry's upper half. */
static inline struct sph_ledger_count *sph_count_of(struct sph_ledger_thread *thread,
                                                    uint64_t value) {
    size_t offset = (size_t)(value >> (SPH_LEDGER_OWNER_SHIFT - 5)) & SPH_OWNER_MASK << 5;
    return (struct sph_ledger_count *)((char *)thread->counts + offset);
}

static inline unsigned sph_entry_site(uint64_t value) {
    return (unsigned)(value >> SPH_LEDGER_SITE_SHIFT) & SPH_SITE_MASK;
}

static inline bool sph_is_far(uint64_t live, const struct sph_ledger_count *count) {
    return live - count->handed_over + SPH_HAND_OVER_BYTES > 2 * SPH_HAND_OVER_BYTES;
}

/* The usual case of a process with one thread (`many` false), or with several. */
static inline __attribute__((always_inline)) bool sph_try_alloc(struct sph_ledger *ledger,
                                                                uintptr_t block, uint64_t bytes,
                                                                uintptr_t caller, bool many) {
    uintptr_t pointer = sph_thread_pointer();
    struct sph_ledger_thread *thread = sph_thread_at(ledger, pointer);
    const struct sph_ledger_slot *slot = sph_slot_at(ledger, block);
    struct sph_ledger_recent *recent = sph_recent_at(thread, caller);
    if (SPH_UNLIKELY((many ? thread->pointer : thread->alone) != pointer) ||
        SPH_UNLIKELY(!sph_slot_is_of(slot, block, many)) || SPH_UNLIKELY(recent->address != caller))
        return false;
    uint64_t *entry = sph_entry_at(ledger, slot, block);
    if (SPH_UNLIKELY((sph_load(entry) | bytes >> SPH_LEDGER_SIZE_BITS) != 0))
        return false;
    uint32_t upper; /* site, owner, and a byte that is moved out */
    __builtin_memcpy(&upper, &recent->site, sizeof(upper));
    uint64_t value = (uint64_t)upper << SPH_LEDGER_SITE_SHIFT | bytes;
    struct sph_ledger_count *count = sph_count_of(thread, value);
    uint64_t live = count->live_bytes + bytes;
    if (many && ((thread->mode & SPH_LEDGER_MODE_STACKS) != 0 || sph_is_far(live, count)))
        return false;
    recent->pending++;
    count->allocations++;
    count->live_bytes = live;
    if (!many && (int64_t)live > (int64_t)count->handed_over)
        count->handed_over = live;
    sph_store(entry, value);
    return true;
}

/* Whether the site is known to give blocks back. An entry of 0 has no flag, and site 0 never does:
 * one test for all. The site itself is asked for blocks that were made before it was known. */
static inline bool sph_is_freed(const struct sph_ledger *ledger, uint64_t value) {
    return SPH_LIKELY((value & SPH_LEDGER_ENTRY_FREES) != 0) ||
           ledger->sites[sph_entry_site(value) % SPH_LEDGER_SITES].freed;
}

static inline __attribute__((always_inline)) bool sph_try_free(struct sph_ledger *ledger,
                                                               uintptr_t block, bool many) {
    uintptr_t pointer = sph_thread_pointer();
    struct sph_ledger_thread *thread = sph_thread_at(ledger, pointer);
    const struct sph_ledger_slot *slot = sph_slot_at(ledger, block);
    if (SPH_UNLIKELY((many ? thread->pointer : thread->alone) != pointer) ||
        SPH_UNLIKELY(!sph_slot_is_of(slot, block, many)))
        return false;
    uint64_t *entry = sph_entry_at(ledger, slot, block);
    uint64_t value = sph_load(entry);
    struct sph_ledger_count *count = sph_count_of(thread, value);
    uint64_t live = count->live_bytes - (value & SPH_SIZE_MAX_BYTES);
    if (SPH_UNLIKELY(!sph_is_freed(ledger, value)) ||
        (many && ((thread->mode & SPH_LEDGER_MODE_STACKS) != 0 || sph_is_far(live, count))))
        return false;
    sph_store(entry, 0);
    count->frees++;
    count->live_bytes = live;
    return true;
}

static inline void *sph_note_alloc(struct sph_ledger *ledger, void *block, size_t bytes,
                                   uintptr_t caller, uintptr_t sp) {
    if (SPH_LIKELY(sph_try_alloc(ledger, (uintptr_t)block, bytes, caller, false)))
        return block;
    return sph_note_alloc_slow(ledger, block, bytes, caller, sp);
}

static inline bool sph_note_free(struct sph_ledger *ledger, void *block) {
    return SPH_LIKELY(sph_try_free(ledger, (uintptr_t)block, false)) ||
           sph_note_free_slow(ledger, block);
}

static inline bool sph_is_within(struct sph_ledger *ledger, uintptr_t sp) {
    uint64_t busy = sph_thread(ledger)->busy_sp;
    return SPH_UNLIKELY(busy > sp && busy - sp < SPH_NEST_BYTES);
}

static inline void sph_enter(struct sph_ledger *ledger, uintptr_t sp) {
    sph_thread(ledger)->busy_sp = sp;
}

static inline void sph_leave(struct sph_ledger *ledger) {
    sph_thread(ledger)->busy_sp = 0;
}

#endif
