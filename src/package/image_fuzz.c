/* Any bytes as a package. A checksum in the way of the fuzzer is put right on a copy, so that the
 * body's check is reached too; a body that is taken must come back the same tree when it is built
 * again. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "package/fs_layout.h"
#include "package/package.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition) {
    if (!condition)
        abort();
}

/* The items of a checked body; NULL for want of memory. */
static struct sph_fs_item *items_of(const struct sph_fs *fs, size_t *ret_count) {
    struct sph_fs_item *items = calloc(fs->file_count, sizeof(*items));
    char(*paths)[SPH_FS_PATH_SIZE] = calloc(fs->file_count, sizeof(*paths));
    if (!items || !paths)
        abort();
    struct sph_fs_iter iter;
    struct sph_fs_entry entry;
    size_t count = 0, walked = 1;
    sph_fs_iter_init(&iter, fs);
    while (sph_fs_next(&iter, &entry)) {
        walked++;
        if (S_ISDIR(entry.mode))
            continue;
        (void)strcpy(paths[count], entry.path);
        items[count] =
            (struct sph_fs_item){paths[count], entry.mode & 0111, entry.data, entry.size_bytes};
        count++;
    }
    require(walked == fs->file_count);
    items[count] = (struct sph_fs_item){.path = paths[0]}; /* for the caller's free() */
    *ret_count = count;
    return items;
}

static void rebuild(const struct sph_fs *fs) {
    size_t count = 0;
    struct sph_fs_item *items = items_of(fs, &count);
    sph_autobuf struct sph_buf body = SPH_BUF_LIMIT((size_t)256 << 20);
    struct sph_fs again;
    require(sph_fs_build(items, count, &body, NULL) == 0);
    require(sph_fs_check(body.data, body.len, &again, NULL) == 0);
    for (size_t i = 0; i < count; i++) {
        struct sph_fs_entry entry;
        if (i >= 16) /* looking up is a walk each time */
            break;
        require(sph_fs_find(&again, items[i].path, &entry) == 0);
        require(entry.size_bytes == items[i].size_bytes);
        require(memcmp(entry.data, items[i].data, entry.size_bytes) == 0);
    }
    free((void *)items[count].path);
    free(items);
}

static void check_body(const uint8_t *data, size_t size) {
    if (size < SPH_FS_PAGE_BYTES)
        return;
    size -= size % SPH_FS_PAGE_BYTES;
    sph_autofree uint8_t *body = malloc(size);
    if (!body)
        abort();
    memcpy(body, data, size);
    sph_le32_put(body + SPH_FS_AT_SIZE, (uint32_t)size);
    sph_le32_put(body + SPH_FS_AT_CRC, sph_fs_crc(body, size));
    struct sph_fs fs;
    struct sph_err err = SPH_ERR_NULL;
    if (sph_fs_check(body, size, &fs, &err) == 0)
        rebuild(&fs);
    else
        require(err.text[0] != '\0');
}

/* The package with its body's checksum put right. */
static void check_package(const uint8_t *data, size_t size) {
    struct sph_image image;
    if (sph_image_parse(data, size, &image, NULL) < 0 || image.body_bytes < SPH_FS_PAGE_BYTES)
        return;
    sph_autofree uint8_t *copy = malloc(size);
    if (!copy)
        abort();
    memcpy(copy, data, size);
    sph_le32_put(copy + SPH_FS_AT_CRC, sph_fs_crc(copy, image.body_bytes));
    struct sph_package package;
    struct sph_err err = SPH_ERR_NULL;
    if (sph_package_parse(copy, size, NULL, &package, NULL, &err) < 0)
        require(err.text[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct sph_package package;
    struct sph_err err = SPH_ERR_NULL;
    if (sph_package_parse(data, size, NULL, &package, NULL, &err) < 0)
        require(err.text[0] != '\0');
    check_package(data, size);
    check_body(data, size);
    return 0;
}
