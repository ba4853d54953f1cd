/* Stacks: with SPH_LEDGER_FLAG_STACKS, a block is kept with the calls that led to it. */
#include "libmalloc/back.h"
#include "libmalloc/books.h"
#include "libmalloc/unwind_here.h"

enum {
    PROBES_MAX = 64,
    STEPS_MAX = 64,                         /* up a stack, of which not all are kept */
    STACKS_MAX = SPH_LEDGER_STACKS * 3 / 4, /* a fuller table is slow to search */
};

/* Pages of the stack and of unwind tables that were found readable: asking the kernel is a system
 * call. */
struct seen {
    const struct sph_ledger *ledger;
    uintptr_t pages[4];
    unsigned next;
};

static bool is_readable(struct seen *seen, uintptr_t address) {
    uintptr_t page = address / SPH_LEDGER_PAGE_BYTES;
    for (unsigned i = 0; i < 4; i++)
        if (seen->pages[i] == page)
            return true;
    if (!sph_back_is_readable(seen->ledger, address))
        return false;
    seen->pages[seen->next++ % 4] = page;
    return true;
}

static bool read_here(void *context, uintptr_t address, void *ret_bytes, size_t bytes) {
    uint8_t *to = ret_bytes;
    const volatile uint8_t *from = (const volatile uint8_t *)address;
    if (bytes == 0 || address + bytes < address || !is_readable(context, address) ||
        !is_readable(context, address + bytes - 1))
        return false;
    for (size_t i = 0; i < bytes; i++)
        to[i] = from[i];
    return true;
}

/* Where the object that holds `pc` keeps its table. */
static struct sph_unwind_table find_table(const struct sph_ledger *ledger, uintptr_t pc) {
    struct sph_object object;
    if (sph_back_object(ledger, pc, &object))
        for (size_t i = 0; i < object.n_headers; i++)
            if (object.headers[i].p_type == SPH_UNWIND_SEGMENT)
                return (struct sph_unwind_table){.address = object.bias + object.headers[i].p_vaddr,
                                                 .bytes = object.headers[i].p_memsz};
    return (struct sph_unwind_table){.bytes = 0};
}

/* musl has neither tables nor frame pointers: out of it leads what its functions' trampolines noted
 * of their callers. */
static bool leave_musl(struct sph_ledger *ledger, uintptr_t sp, struct sph_unwind_frame *frame) {
    const struct sph_ledger_thread *thread = sph_thread(ledger);
    uintptr_t pc = sph_unwind_pc(frame);
    struct sph_behalf behalf;
    if (pc < ledger->config.libc_lo || pc >= ledger->config.libc_hi ||
        thread == &ledger->threads[SPH_THREAD_SHARED] ||
        !sph_behalf_above(ledger, thread, sp, sph_unwind_sp(frame), &behalf))
        return false;
    *frame = sph_unwind_from(behalf.sp, behalf.caller, behalf.frame);
    return true;
}

/* From the caller of the hook whose frame is at `sp`, outwards, as far as tables or frame pointers
 * lead. Where the C library asked for somebody, the site is found on the way: it is the first frame
 * already, and what lies before it is of no interest. */
static void walk(struct sph_ledger *ledger, uintptr_t sp, uint64_t *frames) {
    struct seen seen = {.ledger = ledger};
    const struct sph_unwind_memory memory = {.read = read_here, .context = &seen};
    struct sph_unwind_frame frame = sph_unwind_begin(sp);
    unsigned n = 1;
    for (unsigned step = 0; step < STEPS_MAX && n < SPH_LEDGER_STACK_DEPTH; step++) {
        struct sph_unwind_table table = find_table(ledger, sph_unwind_pc(&frame));
        if (!leave_musl(ledger, sp, &frame) && !sph_unwind_step(&memory, &table, &frame))
            return;
        if (sph_unwind_pc(&frame) != frames[0]) {
            frames[n++] = sph_unwind_pc(&frame);
            continue;
        }
        while (n > 1)
            frames[--n] = 0;
    }
}

static uint32_t hash_frames(const uint64_t *frames) {
    uint32_t hash = 2166136261u; /* FNV-1a, over words */
    for (unsigned i = 0; i < SPH_LEDGER_STACK_DEPTH; i++)
        hash = (hash ^ (uint32_t)(frames[i] ^ frames[i] >> 32)) * 16777619u;
    return hash == 0 ? 1 : hash;
}

static bool is_same(const struct sph_ledger_stack *stack, uint32_t site, const uint64_t *frames) {
    for (unsigned i = 0; i < SPH_LEDGER_STACK_DEPTH; i++)
        if (stack->frames[i] != frames[i])
            return false;
    return stack->site == site;
}

/* Its index; 0: not there, and *ret_free is where it may go (0: nowhere). */
static unsigned find(struct sph_ledger *ledger, uint32_t hash, uint32_t site,
                     const uint64_t *frames, unsigned *ret_free) {
    *ret_free = 0;
    for (unsigned i = 0; i < PROBES_MAX; i++) {
        unsigned n = (hash + i) % SPH_LEDGER_STACKS;
        if (n == 0)
            continue;
        uint32_t found = __atomic_load_n(&ledger->stacks[n].hash, __ATOMIC_ACQUIRE);
        if (found == 0) {
            *ret_free = n;
            return 0;
        }
        if (found == hash && is_same(&ledger->stacks[n], site, frames))
            return n;
    }
    return 0;
}

static unsigned make(struct sph_ledger *ledger, uint32_t hash, uint32_t site,
                     const uint64_t *frames) {
    unsigned at, n = find(ledger, hash, site, frames, &at);
    if (n != 0)
        return n;
    if (at == 0 || ledger->n_stacks >= STACKS_MAX) {
        sph_lose(&ledger->losses.sites);
        return 0;
    }
    struct sph_ledger_stack *stack = &ledger->stacks[at];
    for (unsigned i = 0; i < SPH_LEDGER_STACK_DEPTH; i++)
        stack->frames[i] = frames[i];
    stack->site = site;
    __atomic_store_n(&stack->hash, hash, __ATOMIC_RELEASE);
    ledger->n_stacks++;
    return at;
}

uint32_t sph_stack_tag(struct sph_ledger *ledger, uint32_t tag, uintptr_t sp) {
    uint64_t frames[SPH_LEDGER_STACK_DEPTH];
    for (unsigned i = 0; i < SPH_LEDGER_STACK_DEPTH; i++)
        *(volatile uint64_t *)&frames[i] = 0; /* or it becomes a call of memset */
    unsigned site = sph_entry_site(tag);
    frames[0] = site < SPH_LEDGER_SITES ? ledger->sites[site].address : 0;
    walk(ledger, sp, frames);
    uint32_t hash = hash_frames(frames);
    unsigned at, n = find(ledger, hash, site, frames, &at);
    if (n == 0 && sph_lock(ledger)) {
        n = make(ledger, hash, site, frames);
        sph_unlock(ledger);
    }
    return (tag & ~((uint32_t)SPH_SITE_MASK << SPH_LEDGER_SITE_SHIFT)) | n << SPH_LEDGER_SITE_SHIFT;
}
