/* object: what the program headers of a loaded object say, read where they are mapped.
 *
 * No libc: it serves both back ends, musl's in a program that knows nothing of it included. */
#ifndef SPH_LIBMALLOC_OBJECT_H
#define SPH_LIBMALLOC_OBJECT_H

#include <link.h> /* ElfW() */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sph_object_kind {
    SPH_OBJECT_NONE = 0, /* the address is in no object */
    SPH_OBJECT_APP,      /* the executable */
    SPH_OBJECT_LIBC,
    SPH_OBJECT_LIBRARY,
};

/* One object as its loader knows it. What the pointers lead to is the process's own. */
struct sph_object {
    enum sph_object_kind kind;
    bool passes;    /* asks on behalf of its callers: the C library, the loader, libstdc++'s new */
    uintptr_t bias; /* what is added to the addresses in its headers */
    const ElfW(Phdr) * headers;
    size_t n_headers;
    const char *name; /* path as the loader names it; "" or NULL: none */
};

/* From the ELF header, mapped at `start`: fills bias, headers and n_headers. False: it is none. */
bool sph_object_parse(uintptr_t start, struct sph_object *object);
/* First byte and the one after the last of all that is loaded; false: nothing is. */
bool sph_object_bounds(const struct sph_object *object, uintptr_t *ret_lo, uintptr_t *ret_hi);
/* Whether all of it lies in one segment that has these PF_ flags. */
bool sph_object_holds(const struct sph_object *object, uintptr_t address, size_t bytes,
                      uint32_t flags);
/* How many bytes of the GNU build id were written to ret_id, at most `size`; 0: it has none. */
size_t sph_object_build_id(const struct sph_object *object, uint8_t *ret_id, size_t size);

#endif
