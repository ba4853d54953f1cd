/* The region is the app's to scribble in, at any moment, also while it is read. So each word of it
 * is loaded once, by one access, and is then either a figure (any value will do) or an index that
 * is checked; what no writer leaves there is counted. What is summed is what stands in the entries:
 * counts of threads and sites are added for what entries cannot tell, and are as true as their
 * writer was. */
#include "wire/ledger_read.h"

#include <errno.h>
#include <string.h>

enum {
    REGION_PAGES = sizeof(struct sph_ledger) / SPH_LEDGER_PAGE_BYTES,
    PAGE_ENTRIES = SPH_LEDGER_PAGE_BYTES / sizeof(uint64_t),
    LEAF_PAGES = SPH_LEDGER_LEAF_ENTRIES / PAGE_ENTRIES,
    PAGE_LARGE =
        PAGE_ENTRIES / SPH_LEDGER_LARGE_PLACES, /* large ones beside a page of small ones */
    OWNER_IN_USE = 2,
    OWNER_UNLOADED = 3,
    SITE_OTHERS = SPH_LEDGER_SITES - 1,
    SITE_MASK = (1 << SPH_LEDGER_SITE_BITS) - 1,
};
#define MIBS (UINT64_C(1) << (64 - SPH_LEDGER_LEAF_SHIFT)) /* of all addresses */

static const struct sph_ledger *ledger_of(const struct sph_ledger_view *view) {
    return (const struct sph_ledger *)(const void *)view->bytes;
}

static uint64_t load64(const uint64_t *from) {
    return __atomic_load_n(from, __ATOMIC_RELAXED);
}

static uint32_t load32(const uint32_t *from) {
    return __atomic_load_n(from, __ATOMIC_RELAXED);
}

static uint8_t load8(const uint8_t *from) {
    return __atomic_load_n(from, __ATOMIC_RELAXED);
}

/* A page that was never written is all zero, and stays unread. */
static bool is_there(const struct sph_ledger_view *view, const void *part, size_t bytes) {
    size_t at = (size_t)((const uint8_t *)part - view->bytes);
    if (!view->written)
        return true;
    for (size_t page = at / SPH_LEDGER_PAGE_BYTES; page <= (at + bytes - 1) / SPH_LEDGER_PAGE_BYTES;
         page++)
        if (!(view->written[page] & 1))
            return false;
    return true;
}
#define is_written(view, part) is_there(view, part, sizeof(*(part)))

int sph_ledger_check(const struct sph_ledger_view *view, struct sph_err *err) {
    const struct sph_ledger_config *config = &ledger_of(view)->config;
    if (view->len < sizeof(struct sph_ledger) || !is_written(view, config) ||
        load64(&config->magic) != SPH_LEDGER_MAGIC)
        return SPH_FAIL(err, -EBADMSG, "This is no heap ledger.");
    if (load32(&config->version) != SPH_LEDGER_VERSION)
        return SPH_FAIL(err, -EBADMSG, "The heap ledger is of another version: %u, not %u.",
                        load32(&config->version), SPH_LEDGER_VERSION);
    return 0;
}

/* ---- blocks ---- */

/* Half made: its leaf's number comes last. */
static bool is_begun(uint64_t bias) {
    return bias == 0 || bias == SPH_LEDGER_BIAS_NONE;
}

/* Of each leaf its MiB of addresses, and 1; 0: it is in no use that can be told. Two slots that
 * claim one leaf are damage: the first is believed. */
static void read_directory(const struct sph_ledger_view *view, uint64_t ret_mibs[SPH_LEDGER_LEAVES],
                           uint64_t *damage) {
    const struct sph_ledger *ledger = ledger_of(view);
    memset(ret_mibs, 0, SPH_LEDGER_LEAVES * sizeof(*ret_mibs));
    for (unsigned i = 0; i < SPH_LEDGER_DIRECTORY; i++) {
        const struct sph_ledger_slot *slot = &ledger->directory[i];
        if (!is_written(view, slot))
            continue;
        uint64_t mib = load64(&slot->mib);
        uint64_t bias = load64(&slot->bias);
        uint64_t first = bias + (mib - 1) * SPH_LEDGER_LEAF_ENTRIES;
        uint64_t leaf = first / SPH_LEDGER_LEAF_ENTRIES;
        if (mib == 0)
            continue;
        if (mib <= MIBS && first % SPH_LEDGER_LEAF_ENTRIES == 0 && leaf > 0 &&
            leaf < SPH_LEDGER_LEAVES && ret_mibs[leaf] == 0)
            ret_mibs[leaf] = mib;
        else if (mib > MIBS || !is_begun(bias))
            ++*damage;
    }
}

