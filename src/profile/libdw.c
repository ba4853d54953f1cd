/* Linked by name, it would cost every command its loading (docs/adr/0009). */
#include "profile/libdw.h"

#include <dlfcn.h>

/* What libdw needs is found through it, libelf's functions among them. */
bool sph_libdw_load(struct sph_libdw *ret_libdw) {
    void *library = dlopen("libdw.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return false;
#define LOAD(name)                                                                                 \
    ret_libdw->name = (__typeof__(&(name)))dlsym(library, #name);                                  \
    if (!ret_libdw->name)                                                                          \
        return false;
    SPH_LIBDW_FUNCTIONS(LOAD)
#undef LOAD
    return ret_libdw->elf_version(EV_CURRENT) != EV_NONE;
}
