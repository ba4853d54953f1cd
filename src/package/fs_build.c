/* The tree is one array of nodes in depth-first order, made from the sorted paths: '/' sorts below
 * every byte that a name may hold, so that a folder's files follow the folder. Tables and data are
 * then laid out in that same order, which is the original's. */
#include "package/fs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "package/fs_layout.h"
#include "package/image.h"

enum { SHOWN = 120 }; /* bytes of a path in a sentence */

struct node {
    const char *name; /* in the item's path */
    size_t name_len;
    uint32_t parent;                /* index; the root is its own */
    const struct sph_fs_item *item; /* NULL for a folder */
    uint64_t size;                  /* of the file, or of the folder's table */
    uint64_t offset;                /* of the data or table; 0 when empty */
    uint64_t fill;                  /* folder: where its next inode goes */
};

/* Node 0 is the root. Parents stand before their children. */
struct tree {
    struct node *nodes;
    uint32_t count;
    uint64_t body_bytes;
};

/* Items may be written like entry points, with a '/' in front. */
static const char *item_path(const struct sph_fs_item *item) {
    return item->path[0] == '/' ? item->path + 1 : item->path;
}

/* Names hold no byte below 0x20, so '/' can take the place of byte 1 and sorts a folder's content
 * directly behind the folder; plain strcmp would put "a.txt" between "a" and "a/b". */
static int path_order(const void *a, const void *b) {
    const char *left = item_path(a);
    const char *right = item_path(b);
    while (*left && *left == *right) {
        left++;
        right++;
    }
    int l = *left == '/' ? 1 : (unsigned char)*left;
    int r = *right == '/' ? 1 : (unsigned char)*right;
    return l - r;
}

/* The same rules as the reader's, so that what is built is always taken. */
static int check_item(const struct sph_fs_item *item, struct sph_err *err) {
    const char *path = item_path(item);
    char shown[SHOWN];
    sph_text_printable(path, strlen(path), shown, sizeof(shown));
    if (strlen(path) >= SPH_FS_PATH_SIZE)
        return SPH_FAIL(err, -EINVAL, "the path '%s' is longer than %d bytes", shown,
                        SPH_FS_PATH_SIZE - 1);
    unsigned depth = 0;
    for (const char *name = path;; depth++) {
        size_t len = strcspn(name, "/");
        const char *problem = sph_fs_name_problem(name, len);
        if (problem)
            return SPH_FAIL(err, -EINVAL, "'%s' cannot be packed: a name in its path %s", shown,
                            problem);
        if (name[len] == '\0')
            break;
        name += len + 1;
    }
    if (depth > SPH_FS_DEPTH_MAX)
        return SPH_FAIL(err, -EINVAL, "'%s' is nested deeper than %d folders", shown,
                        SPH_FS_DEPTH_MAX);
    if (item->size_bytes > SPH_FS_FILE_BYTES_MAX)
        return SPH_FAIL(err, -EFBIG, "'%s' has %zu bytes, a file of a package at most %d", shown,
                        item->size_bytes, SPH_FS_FILE_BYTES_MAX);
    return 0;
}

/* The array has room for the most that a package may hold, so it is allocated once. */
static int add_node(struct tree *tree, struct node node, struct sph_err *err) {
    if (tree->count == SPH_FS_FILES_MAX)
        return SPH_FAIL(err, -EFBIG, "a package holds at most %d files and folders",
                        SPH_FS_FILES_MAX - 1);
    tree->nodes[tree->count++] = node;
    return 0;
}

/* The child of that name that was added last; 0 when the last one is another. */
static uint32_t last_child(const struct tree *tree, uint32_t parent, const char *name, size_t len) {
    for (uint32_t i = tree->count - 1; i > parent; i--) {
        const struct node *node = &tree->nodes[i];
        if (node->parent != parent)
            continue;
        return node->name_len == len && memcmp(node->name, name, len) == 0 ? i : 0;
    }
    return 0;
}

/* The item's folders, where they are new, and the item. Items come sorted. */
static int add_item(struct tree *tree, const struct sph_fs_item *item, struct sph_err *err) {
    const char *path = item_path(item), *name = path;
    uint32_t parent = 0;
    for (;;) {
        size_t len = strcspn(name, "/");
        bool is_file = name[len] == '\0';
        uint32_t there = last_child(tree, parent, name, len);
        if (there != 0 && (is_file || tree->nodes[there].item)) {
            char shown[SHOWN];
            sph_text_printable(path, (size_t)(name - path) + len, shown, sizeof(shown));
            return SPH_FAIL(err, -EINVAL, "'%s' is to be packed twice", shown);
        }
        if (there == 0) {
            there = tree->count;
            int r = add_node(tree,
                             (struct node){.name = name,
                                           .name_len = len,
                                           .parent = parent,
                                           .item = is_file ? item : NULL,
                                           .size = is_file ? item->size_bytes : 0},
                             err);
            if (r < 0)
                return r;
        }
        if (is_file)
            return 0;
        parent = there;
        name += len + 1;
    }
}

/* Of the inode with its name, padded to whole words. A name that fills its words has no NUL. */
static uint32_t inode_bytes(const struct node *node) {
    return SPH_FS_INODE_BYTES + (uint32_t)(node->name_len + 3) / 4 * 4;
}

/* 64 bits, so that no sum can wrap before lay_out() has compared it with the limit. */
static uint64_t page_up(uint64_t bytes) {
    return (bytes + SPH_FS_PAGE_BYTES - 1) / SPH_FS_PAGE_BYTES * SPH_FS_PAGE_BYTES;
}

