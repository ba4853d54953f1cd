/* certificate: X.509 certificates and their keys, as clients send them to the device's store. */
#ifndef SPH_GATEWAY_SIMULATED_CERTIFICATE_H
#define SPH_GATEWAY_SIMULATED_CERTIFICATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
    SPH_CERTIFICATE_NAME = 301, /* bytes of a subject or issuer with the NUL: of the API for apps */
};

/* What the store shows of one. Names as in RFC 4514, cut if longer; printable. */
struct sph_certificate {
    int64_t not_before, not_after; /* seconds since 1970 */
    char subject[SPH_CERTIFICATE_NAME], issuer[SPH_CERTIFICATE_NAME];
};

/* PEM, or Base64 of DER; the first of several. -EBADMSG with a sentence. */
int sph_certificate_parse(const void *text, size_t len, struct sph_certificate *ret_certificate,
                          struct sph_err *err);

/* A private key in PEM, and its certificate. `password` is NULL for a key that has none. */
struct sph_certificate_pair {
    const void *certificate, *key;
    size_t certificate_len, key_len;
    const char *password;
};
/* 0 when the key is that of the certificate. -EBADMSG unreadable, -EKEYREJECTED the password is
 * missing or wrong, -EINVAL of another certificate. */
int sph_certificate_check_key(const struct sph_certificate_pair *pair, struct sph_err *err);

#endif
