/* Call sites: found without a lock, made once under it. */
#include "libmalloc/back.h"
#include "libmalloc/books.h"
#include "libmalloc/callsite.h"

#if defined(__x86_64__)
#define CALL_BEFORE sph_call_x86_64
#define STUB_AT sph_stub_x86_64
#elif defined(__arm__)
#define CALL_BEFORE sph_call_arm
#define STUB_AT sph_stub_arm
#endif

enum {
    INDEX_BITS = 13,   /* of SPH_LEDGER_INDEX */
    PROBES_MAX = 1024, /* of a table that is half full at most; more is damage */
};
_Static_assert(1 << INDEX_BITS == SPH_LEDGER_INDEX, "the hash gives an index of the table");

static unsigned find_site(struct sph_ledger *ledger, uintptr_t address) {
    unsigned at = sph_hash(address, INDEX_BITS);
    for (unsigned i = 0; i < PROBES_MAX; i++, at++) {
        unsigned n = __atomic_load_n(&ledger->site_index[at % SPH_LEDGER_INDEX], __ATOMIC_ACQUIRE);
        if (n == 0)
            return 0;
        if (n < SPH_LEDGER_SITES && sph_load(&ledger->sites[n].address) == address)
            return n;
    }
    return 0;
}

static void add_to_index(struct sph_ledger *ledger, unsigned site) {
    unsigned at = sph_hash((uintptr_t)ledger->sites[site].address, INDEX_BITS);
    for (unsigned i = 0; i < PROBES_MAX; i++, at++) {
        uint16_t *slot = &ledger->site_index[at % SPH_LEDGER_INDEX];
        if (*slot != 0)
            continue;
        __atomic_store_n(slot, (uint16_t)site, __ATOMIC_RELEASE);
        return;
    }
    sph_lose(&ledger->losses.damaged);
}

static unsigned count_sites(const struct sph_ledger *ledger) {
    uint32_t n = __atomic_load_n(&ledger->n_sites, __ATOMIC_RELAXED);
    return n < SPH_SITE_OTHERS ? n : SPH_SITE_OTHERS - 1;
}

/* Others may look meanwhile: what they do not find they look for again under the lock. */
static void rebuild_index(struct sph_ledger *ledger) {
    for (unsigned i = 0; i < SPH_LEDGER_INDEX; i++)
        if (ledger->site_index[i] != 0)
            __atomic_store_n(&ledger->site_index[i], 0, __ATOMIC_RELAXED);
    for (unsigned n = 1; n <= count_sites(ledger); n++)
        if (ledger->sites[n].address != 0 && !ledger->sites[n].retired)
            add_to_index(ledger, n);
}

/* Where the call before `caller` leads, with what stands in the object itself; 0: not known. */
static uintptr_t find_callee(const struct sph_object *object, uintptr_t caller) {
    uintptr_t code = (caller & ~SPH_CODE_BIT) - SPH_CALL_BYTES;
    if (!sph_object_holds(object, code, SPH_CALL_BYTES, PF_R | PF_X))
        return 0;
    struct sph_call call = CALL_BEFORE((const uint8_t *)code, SPH_CALL_BYTES, caller);
    if (call.kind == SPH_CALL_DIRECT) {
        uintptr_t stub = (uintptr_t)call.address & ~SPH_CODE_BIT;
        if (!sph_object_holds(object, stub, SPH_STUB_BYTES, PF_R | PF_X))
            return 0;
        call = STUB_AT((const uint8_t *)stub, SPH_STUB_BYTES, call.address);
    }
    if (call.kind != SPH_CALL_SLOT || call.address % sizeof(uintptr_t) != 0 ||
        !sph_object_holds(object, (uintptr_t)call.address, sizeof(uintptr_t), PF_R))
        return 0;
    return *(const volatile uintptr_t *)(uintptr_t)call.address;
}

/* The function of another library that `caller` called, and that went on by a jump; 0: none. */
static uintptr_t find_jumper(struct sph_ledger *ledger, const struct sph_object *object,
                             uintptr_t caller) {
    uintptr_t callee = find_callee(object, caller) & ~SPH_CODE_BIT;
    struct sph_object other;
    if (callee == 0 || sph_back_is_ours(ledger, callee) ||
        !sph_back_object(ledger, callee, &other) || other.kind == SPH_OBJECT_LIBC || other.passes ||
        other.headers == object->headers)
        return 0;
    return callee;
}

