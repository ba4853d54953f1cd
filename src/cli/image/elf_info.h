/* elf_info: what an executable needs from the system it is started on. */
#ifndef SPH_CLI_IMAGE_ELF_INFO_H
#define SPH_CLI_IMAGE_ELF_INFO_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* For whose processor. Where this machine is a 32-bit ARM itself, that is SPH_ELF_THIS. */
enum sph_elf_machine {
    SPH_ELF_THIS,
    SPH_ELF_ARM, /* a virtual device's: 32 bits, little endian */
};

/* What a program needs of the place where it runs, by the loader that it names. */
enum sph_elf_needs {
    SPH_ELF_STATIC, /* nothing */
    SPH_ELF_MUSL,   /* what a device has: musl's loader, for ARM that of its one ABI */
    SPH_ELF_HOST,   /* another loader, and so the libraries of the machine it was built on */
};

struct sph_elf {
    enum sph_elf_machine machine;
    enum sph_elf_needs needs;
    char loader[64]; /* printable, cut at the end; "" for a static one */
};

/* Pure: `len` bytes of any content. *ret_elf is written on success only. -ENOEXEC with a sentence
 * when it is no executable of either machine. */
int sph_elf_inspect(const void *data, size_t len, struct sph_elf *ret_elf, struct sph_err *err);
/* "x86-64" and so on. */
const char *sph_elf_machine_name(enum sph_elf_machine machine);
/* The same for a number of an ELF header; "another kind of processor". */
const char *sph_elf_machine_text(unsigned machine);

#endif
