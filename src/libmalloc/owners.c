/* Owners: the objects that ask for memory. All of it runs under the lock, seldom. */
#include "libmalloc/back.h"
#include "libmalloc/books.h"

enum { NAME_SCAN_MAX = 4096 }; /* PATH_MAX */

/* The tail of the name: its end says more than its beginning. */
static void take_name(struct sph_ledger_owner *owner, const char *name) {
    size_t len = 0, from = 0;
    while (name != NULL && len < NAME_SCAN_MAX && name[len] != '\0')
        len++;
    if (len > SPH_LEDGER_NAME)
        from = len - SPH_LEDGER_NAME;
    owner->name_len = (uint32_t)(len - from);
    for (size_t i = 0; i < SPH_LEDGER_NAME; i++)
        owner->name[i] = (char)(from + i < len ? name[from + i] : 0);
}

static bool describe(const struct sph_object *object, struct sph_ledger_owner *owner) {
    uintptr_t lo, hi;
    if (!sph_object_bounds(object, &lo, &hi))
        return false;
    owner->lo = lo;
    owner->hi = hi;
    owner->passes = object->passes;
    owner->build_id_len =
        (uint8_t)sph_object_build_id(object, owner->build_id, sizeof(owner->build_id));
    for (size_t i = owner->build_id_len; i < sizeof(owner->build_id); i++)
        owner->build_id[i] = 0;
    take_name(owner, object->name);
    return true;
}

static bool is_same_file(const struct sph_ledger_owner *a, const struct sph_ledger_owner *b) {
    if (a->hi - a->lo != b->hi - b->lo || a->build_id_len != b->build_id_len ||
        a->name_len != b->name_len)
        return false;
    for (size_t i = 0; i < sizeof(a->build_id); i++)
        if (a->build_id[i] != b->build_id[i])
            return false;
    for (size_t i = 0; i < sizeof(a->name); i++)
        if (a->name[i] != b->name[i])
            return false;
    return true;
}

/* State last: a reader takes an owner by it. */
static void put(struct sph_ledger *ledger, unsigned n, const struct sph_ledger_owner *from) {
    struct sph_ledger_owner *to = &ledger->owners[n];
    __atomic_store_n(&to->state, 1, __ATOMIC_RELEASE);
    to->lo = from->lo;
    to->hi = from->hi;
    to->name_len = from->name_len;
    to->passes = from->passes;
    to->build_id_len = from->build_id_len;
    for (size_t i = 0; i < sizeof(to->build_id); i++)
        to->build_id[i] = from->build_id[i];
    for (size_t i = 0; i < sizeof(to->name); i++)
        to->name[i] = from->name[i];
    __atomic_store_n(&to->state, SPH_OWNER_IN_USE, __ATOMIC_RELEASE);
}

static unsigned others(struct sph_ledger *ledger) {
    struct sph_ledger_owner *owner = &ledger->owners[SPH_LEDGER_OWNER_OTHERS];
    if (owner->state != SPH_OWNER_IN_USE)
        __atomic_store_n(&owner->state, SPH_OWNER_IN_USE, __ATOMIC_RELEASE);
    return SPH_LEDGER_OWNER_OTHERS;
}

static void retire(struct sph_ledger *ledger, unsigned n) {
    __atomic_store_n(&ledger->owners[n].state, SPH_OWNER_UNLOADED, __ATOMIC_RELEASE);
    sph_sites_retire(ledger, n);
}

/* The same file is back: its blocks and sites of then are its own again, wherever it lies now. */
static unsigned revive(struct sph_ledger *ledger, unsigned n, const struct sph_ledger_owner *seen) {
    struct sph_ledger_owner *owner = &ledger->owners[n];
    uint64_t delta = seen->lo - owner->lo;
    owner->lo = seen->lo;
    owner->hi = seen->hi;
    sph_sites_revive(ledger, n, delta);
    __atomic_store_n(&owner->state, SPH_OWNER_IN_USE, __ATOMIC_RELEASE);
    return n;
}

static unsigned find_library(struct sph_ledger *ledger, const struct sph_ledger_owner *seen) {
    unsigned unused = 0, back = 0;
    for (unsigned n = SPH_LEDGER_OWNER_LIBC + 1; n < SPH_LEDGER_OWNER_OTHERS; n++) {
        struct sph_ledger_owner *owner = &ledger->owners[n];
        if (owner->state == SPH_OWNER_IN_USE && owner->lo < seen->hi && seen->lo < owner->hi) {
            if (owner->lo == seen->lo && is_same_file(owner, seen))
                return n;
            retire(ledger, n); /* unloaded by a way that is not ours to see */
        }
        if (owner->state == SPH_OWNER_UNLOADED && back == 0 && is_same_file(owner, seen))
            back = n;
        if (owner->state < SPH_OWNER_IN_USE && unused == 0)
            unused = n;
    }
    if (back != 0)
        return revive(ledger, back, seen);
    if (unused == 0) {
        sph_lose(&ledger->losses.owners);
        return others(ledger);
    }
    put(ledger, unused, seen);
    ledger->n_owners++;
    return unused;
}

unsigned sph_owner_at(struct sph_ledger *ledger, uintptr_t address, struct sph_object *ret_object) {
    struct sph_ledger_owner seen;
    if (!sph_back_object(ledger, address, ret_object) || ret_object->kind == SPH_OBJECT_NONE ||
        !describe(ret_object, &seen)) {
        ret_object->kind = SPH_OBJECT_NONE;
        return others(ledger);
    }
    if (ret_object->kind == SPH_OBJECT_LIBRARY)
        return find_library(ledger, &seen);
    unsigned n = ret_object->kind == SPH_OBJECT_APP ? SPH_LEDGER_OWNER_APP : SPH_LEDGER_OWNER_LIBC;
    if (ledger->owners[n].state != SPH_OWNER_IN_USE) {
        put(ledger, n, &seen);
        ledger->n_owners++;
    }
    return n;
}

void sph_note_unload(struct sph_ledger *ledger) {
    if (!sph_lock(ledger))
        return;
    for (unsigned n = SPH_LEDGER_OWNER_LIBC + 1; n < SPH_LEDGER_OWNER_OTHERS; n++) {
        const struct sph_ledger_owner *owner = &ledger->owners[n];
        struct sph_object object;
        struct sph_ledger_owner seen;
        if (owner->state != SPH_OWNER_IN_USE)
            continue;
        if (sph_back_object(ledger, (uintptr_t)owner->lo, &object) && describe(&object, &seen) &&
            seen.lo == owner->lo && is_same_file(&seen, owner))
            continue;
        retire(ledger, n);
    }
    sph_unlock(ledger);
}
