/* fs: the ASXipFS body of an image package: read-only tree, page-aligned files, nothing compressed.
 *
 * The format is a cramfs whose files lie in place, so that the original maps programs from flash
 * without copying them. A body is checked once, as a whole (fs_check.c); after that reading cannot
 * fail, and neither walking nor finding looks at bounds again. Building (fs_build.c) gives the
 * original packer's bytes. docs/spec/package.md, section 3. */
#ifndef SPH_PACKAGE_FS_H
#define SPH_PACKAGE_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

enum {
    SPH_FS_PAGE_BYTES = 4096, /* of the format; the device's own pages do not matter here */
    SPH_FS_NAME_MAX = 252,    /* bytes of one name: six bits count it in words */
    /* Limits of ours, so that a walk needs a fixed memory: far above known packages, which have a
     * level of folders and some ten files. */
    SPH_FS_DEPTH_MAX = 16,            /* folders in folders, the root not counted */
    SPH_FS_PATH_SIZE = 512,           /* bytes of a path with its NUL */
    SPH_FS_FILES_MAX = 4096,          /* inodes, the root counted */
    SPH_FS_FILE_BYTES_MAX = 0xffffff, /* 24 bits of size in the inode */
};

/* A checked body. Points into the bytes given to sph_fs_check(). */
struct sph_fs {
    const uint8_t *body;
    size_t body_bytes;
    uint32_t file_count; /* inodes: root + folders + files */
};

/* One file or folder. */
struct sph_fs_entry {
    char path[SPH_FS_PATH_SIZE]; /* without a leading '/': "bin/app" */
    mode_t mode;                 /* as stored: type, sticky bit, permissions */
    uint32_t size_bytes;         /* of a file; of a folder, its table */
    const uint8_t *data;         /* of a file, in the body; NULL for a folder */
};

/* Pure. Superblock, CRC, every inode (sticky bit on files, ids 0), names, sorted order, page
 * alignment, bounds, no overlap and so no loop, nothing but zeros between. -EBADMSG with a
 * sentence. */
int sph_fs_check(const void *body, size_t body_bytes, struct sph_fs *ret_fs,
                 struct sph_err *err) SPH_MUST_USE;

/* Depth-first walk in the stored (sorted) order, a folder before what it holds; the root is not
 * given. Only for checked bodies, so it cannot fail. */
struct sph_fs_iter {
    /* Private to the walk, and to the check, which is a walk that looks before each step. About 800
     * bytes; it can be copied to come back to a place. */
    const struct sph_fs *fs;
    unsigned depth;
    uint32_t at[SPH_FS_DEPTH_MAX + 1];  /* next inode of the folder at each depth */
    uint32_t end[SPH_FS_DEPTH_MAX + 1]; /* end of that folder's table */
    size_t path_len[SPH_FS_DEPTH_MAX + 1];
    char path[SPH_FS_PATH_SIZE];
};
void sph_fs_iter_init(struct sph_fs_iter *iter, const struct sph_fs *fs);
bool sph_fs_next(struct sph_fs_iter *iter, struct sph_fs_entry *ret_entry);

/* By path, with or without a leading '/'. 0 or -ENOENT. Walks from the start each time: packages
 * have some ten files, and an index would be memory that a sender chooses the size of. */
int sph_fs_find(const struct sph_fs *fs, const char *path, struct sph_fs_entry *ret_entry);

/* A file to put into a body; its folders are made from its path. Path and data stay the caller's,
 * and must last until the build is done. */
struct sph_fs_item {
    const char *path; /* "bin/app", with or without a leading '/' */
    bool executable;  /* 0755 instead of 0644 */
    const void *data;
    size_t size_bytes;
};

/* The body of that tree, laid out byte for byte as the original tools do, appended to `ret_body`
 * (which must be empty; raise its limit as needed). -EINVAL for a bad path or two items that
 * collide, -EFBIG, -ENOMEM. */
int sph_fs_build(const struct sph_fs_item *items, size_t item_count, struct sph_buf *ret_body,
                 struct sph_err *err) SPH_MUST_USE;

#endif
