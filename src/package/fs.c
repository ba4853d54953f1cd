/* The walk keeps the place in each open folder instead of recursing, so that its depth and memory
 * are fixed. It trusts what it reads: fs_check.c has seen the body before. */
#include "package/fs.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/crc32.h"
#include "base/text.h"
#include "package/fs_layout.h"

const char sph_fs_signature[16] = {'C', 'o', 'm', 'p', 'r', 'e', 's', 's',
                                   'e', 'd', ' ', 'R', 'O', 'M', 'F', 'S'};
const char sph_fs_volume[16] = "Compressed";

/* In three pieces, so that a body can be checked where it lies, in memory that is not to be
 * written.
 */
uint32_t sph_fs_crc(const uint8_t *body, size_t body_bytes) {
    static const uint8_t zero[4];
    uint32_t crc = sph_crc32(0, body, SPH_FS_AT_CRC);
    crc = sph_crc32(crc, zero, sizeof(zero));
    return sph_crc32(crc, body + SPH_FS_AT_CRC + 4, body_bytes - SPH_FS_AT_CRC - 4);
}

/* The format would allow more. What is refused here could do harm where names are used: in paths,
 * on terminals, in JSON. */
const char *sph_fs_name_problem(const char *name, size_t len) {
    if (len == 0)
        return "is empty";
    if (len > SPH_FS_NAME_MAX)
        return "is longer than 252 bytes";
    if ((len == 1 && name[0] == '.') || (len == 2 && name[0] == '.' && name[1] == '.'))
        return "is '.' or '..'";
    for (size_t i = 0; i < len; i++) {
        if (name[i] == '/')
            return "holds a '/'";
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f)
            return "holds a control character";
    }
    return sph_text_is_utf8(name, len) ? NULL : "is not UTF-8";
}

void sph_fs_iter_init(struct sph_fs_iter *iter, const struct sph_fs *fs) {
    struct sph_fs_inode root = sph_fs_inode_get(fs->body + SPH_FS_AT_ROOT);
    iter->fs = fs;
    iter->depth = 0;
    iter->at[0] = (uint32_t)root.offset;
    iter->end[0] = (uint32_t)root.offset + root.size;
    iter->path_len[0] = 0;
    iter->path[0] = '\0';
}

bool sph_fs_iter_settle(struct sph_fs_iter *iter) {
    while (iter->at[iter->depth] == iter->end[iter->depth]) {
        if (iter->depth == 0)
            return false;
        iter->depth--;
    }
    return true;
}

/* The path is kept as one string that is cut back to the folder's length at each step. It cannot
 * overflow: the check has refused longer ones, with the same arithmetic. */
void sph_fs_iter_take(struct sph_fs_iter *iter, const struct sph_fs_inode *inode) {
    uint32_t at = iter->at[iter->depth];
    const char *name = (const char *)iter->fs->body + at + SPH_FS_INODE_BYTES;
    size_t name_len = strnlen(name, inode->name_bytes);
    size_t path_len = iter->path_len[iter->depth];
    if (path_len > 0)
        iter->path[path_len++] = '/';
    memcpy(iter->path + path_len, name, name_len);
    path_len += name_len;
    iter->path[path_len] = '\0';
    iter->at[iter->depth] = at + SPH_FS_INODE_BYTES + inode->name_bytes;
    if (S_ISDIR(inode->mode)) {
        iter->depth++;
        iter->at[iter->depth] = (uint32_t)inode->offset;
        iter->end[iter->depth] = (uint32_t)inode->offset + inode->size;
        iter->path_len[iter->depth] = path_len;
    }
}

/* Paths of both structs have the same size, and iter->path always ends in NUL. */
bool sph_fs_next(struct sph_fs_iter *iter, struct sph_fs_entry *ret_entry) {
    if (!sph_fs_iter_settle(iter))
        return false;
    const uint8_t *body = iter->fs->body;
    struct sph_fs_inode inode = sph_fs_inode_get(body + iter->at[iter->depth]);
    sph_fs_iter_take(iter, &inode);
    (void)strcpy(ret_entry->path, iter->path);
    ret_entry->mode = inode.mode;
    ret_entry->size_bytes = inode.size;
    ret_entry->data = S_ISDIR(inode.mode) ? NULL : body + inode.offset;
    return true;
}

/* Whole paths are compared, as the walk puts them together: a binary search per folder would be
 * faster for packages of thousands of files, which nobody makes. */
int sph_fs_find(const struct sph_fs *fs, const char *path, struct sph_fs_entry *ret_entry) {
    if (*path == '/')
        path++;
    struct sph_fs_iter iter;
    struct sph_fs_entry entry;
    sph_fs_iter_init(&iter, fs);
    while (sph_fs_next(&iter, &entry)) {
        if (strcmp(entry.path, path) == 0) {
            *ret_entry = entry;
            return 0;
        }
    }
    return -ENOENT;
}