/* With stacks the entry has the stack's number, and the stack the site's. */
static unsigned stack_of(const struct sph_ledger_view *view, uint64_t entry) {
    const struct sph_ledger *ledger = ledger_of(view);
    unsigned stack = (unsigned)(entry >> SPH_LEDGER_SITE_SHIFT) & SITE_MASK;
    if (!(load32(&ledger->config.flags) & SPH_LEDGER_FLAG_STACKS) || stack >= SPH_LEDGER_STACKS ||
        !is_written(view, &ledger->stacks[stack]))
        return 0;
    return stack;
}

static unsigned site_of(const struct sph_ledger_view *view, uint64_t entry, unsigned stack) {
    const struct sph_ledger *ledger = ledger_of(view);
    unsigned site = (unsigned)(entry >> SPH_LEDGER_SITE_SHIFT) & SITE_MASK;
    if (load32(&ledger->config.flags) & SPH_LEDGER_FLAG_STACKS)
        site = stack != 0 ? load32(&ledger->stacks[stack].site) : 0;
    return site > 0 && site < SPH_LEDGER_SITES ? site : SITE_OTHERS;
}

/* An entry comes after the owner, the site and the stack that it names. A page that was not written
 * when the look began may have been since: what stands there is not judged. */
static bool is_damaged(const struct sph_ledger_view *view, uint64_t entry) {
    const struct sph_ledger *ledger = ledger_of(view);
    unsigned owner = (unsigned)(entry >> SPH_LEDGER_OWNER_SHIFT) & (SPH_LEDGER_OWNERS - 1);
    unsigned number = (unsigned)(entry >> SPH_LEDGER_SITE_SHIFT) & SITE_MASK;
    if (owner == 0 ||
        (owner != SPH_LEDGER_OWNER_OTHERS && is_written(view, &ledger->owners[owner]) &&
         load32(&ledger->owners[owner].state) < OWNER_IN_USE))
        return true;
    if (load32(&ledger->config.flags) & SPH_LEDGER_FLAG_STACKS) {
        if (number >= SPH_LEDGER_STACKS)
            return true;
        if (number == 0 || !is_written(view, &ledger->stacks[number]))
            return false;
        number = load32(&ledger->stacks[number].site);
    }
    return number == 0 || number >= SPH_LEDGER_SITES ||
           (number != SITE_OTHERS && is_written(view, &ledger->sites[number]) &&
            load64(&ledger->sites[number].address) == 0);
}

static struct sph_ledger_block read_entry(const struct sph_ledger_view *view, uint64_t entry,
                                          uint64_t address) {
    unsigned owner = (unsigned)(entry >> SPH_LEDGER_OWNER_SHIFT) & (SPH_LEDGER_OWNERS - 1);
    unsigned stack = stack_of(view, entry);
    return (struct sph_ledger_block){.address = address,
                                     .bytes = entry >> SPH_LEDGER_SIZE_SHIFT,
                                     .owner = owner > 0 ? owner : SPH_LEDGER_OWNER_OTHERS,
                                     .site = site_of(view, entry, stack),
                                     .stack = stack};
}

unsigned sph_ledger_stack_read(const struct sph_ledger_view *view, unsigned stack,
                               uint64_t ret_frames[SPH_LEDGER_STACK_DEPTH]) {
    const struct sph_ledger_stack *from = &ledger_of(view)->stacks[stack];
    unsigned count = 0;
    if (stack == 0 || stack >= SPH_LEDGER_STACKS || !is_written(view, from))
        return 0;
    while (count < SPH_LEDGER_STACK_DEPTH &&
           (ret_frames[count] = load64(&from->frames[count])) != 0)
        count++;
    return count;
}

/* What is called for each block, and how much was not as a writer leaves it. */
struct walk {
    sph_ledger_block_fn *fn;
    void *context;
    uint64_t damage;
};

static int tell_block(const struct sph_ledger_view *view, uint64_t entry, bool large,
                      uint64_t address, struct walk *walk) {
    const struct sph_ledger_block block = read_entry(view, entry, address);
    walk->damage += is_damaged(view, entry) || large != (block.bytes >= SPH_LEDGER_LARGE_BYTES) ||
                    (!large && (entry & SPH_LEDGER_PLACE_MASK) != 0);
    return walk->fn(walk->context, &block);
}

