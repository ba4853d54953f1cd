/* One depth-first walk that trusts nothing. Tables must follow each other in walk order, and so
 * must file data: that alone excludes loops, shared tables and shared data, and bounds the work by
 * the body's length. A map of visited inodes was rejected, as it needs memory that the sender
 * chooses the size of. */
#include "package/fs.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "package/fs_layout.h"

#define DAMAGED "the package's file system is damaged: "
enum { SHOWN = 72 }; /* bytes of a name in a sentence */

/* The state of one check, some 1 KiB on the stack. Offsets are 64 bits wide: an offset and a size
 * from the body can then be added without wrapping. */
struct check {
    struct sph_fs fs;
    struct sph_fs_iter iter;
    uint32_t inodes;                         /* seen so far, the root counted */
    uint32_t previous[SPH_FS_DEPTH_MAX + 1]; /* the inode before, per open folder; 0 at the first */
    uint64_t tables_end;                     /* end of the last table */
    uint64_t data_start; /* start of the first file's data; 0 when there was none */
    uint64_t data_end;   /* end of the last one's */
    struct sph_err *err;
};

/* Bytes that belong to nothing must be zero: a signed package has no room for a hidden payload.
 * Each byte is looked at once, since the ranges follow each other. */
static bool is_zero(const uint8_t *bytes, uint64_t from, uint64_t to) {
    for (; from < to; from++) {
        if (bytes[from] != 0)
            return false;
    }
    return true;
}

/* The folder that the walk is in, as a path for a sentence. */
static const char *folder_shown(const struct check *check, char ret_text[SHOWN]) {
    const struct sph_fs_iter *iter = &check->iter;
    sph_text_printable(iter->path, iter->path_len[iter->depth], ret_text, SHOWN);
    return ret_text;
}

/* The checksum comes before every field that is used, so that an accident (a cut download, a bad
 * flash page) is called by its name. It is no defence: who changes a package can compute it, too.
 */
static int check_superblock(const uint8_t *body, size_t body_bytes, struct sph_err *err) {
    if (body_bytes < SPH_FS_PAGE_BYTES || body_bytes % SPH_FS_PAGE_BYTES != 0)
        return SPH_FAIL(err, -EBADMSG, DAMAGED "%zu bytes are no whole number of pages",
                        body_bytes);
    if (sph_le32_get(body) != SPH_FS_MAGIC ||
        memcmp(body + SPH_FS_AT_SIGNATURE, sph_fs_signature, sizeof(sph_fs_signature)) != 0)
        return SPH_FAIL(err, -EBADMSG, "the package holds no file system of the known kind");
    uint32_t size = sph_le32_get(body + SPH_FS_AT_SIZE);
    if (size != body_bytes)
        return SPH_FAIL(err, -EBADMSG, DAMAGED "it says %u bytes and has %zu", size, body_bytes);
    uint32_t crc = sph_fs_crc(body, body_bytes), stored = sph_le32_get(body + SPH_FS_AT_CRC);
    if (crc != stored)
        return SPH_FAIL(err, -EBADMSG, DAMAGED "its checksum is %08x, its header says %08x", crc,
                        stored);
    uint32_t flags = sph_le32_get(body + SPH_FS_AT_FLAGS);
    if (flags != SPH_FS_FLAGS || sph_le32_get(body + SPH_FS_AT_FUTURE) != 0)
        return SPH_FAIL(err, -EBADMSG,
                        "the package's file system uses features that are not supported (flags "
                        "0x%x)",
                        flags);
    return 0;
}

/* The original's kernel takes a root behind a 512-byte header as well; no package with one is
 * known. */
static int check_root(struct check *check) {
    const uint8_t *body = check->fs.body;
    struct sph_fs_inode root = sph_fs_inode_get(body + SPH_FS_AT_ROOT);
    if (!S_ISDIR(root.mode) || (root.mode & 07000) != 0 || root.uid != 0 || root.gid != 0 ||
        root.name_bytes != 0)
        return SPH_FAIL(check->err, -EBADMSG, DAMAGED "its root is no plain folder");
    if (root.offset != SPH_FS_AT_TABLES || root.size > check->fs.body_bytes - SPH_FS_AT_TABLES)
        return SPH_FAIL(check->err, -EBADMSG, DAMAGED "its root's table is out of bounds");
    check->tables_end = root.offset + root.size;
    return 0;
}

/* The name behind the inode at the walk's place. A name that is safe in a path, on a terminal and
 * in JSON needs no further thought by whoever shows or unpacks it. */
