/* unpack: a checked body written out as files and folders.
 *
 * Applications run from these files rather than from a mounted body: Linux has no reader of files
 * that are stored in place, and a file system in user space would make the agent answer each page
 * fault of an application. */
#ifndef SPH_PACKAGE_UNPACK_H
#define SPH_PACKAGE_UNPACK_H

#include "base/attr.h"
#include "base/err.h"
#include "package/fs.h"

/* Into the empty folder `dirfd`: folders 0755, files 0644 or 0755 (no sticky bit), nothing followed
 * or replaced, folders and files synced. On failure what was written stays for the caller to
 * remove. Negative errno of the call that failed, with the path in the sentence. */
int sph_fs_unpack(const struct sph_fs *fs, int dirfd, struct sph_err *err) SPH_MUST_USE;

#endif
