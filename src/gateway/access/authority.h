/* authority: a device's own certificate authority, and the certificate that it serves HTTPS with.
 *
 * Both keys are on the curve P-256 and never leave the folder that they were made in. */
#ifndef SPH_GATEWAY_ACCESS_AUTHORITY_H
#define SPH_GATEWAY_ACCESS_AUTHORITY_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "gateway/access/address.h"

enum {
    SPH_AUTHORITY_CA_DAYS = 3650,
    SPH_AUTHORITY_LEAF_DAYS = 397, /* the most that strict clients take is 398 */
    SPH_AUTHORITY_RENEW_DAYS = 30, /* before its end a certificate is made anew */
    SPH_FINGERPRINT = 65,          /* bytes with the NUL: SHA-256 in hexadecimal digits */
};

/* PEM; the key is wiped by _done. */
struct sph_authority {
    struct sph_buf certificate, key;
    char fingerprint[SPH_FINGERPRINT]; /* of the authority's certificate */
};
#define SPH_AUTHORITY_NULL                                                                         \
    { .certificate = SPH_BUF_LIMIT(16384), .key = SPH_BUF_LIMIT(16384) }

/* What is in the folder as far as it serves for that address at `now_s` (Unix time); what is
 * missing, about to expire, damaged or for another address is made anew and kept there: ca.key,
 * ca.pem, device.key, device.pem (keys with mode 0600). 0 or negative errno with a sentence. */
int sph_authority_open(int dir_fd, const struct sph_address *address, int64_t now_s,
                       struct sph_authority *ret_authority, struct sph_err *err);
void sph_authority_done(struct sph_authority *authority); /* takes NULL */

#define sph_autoauthority SPH_CLEANUP(sph_authority_done)

#endif
