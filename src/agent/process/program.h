/* program: whether an app's entry point can run on this device, and if not, which sentence says
 * why. */
#ifndef SPH_AGENT_PROCESS_PROGRAM_H
#define SPH_AGENT_PROCESS_PROGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { SPH_PROGRAM_INTERPRETER = 128 };

/* What a start needs to know of an ELF file. */
struct sph_program {
    uint16_t machine;                          /* e_machine */
    char interpreter[SPH_PROGRAM_INTERPRETER]; /* empty: static */
};

/* No I/O: reads the ELF header and PT_INTERP from the whole file's bytes. -ENOEXEC with a sentence
 * when it is no program for this computer; an ARM one is told from the rest and the virtual device
 * is named. */
int sph_program_parse(const void *data, size_t len, struct sph_program *ret_program,
                      struct sph_err *err);
/* The same from a file in the package, whose start is read (64 KiB at most). */
int sph_program_read(int root_fd, const char *path, struct sph_program *ret_program,
                     struct sph_err *err);

#endif
