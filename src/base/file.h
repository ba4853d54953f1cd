/* file: whole files read and replaced, and folders made and removed, relative to a directory
 * descriptor.
 *
 * Names in sentences are shown as they were given, so they must come from the program or from a
 * checked name. Files are small here (configuration, packages, kernel files), so whole ones are
 * read; there is no stream. */
#ifndef SPH_BASE_FILE_H
#define SPH_BASE_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

/* Reads/writes until done, over EINTR and short counts. read_full returns bytes read (less than len
 * only at end of file) or negative errno; write_full 0 or negative errno. */
ssize_t sph_fd_read_full(int fd, void *data, size_t len);
int sph_fd_write_full(int fd, const void *data, size_t len);

/* Appends the whole of a file to buf (bounded by buf->limit). dirfd may be AT_FDCWD. 0 or negative
 * errno. */
int sph_file_read(int dirfd, const char *name, struct sph_buf *buf, struct sph_err *err);
/* The same from the descriptor's place on; it stays the caller's. */
int sph_fd_read_to_end(int fd, struct sph_buf *buf, struct sph_err *err);
/* Replaces a file atomically and durably: temporary beside it, fsync, rename, fsync of the folder.
 * A failure (full disk, power cut) leaves the old file as it was. `mode` is exact, whatever the
 * umask. A power cut may leave a temporary behind: its name starts with SPH_FILE_TEMPORARY. */
#define SPH_FILE_TEMPORARY ".spherule-new-"
int sph_file_replace(int dirfd, const char *name, const void *data, size_t len, mode_t mode,
                     struct sph_err *err);
/* Plain write to an existing (kernel) file, without truncation or rename: one write(2), since a
 * kernel file parses each by itself; a short one is -EIO. */
int sph_file_poke(int dirfd, const char *name, const char *text, struct sph_err *err);

/* mkdir -p relative to dirfd; 0 also when it exists. The umask applies; folders on the way there
 * are always open to their owner. */
int sph_dir_make(int dirfd, const char *path, mode_t mode, struct sph_err *err);
/* Opens a folder (O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW on the last part); fd or negative errno. */
int sph_dir_open(int dirfd, const char *path, struct sph_err *err);
/* rm -rf without following links, at any depth; 0 also when it is not there. Stops at the first
 * entry that cannot be removed (a mount point, for one). */
int sph_tree_remove(int dirfd, const char *name, struct sph_err *err);

#endif
