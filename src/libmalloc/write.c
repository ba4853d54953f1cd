/* The rare half of writing: threads that are new, leaves that are, and what was not expected. */
#include "libmalloc/write.h"

#include "libmalloc/back.h"
#include "libmalloc/books.h"

/* On one processor yielding may lead from one that waits to the next, and never to who holds it. */
enum { LOCK_YIELDS = 100, LOCK_TRIES = 200 };

bool sph_lock(struct sph_ledger *ledger) {
    for (unsigned i = 0; i < LOCK_TRIES; i++) {
        uint32_t value = 0;
        if (__atomic_compare_exchange_n(&ledger->lock, &value, 1, false, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED))
            return true;
        if (value > 1) {
            sph_lose(&ledger->losses.damaged);
            __atomic_compare_exchange_n(&ledger->lock, &value, 0, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED);
        }
        if (i < LOCK_YIELDS)
            sph_back_yield(ledger);
        else
            sph_back_rest(ledger);
    }
    return false;
}

void sph_unlock(struct sph_ledger *ledger) {
    __atomic_store_n(&ledger->lock, 0, __ATOMIC_RELEASE);
}

static void raise_peak(struct sph_ledger_owner *owner, uint64_t bytes) {
    uint64_t peak = sph_load(&owner->peak_bytes);
    while ((int64_t)bytes > (int64_t)peak &&
           !__atomic_compare_exchange_n(&owner->peak_bytes, &peak, bytes, true, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED)) {
    }
}

static void hand_over(struct sph_ledger *ledger, struct sph_ledger_thread *thread, unsigned owner) {
    struct sph_ledger_count *count = &thread->counts[owner];
    uint64_t live = count->live_bytes, delta = live - count->handed_over;
    count->handed_over = live;
    struct sph_ledger_owner *to = &ledger->owners[owner];
    raise_peak(to, __atomic_add_fetch(&to->flushed_bytes, delta, __ATOMIC_RELAXED));
}

/* The thread's live bytes of the owner are others now. */
static void settle_peak(struct sph_ledger *ledger, struct sph_ledger_thread *thread,
                        unsigned owner) {
    struct sph_ledger_count *count = &thread->counts[owner];
    if ((thread->mode & SPH_LEDGER_MODE_MANY) == 0) {
        if ((int64_t)count->live_bytes > (int64_t)count->handed_over)
            count->handed_over = count->live_bytes;
        if (count->handed_over > SPH_SIZE_MAX_BYTES) {
            thread->mode |= SPH_LEDGER_MODE_HUGE; /* the common path looks at new peaks only */
            sph_store(&thread->alone, 0);
        }
    } else if (sph_is_far(count->live_bytes, count)) {
        hand_over(ledger, thread, owner);
    }
}

/* A second thread comes: what the first one alone knew becomes everyone's. A call of its that is
 * under way may still take it for alone: then a block's bytes are not in what was handed over, and
 * the peak lacks them, which is told as not exact from now on. */
static void end_solitude(struct sph_ledger *ledger) {
    struct sph_ledger_thread *thread = &ledger->threads[0];
    if (__atomic_exchange_n(&ledger->is_alone, 0, __ATOMIC_ACQ_REL) != 1)
        return;
    sph_store(&thread->alone, 0);
    __atomic_fetch_or(&thread->mode, SPH_LEDGER_MODE_MANY, __ATOMIC_RELEASE);
    for (unsigned owner = 1; owner < SPH_LEDGER_OWNERS; owner++) {
        struct sph_ledger_count *count = &thread->counts[owner];
        raise_peak(&ledger->owners[owner], count->handed_over);
        count->handed_over = 0;
        if (count->live_bytes != 0)
            hand_over(ledger, thread, owner);
    }
}

/* See struct sph_ledger_slot. Whoever is first to see the last one unset does it, or does it too.
 */
static void unset_low_slots(struct sph_ledger *ledger) {
    for (unsigned i = 0; i < SPH_LEDGER_LEAVES; i++) {
        uint64_t *bias = &ledger->directory[i].bias, zero = 0;
        (void)__atomic_compare_exchange_n(bias, &zero, SPH_LEDGER_BIAS_NONE, false,
                                          __ATOMIC_RELEASE, __ATOMIC_RELAXED);
    }
}

