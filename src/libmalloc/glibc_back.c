/* glibc's half of back.h. */
#include "libmalloc/back.h"

#include <dlfcn.h>
#include <sys/auxv.h>

#include "libmalloc/glibc.h"

extern const char __ehdr_start[] SPH_HIDDEN, _end[] SPH_HIDDEN;
/* Since glibc 2.35; without it nobody is told apart. It takes no lock and allocates nothing. */
extern __typeof__(_dl_find_object) _dl_find_object __attribute__((weak));

static bool starts_with(const char *text, const char *prefix) {
    while (*prefix != '\0')
        if (*text++ != *prefix++)
            return false;
    return true;
}

/* Where `new` lives, which calls malloc for whoever calls it. */
static bool is_of_cxx(const char *path) {
    const char *name = path;
    for (const char *at = path; *at != '\0'; at++)
        if (*at == '/')
            name = at + 1;
    return starts_with(name, "libstdc++.so") || starts_with(name, "libc++.so") ||
           starts_with(name, "libc++abi.so");
}

static bool is_in(const struct dl_find_object *found, uintptr_t address) {
    return address >= (uintptr_t)found->dlfo_map_start && address < (uintptr_t)found->dlfo_map_end;
}

bool sph_back_object(const struct sph_ledger *ledger, uintptr_t address,
                     struct sph_object *ret_object) {
    struct dl_find_object found;
    if (_dl_find_object == NULL || _dl_find_object((void *)address, &found) != 0 ||
        !sph_object_parse((uintptr_t)found.dlfo_map_start, ret_object))
        return false;
    const struct link_map *map = found.dlfo_link_map;
    ret_object->name = map->l_name;
    ret_object->passes = false;
    if (is_in(&found, (uintptr_t)getauxval)) {
        ret_object->kind = SPH_OBJECT_LIBC;
        ret_object->passes = true;
    } else if (map->l_prev == NULL && map->l_name[0] == '\0') {
        ret_object->kind = SPH_OBJECT_APP;
    } else {
        ret_object->kind = SPH_OBJECT_LIBRARY;
        ret_object->passes =
            is_in(&found, (uintptr_t)ledger->config.base) || is_of_cxx(map->l_name);
    }
    return true;
}

bool sph_back_is_ours(const struct sph_ledger *ledger, uintptr_t address) {
    (void)ledger;
    return address >= (uintptr_t)__ehdr_start && address < (uintptr_t)_end;
}
