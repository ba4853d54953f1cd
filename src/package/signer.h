/* signer: the developer's signing key pair on disk, and certificates read from PEM (library
 * sph_signer, GnuTLS).
 *
 * The only place of this layer that knows X.509. It gives plain numbers to sign.h and plain records
 * to trust.h, so that the agent does not link GnuTLS. */
#ifndef SPH_PACKAGE_SIGNER_H
#define SPH_PACKAGE_SIGNER_H

#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "package/sign.h"
#include "package/trust.h"

/* Beside each other in one folder; the key in the traditional PEM form, for its owner only. */
#define SPH_SIGNER_KEY_FILE "sdk-development-key.pem"
#define SPH_SIGNER_CERTIFICATE_FILE "sdk-development-certificate.pem"

/* Files and subject of a pair: the development key's, or another's in a folder of its own. */
struct sph_signer_names {
    const char *key, *certificate; /* file names */
    const char *subject;           /* RFC 4514: "CN=…" */
};
extern const struct sph_signer_names sph_signer_development;

/* A secret: end with sph_signer_done() also after the last use of a copy. */
struct sph_signer {
    uint8_t scalar[SPH_SIGN_SCALAR_BYTES]; /* the private key */
    struct sph_trust_record identity;      /* thumbprint, point, subject */
};

/* Loads the pair from the folder, making it (0600, P-256, self-signed) when it is not there.
 * Several callers at once get the same pair. -EBADMSG when the files do not make a pair, with what
 * to do about it. */
int sph_signer_open(int dirfd, struct sph_signer *ret_signer, struct sph_err *err) SPH_MUST_USE;
/* The same of a pair with other names. */
int sph_signer_open_named(int dirfd, const struct sph_signer_names *names,
                          struct sph_signer *ret_signer, struct sph_err *err) SPH_MUST_USE;
/* Wipes the private part. */
void sph_signer_done(struct sph_signer *signer);

/* The first certificate in the PEM text, at most 64 KiB of it. -EBADMSG not a certificate, -ENOTSUP
 * when its key is not on P-256. Dates and issuer are not judged. */
int sph_certificate_read(const void *pem, size_t len, struct sph_trust_record *ret_record,
                         struct sph_err *err) SPH_MUST_USE;

#endif
