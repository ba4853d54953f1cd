/* One file for each image, named by its id, and no index that could disagree with them. The files
 * are whole packages: they can be deployed by their path, and copied by hand. The key is another
 * one than the development key's, so that a device in cloud test takes what came out of the
 * catalog and nothing else. */
#include "cli/catalog.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/device/home.h"
#include "package/flash.h"
#include "package/resign.h"
#include "package/signer.h"

#define SUFFIX ".imagepackage"
enum { FILE_NAME_SIZE = SPH_GUID_TEXT + sizeof(SUFFIX) };

static const struct sph_signer_names catalog_signer = {
    .key = "catalog-key.pem",
    .certificate = SPH_CATALOG_CERTIFICATE,
    .subject = "CN=Spherule Catalog",
};

int sph_catalog_open(bool make, struct sph_catalog *ret_catalog, struct sph_err *err) {
    char home[PATH_MAX];
    int r = sph_home_path(home, sizeof(home), err);
    if (r < 0)
        return r;
    sph_autoclose int home_fd = sph_home_open(make, err);
    if (home_fd < 0)
        return home_fd;
    r = make ? sph_dir_make(home_fd, "catalog", 0700, err) : 0;
    if (r < 0)
        return r;
    int fd = sph_dir_open(home_fd, "catalog", err);
    if (fd < 0)
        return fd;
    ret_catalog->fd = fd;
    int len = snprintf(ret_catalog->path, sizeof(ret_catalog->path), "%s/catalog", home);
    return len < PATH_MAX - FILE_NAME_SIZE
               ? 0
               : SPH_FAIL(err, -EIO, "the path of the catalog is too long");
}

void sph_catalog_done(struct sph_catalog *catalog) {
    if (catalog->fd >= 0)
        (void)close(catalog->fd);
    catalog->fd = -1;
}

static void file_name(const char *id, char ret_name[FILE_NAME_SIZE]) {
    (void)snprintf(ret_name, FILE_NAME_SIZE, "%s" SUFFIX, id);
}

void sph_catalog_image_path(const struct sph_catalog *catalog, const char *id,
                            char ret_path[PATH_MAX]) {
    (void)snprintf(ret_path, PATH_MAX, "%.*s/%.36s" SUFFIX, PATH_MAX - FILE_NAME_SIZE - 2,
                   catalog->path, id);
}

/* "ID.imagepackage", in the form that we write. */
static bool read_file_name(const char *name, char ret_id[SPH_GUID_TEXT]) {
    struct sph_guid guid;
    size_t len = SPH_GUID_TEXT - 1;
    return strlen(name) == len + strlen(SUFFIX) && strcmp(name + len, SUFFIX) == 0 &&
           sph_guid_parse(name, len, &guid) == 0 &&
           strncmp(sph_guid_format(&guid, ret_id), name, len) == 0;
}

static int fail_missing(const char *id, struct sph_err *err) {
    return SPH_FAIL(err, -ENOENT, "the catalog has no image %s; see 'spherule image list'", id);
}

int sph_catalog_read(const struct sph_catalog *catalog, const struct sph_guid *id,
                     struct sph_buf *ret_bytes, struct sph_image *ret_image, struct sph_err *err) {
    char text[SPH_GUID_TEXT], name[FILE_NAME_SIZE];
    file_name(sph_guid_format(id, text), name);
    int r = sph_file_read(catalog->fd, name, ret_bytes, err);
    if (r == -ENOENT)
        return fail_missing(text, err);
    if (r == 0)
        r = sph_image_parse(ret_bytes->data ? ret_bytes->data : "", ret_bytes->len, ret_image, err);
    if (r == 0 && memcmp(&ret_image->image_id, id, sizeof(*id)) != 0)
        r = SPH_FAIL(err, -EBADMSG, "it holds another image than its name says");
    if (r < 0)
        (void)sph_err_prefix(err, "%s/%s", catalog->path, name);
    return r;
}

int sph_catalog_delete(const struct sph_catalog *catalog, const struct sph_guid *id,
                       struct sph_err *err) {
    char text[SPH_GUID_TEXT], name[FILE_NAME_SIZE];
    file_name(sph_guid_format(id, text), name);
    if (unlinkat(catalog->fd, name, 0) == 0)
        return 0;
    return errno == ENOENT ? fail_missing(text, err)
                           : SPH_FAIL_ERRNO(err, -errno, "cannot delete the image %s", text);
}

/* Ids of the images; at most one more than a catalog holds. */
static int list_ids(const struct sph_catalog *catalog, char (*ids)[SPH_GUID_TEXT],
                    unsigned *ret_count, struct sph_err *err) {
    int fd = openat(catalog->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    sph_autoclosedir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        int code = -errno;
        if (fd >= 0)
            (void)close(fd);
        return SPH_FAIL_ERRNO(err, code, "cannot list the catalog");
    }
    struct dirent *entry;
    *ret_count = 0;
    while (*ret_count <= SPH_CATALOG_IMAGES_MAX && (entry = readdir(dir)))
        if (read_file_name(entry->d_name, ids[*ret_count]))
            (*ret_count)++;
    return 0;
}

