/* musl's half of back.h: objects by the linker's own list, which only ever grows there, so that it
 * is read without a lock. */
#include "libmalloc/back.h"

#include <elf.h>

#include "libmalloc/musl.h"

enum { OBJECTS_MAX = 256 }; /* a list that is longer leads in a circle, or is none */

static bool is_held(const struct sph_object *object, uintptr_t address) {
    uintptr_t lo, hi;
    return sph_object_bounds(object, &lo, &hi) && address >= lo && address < hi;
}

/* By the kernel's word of it, and not the list's: it is there from the first call on, and an
 * executable that is not position-independent begins anywhere. */
static bool app_holds(const struct sph_ledger *ledger, uintptr_t address,
                      struct sph_object *ret_object) {
    const ElfW(Phdr) *headers = (const ElfW(Phdr) *)(uintptr_t)ledger->config.app_headers;
    struct sph_object app = {.kind = SPH_OBJECT_APP,
                             .headers = headers,
                             .n_headers = (size_t)ledger->config.n_app_headers};
    for (size_t i = 0; i < app.n_headers; i++)
        if (headers[i].p_type == PT_PHDR)
            app.bias = (uintptr_t)headers - headers[i].p_vaddr;
    if (!is_held(&app, address))
        return false;
    *ret_object = app;
    return true;
}

static bool libc_holds(const struct sph_ledger *ledger, uintptr_t address,
                       struct sph_object *ret_object) {
    struct sph_object libc = {.kind = SPH_OBJECT_LIBC, .passes = true, .name = "libc.so"};
    if (address < ledger->config.libc_lo || address >= ledger->config.libc_hi ||
        !sph_object_parse((uintptr_t)ledger->config.libc_lo, &libc))
        return false;
    *ret_object = libc;
    return true;
}

/* Where an object begins that the list knows: its bias, as all of musl's libraries begin at 0. One
 * that does not is not looked into. */
static bool library_holds(const struct link_map *map, uintptr_t address,
                          struct sph_object *ret_object) {
    struct sph_object library = {.kind = SPH_OBJECT_LIBRARY, .name = map->l_name};
    if (map->l_addr == 0 || map->l_addr % SPH_LEDGER_PAGE_BYTES != 0 ||
        !sph_object_parse(map->l_addr, &library) || !is_held(&library, address))
        return false;
    *ret_object = library;
    return true;
}

bool sph_back_object(const struct sph_ledger *ledger, uintptr_t address,
                     struct sph_object *ret_object) {
    if (app_holds(ledger, address, ret_object) || libc_holds(ledger, address, ret_object))
        return true;
    if (ledger->config.debug_slot == 0)
        return false;
    struct r_debug *const *slot = (struct r_debug *const *)(uintptr_t)ledger->config.debug_slot;
    const struct r_debug *debug = *slot;
    const struct link_map *map = debug ? debug->r_map : NULL;
    for (unsigned i = 0; map && i < OBJECTS_MAX; i++, map = map->l_next)
        if (library_holds(map, address, ret_object))
            return true;
    return false;
}

bool sph_back_is_ours(const struct sph_ledger *ledger, uintptr_t address) {
    return address >= (uintptr_t)__ehdr_start && address < (uintptr_t)ledger;
}
