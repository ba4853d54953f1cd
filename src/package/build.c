/* The package grows in the caller's buffer in file order: body, metadata, signature over both. So
 * it is in memory once; building the parts apart and joining them was rejected, as it would be
 * there twice. What the device would refuse is refused here, by the device's own code, before
 * anything is signed. */
#include "package/build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/le.h"
#include "base/text.h"

/* Four bytes tell. What kind of ELF file, and for which machine, is for those who start it. */
bool sph_build_is_elf(const void *data, size_t size) {
    return size >= 4 && memcmp(data, "\177ELF", 4) == 0;
}

/* A warning and no error: half of it does no harm, it only shows nothing. */
const char *sph_build_heap_warning(const struct sph_manifest *manifest, bool has_libmalloc) {
    bool has_capability = sph_manifest_has(manifest, SPH_CAP_HEAP_MEM_STATS);
    if (has_capability && !has_libmalloc)
        return "heap tracking is only half set up: app_manifest.json has HeapMemStats, but the "
               "package has no libmalloc.so.0; add DEBUG_LIB \"libmalloc\" to "
               "azsphere_target_add_image_package in CMakeLists.txt";
    if (!has_capability && has_libmalloc)
        return "heap tracking is only half set up: the package has libmalloc.so.0 (DEBUG_LIB in "
               "CMakeLists.txt), but HeapMemStats is missing; add \"HeapMemStats\": true to "
               "Capabilities in app_manifest.json";
    return NULL;
}

/* The manifest is one more file: the layout sorts it to its place. */
static int write_body(const struct sph_build *build, const struct sph_buf *manifest_text,
                      struct sph_buf *ret_package, struct sph_err *err) {
    sph_autofree struct sph_fs_item *items = calloc(build->item_count + 1, sizeof(*items));
    if (!items)
        return SPH_FAIL_ERRNO(err, -ENOMEM, "no memory to make the package");
    if (build->item_count > 0)
        memcpy(items, build->items, build->item_count * sizeof(*items));
    items[build->item_count] = (struct sph_fs_item){
        .path = SPH_MANIFEST_PATH,
        .data = manifest_text->data,
        .size_bytes = manifest_text->len,
    };
    return sph_fs_build(items, build->item_count + 1, ret_package, err);
}

/* NULL once the buffer has failed; the caller then skips the data, and sign() reports the failure.
 */
static uint8_t *add_section(struct sph_buf *package, uint16_t type, uint16_t data_bytes) {
    uint8_t *section = sph_buf_extend(package, 4u + data_bytes);
    if (!section)
        return NULL;
    memset(section, 0, 4u + data_bytes);
    sph_le16_put(section, type);
    sph_le16_put(section + 2, data_bytes);
    return section + 4;
}

/* The first 31 bytes of the manifest's Name, cut at a character's border. */
static int image_name(const struct sph_manifest *manifest, char ret_name[SPH_IMAGE_NAME_BYTES],
                      struct sph_err *err) {
    sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(SPH_MANIFEST_BYTES_MAX);
    int r = sph_json_to_buf(&manifest->name, &text);
    if (r == 0)
        r = text.error;
    if (r < 0)
        return SPH_FAIL_ERRNO(err, r, "cannot read the manifest's Name");
    memset(ret_name, 0, SPH_IMAGE_NAME_BYTES);
    if (text.len > 0)
        sph_text_printable(text.data, text.len, ret_name, SPH_IMAGE_NAME_BYTES);
    return 0;
}

/* Sections in the original's order. Writes to the sections are skipped once the buffer has failed.
 */
