/* package: one application package with all its parts read and checked.
 *
 * The one call for whoever wants to know whether a file is a package: the command line before it
 * sends one, the agent before it installs one, with the same answer and the same sentence. */
#ifndef SPH_PACKAGE_PACKAGE_H
#define SPH_PACKAGE_PACKAGE_H

#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "package/fs.h"
#include "package/image.h"
#include "package/manifest.h"

/* Points into the bytes given to sph_package_parse(), which must outlive it. Some 2 KiB. */
struct sph_package {
    struct sph_image image;
    struct sph_fs fs;
    struct sph_manifest manifest; /* packed form */
};

/* Image, body, manifest (packed form), entry point, and that image and manifest name the same
 * component. Allocates nothing. Only images of type 10 (applications). Does not look at trust.
 * -EBADMSG with a sentence; notes->device_error is set where the original has a number. options and
 * notes may be NULL. */
int sph_package_parse(const void *bytes, size_t size, const struct sph_manifest_options *options,
                      struct sph_package *ret_package, struct sph_manifest_notes *notes,
                      struct sph_err *err) SPH_MUST_USE;

#endif
