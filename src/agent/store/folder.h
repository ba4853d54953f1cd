/* folder: every entry of a folder, one after the other.
 *
 * In the file system's order, which is none: who needs one sorts what it took. */
#ifndef SPH_AGENT_STORE_FOLDER_H
#define SPH_AGENT_STORE_FOLDER_H

#include "base/err.h"

/* `fd` is the folder's, open during the call. A negative result ends the walk and is its result.
 * The entry may be removed; others may not be added. */
typedef int sph_folder_fn(void *context, int fd, const char *name, struct sph_err *err);

/* Calls fn for every entry but "." and "..". 0, fn's failure, or negative errno of the folder
 * (-ENOENT when it is not there). `path` also names it in the sentence. */
int sph_folder_each(int dirfd, const char *path, sph_folder_fn *fn, void *context,
                    struct sph_err *err);

#endif
