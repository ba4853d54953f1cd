/* libdw: the functions of libdw and libelf that are used, loaded when they are. */
#ifndef SPH_PROFILE_LIBDW_H
#define SPH_PROFILE_LIBDW_H

#include <stdbool.h>

#include <elfutils/libdw.h>
#include <gelf.h>

#define SPH_LIBDW_FUNCTIONS(f)                                                                     \
    f(elf_version) f(elf_begin) f(elf_end) f(elf_nextscn) f(elf_getdata) f(elf_strptr)             \
        f(gelf_getehdr) f(gelf_getshdr) f(gelf_getsym) f(dwarf_begin_elf) f(dwarf_end)             \
            f(dwarf_get_units) f(dwarf_haspc) f(dwarf_getsrc_die) f(dwarf_linesrc) f(dwarf_lineno) \
                f(dwarf_getscopes) f(dwarf_getscopes_die) f(dwarf_diename) f(dwarf_tag)

struct sph_libdw {
#define SPH_LIBDW_MEMBER(name) __typeof__(&(name)) name;
    SPH_LIBDW_FUNCTIONS(SPH_LIBDW_MEMBER)
#undef SPH_LIBDW_MEMBER
};

/* False when this machine has none. It stays loaded. */
bool sph_libdw_load(struct sph_libdw *ret_libdw);

#endif
