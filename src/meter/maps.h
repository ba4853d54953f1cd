/* maps: one line of /proc/PID/maps parsed, and the kind of mapping that it is.
 *
 * The kind is what a person calls the memory (heap, stack, a library's data). The kernel does not
 * tell it; it follows from the line, from the one before, and from the file system behind it. */
#ifndef SPH_METER_MAPS_H
#define SPH_METER_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

enum { SPH_MAPS_NAME_MAX = 96 }; /* bytes kept of a mapping's name: the tail of a longer path */

enum sph_maps_class {
    SPH_MAPS_ANON, /* private anonymous: malloc's mmaps, thread stacks */
    SPH_MAPS_TEXT, /* executable pages of a file */
    SPH_MAPS_RODATA,
    SPH_MAPS_DATA,   /* writable pages of a file, private */
    SPH_MAPS_RELRO,  /* read-only, but written before: its anonymous pages are relocated data */
    SPH_MAPS_BSS,    /* anonymous, right behind the data of a file */
    SPH_MAPS_HEAP,   /* brk */
    SPH_MAPS_STACK,  /* the first thread's */
    SPH_MAPS_SHARED, /* shared anonymous, memfd, SysV, tmpfs */
    SPH_MAPS_FILE,   /* shared mapping of a file */
    SPH_MAPS_KERNEL, /* vdso, vvar, vsyscall */
};
const char *sph_maps_class_name(enum sph_maps_class class); /* "data", "heap", ... */

/* One mapping. Addresses are [start, end), whole pages; `offset` is in bytes of the file. */
struct sph_maps_entry {
    uint64_t start;
    uint64_t end;
    uint64_t offset;
    uint64_t inode; /* 0: not of a file */
    uint32_t dev_major;
    uint32_t dev_minor;
    bool read, write, exec, shared;
    char name[SPH_MAPS_NAME_MAX]; /* path or [name]; "" for none */
};

/* Pure: a line without its newline. 0 or -EBADMSG. */
int sph_maps_parse_line(const char *line, size_t len,
                        struct sph_maps_entry *ret_entry) SPH_MUST_USE;
/* Pure: true for a name that is shared memory by its form ("/dev/zero (deleted)", "/memfd:...",
 * "/SYSV...", "[anon_shmem:...]"). Files on tmpfs have to be asked for by their file system. */
bool sph_maps_is_shmem_name(const char *name);
/* Pure: `previous` is the entry before it, NULL for the first; `is_shmem` as found out by the
 * caller. */
enum sph_maps_class sph_maps_classify(const struct sph_maps_entry *entry,
                                      const struct sph_maps_entry *previous, bool is_shmem);

#endif