static void write_metadata(const struct sph_build *build, const struct sph_manifest *manifest,
                           const struct sph_guid *image_id, const char name[SPH_IMAGE_NAME_BYTES],
                           struct sph_buf *package) {
    bool real_time = manifest->type == SPH_APP_REAL_TIME_CAPABLE;
    size_t start = package->len;
    uint8_t *at = sph_buf_extend(package, 8);
    if (at) {
        memcpy(at, sph_image_magic, sizeof(sph_image_magic));
        sph_le32_put(at + 4, 5);
    }
    if ((at = add_section(package, SPH_IMAGE_ID, 36))) {
        sph_le32_put(at, SPH_IMAGE_APPLICATION);
        memcpy(at + 4, manifest->component_id.bytes, 16);
        memcpy(at + 20, image_id->bytes, 16);
    }
    if ((at = add_section(package, SPH_IMAGE_SG, 24))) {
        memcpy(at, build->thumbprint, SPH_IMAGE_THUMBPRINT_BYTES);
        sph_le32_put(at + SPH_IMAGE_THUMBPRINT_BYTES, SPH_IMAGE_SIGNING_ECDSA256);
    }
    if ((at = add_section(package, SPH_IMAGE_DB, 40))) {
        sph_le64_put(at, build->build_time_s);
        memcpy(at + 8, name, SPH_IMAGE_NAME_BYTES);
    }
    if ((at = add_section(package, SPH_IMAGE_TP, 4)))
        sph_le32_put(at, build->temporary);
    if ((at = add_section(package, SPH_IMAGE_ND, real_time ? 4 : 12)) && !real_time) {
        sph_le32_put(at, 1);
        sph_le32_put(at + 4, build->application_runtime);
        sph_le32_put(at + 8, SPH_IMAGE_APPLICATION_RUNTIME);
    }
    uint32_t metadata_bytes = (uint32_t)(package->len - start) + 4;
    if ((at = sph_buf_extend(package, 4)))
        sph_le32_put(at, metadata_bytes);
}

/* Metadata are covered, too, so that nobody can give a signed body another component id. */
static int sign(const struct sph_build *build, struct sph_buf *package, struct sph_err *err) {
    uint8_t signature[SPH_IMAGE_SIGNATURE_BYTES];
    if (package->error == 0) {
        int r = sph_signature_sign(package->data, package->len, build->scalar, signature, err);
        if (r < 0)
            return r;
        sph_buf_append(package, signature, sizeof(signature));
    }
    if (package->error < 0)
        return SPH_FAIL_ERRNO(err, package->error, "no room for the package");
    return 0;
}

/* What the device will read must hold by its own rules, too: a definition file may give odd values.
 */
static int check_packed(const struct sph_manifest *manifest, const struct sph_buf *text,
                        struct sph_err *err) {
    if (manifest->type == SPH_APP_REAL_TIME_CAPABLE)
        return 0;
    struct sph_manifest packed;
    const struct sph_manifest_options options = {.storage_max_kib = UINT32_MAX};
    int r = sph_manifest_parse(text->data, text->len, &options, &packed, NULL, err);
    if (r < 0)
        (void)sph_err_prefix(err, "after the hardware definition was put in");
    return r;
}

/* Told at packing, with the manifest at hand, rather than by the device at install. */
static int check_entry_point(const struct sph_manifest *manifest, const struct sph_buf *body,
                             struct sph_manifest_notes *notes, struct sph_err *err) {
    struct sph_fs fs;
    int r = sph_fs_check(body->data, body->len, &fs, err);
    return r < 0 ? r : sph_manifest_check_entry_point(manifest, &fs, notes, err);
}

int sph_build_package(const struct sph_build *build, struct sph_buf *ret_package,
                      struct sph_manifest_notes *notes, struct sph_err *err) {
    const struct sph_manifest_options options = {
        .form = SPH_MANIFEST_SOURCE,
        .storage_max_kib = UINT32_MAX, /* the device's own limit counts, at install */
    };
    struct sph_guid image_id = build->image_id;
    struct sph_manifest manifest;
    int r = sph_manifest_parse(build->manifest_text, build->manifest_bytes, &options, &manifest,
                               notes, err);
    if (r < 0)
        return r;
    if (sph_guid_is_zero(&image_id) && (r = sph_guid_random(&image_id)) < 0)
        return SPH_FAIL_ERRNO(err, r, "cannot make an image id");
    sph_autobuf struct sph_buf text = SPH_BUF_LIMIT((size_t)2 * SPH_MANIFEST_BYTES_MAX);
    r = sph_manifest_pack(&manifest, build->hardware, build->application_runtime, &text, notes,
                          err);
    if (r == 0)
        r = check_packed(&manifest, &text, err);
    if (r == 0)
        r = write_body(build, &text, ret_package, err);
    if (r == 0)
        r = check_entry_point(&manifest, ret_package, notes, err);
    char name[SPH_IMAGE_NAME_BYTES];
    if (r == 0)
        r = image_name(&manifest, name, err);
    if (r < 0)
        return r;
    write_metadata(build, &manifest, &image_id, name, ret_package);
    return sign(build, ret_package, err);
}
