/* The rare half of writing: threads that are new, leaves that are, and what was not expected. */
#include "libmalloc/write.h"

#include "libmalloc/back.h"
#include "libmalloc/books.h"

enum { LOCK_TRIES = 1000 };

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
        sph_back_yield(ledger);
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
    } else if (sph_is_far(count->live_bytes, count)) {
        hand_over(ledger, thread, owner);
    }
}

/* A second thread comes: what the first one alone knew becomes everyone's. A call of its that is
 * under way may still take it for alone: then a block's bytes are not in what was handed over, and
 * the peak lacks them, which is told as not exact from now on. */
static void end_solitude(struct sph_ledger *ledger) {
    uint32_t first = __atomic_exchange_n(&ledger->first_thread, 0, __ATOMIC_ACQ_REL);
    if (first == 0 || first > SPH_LEDGER_THREADS)
        return;
    struct sph_ledger_thread *thread = &ledger->threads[first - 1];
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

static void begin_thread(struct sph_ledger *ledger, unsigned n) {
    struct sph_ledger_thread *thread = &ledger->threads[n];
    bool stacks = (ledger->config.flags & SPH_LEDGER_FLAG_STACKS) != 0;
    uint64_t none = 0;
    if (__atomic_compare_exchange_n(&ledger->losses.threads_seen, &none, 1, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_RELAXED)) {
        thread->mode = stacks ? SPH_LEDGER_MODE_STACKS : 0;
        sph_store(&thread->alone, stacks ? 0 : thread->pointer);
        __atomic_store_n(&ledger->first_thread, n + 1, __ATOMIC_RELEASE);
    } else {
        thread->mode = SPH_LEDGER_MODE_MANY | (stacks ? SPH_LEDGER_MODE_STACKS : 0);
        end_solitude(ledger);
        sph_lose(&ledger->losses.threads_seen);
    }
    __atomic_fetch_or(&ledger->threads_used, UINT64_C(1) << n, __ATOMIC_RELEASE);
}

struct sph_ledger_thread *sph_thread_slow(struct sph_ledger *ledger, uintptr_t pointer) {
    unsigned n = (unsigned)(sph_thread_at(ledger, pointer) - ledger->threads);
    for (unsigned i = 0; i < SPH_THREAD_SHARED; i++, n++) {
        if (n >= SPH_THREAD_SHARED)
            n = 0;
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

/* The slot of that MiB, or the free one where it would be; NULL: the directory is full. */
static struct sph_ledger_slot *find_slot(struct sph_ledger *ledger, uintptr_t block) {
    uint64_t last = sph_last_of(block);
    size_t n = (size_t)(sph_slot_at(ledger, block) - ledger->directory);
    for (unsigned i = 0; i < SPH_LEDGER_DIRECTORY; i++, n++) {
        struct sph_ledger_slot *slot = &ledger->directory[n % SPH_LEDGER_DIRECTORY];
        uint64_t found = sph_load(&slot->last);
        if (found == last || found == 0)
            return slot;
    }
    return NULL;
}

static uint64_t *look_up_entry(struct sph_ledger *ledger, uintptr_t block) {
    const struct sph_ledger_slot *slot = find_slot(ledger, block);
    return slot != NULL && sph_slot_is_of(slot, block, true) ? sph_entry_at(ledger, slot, block)
                                                             : NULL;
}

/* Under the lock: the slot of that MiB, with a leaf; NULL: there is no room. */
static struct sph_ledger_slot *make_slot(struct sph_ledger *ledger, uintptr_t block) {
    struct sph_ledger_slot *slot = find_slot(ledger, block);
    uint32_t n = __atomic_load_n(&ledger->n_leaves, __ATOMIC_RELAXED) + 1;
    if (slot == NULL || slot->last != 0)
        return slot;
    if (n >= SPH_LEDGER_LEAVES)
        return NULL;
    __atomic_store_n(&ledger->n_leaves, n, __ATOMIC_RELAXED);
    sph_store(&slot->at, (uint64_t)n * SPH_LEDGER_LEAF_BYTES);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    sph_store(&slot->last, sph_last_of(block));
    return slot;
}

static uint64_t *make_entry(struct sph_ledger *ledger, uintptr_t block) {
    uint64_t *entry = look_up_entry(ledger, block);
    if (entry == NULL && sph_lock(ledger)) {
        const struct sph_ledger_slot *slot = make_slot(ledger, block);
        sph_unlock(ledger);
        entry = slot == NULL ? NULL : sph_entry_at(ledger, slot, block);
    }
    if (entry == NULL)
        sph_lose(&ledger->losses.blocks);
    return entry;
}

static unsigned owner_of(uint64_t value) {
    return (unsigned)(value >> SPH_LEDGER_OWNER_SHIFT) & SPH_OWNER_MASK;
}

static void count_free(struct sph_ledger *ledger, struct sph_ledger_thread *thread,
                       uint64_t value) {
    struct sph_ledger_count *count = sph_count_of(thread, value);
    count->frees++;
    count->live_bytes -= value & SPH_SIZE_MAX_BYTES;
    settle_peak(ledger, thread, owner_of(value));
}

/* The new entry; 0: the block is lost to the ledger. */
static uint64_t put(struct sph_ledger *ledger, void *block, uint64_t bytes, uintptr_t caller,
                    uintptr_t sp) {
    uint64_t *entry = make_entry(ledger, (uintptr_t)block);
    if (entry == NULL)
        return 0;
    struct sph_ledger_thread *thread = sph_thread(ledger);
    uint64_t tag = sph_charge(ledger, thread, caller), old = sph_load(entry);
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
    sph_store(entry, tag | bytes);
    return tag | bytes;
}

/* The usual case of a call on somebody's behalf: the asker's site is at hand. */
static bool try_for_asker(struct sph_ledger *ledger, void *block, size_t bytes, uintptr_t caller) {
    uintptr_t pointer = sph_thread_pointer();
    struct sph_ledger_thread *thread = sph_thread_at(ledger, pointer);
    if (thread->pointer != pointer ||
        sph_recent_at(thread, caller)->address != (caller | SPH_LEDGER_RECENT_PASSES))
        return false;
    uintptr_t asker = sph_behalf_find(ledger, thread, (uintptr_t)__builtin_frame_address(0));
    return asker != 0 &&
           sph_try_alloc(ledger, (uintptr_t)block, bytes, asker, thread->alone != pointer);
}

void *sph_note_alloc_slow(struct sph_ledger *ledger, void *block, size_t bytes, uintptr_t caller,
                          uintptr_t sp) {
    if (!sph_try_alloc(ledger, (uintptr_t)block, bytes, caller, true) &&
        !try_for_asker(ledger, block, bytes, caller))
        (void)put(ledger, block, bytes, caller,
                  sp != 0 ? sp : (uintptr_t)__builtin_frame_address(0));
    return block;
}

/* Takes the block's entry out, and gives it. */
static struct sph_held take(struct sph_ledger *ledger, uintptr_t block) {
    struct sph_held held = {.entry = look_up_entry(ledger, block)};
    if (held.entry == NULL)
        return held;
    held.value = sph_load(held.entry);
    if (held.value != 0)
        sph_store(held.entry, 0);
    else
        held.entry = NULL;
    return held;
}

bool sph_note_free_slow(struct sph_ledger *ledger, void *block) {
    if (sph_try_free(ledger, (uintptr_t)block, true))
        return true;
    struct sph_held held = take(ledger, (uintptr_t)block);
    sph_note_realloc_freed(ledger, held);
    return held.entry != NULL;
}

void sph_note_unknown(struct sph_ledger *ledger) {
    sph_lose(&ledger->losses.unknown_frees);
}

struct sph_held sph_note_realloc(struct sph_ledger *ledger, void *block) {
    struct sph_held held = {.entry = NULL};
    if (block == NULL)
        return held;
    held = take(ledger, (uintptr_t)block);
    if (held.entry == NULL)
        sph_note_unknown(ledger);
    return held;
}

/* A block that grows or shrinks at its own site was not given back: the site may still be one that
 * never lets go. */
void sph_note_realloc_end(struct sph_ledger *ledger, struct sph_held held, void *block,
                          size_t bytes, uintptr_t caller, uintptr_t sp) {
    struct sph_ledger_thread *thread = sph_thread(ledger);
    if (held.entry != NULL)
        count_free(ledger, thread, held.value);
    uint64_t value =
        put(ledger, block, bytes, caller, sp != 0 ? sp : (uintptr_t)__builtin_frame_address(0));
    if (held.entry != NULL && sph_entry_site(value) != sph_entry_site(held.value))
        sph_site_free(ledger, thread, sph_entry_site(held.value));
}

void sph_note_realloc_failed(struct sph_held held) {
    if (held.entry != NULL)
        sph_store(held.entry, held.value);
}

void sph_note_realloc_freed(struct sph_ledger *ledger, struct sph_held held) {
    if (held.entry == NULL)
        return;
    struct sph_ledger_thread *thread = sph_thread(ledger);
    sph_site_free(ledger, thread, sph_entry_site(held.value));
    count_free(ledger, thread, held.value);
}
