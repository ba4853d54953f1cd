/* catalog: the user's image packages, signed by the catalog's own key: what the original keeps in
 * its cloud. */
#ifndef SPH_CLI_CATALOG_H
#define SPH_CLI_CATALOG_H

#include <limits.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/guid.h"
#include "package/package.h"

enum {
    SPH_CATALOG_IMAGES_MAX = 256,                      /* each of a MiB at most */
    SPH_CATALOG_IMAGE_BYTES_MAX = SPH_IMAGE_BYTES_MAX, /* when read: who put it there is unknown */
};
#define SPH_CATALOG_CERTIFICATE "catalog-certificate.pem"

/* The folder "catalog" of the home. Starts as SPH_CATALOG_NULL. */
struct sph_catalog {
    int fd;
    char path[PATH_MAX];
};
#define SPH_CATALOG_NULL                                                                           \
    { .fd = -1 }

/* What a list shows of an image. */
struct sph_catalog_row {
    char id[SPH_GUID_TEXT], component_id[SPH_GUID_TEXT];
    char name[64];
    uint64_t build_time_s, bytes;
};

/* With `make`, makes the folder; without one, -ENOENT reads as an empty catalog. */
int sph_catalog_open(bool make, struct sph_catalog *ret_catalog, struct sph_err *err);
void sph_catalog_done(struct sph_catalog *catalog);

/* Signs the package anew, in place, with the catalog's key (made on first use), and keeps it under
 * its image id. 1, or 0 when it is there already; -EFBIG with the numbers above 1 MiB, -EEXIST when
 * another package has this image id, -ENOSPC when the catalog is full, -EBADMSG for what cannot be
 * signed. */
int sph_catalog_add(struct sph_catalog *catalog, struct sph_buf *package,
                    const struct sph_image *image, struct sph_err *err);
/* All images by name, component and build time, newest first; files that are no packages of their
 * name are left out. *ret_rows is the caller's to free. */
int sph_catalog_list(const struct sph_catalog *catalog, struct sph_catalog_row **ret_rows,
                     unsigned *ret_count, struct sph_err *err);
/* -ENOENT with a sentence when there is no such image. */
int sph_catalog_read(const struct sph_catalog *catalog, const struct sph_guid *id,
                     struct sph_buf *ret_bytes, struct sph_image *ret_image, struct sph_err *err);
int sph_catalog_delete(const struct sph_catalog *catalog, const struct sph_guid *id,
                       struct sph_err *err);
/* The file of an image. */
void sph_catalog_image_path(const struct sph_catalog *catalog, const char *id,
                            char ret_path[PATH_MAX]);

#define sph_autocatalog SPH_CLEANUP(sph_catalog_done)

#endif
