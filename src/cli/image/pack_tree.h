/* pack_tree: the files of a package directory, read whole. */
#ifndef SPH_CLI_IMAGE_PACK_TREE_H
#define SPH_CLI_IMAGE_PACK_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "package/fs.h"

/* Owned whole by the tree: end with sph_pack_tree_done(). */
struct sph_pack_tree {
    struct sph_fs_item *items; /* paths and data are owned */
    size_t count;
    size_t cap;
    size_t total_bytes; /* of all data; at most SPH_IMAGE_BYTES_MAX */
    bool
        has_libmalloc; /* the tracking allocator is at the package's root, where it is looked for */
};

#define SPH_PACK_TREE_NULL                                                                         \
    { .items = NULL, .count = 0 }

/* Everything below the directory but its app_manifest.json. ELF files and those named in
 * `executables` (with commas between; may be NULL) become executable; other permissions and owners
 * do not go into a package. Links are followed; what is neither file nor folder, a link to nothing,
 * a folder that contains itself, a file over SPH_FS_FILE_BYTES_MAX: -EBADMSG. -ENOENT, -EACCES… as
 * met. Each with a sentence that names the path. *ret_tree is written on success only. */
int sph_pack_tree_read(const char *directory, const char *executables,
                       struct sph_pack_tree *ret_tree, struct sph_err *err);
void sph_pack_tree_done(struct sph_pack_tree *tree);

/* True when `path` is an item of a list with commas; a leading '/' of either does not matter. */
bool sph_pack_list_has(const char *list, const char *path);

#define sph_autopacktree SPH_CLEANUP(sph_pack_tree_done)

#endif
