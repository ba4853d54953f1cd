/* In place, since section SG has one length whoever signs: nothing else of the package moves. */
#include "package/resign.h"

#include <errno.h>
#include <string.h>

#include "base/le.h"
#include "package/image.h"

int sph_image_resign(void *bytes, size_t size, const uint8_t scalar[SPH_SIGN_SCALAR_BYTES],
                     const uint8_t thumbprint[SPH_IMAGE_THUMBPRINT_BYTES], struct sph_err *err) {
    struct sph_image image;
    int r = sph_image_parse(bytes, size, &image, err);
    if (r < 0)
        return r;
    const struct sph_image_section *section = sph_image_section(&image, SPH_IMAGE_SG);
    if (!section)
        return SPH_FAIL(err, -EBADMSG, "the package has no section SG that could name its signer");
    uint8_t *at = (uint8_t *)bytes + (section->data - image.bytes);
    memcpy(at, thumbprint, SPH_IMAGE_THUMBPRINT_BYTES);
    sph_le32_put(at + SPH_IMAGE_THUMBPRINT_BYTES, SPH_IMAGE_SIGNING_ECDSA256);
    size_t signed_bytes = size - SPH_IMAGE_SIGNATURE_BYTES;
    return sph_signature_sign(bytes, signed_bytes, scalar, (uint8_t *)bytes + signed_bytes, err);
}
