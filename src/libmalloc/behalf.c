/* On whose behalf the C library allocates.
 *
 * A trampoline before strdup and the like notes who called and where the stack was, then jumps on;
 * it never sees the return. So entries go stale, and each is believed only while its return address
 * still stands on the stack: what returned has been written over by whoever came after it, or its
 * place is below the stack pointer. */
#include "libmalloc/back.h"
#include "libmalloc/books.h"

static uintptr_t page_of(uintptr_t address) {
    return address / SPH_LEDGER_PAGE_BYTES;
}

/* Whether `caller` stands where the function that was entered at `at` keeps its return address. */
static bool is_on_stack(const struct sph_ledger *ledger, uintptr_t at, uintptr_t caller,
                        uintptr_t sp) {
    uintptr_t known = page_of(sp); /* a page that can be read: the stack of right now */
    if (at % sizeof(uintptr_t) != 0)
        return false;
    const uintptr_t *slot = (const uintptr_t *)at + SPH_RETURN_SLOT_FIRST;
    for (int i = 0; i < SPH_RETURN_SLOTS; i++) {
        uintptr_t page = page_of((uintptr_t)&slot[i]);
        if (page != known && !sph_back_is_readable(ledger, (uintptr_t)&slot[i]))
            return false;
        known = page;
        if (*(const volatile uintptr_t *)&slot[i] == caller)
            return true;
    }
    return false;
}

static uint32_t count_noted(struct sph_ledger *ledger, struct sph_ledger_thread *thread) {
    if (thread->behalf_depth <= SPH_LEDGER_BEHALF)
        return thread->behalf_depth;
    sph_lose(&ledger->losses.damaged);
    thread->behalf_depth = 0;
    return 0;
}

void sph_note_behalf(struct sph_ledger *ledger, uintptr_t sp, uintptr_t caller, uintptr_t frame) {
    struct sph_ledger_thread *thread = sph_thread(ledger);
    if (thread == &ledger->threads[SPH_THREAD_SHARED])
        return; /* one thread's stack means nothing to another */
    uint32_t depth = count_noted(ledger, thread);
    while (depth > 0 && thread->behalf[depth - 1].sp <= sp)
        depth--;
    if (depth == SPH_LEDGER_BEHALF) { /* the outermost matters least */
        depth--;
        for (uint32_t i = 0; i < depth; i++) {
            thread->behalf[i].sp = thread->behalf[i + 1].sp;
            thread->behalf[i].caller = thread->behalf[i + 1].caller;
            thread->behalf_frame[i] = thread->behalf_frame[i + 1];
        }
    }
    thread->behalf[depth].sp = sp;
    thread->behalf[depth].caller = caller;
    thread->behalf_frame[depth] = frame;
    thread->behalf_depth = depth + 1;
}

static bool is_libc(const struct sph_ledger *ledger, uintptr_t caller) {
    const struct sph_ledger_owner *libc = &ledger->owners[SPH_LEDGER_OWNER_LIBC];
    return caller >= libc->lo && caller < libc->hi;
}

bool sph_behalf_above(const struct sph_ledger *ledger, const struct sph_ledger_thread *thread,
                      uintptr_t sp, uintptr_t above, struct sph_behalf *ret_behalf) {
    uint32_t depth = thread->behalf_depth;
    for (uint32_t i = depth <= SPH_LEDGER_BEHALF ? depth : 0; i > 0; i--) {
        const struct sph_behalf behalf = {.sp = (uintptr_t)thread->behalf[i - 1].sp,
                                          .caller = (uintptr_t)thread->behalf[i - 1].caller,
                                          .frame = (uintptr_t)thread->behalf_frame[i - 1]};
        if (behalf.sp < above || is_libc(ledger, behalf.caller) ||
            !is_on_stack(ledger, behalf.sp, behalf.caller, sp))
            continue;
        *ret_behalf = behalf;
        return true;
    }
    return false;
}

uintptr_t sph_behalf_find(struct sph_ledger *ledger, struct sph_ledger_thread *thread,
                          uintptr_t sp) {
    for (uint32_t i = count_noted(ledger, thread); i > 0; i--) {
        uintptr_t at = (uintptr_t)thread->behalf[i - 1].sp;
        uintptr_t caller = (uintptr_t)thread->behalf[i - 1].caller;
        if (at <= sp || !is_on_stack(ledger, at, caller, sp)) {
            thread->behalf_depth = i - 1;
            continue;
        }
        if (!is_libc(ledger, caller))
            return caller;
    }
    return 0;
}
