/* unpack: a checked body written out as files and folders. */
#ifndef SPH_PACKAGE_UNPACK_H
#define SPH_PACKAGE_UNPACK_H

#include "base/attr.h"
#include "base/err.h"
#include "package/fs.h"

/* Into the empty folder `dirfd`: folders 0755, files 0644 or 0755 (no sticky bit), nothing followed
 * or replaced, folders and files synced. On failure what was written stays for the caller to
 * remove. */
int sph_fs_unpack(const struct sph_fs *fs, int dirfd, struct sph_err *err) SPH_MUST_USE;

#endif