static void begin_thread(struct sph_ledger *ledger, unsigned n) {
    struct sph_ledger_thread *thread = &ledger->threads[n];
    bool stacks = (ledger->config.flags & SPH_LEDGER_FLAG_STACKS) != 0;
    if (n == 0) {
        thread->mode = stacks ? SPH_LEDGER_MODE_STACKS : 0;
        sph_lose(&ledger->losses.threads_seen);
        __atomic_store_n(&ledger->is_alone, 1, __ATOMIC_RELEASE);
        sph_store(&thread->alone, stacks ? 0 : thread->pointer);
    } else {
        thread->mode = SPH_LEDGER_MODE_MANY | (stacks ? SPH_LEDGER_MODE_STACKS : 0);
        end_solitude(ledger);
        sph_lose(&ledger->losses.threads_seen);
    }
    __atomic_fetch_or(&ledger->threads_used, UINT64_C(1) << n, __ATOMIC_RELEASE);
}

struct sph_ledger_thread *sph_thread_slow(struct sph_ledger *ledger, uintptr_t pointer) {
    unsigned home = (unsigned)(sph_thread_at(ledger, pointer) - ledger->threads);
    if (__atomic_load_n(&ledger->directory[SPH_LEDGER_LEAVES - 1].bias, __ATOMIC_ACQUIRE) == 0)
        unset_low_slots(ledger);
    for (unsigned i = 0; i < SPH_THREAD_SHARED; i++) {
        unsigned n = i == 0 ? 0 : 1 + (home + SPH_THREAD_SHARED - 3 + i) % (SPH_THREAD_SHARED - 1);
        struct sph_ledger_thread *thread = &ledger->threads[n];
        uint64_t found = sph_load(&thread->pointer);
        if (found == pointer)
            return thread;
        if (found == 0 && __atomic_compare_exchange_n(&thread->pointer, &found, pointer, false,
                                                      __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
            begin_thread(ledger, n);
            return thread;
        }
    }
    struct sph_ledger_thread *shared = &ledger->threads[SPH_THREAD_SHARED];
    uint64_t none = 0;
    if (__atomic_compare_exchange_n(&shared->pointer, &none, 1, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_RELAXED))
        begin_thread(ledger, SPH_THREAD_SHARED);
    sph_lose(&ledger->losses.threads);
    return shared;
}

/* The slot of that MiB, or the free one where it would be; NULL: the directory is full. Where two
 * meet, the later one is far from others' places, and found the slow way. */
static struct sph_ledger_slot *find_slot(struct sph_ledger *ledger, uintptr_t block) {
    enum { STRIDE = 1021 };
    uint64_t mib = (block >> SPH_LEDGER_LEAF_SHIFT) + 1;
    size_t n = (size_t)(sph_slot_at(ledger, block) - ledger->directory);
    for (unsigned i = 0; i < SPH_LEDGER_DIRECTORY; i++, n += STRIDE) {
        struct sph_ledger_slot *slot = &ledger->directory[n % SPH_LEDGER_DIRECTORY];
        uint64_t found = sph_load(&slot->mib);
        if (found == mib || found == 0)
            return slot;
    }
    return NULL;
}

/* SPH_LEDGER_ENTRIES: it has none. */
static size_t look_up_number(struct sph_ledger *ledger, uintptr_t block) {
    const struct sph_ledger_slot *slot = find_slot(ledger, block);
    if (slot == NULL || slot->mib == 0)
        return SPH_LEDGER_ENTRIES;
    size_t number = sph_entry_number(slot, block); /* the slot may be half made, or damaged */
    return number < SPH_LEDGER_ENTRIES ? number : SPH_LEDGER_ENTRIES;
}

/* Under the lock: a leaf for that MiB, if it has none and there is room. */
static void make_leaf(struct sph_ledger *ledger, uintptr_t block) {
    struct sph_ledger_slot *slot = find_slot(ledger, block);
    uint32_t n = __atomic_load_n(&ledger->n_leaves, __ATOMIC_RELAXED) + 1;
    if (slot == NULL || slot->mib != 0 || n >= SPH_LEDGER_LEAVES)
        return;
    uint64_t mib = block >> SPH_LEDGER_LEAF_SHIFT;
    __atomic_store_n(&ledger->n_leaves, n, __ATOMIC_RELAXED);
    sph_store(&slot->mib, mib + 1);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    sph_store(&slot->bias, (n - mib) * SPH_LEDGER_LEAF_ENTRIES);
}

static size_t make_number(struct sph_ledger *ledger, uintptr_t block) {
    size_t number = look_up_number(ledger, block);
    if (number == SPH_LEDGER_ENTRIES && sph_lock(ledger)) {
        make_leaf(ledger, block);
        sph_unlock(ledger);
        number = look_up_number(ledger, block);
    }
    if (number == SPH_LEDGER_ENTRIES)
        sph_lose(&ledger->losses.blocks);
    return number;
}

static unsigned owner_of(uint64_t value) {
    return (unsigned)(value >> SPH_LEDGER_OWNER_SHIFT) & SPH_OWNER_MASK;
}

static void count_free(struct sph_ledger *ledger, struct sph_ledger_thread *thread,
                       uint64_t value) {
    struct sph_ledger_count *count = sph_count_of(thread, value);
    count->frees++;
    count->live_bytes -= sph_entry_bytes(value);
    settle_peak(ledger, thread, owner_of(value));
}

static void put(struct sph_ledger *ledger, void *block, uint64_t bytes, uintptr_t caller,
                uintptr_t sp) {
    struct sph_ledger_thread *thread = sph_thread(ledger); /* the first one readies the directory */
    size_t number = make_number(ledger, (uintptr_t)block);
    if (number == SPH_LEDGER_ENTRIES)
        return;
    bool large = sph_is_large(bytes);
    uint64_t *entry = sph_entry_of(ledger, number, large);
    uint32_t tag = sph_charge(ledger, thread, caller);
    uint64_t old = sph_load(entry);
    if (old != 0) {
        sph_lose(&ledger->losses.replaced);
        count_free(ledger, thread, old);
    }
    if (bytes > SPH_SIZE_MAX_BYTES)
        bytes = SPH_SIZE_MAX_BYTES;
    struct sph_ledger_count *count = sph_count_of(thread, tag);
    count->allocations++;
    count->live_bytes += bytes;
    settle_peak(ledger, thread, owner_of(tag));
    if ((thread->mode & SPH_LEDGER_MODE_STACKS) != 0)
        tag = sph_stack_tag(ledger, tag, sp);
    sph_store(entry, sph_entry_value(bytes, tag, number, large));
}

static bool is_one_of_many(struct sph_ledger *ledger) {
    uintptr_t pointer = sph_thread_pointer();
    return sph_thread_at(ledger, pointer)->alone != pointer;
}

/* As the hooks do, for whatever thread and block it is. */
static bool try_alloc(struct sph_ledger *ledger, void *block, size_t bytes, uintptr_t caller) {
    return sph_try_alloc(ledger, (uintptr_t)block, bytes, caller, is_one_of_many(ledger),
                         sph_is_large(bytes));
}

/* Who is charged for a call from there, where that is at hand: the caller, or who asked it; 0: it
 * is not known here. */
static uintptr_t find_charged(struct sph_ledger *ledger, uintptr_t caller) {
    uintptr_t pointer = sph_thread_pointer();
    struct sph_ledger_thread *thread = sph_thread_at(ledger, pointer);
    if (thread->pointer != pointer)
        return 0;
    uint64_t at_hand = sph_recent_at(thread, caller)->address;
    if (at_hand != (caller | SPH_LEDGER_RECENT_PASSES))
        return at_hand == caller ? caller : 0;
    return sph_behalf_find(ledger, thread, (uintptr_t)__builtin_frame_address(0));
}

void *sph_note_alloc_slow(struct sph_ledger *ledger, void *block, size_t bytes, uintptr_t caller,
                          uintptr_t sp) {
    /* What mostly comes here: a large block of the only thread. */
    if (sph_is_large(bytes) && sph_try_alloc(ledger, (uintptr_t)block, bytes, caller, false, true))
        return block;
    uintptr_t charged = find_charged(ledger, caller);
    if (block != NULL && (charged == 0 || !try_alloc(ledger, block, bytes, charged)))
        put(ledger, block, bytes, caller, sp != 0 ? sp : (uintptr_t)__builtin_frame_address(0));
    return block;
}

/* Where the block's entry is; NULL: it has none. */
static uint64_t *find_entry(struct sph_ledger *ledger, uintptr_t block) {
    size_t number = look_up_number(ledger, block);
    if (number == SPH_LEDGER_ENTRIES)
        return NULL;
    uint64_t *small = sph_entry(ledger, number), *large = sph_entry_of(ledger, number, true);
    if (sph_is_at(sph_load(large), number))
        return large;
    return sph_load(small) != 0 ? small : NULL;
}

/* Takes the block's entry out, with its bytes; 0: it has none. The block may be NULL. */
static uint64_t take(struct sph_ledger *ledger, uintptr_t block) {
    uint64_t *entry = find_entry(ledger, block);
    if (entry == NULL)
        return 0;
    uint64_t value = sph_load(entry);
    sph_store(entry, 0);
    count_free(ledger, sph_thread(ledger), value);
    return value;
}

bool sph_note_free_slow(struct sph_ledger *ledger, void *block) {
    if (sph_try_free(ledger, (uintptr_t)block, false, true) || /* what mostly comes here */
        sph_try_free(ledger, (uintptr_t)block, true, true) ||
        sph_try_free(ledger, (uintptr_t)block, true, false))
        return true;
    uint64_t taken = take(ledger, (uintptr_t)block);
    sph_note_realloc_freed(ledger, taken);
    return taken != 0;
}

void sph_note_unknown(struct sph_ledger *ledger) {
    sph_lose(&ledger->losses.unknown_frees);
}

uint64_t sph_note_realloc(struct sph_ledger *ledger, void *block) {
    bool many = is_one_of_many(ledger);
    uint64_t taken;
    if (sph_try_take(ledger, (uintptr_t)block, many, false, &taken) ||
        sph_try_take(ledger, (uintptr_t)block, many, true, &taken))
        return taken;
    taken = take(ledger, (uintptr_t)block);
    if (taken == 0 && block != NULL)
        sph_note_unknown(ledger);
    return taken;
}

/* A block that grows or shrinks at its own site was not given back: the site may still be one that
 * never lets go. */
void sph_note_realloc_end(struct sph_ledger *ledger, uint64_t taken, void *block, size_t bytes,
                          uintptr_t caller, uintptr_t sp) {
    (void)sph_note_alloc(ledger, block, bytes, caller,
                         sp != 0 ? sp : (uintptr_t)__builtin_frame_address(0));
    if (taken == 0 || (taken & SPH_LEDGER_ENTRY_FREES) != 0)
        return;
    const uint64_t *entry = find_entry(ledger, (uintptr_t)block);
    if (entry == NULL || sph_entry_site(sph_load(entry)) != sph_entry_site(taken))
        sph_note_realloc_freed(ledger, taken);
}

void sph_note_realloc_failed(struct sph_ledger *ledger, uint64_t taken, void *block) {
    size_t number = look_up_number(ledger, (uintptr_t)block);
    if (taken == 0 || number == SPH_LEDGER_ENTRIES) /* somebody wrote over the directory */
        return;
    struct sph_ledger_count *count = sph_count_of(sph_thread(ledger), taken);
    uint64_t bytes = sph_entry_bytes(taken);
    count->frees--;
    count->live_bytes += bytes;
    sph_store(sph_entry_of(ledger, number, sph_is_large(bytes)), taken);
}

void sph_note_realloc_freed(struct sph_ledger *ledger, uint64_t taken) {
    if (taken != 0)
        sph_site_free(ledger, sph_thread(ledger), sph_entry_site(taken));
}
