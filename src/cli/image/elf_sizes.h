/* elf_sizes: where the bytes of an ELF file go: its sections, its symbols, and what it needs. */
#ifndef SPH_CLI_IMAGE_ELF_SIZES_H
#define SPH_CLI_IMAGE_ELF_SIZES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

enum {
    SPH_ELF_SECTIONS_MAX = 128,  /* a linked program has some 30 */
    SPH_ELF_SYMBOLS_MAX = 65536, /* what follows is not read */
    SPH_ELF_NEEDED_MAX = 32,
    SPH_ELF_NAME_SIZE = 96, /* bytes with NUL; longer names are cut */
};

/* Names are printable. */
struct sph_elf_section {
    char name[SPH_ELF_NAME_SIZE];
    uint64_t bytes; /* in the file */
};
struct sph_elf_symbol {
    char name[SPH_ELF_NAME_SIZE];
    unsigned section; /* of sections[] */
    uint64_t bytes;
};

/* Start as all zeros. Some 16 KiB, and the symbols. */
struct sph_elf_sizes {
    const char *machine;                                   /* "32-bit ARM"; static */
    struct sph_elf_section sections[SPH_ELF_SECTIONS_MAX]; /* those with bytes, in their order */
    unsigned n_sections;
    uint64_t other_bytes; /* headers, and what lies between: with the sections, the whole file */
    uint64_t debug_bytes; /* of the sections, for debuggers only: strip takes them out */
    struct sph_elf_symbol *symbols; /* owned; functions and data with bytes, largest first */
    unsigned n_symbols;
    bool is_stripped; /* the symbols are those for the loader, if any */
    char needed[SPH_ELF_NEEDED_MAX][SPH_ELF_NAME_SIZE]; /* libraries */
    unsigned n_needed;
};

/* Pure: any bytes. Little-endian files of both widths. -ENOEXEC for what is no such file, or whose
 * sections overlap or lie outside of it; -ENOMEM. */
int sph_elf_sizes_read(const void *data, size_t len, struct sph_elf_sizes *ret_sizes) SPH_MUST_USE;
/* The symbols of the same file before it was stripped, which is empty after: those whose section is
 * here, too, in the place of the ones here. */
void sph_elf_sizes_take_symbols(struct sph_elf_sizes *sizes, struct sph_elf_sizes *whole);
void sph_elf_sizes_done(struct sph_elf_sizes *sizes);

#define sph_autoelfsizes SPH_CLEANUP(sph_elf_sizes_done)

#endif
