/* mapped_file: a file's bytes, read in place: file pages can be dropped, a heap copy cannot.
 *
 * A package is up to 1 GiB (the profile's flash) and the agent a few hundred KiB: what is looked at
 * is paged in, and goes again when the system wants the room. A file that is cut short while it is
 * mapped would be a SIGBUS, so only files that nobody else can open are read like this. */
#ifndef SPH_AGENT_STORE_MAPPED_FILE_H
#define SPH_AGENT_STORE_MAPPED_FILE_H

#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"

/* Owns the mapping and nothing else: the descriptor is closed as soon as it is mapped. */
struct sph_mapped_file {
    const void *data; /* NULL when not mapped or empty */
    size_t size;
};
#define SPH_MAPPED_FILE_NULL                                                                       \
    { .data = NULL, .size = 0 }

/* A regular file, not a link. Only for files that nobody cuts short meanwhile: those of state/. */
int sph_mapped_file_open(int dirfd, const char *path, struct sph_mapped_file *ret_file,
                         struct sph_err *err);
void sph_mapped_file_done(struct sph_mapped_file *file);

#define sph_automapped SPH_CLEANUP(sph_mapped_file_done)

#endif
