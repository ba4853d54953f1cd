/* ECDSA through nettle's hogweed, which the agent can link statically; OpenSSL and GnuTLS would
 * bring certificates, providers and configuration files with them. The nonce comes from the
 * generator of RFC 6979 rather than from the system: signing cannot fail for want of randomness,
 * and packing the same input twice gives the same file. */
#include "package/sign.h"

#include <errno.h>
#include <gmp.h>
#include <nettle/ecc-curve.h>
#include <nettle/ecc.h>
#include <nettle/ecdsa.h>
#include <nettle/hmac.h>
#include <nettle/sha1.h>
#include <nettle/sha2.h>
#include <string.h>

enum { NUMBER_BYTES = 32, NUMBER_BITS = 256 }; /* a coordinate, a scalar, r or s */

void sph_sign_hash(const void *bytes, size_t len, uint8_t ret_hash[SPH_SIGN_HASH_BYTES]) {
    struct sha256_ctx sha;
    sha256_init(&sha);
    sha256_update(&sha, len, bytes);
    sha256_digest(&sha, SPH_SIGN_HASH_BYTES, ret_hash);
}

void sph_sign_thumbprint(const void *der, size_t len,
                         uint8_t ret_thumbprint[SPH_IMAGE_THUMBPRINT_BYTES]) {
    struct sha1_ctx sha;
    sha1_init(&sha);
    sha1_update(&sha, len, der);
    sha1_digest(&sha, SPH_IMAGE_THUMBPRINT_BYTES, ret_thumbprint);
}

/* Numbers are big-endian and of fixed length in packages, GMP integers in hogweed. GMP ends the
 * program when memory runs out: the numbers here have 32 bytes, and no caller could do better. */
static void number_get(mpz_t number, const uint8_t *bytes) {
    mpz_import(number, NUMBER_BYTES, 1, 1, 1, 0, bytes);
}

static void number_put(uint8_t *bytes, const mpz_t number) {
    size_t len = (mpz_sizeinbase(number, 2) + 7) / 8, written = 0;
    memset(bytes, 0, NUMBER_BYTES);
    mpz_export(bytes + NUMBER_BYTES - len, &written, 1, 1, 1, 0, number);
}

/* Into an initialised point; -EINVAL when it is not on the curve. */
static int point_get(struct ecc_point *point, const uint8_t bytes[SPH_SIGN_POINT_BYTES]) {
    mpz_t x, y;
    mpz_inits(x, y, NULL);
    number_get(x, bytes + 1);
    number_get(y, bytes + 1 + NUMBER_BYTES);
    int ok = bytes[0] == 4 && ecc_point_set(point, x, y);
    mpz_clears(x, y, NULL);
    return ok ? 0 : -EINVAL;
}

/* GMP gives its limbs back to the heap as they are, and setting a number to 0 keeps them too: a key
 * is overwritten where it stands. */
static void number_wipe(mpz_t number) {
    enum { LIMBS = NUMBER_BITS / (8 * sizeof(mp_limb_t)) };
    explicit_bzero(mpz_limbs_write(number, LIMBS), LIMBS * sizeof(mp_limb_t));
    mpz_limbs_finish(number, 0);
}

/* Into an initialised scalar, which ends with scalar_clear(). -EINVAL for a number that is 0 or not
 * below the group's order. */
static int scalar_get(struct ecc_scalar *scalar, const uint8_t bytes[SPH_SIGN_SCALAR_BYTES]) {
    mpz_t number;
    mpz_init2(number, NUMBER_BITS);
    number_get(number, bytes);
    int ok = ecc_scalar_set(scalar, number);
    number_wipe(number);
    mpz_clear(number);
    return ok ? 0 : -EINVAL;
}

/* nettle frees a scalar without wiping it. */
static void scalar_clear(struct ecc_scalar *scalar) {
    explicit_bzero(scalar->p, SPH_SIGN_SCALAR_BYTES);
    ecc_scalar_clear(scalar);
}

int sph_sign_check_point(const uint8_t point[SPH_SIGN_POINT_BYTES]) {
    struct ecc_point key;
    ecc_point_init(&key, nettle_get_secp_256r1());
    int r = point_get(&key, point);
    ecc_point_clear(&key);
    return r;
}

int sph_signature_verify(const struct sph_image *image, const uint8_t point[SPH_SIGN_POINT_BYTES]) {
    struct ecc_point key;
    ecc_point_init(&key, nettle_get_secp_256r1());
    int r = point_get(&key, point);
    if (r == 0) {
        uint8_t hash[SPH_SIGN_HASH_BYTES];
        sph_sign_hash(image->bytes, image->size - SPH_IMAGE_SIGNATURE_BYTES, hash);
        struct dsa_signature signature;
        dsa_signature_init(&signature);
        number_get(signature.r, image->signature);
        number_get(signature.s, image->signature + NUMBER_BYTES);
        if (!ecdsa_verify(&key, sizeof(hash), hash, &signature))
            r = SPH_SIGNATURE_E_BAD;
        dsa_signature_clear(&signature);
    }
    ecc_point_clear(&key);
    return r;
}

/* The generator of RFC 6979, 3.2, for a 256-bit group and SHA-256. */
struct nonce {
    uint8_t k[SPH_SIGN_HASH_BYTES];
    uint8_t v[SPH_SIGN_HASH_BYTES];
    bool used;
};

