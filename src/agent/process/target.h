/* target: the loader and the libraries that this device gives its apps, where they lie on this
 * computer. */
#ifndef SPH_AGENT_PROCESS_TARGET_H
#define SPH_AGENT_PROCESS_TARGET_H

#include <stdbool.h>

#include "agent/process/program.h"
#include "base/err.h"

/* Found once, when the agent starts: an installation that changes under it takes effect with the
 * next one. */
struct sph_target {
    int library_fd;          /* folder of libapplibs.so.0, or -1: apps that need none still run */
    const char *loader;      /* of musl, static storage; NULL when it is not installed */
    const char *loader_name; /* its name in an app's /lib */
};
#define SPH_TARGET_NULL                                                                            \
    { .library_fd = -1 }

/* Looks beside the running program: in ../lib and ../lib/spherule of its folder. Never fails. */
void sph_target_open(struct sph_target *ret_target);
void sph_target_close(struct sph_target *target);

/* 0 when the program's loader will be there, or -ENOEXEC with a sentence that names what is
 * missing. */
int sph_target_check(const struct sph_target *target, const struct sph_program *program,
                     bool host_libraries, struct sph_err *err);

#endif