static int check_name(struct check *check, const struct sph_fs_inode *inode) {
    const struct sph_fs_iter *iter = &check->iter;
    uint32_t at = iter->at[iter->depth] + SPH_FS_INODE_BYTES;
    const char *name = (const char *)check->fs.body + at;
    size_t len = strnlen(name, inode->name_bytes);
    char shown[SHOWN], folder[SHOWN];
    sph_text_printable(name, len, shown, sizeof(shown));
    const char *problem = sph_fs_name_problem(name, len);
    if (problem)
        return SPH_FAIL(check->err, -EBADMSG, DAMAGED "the name '%s' in folder '/%s' %s", shown,
                        folder_shown(check, folder), problem);
    if (inode->name_bytes - len > 3 || !is_zero(check->fs.body, at + len, at + inode->name_bytes))
        return SPH_FAIL(check->err, -EBADMSG, DAMAGED "the name '%s' is padded wrongly", shown);
    if (iter->path_len[iter->depth] + 1 + len >= SPH_FS_PATH_SIZE)
        return SPH_FAIL(check->err, -EBADMSG, DAMAGED "the path of '%s' is longer than %d bytes",
                        shown, SPH_FS_PATH_SIZE - 1);
    return 0;
}

/* Set-id and sticky bits mean nothing on these folders, so a set one is damage. */
static int check_folder(struct check *check, const struct sph_fs_inode *inode, const char *shown) {
    if ((inode->mode & 07000) != 0)
        return SPH_FAIL(check->err, -EBADMSG, DAMAGED "folder '%s' has mode 0%o", shown,
                        inode->mode);
    if (check->iter.depth == SPH_FS_DEPTH_MAX)
        return SPH_FAIL(check->err, -EBADMSG, DAMAGED "'%s' is nested deeper than %d folders",
                        shown, SPH_FS_DEPTH_MAX);
    if (inode->size == 0) {
        if (inode->offset != 0)
            return SPH_FAIL(check->err, -EBADMSG, DAMAGED "the empty folder '%s' has a table",
                            shown);
        return 0;
    }
    if (inode->offset < check->tables_end || inode->offset + inode->size > check->fs.body_bytes)
        return SPH_FAIL(check->err, -EBADMSG, DAMAGED "the table of folder '%s' is out of place",
                        shown);
    if (!is_zero(check->fs.body, check->tables_end, inode->offset))
        return SPH_FAIL(check->err, -EBADMSG, DAMAGED "there are stray bytes before folder '%s'",
                        shown);
    check->tables_end = inode->offset + inode->size;
    return 0;
}

/* Data in place are the only kind that is known here: the same bit tells the original's kernel to
 * map the pages, and a file without it would be compressed. */
static int check_file(struct check *check, const struct sph_fs_inode *inode, const char *shown) {
    if ((inode->mode & 07000) != S_ISVTX)
        return SPH_FAIL(check->err, -EBADMSG,
                        DAMAGED "file '%s' has mode 0%o, without the mark of data that is stored "
                                "in place",
                        shown, inode->mode);
    if (inode->size == 0) {
        if (inode->offset != 0)
            return SPH_FAIL(check->err, -EBADMSG, DAMAGED "the empty file '%s' has data", shown);
        return 0;
    }
    if (inode->offset % SPH_FS_PAGE_BYTES != 0)
        return SPH_FAIL(check->err, -EBADMSG, DAMAGED "file '%s' does not begin at a page", shown);
    if (inode->offset == 0 || inode->offset < check->data_end ||
        inode->offset + inode->size > check->fs.body_bytes)
        return SPH_FAIL(check->err, -EBADMSG, DAMAGED "the data of file '%s' are out of place",
                        shown);
    if (check->data_start == 0)
        check->data_start = inode->offset;
    else if (!is_zero(check->fs.body, check->data_end, inode->offset))
        return SPH_FAIL(check->err, -EBADMSG, DAMAGED "there are stray bytes before file '%s'",
                        shown);
    check->data_end = inode->offset + inode->size;
    return 0;
}

/* Ascending order is the format's rule (a device may search by halves), and makes every name
 * unique. */