/* The blocks that begin in the addresses of one large granule: it, and its small ones. */
static int walk_granules(const struct sph_ledger_view *view, uint64_t large, const uint64_t *small,
                         uint64_t start, struct walk *walk) {
    unsigned place = (unsigned)(large & SPH_LEDGER_PLACE_MASK) >> SPH_LEDGER_PLACE_SHIFT;
    int rc = 0;
    for (unsigned i = 0; i < SPH_LEDGER_LARGE_PLACES && rc == 0; i++) {
        uint64_t address = start + ((uint64_t)i << SPH_LEDGER_GRANULE_SHIFT);
        uint64_t entry = small ? load64(&small[i]) : 0;
        if (entry != 0)
            rc = tell_block(view, entry, false, address, walk);
        if (large != 0 && i == place && rc == 0)
            rc = tell_block(view, large, true, address, walk);
    }
    return rc;
}

static int walk_leaf(const struct sph_ledger_view *view, unsigned leaf, uint64_t start,
                     struct walk *walk) {
    const uint64_t *large = ledger_of(view)->large[leaf], *small = ledger_of(view)->leaves[leaf];
    int rc = 0;
    for (unsigned page = 0; page < LEAF_PAGES && rc == 0; page++) {
        bool has_small = is_written(view, &small[(size_t)page * PAGE_ENTRIES]);
        bool has_large = is_written(view, &large[(size_t)page * PAGE_LARGE]);
        if (!has_small && !has_large)
            continue;
        for (unsigned i = page * PAGE_LARGE; i < (page + 1) * PAGE_LARGE && rc == 0; i++)
            rc = walk_granules(view, has_large ? load64(&large[i]) : 0,
                               has_small ? &small[(size_t)i * SPH_LEDGER_LARGE_PLACES] : NULL,
                               start + ((uint64_t)i << SPH_LEDGER_LARGE_SHIFT), walk);
    }
    return rc;
}

static int walk_all(const struct sph_ledger_view *view, struct walk *walk) {
    uint64_t mibs[SPH_LEDGER_LEAVES];
    int rc = sph_ledger_check(view, NULL);
    if (rc < 0)
        return rc;
    read_directory(view, mibs, &walk->damage);
    for (unsigned leaf = 0; leaf < SPH_LEDGER_LEAVES && rc == 0; leaf++)
        if (mibs[leaf] != 0)
            rc = walk_leaf(view, leaf, (mibs[leaf] - 1) << SPH_LEDGER_LEAF_SHIFT, walk);
    return rc;
}

int sph_ledger_walk(const struct sph_ledger_view *view, sph_ledger_block_fn *fn, void *context) {
    struct walk walk = {.fn = fn, .context = context};
    return walk_all(view, &walk);
}

struct search {
    uint64_t address;
    struct sph_ledger_block found;
};

/* A block of no bytes holds its own address. */
static int look_at(void *context, const struct sph_ledger_block *block) {
    struct search *search = context;
    uint64_t bytes = block->bytes > 0 ? block->bytes : 1;
    if (search->address < block->address || search->address - block->address >= bytes)
        return 0;
    search->found = *block;
    return 1;
}

bool sph_ledger_find(const struct sph_ledger_view *view, uint64_t address,
                     struct sph_ledger_block *ret_block) {
    struct search search = {.address = address};
    if (sph_ledger_walk(view, look_at, &search) != 1)
        return false;
    *ret_block = search.found;
    return true;
}

/* ---- sums ---- */

struct adding {
    struct sph_ledger_summary *sum;
    sph_ledger_resident_fn *resident;
    void *context;
    uint64_t left; /* of SPH_LEDGER_RESIDENT_MAX_BYTES */
};

static uint64_t ask_resident(struct adding *adding, const struct sph_ledger_block *block) {
    uint64_t bytes = block->bytes < adding->left ? block->bytes : adding->left;
    if (!adding->resident || bytes == 0 || bytes > UINT64_MAX - block->address)
        return 0;
    adding->left -= bytes;
    uint64_t there = adding->resident(adding->context, block->address, bytes);
    return there < bytes ? there : bytes;
}