/* Under the lock. A new site without alias; SPH_SITE_OTHERS: there is no room. */
static unsigned make_site(struct sph_ledger *ledger, uintptr_t address, unsigned owner) {
    unsigned n = count_sites(ledger) + 1;
    if (n >= SPH_SITE_OTHERS) {
        ledger->sites[SPH_SITE_OTHERS].owner = SPH_LEDGER_OWNER_OTHERS;
        sph_lose(&ledger->losses.sites);
        return SPH_SITE_OTHERS;
    }
    struct sph_ledger_site *site = &ledger->sites[n];
    site->owner = (uint8_t)owner;
    site->passes = ledger->owners[owner].passes;
    sph_store(&site->address, address);
    __atomic_store_n(&ledger->n_sites, n, __ATOMIC_RELAXED);
    return n;
}

/* Under the lock: of a call that led to a jump in another object, what is charged for it. */
static unsigned make_alias(struct sph_ledger *ledger, uintptr_t callee, unsigned *ret_owner) {
    struct sph_object object;
    uintptr_t address = callee + 1; /* looks like a return address into the function */
    *ret_owner = sph_owner_at(ledger, address, &object);
    unsigned site = find_site(ledger, address);
    if (site == 0) {
        site = make_site(ledger, address, *ret_owner);
        if (site != SPH_SITE_OTHERS)
            add_to_index(ledger, site);
    }
    return site;
}

/* What an allocation at some address is charged to. */
struct charge {
    unsigned site, owner;
    bool passes;
};

static struct charge resolve_known(struct sph_ledger *ledger, unsigned n) {
    const struct sph_ledger_site *site = &ledger->sites[n];
    unsigned alias = site->alias;
    struct charge charge = {.site = n, .passes = site->passes};
    if (alias != 0 && alias < SPH_LEDGER_SITES) {
        charge.site = alias;
        charge.passes = false;
    }
    charge.owner = ledger->sites[charge.site].owner & SPH_OWNER_MASK;
    return charge;
}

/* Under the lock. */
static struct charge resolve_new(struct sph_ledger *ledger, uintptr_t address) {
    struct sph_object object;
    struct charge charge = {.site = SPH_SITE_OTHERS};
    charge.owner = sph_owner_at(ledger, address, &object);
    charge.passes = ledger->owners[charge.owner].passes;
    if (object.kind == SPH_OBJECT_NONE) { /* code that was made at run time, and may go again */
        ledger->sites[SPH_SITE_OTHERS].owner = SPH_LEDGER_OWNER_OTHERS;
        return charge;
    }
    unsigned site = find_site(ledger, address);
    if (site != 0) /* of a library that came back just now */
        return resolve_known(ledger, site);
    site = make_site(ledger, address, charge.owner);
    charge.site = site;
    if (site == SPH_SITE_OTHERS)
        return charge;
    uintptr_t jumper = find_jumper(ledger, &object, address);
    if (jumper != 0) {
        charge.site = make_alias(ledger, jumper, &charge.owner);
        charge.passes = false;
        ledger->sites[site].alias = (uint16_t)charge.site;
    }
    add_to_index(ledger, site);
    return charge;
}

/* False: nobody can tell now, and *ret_charge is not to be kept. */
static bool resolve(struct sph_ledger *ledger, uintptr_t address, struct charge *ret_charge) {
    unsigned n = find_site(ledger, address);
    if (n != 0) {
        *ret_charge = resolve_known(ledger, n);
        return true;
    }
    if (!sph_lock(ledger)) {
        sph_lose(&ledger->losses.sites);
        *ret_charge = (struct charge){SPH_SITE_OTHERS, SPH_LEDGER_OWNER_OTHERS, false};
        return false;
    }
    n = find_site(ledger, address);
    *ret_charge = n != 0 ? resolve_known(ledger, n) : resolve_new(ledger, address);
    sph_unlock(ledger);
    return true;
}

static void settle(struct sph_ledger *ledger, struct sph_ledger_recent *recent) {
    uint32_t pending = recent->pending;
    unsigned site = sph_entry_site(recent->tag);
    recent->pending = 0;
    if (pending != 0 && site < SPH_LEDGER_SITES)
        __atomic_fetch_add(&ledger->sites[site].allocations, pending, __ATOMIC_RELAXED);
}

static uint32_t make_tag(const struct sph_ledger *ledger, const struct charge *charge) {
    bool frees = charge->site < SPH_LEDGER_SITES && ledger->sites[charge->site].freed;
    return charge->site << SPH_LEDGER_SITE_SHIFT | charge->owner << SPH_LEDGER_OWNER_SHIFT |
           (frees ? SPH_LEDGER_ENTRY_FREES : 0);
}

/* The thread's place for `address`, filled. Its address is the last to be written, so that a signal
 * handler finds what is right or nothing. */
