/* resign: another signer's mark on a package that is whole already. */
#ifndef SPH_PACKAGE_RESIGN_H
#define SPH_PACKAGE_RESIGN_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "package/sign.h"

/* Writes thumbprint and signature of that key in the place of the old ones; every other byte stays.
 * Equal input gives equal bytes. -EBADMSG when it is no package or has no place for a signer,
 * -EINVAL for a bad key; the package is not to be used after a failure. */
int sph_image_resign(void *bytes, size_t size, const uint8_t scalar[SPH_SIGN_SCALAR_BYTES],
                     const uint8_t thumbprint[SPH_IMAGE_THUMBPRINT_BYTES],
                     struct sph_err *err) SPH_MUST_USE;

#endif
