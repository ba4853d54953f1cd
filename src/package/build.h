/* build: a whole image package from a manifest and files.
 *
 * Equal input gives equal bytes (with an image id and a time that are given), and the original's
 * packages come out as they were, up to the signature. Nothing is read from disk: collecting files
 * is the command line's part. */
#ifndef SPH_PACKAGE_BUILD_H
#define SPH_PACKAGE_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/guid.h"
#include "package/fs.h"
#include "package/hardware.h"
#include "package/image.h"
#include "package/manifest.h"
#include "package/sign.h"

/* What goes in. Everything stays the caller's. */
struct sph_build {
    const char *manifest_text; /* source form, up to 64 KiB */
    size_t manifest_bytes;
    const struct sph_hardware *hardware; /* NULL when the manifest has no "$NAME" */
    const struct sph_fs_item *items;     /* without app_manifest.json */
    size_t item_count;
    struct sph_guid image_id; /* all zero: random */
    uint64_t build_time_s;
    uint32_t application_runtime; /* ARV, for the manifest and the ND section */
    uint32_t temporary;           /* TP bits; SPH_IMAGE_UNDER_DEVELOPMENT for development */
    const uint8_t *scalar;        /* SPH_SIGN_SCALAR_BYTES */
    const uint8_t *thumbprint;    /* SPH_IMAGE_THUMBPRINT_BYTES, of the signer's certificate */
};

/* Appends the package to `ret_package` (empty; raise its limit as needed). The result passes
 * sph_package_parse() unless it is a RealTimeCapable one's manifest that would not.
 * -EBADMSG for a manifest with its place, -ENOENT for an entry point that is not among the items,
 * -EINVAL for bad paths or keys, -EFBIG, -ENOMEM; after a failure ret_package holds no package. */
int sph_build_package(const struct sph_build *build, struct sph_buf *ret_package,
                      struct sph_manifest_notes *notes, struct sph_err *err) SPH_MUST_USE;

/* Heap tracking needs HeapMemStats in the manifest as well as libmalloc.so.0 in the package. The
 * sentence that names the missing half and the file to edit; NULL when there are both or none. */
const char *sph_build_heap_warning(const struct sph_manifest *manifest, bool has_libmalloc);
#define SPH_BUILD_LIBMALLOC "libmalloc.so.0" /* at the root of the package */

/* True for ELF files: packed with mode 0755. */
bool sph_build_is_elf(const void *data, size_t size);

#endif