static int add_block(void *context, const struct sph_ledger_block *block) {
    struct adding *adding = context;
    struct sph_ledger_summary *sum = adding->sum;
    struct sph_ledger_caller *caller = &sum->callers[block->owner];
    struct sph_ledger_place *place = &sum->places[block->site];
    uint64_t resident = ask_resident(adding, block);
    caller->is_used = true;
    caller->live_bytes += block->bytes;
    caller->live_blocks++;
    caller->resident_bytes += resident;
    if (block->bytes > caller->largest_bytes)
        caller->largest_bytes = block->bytes;
    place->live_bytes += block->bytes;
    place->live_blocks++;
    place->resident_bytes += resident;
    if (block->site == SITE_OTHERS || place->owner == 0) /* nothing right stands there of itself */
        place->owner = block->owner;
    if (block->stack != 0) {
        sum->stack_bytes[block->stack] += block->bytes;
        if (place->stack == 0 || sum->stack_bytes[block->stack] > sum->stack_bytes[place->stack])
            place->stack = block->stack;
    }
    sum->live_bytes += block->bytes;
    sum->live_blocks++;
    sum->resident_bytes += resident;
    return 0;
}

/* A name goes into messages and to terminals: what is no text becomes '?'. */
static void copy_name(const struct sph_ledger_owner *owner, char ret_name[SPH_LEDGER_NAME + 1]) {
    uint32_t len = load32(&owner->name_len);
    if (len > SPH_LEDGER_NAME)
        len = SPH_LEDGER_NAME;
    for (uint32_t i = 0; i < len; i++) {
        char c = (char)load8((const uint8_t *)&owner->name[i]);
        ret_name[i] = c > 0x20 && c < 0x7f ? c : '?';
    }
    ret_name[len] = '\0';
}

static void read_owners(const struct sph_ledger_view *view, struct sph_ledger_summary *sum) {
    for (unsigned i = 1; i < SPH_LEDGER_OWNERS; i++) {
        const struct sph_ledger_owner *owner = &ledger_of(view)->owners[i];
        struct sph_ledger_caller *caller = &sum->callers[i];
        if (!is_written(view, owner))
            continue;
        uint32_t state = load32(&owner->state);
        sum->damage_found += state > OWNER_UNLOADED;
        if (state != OWNER_IN_USE && state != OWNER_UNLOADED)
            continue;
        caller->is_used = true;
        caller->is_unloaded = state == OWNER_UNLOADED;
        caller->lo = load64(&owner->lo);
        caller->hi = load64(&owner->hi);
        uint64_t peak = load64(&owner->peak_bytes);
        caller->peak_bytes = (int64_t)peak > 0 ? peak : 0; /* shares may be below zero */
        caller->build_id_len = load8(&owner->build_id_len);
        sum->damage_found += caller->build_id_len > SPH_LEDGER_BUILD_ID ||
                             load32(&owner->name_len) > SPH_LEDGER_NAME || caller->lo > caller->hi;
        if (caller->build_id_len > SPH_LEDGER_BUILD_ID)
            caller->build_id_len = SPH_LEDGER_BUILD_ID;
        for (size_t n = 0; n < caller->build_id_len; n++)
            caller->build_id[n] = load8(&owner->build_id[n]);
        copy_name(owner, caller->name);
    }
}

static void read_sites(const struct sph_ledger_view *view, struct sph_ledger_summary *sum) {
    for (unsigned i = 1; i < SPH_LEDGER_SITES; i++) {
        const struct sph_ledger_site *site = &ledger_of(view)->sites[i];
        struct sph_ledger_place *place = &sum->places[i];
        if (!is_written(view, site))
            continue;
        uint8_t owner = load8(&site->owner);
        place->address = load64(&site->address);
        place->owner =
            owner > 0 && owner < SPH_LEDGER_OWNERS ? owner : (unsigned)SPH_LEDGER_OWNER_OTHERS;
        sum->damage_found += place->address != 0 &&
                             (owner == 0 || owner >= SPH_LEDGER_OWNERS ||
                              __atomic_load_n(&site->alias, __ATOMIC_RELAXED) >= SPH_LEDGER_SITES);
        place->is_retired = load8(&site->retired) != 0;
        place->only_grew = load8(&site->freed) == 0;
        place->allocations = load32(&site->allocations);
    }
}

/* While one thread is alone, peaks are in its record. */
static void read_peaks(const struct sph_ledger_thread *thread, struct sph_ledger_summary *sum) {
    for (unsigned i = 1; i < SPH_LEDGER_OWNERS; i++) {
        uint64_t peak = load64(&thread->counts[i].handed_over);
        if ((int64_t)peak > (int64_t)sum->callers[i].peak_bytes)
            sum->callers[i].peak_bytes = peak;
    }
}

