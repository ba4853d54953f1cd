/* write_inline: the common path of write.h, in each hook. Included by it alone.
 *
 * Each half first looks whether all is as usual, and only then writes: so it needs no call, keeps
 * few registers, and what is unusual starts again in the functions below, which do everything. */
#ifndef SPH_LIBMALLOC_WRITE_INLINE_H
#define SPH_LIBMALLOC_WRITE_INLINE_H

SPH_SLOW struct sph_ledger_thread *sph_thread_slow(struct sph_ledger *ledger, uintptr_t pointer);
SPH_HIDDEN void *sph_note_alloc_slow(struct sph_ledger *ledger, void *block, size_t bytes,
                                     uintptr_t caller, uintptr_t sp);
SPH_HIDDEN bool sph_note_free_slow(struct sph_ledger *ledger, void *block);

/* Upper bits of a product: near addresses, and far ones at round distances, spread alike. */
static inline uint32_t sph_hash(uintptr_t value, unsigned bits) {
    return ((uint32_t)value * UINT32_C(0x9E3779B1)) >> (32 - bits);
}

/* The first thread's record is the first. Of the others it is where their pointer leads, or further
 * on: threads' stacks, at whose ends the pointers are, lie an odd number of pages apart, for their
 * guard pages. */
static inline struct sph_ledger_thread *sph_thread_at(struct sph_ledger *ledger,
                                                      uintptr_t pointer) {
    if (ledger->threads[0].pointer == pointer)
        return &ledger->threads[0];
    uintptr_t offset = pointer & (SPH_LEDGER_THREADS - 1) * sizeof(struct sph_ledger_thread);
    return (struct sph_ledger_thread *)((char *)ledger->threads + offset);
}

static inline struct sph_ledger_thread *sph_thread(struct sph_ledger *ledger) {
    uintptr_t pointer = sph_thread_pointer();
    struct sph_ledger_thread *thread = sph_thread_at(ledger, pointer);
    return SPH_LIKELY(thread->pointer == pointer) ? thread : sph_thread_slow(ledger, pointer);
}

enum { SPH_LEDGER_ENTRIES = SPH_LEDGER_LEAVES * SPH_LEDGER_LEAF_ENTRIES };

/* Where the leaf of the block's MiB is noted, unless another MiB has that place. */
static inline struct sph_ledger_slot *sph_slot_at(struct sph_ledger *ledger, uintptr_t block) {
    _Static_assert(sizeof(struct sph_ledger_slot) == 1 << 4, "an index and an offset alike");
    size_t offset = block >> (SPH_LEDGER_LEAF_SHIFT - 4) & (SPH_LEDGER_DIRECTORY - 1) << 4;
    return (struct sph_ledger_slot *)((char *)ledger->directory + offset);
}

/* Number of the block's entry by what stands in a slot: SPH_LEDGER_ENTRIES or more when the leaf is
 * not the block's. */
static inline size_t sph_entry_number(const struct sph_ledger_slot *slot, uintptr_t block) {
    size_t number = (block >> SPH_LEDGER_GRANULE_SHIFT) + sph_read_low(&slot->bias);
    __asm__("" : "+r"(number)); /* read once: what is checked is what is used */
    return number;
}

static inline uint64_t *sph_entry(struct sph_ledger *ledger, size_t number) {
    uint64_t *entries = (uint64_t *)(void *)ledger->leaves; /* of all leaves, one after another */
    return &entries[number];
}

/* By bits of the address: calls are longer than a few bytes, so neighbours seldom meet. */
static inline struct sph_ledger_recent *sph_recent_at(struct sph_ledger_thread *thread,
                                                      uintptr_t caller) {
    _Static_assert(sizeof(thread->recent[0]) == 16, "an index and an offset alike");
    return (struct sph_ledger_recent *)((char *)thread->recent +
                                        (caller & (SPH_LEDGER_RECENT - 1) << 4));
}

_Static_assert(sizeof(struct sph_ledger_count) == 1 << 5, "as sph_count_of() takes it");

/* By the owner in an entry. */
static inline struct sph_ledger_count *sph_count_of(struct sph_ledger_thread *thread,
                                                    uint64_t value) {
    size_t offset = (size_t)(value >> (SPH_LEDGER_OWNER_SHIFT - 5)) & SPH_OWNER_MASK << 5;
    return (struct sph_ledger_count *)((char *)thread->counts + offset);
}

static inline unsigned sph_entry_site(uint64_t value) {
    return (unsigned)(value >> SPH_LEDGER_SITE_SHIFT) & SPH_SITE_MASK;
}

static inline uint64_t sph_entry_bytes(uint64_t value) {
    return value >> SPH_LEDGER_SIZE_SHIFT;
}

static inline bool sph_is_far(uint64_t live, const struct sph_ledger_count *count) {
    return live - count->handed_over + SPH_HAND_OVER_BYTES > 2 * SPH_HAND_OVER_BYTES;
}

static inline bool sph_is_large(uint64_t bytes) {
    return bytes >= SPH_LEDGER_LARGE_BYTES;
}

/* A large block shares the entry of its 256 bytes with the other places in them, and the entry says
 * whose it is. */
static inline uint64_t *sph_entry_of(struct sph_ledger *ledger, size_t number, bool large) {
    uint64_t *entries = (uint64_t *)(void *)ledger->large;
    return large ? &entries[number / SPH_LEDGER_LARGE_PLACES] : sph_entry(ledger, number);
}