/* ret = HMAC(K, V || tail); ret may be K or V, as the result is written after all was read. */
static void nonce_hmac(struct nonce *nonce, uint8_t *ret, const uint8_t *tail, size_t tail_len) {
    struct hmac_sha256_ctx hmac;
    hmac_sha256_set_key(&hmac, sizeof(nonce->k), nonce->k);
    hmac_sha256_update(&hmac, sizeof(nonce->v), nonce->v);
    hmac_sha256_update(&hmac, tail_len, tail);
    hmac_sha256_digest(&hmac, SPH_SIGN_HASH_BYTES, ret);
    explicit_bzero(&hmac, sizeof(hmac)); /* who has K and V has the nonce, and with it the key */
}

/* K = HMAC(K, V || separator || seed), V = HMAC(K, V) */
static void nonce_stir(struct nonce *nonce, uint8_t separator, const uint8_t *seed, size_t len) {
    uint8_t tail[1 + SPH_SIGN_SCALAR_BYTES + SPH_SIGN_HASH_BYTES] = {separator};
    memcpy(tail + 1, seed, len);
    nonce_hmac(nonce, nonce->k, tail, 1 + len);
    nonce_hmac(nonce, nonce->v, tail, 0);
    explicit_bzero(tail, sizeof(tail));
}

/* RFC 6979, 3.2, steps b to g: K of zeros, V of ones, and two stirs with key and message. */
static void nonce_init(struct nonce *nonce, const uint8_t *scalar, const mpz_t hash_mod_order) {
    uint8_t seed[SPH_SIGN_SCALAR_BYTES + SPH_SIGN_HASH_BYTES];
    memcpy(seed, scalar, SPH_SIGN_SCALAR_BYTES);
    number_put(seed + SPH_SIGN_SCALAR_BYTES, hash_mod_order);
    memset(nonce->k, 0, sizeof(nonce->k));
    memset(nonce->v, 1, sizeof(nonce->v));
    nonce->used = false;
    nonce_stir(nonce, 0, seed, sizeof(seed));
    nonce_stir(nonce, 1, seed, sizeof(seed));
    explicit_bzero(seed, sizeof(seed));
}

/* A nettle_random_func. hogweed asks for 32 bytes, and again if it cannot take them. */
static void nonce_draw(void *context, size_t len, uint8_t *ret_bytes) {
    struct nonce *nonce = context;
    if (nonce->used)
        nonce_stir(nonce, 0, nonce->v, 0);
    nonce->used = true;
    while (len > 0) {
        nonce_hmac(nonce, nonce->v, nonce->v, 0);
        size_t part = len < sizeof(nonce->v) ? len : sizeof(nonce->v);
        memcpy(ret_bytes, nonce->v, part);
        ret_bytes += part;
        len -= part;
    }
}

/* RFC 6979 feeds the hash as a number below the group's order; hogweed has no call for that. */
static void hash_mod_order(mpz_t number, const uint8_t hash[SPH_SIGN_HASH_BYTES]) {
    mpz_t order;
    mpz_init_set_str(order, "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 16);
    number_get(number, hash);
    mpz_mod(number, number, order);
    mpz_clear(order);
}

/* Written in one go at the end, so that ret_signature is untouched by a failure. */
int sph_signature_sign(const void *bytes, size_t len, const uint8_t scalar[SPH_SIGN_SCALAR_BYTES],
                       uint8_t ret_signature[SPH_IMAGE_SIGNATURE_BYTES], struct sph_err *err) {
    struct ecc_scalar key;
    ecc_scalar_init(&key, nettle_get_secp_256r1());
    int r = scalar_get(&key, scalar);
    if (r == 0) {
        uint8_t hash[SPH_SIGN_HASH_BYTES];
        sph_sign_hash(bytes, len, hash);
        struct nonce nonce;
        mpz_t reduced;
        mpz_init2(reduced, NUMBER_BITS);
        hash_mod_order(reduced, hash);
        nonce_init(&nonce, scalar, reduced);
        mpz_clear(reduced);
        struct dsa_signature signature;
        dsa_signature_init(&signature);
        ecdsa_sign(&key, &nonce, nonce_draw, sizeof(hash), hash, &signature);
        number_put(ret_signature, signature.r);
        number_put(ret_signature + NUMBER_BYTES, signature.s);
        dsa_signature_clear(&signature);
        explicit_bzero(&nonce, sizeof(nonce));
    } else {
        (void)SPH_FAIL(err, r, "the signing key is not a private key of the curve P-256");
    }
    scalar_clear(&key);
    return r;
}

int sph_sign_public(const uint8_t scalar[SPH_SIGN_SCALAR_BYTES],
                    uint8_t ret_point[SPH_SIGN_POINT_BYTES]) {
    struct ecc_scalar key;
    ecc_scalar_init(&key, nettle_get_secp_256r1());
    int r = scalar_get(&key, scalar);
    if (r == 0) {
        struct ecc_point point;
        ecc_point_init(&point, nettle_get_secp_256r1());
        ecc_point_mul_g(&point, &key);
        mpz_t x, y;
        mpz_inits(x, y, NULL);
        ecc_point_get(&point, x, y);
        ret_point[0] = 4;
        number_put(ret_point + 1, x);
        number_put(ret_point + 1 + NUMBER_BYTES, y);
        mpz_clears(x, y, NULL);
        ecc_point_clear(&point);
    }
    scalar_clear(&key);
    return r;
}
