/* trust: the signers whose packages a device takes. */
#ifndef SPH_PACKAGE_TRUST_H
#define SPH_PACKAGE_TRUST_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "package/image.h"
#include "package/sign.h"

enum {
    SPH_TRUST_MAX = 32, /* signers of one device */
    SPH_TRUST_NAME_SIZE = 64,
};

struct sph_trust_record {
    uint8_t thumbprint[SPH_IMAGE_THUMBPRINT_BYTES];
    uint8_t point[SPH_SIGN_POINT_BYTES];
    char name[SPH_TRUST_NAME_SIZE]; /* UTF-8, shown to people: the certificate's subject */
};

/* A plain record; all zero is the empty store. */
struct sph_trust {
    unsigned count;
    struct sph_trust_record records[SPH_TRUST_MAX];
};

enum sph_trust_condition {
    SPH_TRUST_E_UNSIGNED = 1,  /* no usable signature information in the package */
    SPH_TRUST_E_UNTRUSTED = 2, /* the signer's thumbprint is not in the store */
    SPH_TRUST_E_TAMPERED = 3,  /* signer known, but the signature is not over these bytes */
    SPH_TRUST_E_FULL = 4,      /* add: SPH_TRUST_MAX signers are there */
    SPH_TRUST_E_EXISTS = 5,    /* add: the thumbprint is there */
    SPH_TRUST_E_ABSENT = 6,    /* find, remove: it is not there */
};

/* The store file, docs/spec/package.md. parse: -EBADMSG with a sentence. */
int sph_trust_parse(const void *bytes, size_t size, struct sph_trust *ret_trust,
                    struct sph_err *err) SPH_MUST_USE;
void sph_trust_format(const struct sph_trust *trust, struct sph_buf *ret_bytes);

/* 0 or a condition (E_FULL, E_EXISTS) with its sentence; -EINVAL for a bad point or name. */
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