static int check_order(struct check *check, uint32_t at, const struct sph_fs_inode *inode,
                       const char *shown) {
    uint32_t before = check->previous[check->iter.depth];
    check->previous[check->iter.depth] = at;
    if (before == 0)
        return 0;
    /* Padding is NUL and names hold none, so the padded names order as the names do. */
    struct sph_fs_inode previous = sph_fs_inode_get(check->fs.body + before);
    uint32_t shorter =
        previous.name_bytes < inode->name_bytes ? previous.name_bytes : inode->name_bytes;
    int order = memcmp(check->fs.body + before + SPH_FS_INODE_BYTES,
                       check->fs.body + at + SPH_FS_INODE_BYTES, shorter);
    if (order < 0 || (order == 0 && previous.name_bytes < inode->name_bytes))
        return 0;
    return SPH_FAIL(check->err, -EBADMSG, DAMAGED "'%s' is out of order or there twice", shown);
}

/* The inode at the walk's place, which is then stepped over. */
static int check_inode(struct check *check) {
    struct sph_fs_iter *iter = &check->iter;
    uint32_t at = iter->at[iter->depth], left = iter->end[iter->depth] - at;
    struct sph_fs_inode inode = {0};
    char shown[SHOWN];
    if (left >= SPH_FS_INODE_BYTES)
        inode = sph_fs_inode_get(check->fs.body + at);
    if (left < SPH_FS_INODE_BYTES || inode.name_bytes > left - SPH_FS_INODE_BYTES)
        return SPH_FAIL(check->err, -EBADMSG, DAMAGED "the table of folder '/%s' ends early",
                        folder_shown(check, shown));
    int r = check_name(check, &inode);
    if (r < 0)
        return r;
    const char *name = (const char *)check->fs.body + at + SPH_FS_INODE_BYTES;
    sph_text_printable(name, strnlen(name, inode.name_bytes), shown, sizeof(shown));
    r = check_order(check, at, &inode, shown);
    if (r < 0)
        return r;
    if (inode.uid != 0 || inode.gid != 0)
        return SPH_FAIL(check->err, -EBADMSG, DAMAGED "'%s' belongs to user %u, group %u", shown,
                        inode.uid, inode.gid);
    if (S_ISDIR(inode.mode))
        r = check_folder(check, &inode, shown);
    else if (S_ISREG(inode.mode))
        r = check_file(check, &inode, shown);
    else
        r = SPH_FAIL(check->err, -EBADMSG, DAMAGED "'%s' is neither a file nor a folder", shown);
    if (r < 0)
        return r;
    sph_fs_iter_take(iter, &inode);
    if (S_ISDIR(inode.mode))
        check->previous[iter->depth] = 0;
    return 0;
}

/* The bound on inodes comes before each one is looked at: a hostile table is not read to its end.
 */
static int check_tree(struct check *check) {
    while (sph_fs_iter_settle(&check->iter)) {
        if (++check->inodes > SPH_FS_FILES_MAX)
            return SPH_FAIL(check->err, -EBADMSG, "the package holds more than %d files",
                            SPH_FS_FILES_MAX - 1);
        int r = check_inode(check);
        if (r < 0)
            return r;
    }
    return 0;
}

/* What only the whole walk knows. */
static int check_sums(struct check *check) {
    const uint8_t *body = check->fs.body;
    uint32_t stored = sph_le32_get(body + SPH_FS_AT_FILES);
    if (stored != check->inodes)
        return SPH_FAIL(check->err, -EBADMSG, DAMAGED "it says %u files and has %u", stored,
                        check->inodes);
    uint64_t data_start = check->data_start > 0 ? check->data_start : check->fs.body_bytes;
    uint64_t data_end = check->data_start > 0 ? check->data_end : check->fs.body_bytes;
    if (check->tables_end > data_start)
        return SPH_FAIL(check->err, -EBADMSG, DAMAGED "its tables run into the files' data");
    if (!is_zero(body, check->tables_end, data_start) ||
        !is_zero(body, data_end, check->fs.body_bytes))
        return SPH_FAIL(check->err, -EBADMSG, DAMAGED "there are stray bytes between its files");
    return 0;
}

/* The root counts as an inode that is known already. */
int sph_fs_check(const void *body, size_t body_bytes, struct sph_fs *ret_fs, struct sph_err *err) {
    struct check check = {
        .fs = {.body = body, .body_bytes = body_bytes},
        .inodes = 1,
        .err = err,
    };
    int r = check_superblock(body, body_bytes, err);
    if (r == 0)
        r = check_root(&check);
    if (r < 0)
        return r;
    sph_fs_iter_init(&check.iter, &check.fs);
    r = check_tree(&check);
    if (r == 0)
        r = check_sums(&check);
    if (r < 0)
        return r;
    check.fs.file_count = check.inodes;
    *ret_fs = check.fs;
    return 0;
}