/* Only a package that is new takes a place. */
static int check_room(const struct sph_catalog *catalog, struct sph_err *err) {
    char ids[SPH_CATALOG_IMAGES_MAX + 1][SPH_GUID_TEXT];
    unsigned count;
    int r = list_ids(catalog, ids, &count, err);
    if (r == 0 && count >= SPH_CATALOG_IMAGES_MAX)
        r = SPH_FAIL(err, -ENOSPC,
                     "the catalog is full with %d images; remove some with 'spherule image delete'",
                     SPH_CATALOG_IMAGES_MAX);
    return r;
}

/* Signing is repeatable, so that the same package comes out as the same bytes. */
static int sign(struct sph_catalog *catalog, struct sph_buf *package, struct sph_err *err) {
    struct sph_signer signer;
    int r = sph_signer_open_named(catalog->fd, &catalog_signer, &signer, err);
    if (r < 0) {
        (void)sph_err_prefix(err, "%s", catalog->path);
        return r;
    }
    r = sph_image_resign(package->data, package->len, signer.scalar, signer.identity.thumbprint,
                         err);
    sph_signer_done(&signer);
    return r;
}

int sph_catalog_add(struct sph_catalog *catalog, struct sph_buf *package,
                    const struct sph_image *image, struct sph_err *err) {
    char id[SPH_GUID_TEXT], name[FILE_NAME_SIZE];
    sph_autobuf struct sph_buf there = SPH_BUF_LIMIT(SPH_CATALOG_IMAGE_BYTES_MAX);
    if (package->len > SPH_FLASH_MT3620_BYTES)
        return SPH_FAIL(err, -EFBIG,
                        "the image package has %zu bytes, %zu more than the %d (1 MiB) that a "
                        "device has for applications",
                        package->len, package->len - SPH_FLASH_MT3620_BYTES,
                        SPH_FLASH_MT3620_BYTES);
    file_name(sph_guid_format(&image->image_id, id), name);
    int r = sign(catalog, package, err);
    if (r < 0)
        return r;
    r = sph_file_read(catalog->fd, name, &there, err);
    if (r == 0) {
        bool same = there.len == package->len && memcmp(there.data, package->data, there.len) == 0;
        return same ? 0
                    : SPH_FAIL(err, -EEXIST,
                               "the catalog has another package with the image id %s; delete that, "
                               "or pack yours again",
                               id);
    }
    if (r != -ENOENT)
        return r;
    r = check_room(catalog, err);
    if (r == 0)
        r = sph_file_replace(catalog->fd, name, package->data, package->len, 0644, err);
    return r < 0 ? r : 1;
}

static int compare_rows(const void *left, const void *right) {
    const struct sph_catalog_row *a = left, *b = right;
    int order = strcmp(a->name, b->name);
    order = order ? order : strcmp(a->component_id, b->component_id);
    if (order || a->build_time_s == b->build_time_s)
        return order ? order : strcmp(a->id, b->id);
    return a->build_time_s < b->build_time_s ? 1 : -1;
}

/* 1 when the row was filled, 0 for a file that is no such image. */
static int read_row(const struct sph_catalog *catalog, const char *id,
                    struct sph_catalog_row *ret_row, struct sph_err *err) {
    sph_autobuf struct sph_buf bytes = SPH_BUF_LIMIT(SPH_CATALOG_IMAGE_BYTES_MAX);
    struct sph_guid guid;
    struct sph_image image;
    if (sph_guid_parse(id, strlen(id), &guid) < 0)
        return 0;
    int r = sph_catalog_read(catalog, &guid, &bytes, &image, err);
    if (r == -ENOMEM)
        return r;
    if (r < 0)
        return 0;
    *ret_row = (struct sph_catalog_row){.build_time_s = image.build_time_s, .bytes = image.size};
    (void)sph_guid_format(&image.image_id, ret_row->id);
    (void)sph_guid_format(&image.component_id, ret_row->component_id);
    sph_text_printable(image.name, strnlen(image.name, sizeof(image.name)), ret_row->name,
                       sizeof(ret_row->name));
    return 1;
}

int sph_catalog_list(const struct sph_catalog *catalog, struct sph_catalog_row **ret_rows,
                     unsigned *ret_count, struct sph_err *err) {
    char ids[SPH_CATALOG_IMAGES_MAX + 1][SPH_GUID_TEXT];
    unsigned count, kept = 0;
    int r = list_ids(catalog, ids, &count, err);
    if (r < 0)
        return r;
    sph_autofree struct sph_catalog_row *rows = calloc(count + 1, sizeof(*rows));
    if (!rows)
        return SPH_FAIL_ERRNO(err, -ENOMEM, "cannot list the catalog");
    for (unsigned i = 0; i < count; i++) {
        r = read_row(catalog, ids[i], &rows[kept], err);
        if (r < 0)
            return r;
        kept += r > 0;
    }
    qsort(rows, kept, sizeof(*rows), compare_rows);
    *ret_rows = SPH_STEAL_PTR(rows);
    *ret_count = kept;
    return 0;
}