/* Places tables, then data. 4096 inodes of 264 bytes and 64 MiB of data stay within 26 bits of
 * words. */
static int lay_out(struct tree *tree, struct sph_err *err) {
    for (uint32_t i = 1; i < tree->count; i++)
        tree->nodes[tree->nodes[i].parent].size += inode_bytes(&tree->nodes[i]);
    uint64_t at = SPH_FS_AT_TABLES;
    for (uint32_t i = 0; i < tree->count; i++) {
        struct node *node = &tree->nodes[i];
        if (node->item)
            continue;
        node->offset = node->fill = at;
        at += node->size;
    }
    at = page_up(at);
    for (uint32_t i = 0; i < tree->count; i++) {
        struct node *node = &tree->nodes[i];
        if (!node->item || node->size == 0)
            continue;
        node->offset = at;
        at += page_up(node->size);
    }
    tree->body_bytes = at;
    if (at > SPH_IMAGE_BYTES_MAX)
        return SPH_FAIL(err, -EFBIG, "the files need %llu bytes, a package holds at most 64 MiB",
                        (unsigned long long)at);
    return 0;
}

/* A parent comes before its children in the array, so its table's next place is known when they
 * come. */
static void write_inode(uint8_t *body, const struct tree *tree, const struct node *node) {
    struct sph_fs_inode inode = {
        .mode = S_IFDIR | 0755,
        .size = (uint32_t)node->size,
        .name_bytes = inode_bytes(node) - SPH_FS_INODE_BYTES,
        .offset = node->offset,
    };
    if (node->item)
        inode.mode = S_IFREG | S_ISVTX | (node->item->executable ? 0755 : 0644);
    struct node *parent = &tree->nodes[node->parent];
    uint8_t *at = body + parent->fill;
    sph_fs_inode_put(at, &inode);
    memcpy(at + SPH_FS_INODE_BYTES, node->name, node->name_len);
    parent->fill += inode_bytes(node);
    if (node->item && node->size > 0)
        memcpy(body + node->offset, node->item->data, node->item->size_bytes);
}

/* Edition and blocks stay 0, as in the original's packages; mkfs.cramfs counts blocks there. */
static void write_superblock(uint8_t *body, const struct tree *tree) {
    struct sph_fs_inode root = {
        .mode = S_IFDIR | 0755,
        .size = (uint32_t)tree->nodes[0].size,
        .offset = SPH_FS_AT_TABLES,
    };
    sph_le32_put(body + SPH_FS_AT_MAGIC, SPH_FS_MAGIC);
    sph_le32_put(body + SPH_FS_AT_SIZE, (uint32_t)tree->body_bytes);
    sph_le32_put(body + SPH_FS_AT_FLAGS, SPH_FS_FLAGS);
    memcpy(body + SPH_FS_AT_SIGNATURE, sph_fs_signature, sizeof(sph_fs_signature));
    sph_le32_put(body + SPH_FS_AT_FILES, tree->count);
    memcpy(body + SPH_FS_AT_VOLUME, sph_fs_volume, sizeof(sph_fs_volume));
    sph_fs_inode_put(body + SPH_FS_AT_ROOT, &root);
}

/* Zeros first: padding, and the rest of each last page, must not be what was in memory before. */
static int write_body(const struct tree *tree, struct sph_buf *ret_body, struct sph_err *err) {
    size_t body_bytes = (size_t)tree->body_bytes; /* fits: lay_out() has refused larger ones */
    uint8_t *body = sph_buf_extend(ret_body, body_bytes);
    if (!body)
        return SPH_FAIL_ERRNO(err, ret_body->error, "no room for a body of %llu bytes",
                              (unsigned long long)tree->body_bytes);
    memset(body, 0, body_bytes);
    write_superblock(body, tree);
    for (uint32_t i = 1; i < tree->count; i++)
        write_inode(body, tree, &tree->nodes[i]);
    sph_le32_put(body + SPH_FS_AT_CRC, sph_fs_crc(body, body_bytes));
    return 0;
}

/* 4096 nodes of 56 bytes are 224 KiB for the time of the build, on the user's side only. */
int sph_fs_build(const struct sph_fs_item *items, size_t item_count, struct sph_buf *ret_body,
                 struct sph_err *err) {
    if (item_count >= SPH_FS_FILES_MAX)
        return SPH_FAIL(err, -EFBIG, "a package holds at most %d files and folders",
                        SPH_FS_FILES_MAX - 1);
    sph_autofree struct sph_fs_item *sorted = calloc(item_count + 1, sizeof(*sorted));
    sph_autofree struct node *nodes = calloc(SPH_FS_FILES_MAX, sizeof(*nodes));
    if (!sorted || !nodes)
        return SPH_FAIL_ERRNO(err, -ENOMEM, "no memory to lay out the package");
    for (size_t i = 0; i < item_count; i++) {
        int r = check_item(&items[i], err);
        if (r < 0)
            return r;
        sorted[i] = items[i];
    }
    qsort(sorted, item_count, sizeof(*sorted), path_order);
    struct tree tree = {.nodes = nodes, .count = 1};
    for (size_t i = 0; i < item_count; i++) {
        int r = add_item(&tree, &sorted[i], err);
        if (r < 0)
            return r;
    }
    int r = lay_out(&tree, err);
    return r < 0 ? r : write_body(&tree, ret_body, err);
}
