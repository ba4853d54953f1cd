/* One part of the ground truth; compiled once for the program and for each library, with
 * TRUTH_STEP (the function's name) and TRUTH_PART (its number). */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "libmalloc/truth.h"

#ifndef TRUTH_STEP /* as it is for the tools that look at the source alone */
#define TRUTH_STEP truth_step_app
#define TRUTH_PART 0
#endif

static void count_alloc(struct truth_world *world, struct truth_slot *slot, void *block,
                        uint64_t bytes) {
    struct truth_part *part = &world->truth->parts[TRUTH_PART];
    if (block == NULL)
        abort();
    __atomic_fetch_add(&part->allocations, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&part->live_blocks, 1, __ATOMIC_RELAXED);
    uint64_t live = __atomic_add_fetch(&part->live_bytes, bytes, __ATOMIC_RELAXED);
    if (world->only_malloc && live > part->peak_bytes)
        part->peak_bytes = live;
    slot->block = block;
    slot->bytes = bytes;
    slot->part = TRUTH_PART;
}

static void count_free(struct truth_world *world, struct truth_slot *slot) {
    struct truth_part *part = &world->truth->parts[slot->part];
    __atomic_fetch_add(&part->frees, 1, __ATOMIC_RELAXED);
    __atomic_fetch_sub(&part->live_blocks, 1, __ATOMIC_RELAXED);
    __atomic_fetch_sub(&part->live_bytes, slot->bytes, __ATOMIC_RELAXED);
    slot->block = NULL;
}

/* What takes a passing block on its way: the library counts those as its own too, and so do we. */
static void count_passing(struct truth_world *world, uint64_t blocks) {
    struct truth_part *part = &world->truth->parts[TRUTH_PART];
    __atomic_fetch_add(&part->allocations, blocks, __ATOMIC_RELAXED);
    __atomic_fetch_add(&part->frees, blocks, __ATOMIC_RELAXED);
}

/* glibc's own way through these is its own affair: their numbers of calls are not compared. */
static void make_by_libc(struct truth_world *world, struct truth_slot *slot, uint64_t random) {
    static const char text[] = "the quick brown fox jumps over the lazy dog";
    static const wchar_t wide[] = L"wide";
    char *block = NULL;
    switch (random % 4) {
    case 0:
        count_alloc(world, slot, strdup(text), sizeof(text));
        return;
    case 1:
        count_alloc(world, slot, strndup(text, random % 40), random % 40 + 1);
        return;
    case 2:
        count_alloc(world, slot, wcsdup(wide), sizeof(wide));
        return;
    default:
        if (asprintf(&block, "%s %.1f %d", text, 2.5, (int)(random % 1000)) < 0)
            abort();
        count_alloc(world, slot, block, strlen(block) + 1);
        count_passing(world, 1);
    }
}

static void make(struct truth_world *world, struct truth_slot *slot, uint64_t random) {
    size_t bytes = random % 7 == 0 ? random % 20000 : random % 500;
    void *block = NULL;
    switch (random >> 32 & 15) {
    case 0:
        count_alloc(world, slot, calloc(3, bytes), 3 * bytes);
        break;
    case 1:
        count_alloc(world, slot, memalign(64, bytes), bytes);
        break;
    case 2:
        count_alloc(world, slot, aligned_alloc(32, bytes), bytes);
        break;
    case 3:
        if (posix_memalign(&block, 128, bytes) != 0)
            abort();
        count_alloc(world, slot, block, bytes);
        break;
    case 4:
        count_alloc(world, slot, valloc(bytes), bytes);
        break;
    case 5:
        count_alloc(world, slot, pvalloc(bytes), bytes);
        break;
    case 6:
        count_alloc(world, slot, realloc(NULL, bytes), bytes);
        break;
    case 7:
        count_alloc(world, slot, reallocarray(NULL, 2, bytes), 2 * bytes);
        break;
    case 8:
    case 9:
        if (!world->only_malloc) {
            make_by_libc(world, slot, random >> 36);
            break;
        }
        /* fallthrough */
    default:
        count_alloc(world, slot, malloc(bytes), bytes);
    }
}

static void change(struct truth_world *world, struct truth_slot *slot, uint64_t random) {
    size_t bytes = random % 600;
    if (malloc_usable_size(slot->block) < slot->bytes)
        abort();
    void *block = slot->block;
    if (random >> 32 & 3) { /* given back by whoever comes, not by who made it */
        count_free(world, slot);
        free(block);
        return;
    }
    if (random >> 34 & 1) {
        block = realloc(block, bytes);
    } else {
        block = reallocarray(block, 2, bytes);
        bytes *= 2;
    }
    count_free(world, slot);
    if (bytes != 0)
        count_alloc(world, slot, block, bytes);
    else if (block != NULL) /* glibc takes it for free() */
        abort();
}

void TRUTH_STEP(struct truth_world *world, uint64_t random) {
    struct truth_slot *slot = &world->slots[(random >> 40) % TRUTH_SLOTS];
    if (__atomic_exchange_n(&slot->lock, 1, __ATOMIC_ACQUIRE) != 0)
        return; /* another thread is at it */
    if (slot->block == NULL)
        make(world, slot, random);
    else
        change(world, slot, random);
    __atomic_store_n(&slot->lock, 0, __ATOMIC_RELEASE);
}
