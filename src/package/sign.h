/* sign: the ECDSA P-256 signature of an image package, made and checked.
 *
 * Keys come in as plain numbers: where they are kept, and in which file format, is signer.h's. All
 * numbers are big-endian and of fixed length, as in the package; a point is uncompressed, because
 * decompressing needs a square root that the library does not offer. */
#ifndef SPH_PACKAGE_SIGN_H
#define SPH_PACKAGE_SIGN_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "package/image.h"

enum {
    SPH_SIGN_POINT_BYTES = 65,  /* 04, x, y: uncompressed public key */
    SPH_SIGN_SCALAR_BYTES = 32, /* private key, big-endian */
    SPH_SIGN_HASH_BYTES = 32,   /* SHA-256 */
};

enum sph_signature_condition {
    SPH_SIGNATURE_E_BAD = 1, /* the signature is not that key's over these bytes */
};

/* SHA-256. */
void sph_sign_hash(const void *bytes, size_t len, uint8_t ret_hash[SPH_SIGN_HASH_BYTES]);
/* SHA-1 of a certificate's DER bytes. */
void sph_sign_thumbprint(const void *der, size_t len,
                         uint8_t ret_thumbprint[SPH_IMAGE_THUMBPRINT_BYTES]);

/* Over all bytes of the image before its signature. 0, SPH_SIGNATURE_E_BAD, or -EINVAL when `point`
 * is no point of the curve. Not in constant time: everything here is public. */
int sph_signature_verify(const struct sph_image *image,
                         const uint8_t point[SPH_SIGN_POINT_BYTES]) SPH_MUST_USE;
/* Signs `len` bytes (body and metadata). The nonce is derived from key and message (RFC 6979), so
 * that equal input gives equal packages. -EINVAL when the scalar is 0 or not below the group's
 * order. */
int sph_signature_sign(const void *bytes, size_t len, const uint8_t scalar[SPH_SIGN_SCALAR_BYTES],
                       uint8_t ret_signature[SPH_IMAGE_SIGNATURE_BYTES],
                       struct sph_err *err) SPH_MUST_USE;
/* The public key of a private one. -EINVAL as above. */
int sph_sign_public(const uint8_t scalar[SPH_SIGN_SCALAR_BYTES],
                    uint8_t ret_point[SPH_SIGN_POINT_BYTES]) SPH_MUST_USE;
/* 0, or -EINVAL when it is no uncompressed point of P-256. */
int sph_sign_check_point(const uint8_t point[SPH_SIGN_POINT_BYTES]) SPH_MUST_USE;

#endif
