/* fs_layout: the body's fixed offsets, bits and name rules, for its reader and its builder.
 *
 * Words are composed by hand rather than laid over with bit-field structs: the order of bits in
 * those is the compiler's, and words of a stranger's body need not be aligned. */
#ifndef SPH_PACKAGE_FS_LAYOUT_H
#define SPH_PACKAGE_FS_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/le.h"
#include "package/fs.h"

#define SPH_FS_MAGIC 0x28cd3d45u
#define SPH_FS_FLAGS 3u /* version 2, sorted folders: the only ones met in application packages */
/* "Compressed ROMFS" without a NUL, and "Compressed" padded with NUL. */
extern const char sph_fs_signature[16], sph_fs_volume[16];

/* Offsets in the superblock. */
enum {
    SPH_FS_AT_MAGIC = 0,
    SPH_FS_AT_SIZE = 4,    /* bytes of the whole body */
    SPH_FS_AT_FLAGS = 8,   /* SPH_FS_FLAGS */
    SPH_FS_AT_FUTURE = 12, /* 0 */
    SPH_FS_AT_SIGNATURE = 16,
    SPH_FS_AT_CRC = 32,
    SPH_FS_AT_EDITION = 36, /* written as 0, not looked at; mkfs.cramfs lets people set it */
    SPH_FS_AT_BLOCKS = 40,  /* as edition; blocks of compressed data, of which there are none */
    SPH_FS_AT_FILES = 44,   /* inodes, the root counted */
    SPH_FS_AT_VOLUME = 48,  /* as edition */
    SPH_FS_AT_ROOT = 64,    /* the root's inode, which has no name */
    SPH_FS_AT_TABLES = 76,  /* the root's table begins here */
    SPH_FS_INODE_BYTES = 12,
};

/* An inode's 12 bytes in the clear; its name follows it. Word 0: mode in the low 16 bits, user id
 * above. Word 1: size in the low 24, group id above. Word 2: length of the name in the low 6,
 * offset above, both in words of 4 bytes. */
struct sph_fs_inode {
    uint32_t mode;
    uint32_t uid;
    uint32_t size;
    uint32_t gid;
    uint32_t name_bytes; /* padded with NUL to a multiple of 4 */
    uint64_t offset;     /* bytes; 26 bits of words */
};

static inline struct sph_fs_inode sph_fs_inode_get(const uint8_t *at) {
    uint32_t owner = sph_le32_get(at), size = sph_le32_get(at + 4), place = sph_le32_get(at + 8);
    return (struct sph_fs_inode){
        .mode = owner & 0xffff,
        .uid = owner >> 16,
        .size = size & 0xffffff,
        .gid = size >> 24,
        .name_bytes = (place & 0x3f) * 4,
        .offset = (uint64_t)(place >> 6) * 4,
    };
}

static inline void sph_fs_inode_put(uint8_t *at, const struct sph_fs_inode *inode) {
    sph_le32_put(at, inode->mode | inode->uid << 16);
    sph_le32_put(at + 4, inode->size | inode->gid << 24);
    sph_le32_put(at + 8, inode->name_bytes / 4 | (uint32_t)(inode->offset / 4) << 6);
}

/* CRC of a body with its CRC field taken as zero. */
uint32_t sph_fs_crc(const uint8_t *body, size_t body_bytes);
/* What is wrong with a file's or folder's name ("is empty"); NULL when nothing is. */
const char *sph_fs_name_problem(const char *name, size_t len);

/* The walk's two halves. settle leaves the folders that are done, false when the root is; take
 * steps over the inode at the walk's place: its name goes to the path, and a folder is entered. */
bool sph_fs_iter_settle(struct sph_fs_iter *iter);
void sph_fs_iter_take(struct sph_fs_iter *iter, const struct sph_fs_inode *inode);

#endif