static void read_thread(const struct sph_ledger_thread *thread, struct sph_ledger_summary *sum) {
    sum->damage_found += load32(&thread->behalf_depth) > SPH_LEDGER_BEHALF;
    for (unsigned i = 1; i < SPH_LEDGER_OWNERS; i++) {
        sum->callers[i].allocations += load64(&thread->counts[i].allocations);
        sum->callers[i].frees += load64(&thread->counts[i].frees);
    }
    for (unsigned i = 0; i < SPH_LEDGER_RECENT; i++) {
        unsigned site = load32(&thread->recent[i].tag) >> SPH_LEDGER_SITE_SHIFT & SITE_MASK;
        uint32_t pending = load32(&thread->recent[i].pending);
        sum->damage_found += site >= SPH_LEDGER_SITES;
        if (site > 0 && site < SPH_LEDGER_SITES)
            sum->places[site].allocations += pending;
    }
}

static void read_losses(const struct sph_ledger_view *view, struct sph_ledger_losses *ret_losses) {
    const struct sph_ledger_losses *losses = &ledger_of(view)->losses;
    if (!is_written(view, losses))
        return;
    *ret_losses = (struct sph_ledger_losses){.blocks = load64(&losses->blocks),
                                             .sites = load64(&losses->sites),
                                             .owners = load64(&losses->owners),
                                             .threads = load64(&losses->threads),
                                             .unknown_frees = load64(&losses->unknown_frees),
                                             .replaced = load64(&losses->replaced),
                                             .damaged = load64(&losses->damaged),
                                             .threads_seen = load64(&losses->threads_seen)};
}

/* Numbers of what is in use, and two flags. */
static void read_state(const struct sph_ledger_view *view, struct sph_ledger_summary *sum) {
    const struct sph_ledger *ledger = ledger_of(view);
    if (is_written(view, &ledger->state_page))
        sum->damage_found += (load32(&ledger->n_leaves) >= SPH_LEDGER_LEAVES) +
                             (load32(&ledger->n_owners) > SPH_LEDGER_OWNERS) +
                             (load32(&ledger->n_stacks) > SPH_LEDGER_STACKS) +
                             (load32(&ledger->n_sites) >= SPH_LEDGER_SITES) +
                             (load32(&ledger->lock) > 1) + (load32(&ledger->is_alone) > 1);
}

/* What follows from all of it. */
static void conclude(struct sph_ledger_summary *sum) {
    for (unsigned i = 1; i < SPH_LEDGER_OWNERS; i++) {
        struct sph_ledger_caller *caller = &sum->callers[i];
        if (caller->peak_bytes < caller->live_bytes)
            caller->peak_bytes = caller->live_bytes;
        sum->allocations += caller->allocations;
        sum->frees += caller->frees;
    }
    for (unsigned i = 1; i < SPH_LEDGER_SITES; i++) {
        struct sph_ledger_place *place = &sum->places[i];
        place->only_grew = place->only_grew && place->live_blocks > 1 && i != SITE_OTHERS;
        if (place->allocations < place->live_blocks)
            place->allocations = place->live_blocks;
        if (place->live_blocks > 0) /* who is told of the place is told of its caller */
            sum->callers[place->owner].is_used = true;
    }
    sum->peaks_exact = sum->losses.threads_seen <= 1;
    sum->counts_exact = sum->losses.threads == 0;
    sum->is_complete =
        sum->losses.blocks == 0 && sum->losses.damaged == 0 && sum->damage_found == 0;
}

int sph_ledger_sum(const struct sph_ledger_view *view, sph_ledger_resident_fn *resident,
                   void *context, struct sph_ledger_summary *ret_summary, struct sph_err *err) {
    int rc = sph_ledger_check(view, err);
    if (rc < 0)
        return rc;
    struct adding adding = {.sum = ret_summary,
                            .resident = resident,
                            .context = context,
                            .left = SPH_LEDGER_RESIDENT_MAX_BYTES};
    struct walk walk = {.fn = add_block, .context = &adding};
    memset(ret_summary, 0, sizeof(*ret_summary));
    read_state(view, ret_summary);
    read_losses(view, &ret_summary->losses);
    read_owners(view, ret_summary);
    read_sites(view, ret_summary);
    bool is_alone =
        is_written(view, &ledger_of(view)->is_alone) && load32(&ledger_of(view)->is_alone) == 1;
    for (uint32_t i = 0; i < SPH_LEDGER_THREADS; i++) {
        const struct sph_ledger_thread *thread = &ledger_of(view)->threads[i];
        if (!is_written(view, thread))
            continue;
        read_thread(thread, ret_summary);
        if (is_alone && i == 0)
            read_peaks(thread, ret_summary);
    }
    (void)walk_all(view, &walk);
    ret_summary->damage_found += walk.damage;
    conclude(ret_summary);
    return 0;
}
