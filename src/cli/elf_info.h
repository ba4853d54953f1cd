/* elf_info: what an executable needs from the system it is started on. */
#ifndef SPH_CLI_ELF_INFO_H
#define SPH_CLI_ELF_INFO_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* What a program needs of the place where it runs, by the loader that it names. */
enum sph_elf_needs {
    SPH_ELF_STATIC, /* nothing */
    SPH_ELF_MUSL,   /* what a device has: musl's loader */
    SPH_ELF_HOST,   /* another loader, and so this machine's libraries */
};

/* Pure: `len` bytes of any content. *ret_needs is written on success only. -ENOEXEC with a sentence
 * when it is no executable of this machine's kind. */
int sph_elf_inspect(const void *data, size_t len, enum sph_elf_needs *ret_needs,
                    struct sph_err *err);

#endif