static struct sph_ledger_recent *keep_at_hand(struct sph_ledger *ledger,
                                              struct sph_ledger_thread *thread, uintptr_t address) {
    struct sph_ledger_recent *recent = sph_recent_at(thread, address);
    if ((recent->address & ~SPH_LEDGER_RECENT_PASSES) == address)
        return recent;
    settle(ledger, recent);
    sph_store(&recent->address, 0);
    struct charge charge;
    bool keep = resolve(ledger, address, &charge);
    recent->tag = make_tag(ledger, &charge);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (keep)
        sph_store(&recent->address, address | (charge.passes ? SPH_LEDGER_RECENT_PASSES : 0));
    return recent;
}

/* Threads that share a record keep nothing at hand there. */
static uint32_t charge_shared(struct sph_ledger *ledger, uintptr_t caller) {
    struct charge charge;
    (void)resolve(ledger, caller, &charge);
    if (charge.site < SPH_LEDGER_SITES)
        __atomic_fetch_add(&ledger->sites[charge.site].allocations, 1, __ATOMIC_RELAXED);
    return make_tag(ledger, &charge);
}

uint32_t sph_charge(struct sph_ledger *ledger, struct sph_ledger_thread *thread, uintptr_t caller) {
    if (thread == &ledger->threads[SPH_THREAD_SHARED])
        return charge_shared(ledger, caller);
    struct sph_ledger_recent *recent = keep_at_hand(ledger, thread, caller);
    if ((recent->address & SPH_LEDGER_RECENT_PASSES) != 0) {
        uintptr_t asks = sph_behalf_find(ledger, thread, (uintptr_t)__builtin_frame_address(0));
        if (asks != 0)
            recent = keep_at_hand(ledger, thread, asks);
    }
    recent->pending++;
    return recent->tag & SPH_TAG_MASK;
}

/* The first block of the site that is given back. What threads have at hand says that its blocks
 * stay, and is to be looked up again: at worst once more than it needs. */
static void tell_freed(struct sph_ledger *ledger, unsigned site) {
    uint64_t used = __atomic_load_n(&ledger->threads_used, __ATOMIC_ACQUIRE);
    struct sph_ledger_thread *thread;
    ledger->sites[site].freed = 1;
    while ((thread = sph_thread_next(ledger, &used)) != NULL)
        for (unsigned i = 0; i < SPH_LEDGER_RECENT; i++)
            if (sph_entry_site(thread->recent[i].tag) == site)
                sph_store(&thread->recent[i].address, 0);
}

void sph_site_free(struct sph_ledger *ledger, const struct sph_ledger_thread *thread,
                   unsigned site) {
    if ((thread->mode & SPH_LEDGER_MODE_STACKS) != 0)
        site = site < SPH_LEDGER_STACKS ? ledger->stacks[site].site : SPH_LEDGER_SITES;
    if (site >= SPH_LEDGER_SITES)
        sph_lose(&ledger->losses.damaged);
    else if (!ledger->sites[site].freed)
        tell_freed(ledger, site);
}

/* Threads must not go on charging an address that may mean something else tomorrow. */
static void forget_retired(struct sph_ledger *ledger, unsigned owner) {
    const struct sph_ledger_owner *gone = &ledger->owners[owner];
    uint64_t used = __atomic_load_n(&ledger->threads_used, __ATOMIC_ACQUIRE);
    struct sph_ledger_thread *thread;
    while ((thread = sph_thread_next(ledger, &used)) != NULL) {
        for (unsigned i = 0; i < SPH_LEDGER_RECENT; i++) {
            struct sph_ledger_recent *recent = &thread->recent[i];
            unsigned site = sph_entry_site(recent->tag);
            if ((site < SPH_LEDGER_SITES && ledger->sites[site].retired) ||
                (recent->address & ~SPH_LEDGER_RECENT_PASSES) - gone->lo < gone->hi - gone->lo)
                sph_store(&recent->address, 0);
        }
    }
}

/* Sites of the owner, and those that lead to one by a jump. */
static bool is_about(const struct sph_ledger *ledger, const struct sph_ledger_site *site,
                     unsigned owner) {
    return site->owner == owner || (site->alias != 0 && site->alias < SPH_LEDGER_SITES &&
                                    ledger->sites[site->alias].owner == owner);
}

void sph_sites_retire(struct sph_ledger *ledger, unsigned owner) {
    for (unsigned n = 1; n <= count_sites(ledger); n++)
        if (is_about(ledger, &ledger->sites[n], owner))
            ledger->sites[n].retired = 1;
    rebuild_index(ledger);
    forget_retired(ledger, owner);
}

void sph_sites_revive(struct sph_ledger *ledger, unsigned owner, uint64_t delta) {
    for (unsigned n = 1; n <= count_sites(ledger); n++) {
        struct sph_ledger_site *site = &ledger->sites[n];
        if (!site->retired || !is_about(ledger, site, owner))
            continue;
        if (site->owner == owner)
            sph_store(&site->address, site->address + delta);
        site->retired = 0;
    }
    rebuild_index(ledger);
}
