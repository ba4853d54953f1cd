/* Links are followed, as copying tools do; anything that is neither file nor folder is an error,
 * since the package would silently lack it.
 *
 * The tree is read whole before anything is built: an image is at most some MiB, and a file that
 * changes while it is packed must not appear with two contents. The order is the file system's;
 * the builder sorts. fts is used with FTS_NOCHDIR, since a library that changes the working
 * directory would surprise whoever gave a relative path for the output. */
#include "cli/image/pack_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/image/package_file.h"
#include "package/build.h"

/* Lists come from build scripts, which write paths with and without the leading slash. */
bool sph_pack_list_has(const char *list, const char *path) {
    path += *path == '/';
    while (list && *list) {
        size_t len = strcspn(list, ",");
        size_t skip = len > 0 && *list == '/';
        if (len - skip == strlen(path) && strncmp(list + skip, path, len - skip) == 0)
            return true;
        list += len;
        list += *list == ',';
    }
    return false;
}

/* The casts take away const only: paths and data came from strdup() and sph_buf_take(). */
void sph_pack_tree_done(struct sph_pack_tree *tree) {
    for (size_t i = 0; i < tree->count; i++) {
        free((char *)tree->items[i].path);
        free((char *)tree->items[i].data);
    }
    free(tree->items);
    *tree = (struct sph_pack_tree)SPH_PACK_TREE_NULL;
}

static bool grow(struct sph_pack_tree *tree) {
    if (tree->count < tree->cap)
        return true;
    size_t cap = tree->cap ? tree->cap * 2 : 16;
    struct sph_fs_item *items = reallocarray(tree->items, cap, sizeof(*items));
    if (!items)
        return false;
    tree->items = items;
    tree->cap = cap;
    return true;
}

/* Ownership of path and data moves into the item with its last assignment. */
static int add_file(struct sph_pack_tree *tree, const char *from, const char *path,
                    const char *executables, struct sph_err *err) {
    sph_autobuf struct sph_buf data = SPH_BUF_LIMIT(SPH_FS_FILE_BYTES_MAX);
    int r = sph_input_read("file", from, &data, err);
    if (r < 0)
        return r;
    sph_autofree char *name = strdup(path);
    if (!name || !grow(tree))
        return SPH_FAIL_ERRNO(err, -ENOMEM, "cannot read the package directory");
    size_t len = data.len;
    bool is_elf = len > 0 && sph_build_is_elf(data.data, len);
    tree->items[tree->count++] =
        (struct sph_fs_item){.path = SPH_STEAL_PTR(name),
                             .executable = is_elf || sph_pack_list_has(executables, path),
                             .data = sph_buf_take(&data),
                             .size_bytes = len};
    tree->total_bytes += len;
    tree->has_libmalloc |= strcmp(path, SPH_BUILD_LIBMALLOC) == 0;
    if (tree->total_bytes > SPH_IMAGE_BYTES_MAX)
        return SPH_FAIL(err, -EBADMSG, "the package directory holds more than %d bytes",
                        SPH_IMAGE_BYTES_MAX);
    return 0;
}

/* fts gives a folder twice, before and after what is in it; a package makes its own from the paths.
 */
static int add_entry(struct sph_pack_tree *tree, const FTSENT *entry, size_t root_len,
                     const char *executables, struct sph_err *err) {
    const char *path = entry->fts_path + root_len;
    path += strspn(path, "/"); /* as many as the folder's name ended with */
    switch (entry->fts_info) {
    case FTS_D:
    case FTS_DP:
        return 0;
    case FTS_F:
        if (strcmp(path, SPH_MANIFEST_PATH) == 0)
            return 0;
        return add_file(tree, entry->fts_accpath, path, executables, err);
    case FTS_DC:
        return SPH_FAIL(err, -EBADMSG, "the folder '%s' contains itself by a link",
                        entry->fts_path);
    case FTS_SLNONE:
        return SPH_FAIL(err, -EBADMSG, "'%s' is a link to nothing", entry->fts_path);
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
        return SPH_FAIL_ERRNO(err, -entry->fts_errno, "cannot read '%s'", entry->fts_path);
    default:
        return SPH_FAIL(err, -EBADMSG, "'%s' is neither a file nor a folder", entry->fts_path);
    }
}

/* NULL at the end with errno 0, at a failure (no memory, for one) with another: without the look at
 * it a package would be made of the files met so far. */
static FTSENT *next_entry(FTS *fts) {
    errno = 0;
    return fts_read(fts);
}

/* The folder itself is judged first, so that the sentence is about the option and not about a file.
 */
static int walk(FTS *fts, struct sph_pack_tree *tree, size_t root_len, const char *executables,
                struct sph_err *err) {
    FTSENT *entry;
    int r = 0;
    while (r == 0 && (entry = next_entry(fts))) {
        if (entry->fts_level == 0 && entry->fts_info == FTS_F)
            return SPH_FAIL(err, -EBADMSG, "the package directory '%s' is not a directory",
                            entry->fts_path);
        if (entry->fts_level == 0 && entry->fts_info == FTS_NS)
            return SPH_FAIL_ERRNO(err, -entry->fts_errno, "cannot open the package directory '%s'",
                                  entry->fts_path);
        r = add_entry(tree, entry, root_len, executables, err);
    }
    if (r == 0 && errno != 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot read the package directory");
    return r;
}

/* The sum is checked with every file, so that a folder of gigabytes is refused after some MiB. */
int sph_pack_tree_read(const char *directory, const char *executables,
                       struct sph_pack_tree *ret_tree, struct sph_err *err) {
    struct sph_pack_tree tree = SPH_PACK_TREE_NULL;
    char *const roots[] = {(char *)directory, NULL};
    size_t root_len = strlen(directory);
    while (root_len > 1 && directory[root_len - 1] == '/')
        root_len--;
    FTS *fts = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, NULL);
    if (!fts)
        return SPH_FAIL_ERRNO(err, -errno, "cannot open the package directory '%s'", directory);
    int r = walk(fts, &tree, root_len, executables, err);
    (void)fts_close(fts);
    if (r < 0)
        sph_pack_tree_done(&tree);
    else
        *ret_tree = tree;
    return r;
}
