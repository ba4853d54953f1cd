/* The order of the checks is from the outside in, so that the sentence names the outermost fault.
 * Trust is judged apart (trust.h): it needs a device's store, which the command line has not. */
#include "package/package.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* A package without a manifest gets the number of one that cannot be parsed, the nearest the list
 * has. */
static int read_manifest(struct sph_package *package, const struct sph_manifest_options *options,
                         struct sph_manifest_notes *notes, struct sph_err *err) {
    struct sph_fs_entry entry;
    if (sph_fs_find(&package->fs, SPH_MANIFEST_PATH, &entry) < 0 || !S_ISREG(entry.mode)) {
        notes->device_error = SPH_MANIFEST_ERROR_JSON;
        return SPH_FAIL(err, -EBADMSG, "the package holds no %s", SPH_MANIFEST_PATH);
    }
    return sph_manifest_parse((const char *)entry.data, entry.size_bytes, options,
                              &package->manifest, notes, err);
}

/* The metadata name the component that storage and updates go by; the manifest names what runs. */
static int check_component(const struct sph_package *package, struct sph_err *err) {
    const struct sph_guid *image = &package->image.component_id;
    const struct sph_guid *manifest = &package->manifest.component_id;
    if (sph_guid_equal(image, manifest))
        return 0;
    char outside[SPH_GUID_TEXT], inside[SPH_GUID_TEXT];
    return SPH_FAIL(err, -EBADMSG, "the package is labelled component %s, but its manifest says %s",
                    sph_guid_format(image, outside), sph_guid_format(manifest, inside));
}

int sph_package_parse(const void *bytes, size_t size, const struct sph_manifest_options *options,
                      struct sph_package *ret_package, struct sph_manifest_notes *notes,
                      struct sph_err *err) {
    struct sph_manifest_notes unread;
    if (!notes)
        notes = &unread;
    memset(notes, 0, sizeof(*notes));
    struct sph_package package;
    int r = sph_image_parse(bytes, size, &package.image, err);
    if (r < 0)
        return r;
    if (package.image.image_type != SPH_IMAGE_APPLICATION)
        return SPH_FAIL(err, -EBADMSG,
                        "the package is of image type %u (%s), not an application (type %d)",
                        package.image.image_type, sph_image_type_name(package.image.image_type),
                        SPH_IMAGE_APPLICATION);
    r = sph_fs_check(package.image.body, package.image.body_bytes, &package.fs, err);
    if (r == 0)
        r = read_manifest(&package, options, notes, err);
    if (r == 0)
        r = check_component(&package, err);
    if (r == 0)
        r = sph_manifest_check_entry_point(&package.manifest, &package.fs, notes, err);
    if (r == 0)
        *ret_package = package;
    return r;
}
