/* trust: the signers whose packages a device takes.
 *
 * Trust is a list of keys, no chain of certificates: a device has no clock that it could hold dates
 * against, and no authority to ask. Who may add to the list is the agent's business. The answers of
 * a verify are conditions, not errors, because each has a remedy of its own. */
#ifndef SPH_PACKAGE_TRUST_H
#define SPH_PACKAGE_TRUST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "package/image.h"
#include "package/sign.h"

enum {
    SPH_TRUST_MAX = 32,       /* signers of one device; a handful of developers and a builder */
    SPH_TRUST_NAME_SIZE = 64, /* bytes of a name with its NUL; a longer subject is cut */
};

/* What is kept of a certificate. In the store file: thumbprint at 0, point at 20, name at 85, kind
 * at 149. */
struct sph_trust_record {
    /* What packages name their signer by. It finds the key; it vouches for nothing, since the point
     * beside it is what signatures are checked with. So SHA-1 is good enough here. */
    uint8_t thumbprint[SPH_IMAGE_THUMBPRINT_BYTES];
    uint8_t point[SPH_SIGN_POINT_BYTES];
    char name[SPH_TRUST_NAME_SIZE]; /* UTF-8, shown to people: the certificate's subject */
    /* What it signs runs at customers' too; else on devices with app development only. */
    bool is_production;
};

/* A plain record of some 5 KiB; all zero is the empty store. Order is that of adding. */
struct sph_trust {
    unsigned count;
    struct sph_trust_record records[SPH_TRUST_MAX];
};

enum sph_trust_condition {
    SPH_TRUST_E_UNSIGNED = 1,  /* no usable signature information in the package */
    SPH_TRUST_E_UNTRUSTED = 2, /* the signer's thumbprint is not in the store */
    SPH_TRUST_E_TAMPERED = 3,  /* signer known, but the signature is not over these bytes */
    SPH_TRUST_E_FULL = 4,      /* add: SPH_TRUST_MAX signers are there */
    SPH_TRUST_E_EXISTS = 5,    /* add: the thumbprint is there, for as much */
    SPH_TRUST_E_ABSENT = 6,    /* find, remove: it is not there */
};

/* The store file, docs/spec/package.md, section 6. Pure: reading it and replacing it as a whole are
 * the caller's. -EBADMSG with a sentence; ret_trust is untouched then, so that a damaged store is
 * never taken for an empty one. */
int sph_trust_parse(const void *bytes, size_t size, struct sph_trust *ret_trust,
                    struct sph_err *err) SPH_MUST_USE;
/* Appends the file. A failure is in the buffer's error. */
void sph_trust_format(const struct sph_trust *trust, struct sph_buf *ret_bytes);

/* 0 or a condition (E_FULL, E_EXISTS) with its sentence; -EINVAL for a bad point or name, or the
 * original SDK's public signer for production. A signer that is there for development becomes one
 * for production; never the other way: that takes a removal. */
int sph_trust_add(struct sph_trust *trust, const struct sph_trust_record *record,
                  struct sph_err *err) SPH_MUST_USE;
/* 0 or SPH_TRUST_E_ABSENT with its sentence. */
int sph_trust_remove(struct sph_trust *trust, const uint8_t thumbprint[SPH_IMAGE_THUMBPRINT_BYTES],
                     struct sph_err *err) SPH_MUST_USE;
/* NULL when it is not there. */
const struct sph_trust_record *sph_trust_find(const struct sph_trust *trust,
                                              const uint8_t thumbprint[SPH_IMAGE_THUMBPRINT_BYTES]);

/* 0 and the signer, or E_UNSIGNED, E_UNTRUSTED, E_TAMPERED with its sentence in err (code 0). */
int sph_trust_verify(const struct sph_trust *trust, const struct sph_image *image,
                     const struct sph_trust_record **ret_signer, struct sph_err *err) SPH_MUST_USE;

/* The public development signer of the original SDK: its packages are taken only when asked for. */
extern const struct sph_trust_record sph_trust_sdk_development;

#endif