static inline uint64_t sph_place_bits(size_t number) {
    return (uint64_t)(number % SPH_LEDGER_LARGE_PLACES) << SPH_LEDGER_PLACE_SHIFT;
}

static inline uint64_t sph_entry_value(uint64_t bytes, uint32_t tag, size_t number, bool large) {
    return bytes << SPH_LEDGER_SIZE_SHIFT | tag | (large ? sph_place_bits(number) : 0);
}

static inline bool sph_is_at(uint64_t large, size_t number) {
    return large != 0 && (large & SPH_LEDGER_PLACE_MASK) == sph_place_bits(number);
}

/* What a call may be besides the usual: of one of several threads (`many`), of a large block. The
 * hooks try with constants, so that nothing is left of what they are not. A block that is NULL has
 * no leaf. */
static inline __attribute__((always_inline)) bool sph_try_alloc(struct sph_ledger *ledger,
                                                                uintptr_t block, uint64_t bytes,
                                                                uintptr_t caller, bool many,
                                                                bool large) {
    uintptr_t pointer = sph_thread_pointer();
    struct sph_ledger_thread *thread = many ? sph_thread_at(ledger, pointer) : &ledger->threads[0];
    struct sph_ledger_recent *recent = sph_recent_at(thread, caller);
    size_t number = sph_entry_number(sph_slot_at(ledger, block), block);
    if (SPH_UNLIKELY((many ? thread->pointer : thread->alone) != pointer) ||
        SPH_UNLIKELY(number >= SPH_LEDGER_ENTRIES) || SPH_UNLIKELY(recent->address != caller) ||
        SPH_UNLIKELY(large != sph_is_large(bytes)))
        return false;
    uint64_t *entry = sph_entry_of(ledger, number, large);
    uint32_t tag = recent->tag;
    struct sph_ledger_count *count = sph_count_of(thread, tag);
    uint64_t live = count->live_bytes + bytes;
    if (SPH_UNLIKELY(*entry != 0)) /* it is the block's owner's alone: no other thread writes it */
        return false;
    if (large && SPH_UNLIKELY(bytes > SPH_SIZE_MAX_BYTES))
        return false;
    if (many) {
        if ((thread->mode & ~(uint32_t)SPH_LEDGER_MODE_MANY) != 0 || sph_is_far(live, count))
            return false;
    } else if ((int64_t)live > (int64_t)count->handed_over) {
        if (SPH_UNLIKELY(live > SPH_SIZE_MAX_BYTES))
            return false;
        count->handed_over = live;
    }
    recent->pending++;
    count->allocations++;
    count->live_bytes = live;
    sph_store(entry, sph_entry_value(bytes, tag, number, large));
    return true;
}

/* Whether the site is known to give blocks back. An entry of 0 has no flag, and site 0 never does:
 * one test for all. The site itself is asked for blocks that were made before it was known. */
static inline bool sph_is_freed(const struct sph_ledger *ledger, uint64_t value) {
    return SPH_LIKELY((value & SPH_LEDGER_ENTRY_FREES) != 0) ||
           ledger->sites[sph_entry_site(value) % SPH_LEDGER_SITES].freed;
}

/* The entry is taken out. With `ret_moved` it is to be put back elsewhere: it goes there, and who
 * calls sees to the site. */
static inline __attribute__((always_inline)) bool sph_try_take(struct sph_ledger *ledger,
                                                               uintptr_t block, bool many,
                                                               bool large, uint64_t *ret_moved) {
    uintptr_t pointer = sph_thread_pointer();
    struct sph_ledger_thread *thread = many ? sph_thread_at(ledger, pointer) : &ledger->threads[0];
    size_t number = sph_entry_number(sph_slot_at(ledger, block), block);
    if (SPH_UNLIKELY((many ? thread->pointer : thread->alone) != pointer) ||
        SPH_UNLIKELY(number >= SPH_LEDGER_ENTRIES))
        return false;
    uint64_t *entry = sph_entry_of(ledger, number, large);
    uint64_t value = sph_load(entry);
    struct sph_ledger_count *count = sph_count_of(thread, value);
    uint64_t live = count->live_bytes - sph_entry_bytes(value);
    if (SPH_UNLIKELY(ret_moved ? value == 0 : !sph_is_freed(ledger, value)) ||
        (large && !sph_is_at(value, number)) ||
        (many &&
         ((thread->mode & ~(uint32_t)SPH_LEDGER_MODE_MANY) != 0 || sph_is_far(live, count))))
        return false;
    sph_store(entry, 0);
    count->frees++;
    count->live_bytes = live;
    if (ret_moved)
        *ret_moved = value;
    return true;
}

/* A block is looked for among the small ones first: those are most. */
static inline __attribute__((always_inline)) bool
sph_try_free(struct sph_ledger *ledger, uintptr_t block, bool many, bool large) {
    return sph_try_take(ledger, block, many, large, NULL);
}

static inline void *sph_note_alloc(struct sph_ledger *ledger, void *block, size_t bytes,
                                   uintptr_t caller, uintptr_t sp) {
    if (SPH_LIKELY(sph_try_alloc(ledger, (uintptr_t)block, bytes, caller, false, false)))
        return block;
    return sph_note_alloc_slow(ledger, block, bytes, caller, sp);
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
