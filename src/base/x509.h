/* x509: GnuTLS's objects given back at the end of their scope, and its numbers, for who links it.
 *
 * Whatever held a private key is wiped before it is freed; gnutls_memset and explicit_bzero are
 * what no compiler leaves out. */
#ifndef SPH_BASE_X509_H
#define SPH_BASE_X509_H

#include <errno.h>
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"

static inline void sph_x509_keyp_done(gnutls_x509_privkey_t *key) {
    if (*key)
        gnutls_x509_privkey_deinit(*key);
}
static inline void sph_x509_crtp_done(gnutls_x509_crt_t *crt) {
    if (*crt)
        gnutls_x509_crt_deinit(*crt);
}
static inline void sph_privkeyp_done_(gnutls_privkey_t *key) {
    if (*key)
        gnutls_privkey_deinit(*key);
}
static inline void sph_datum_done_(gnutls_datum_t *datum) {
    if (datum->data)
        gnutls_memset(datum->data, 0, datum->size);
    gnutls_free(datum->data);
}
/* A buffer that held a key; takes its empty value. */
static inline void sph_secret_done(struct sph_buf *buf) {
    if (buf->data)
        explicit_bzero(buf->data, buf->cap);
    sph_buf_done(buf);
}

/* A number of a key, big-endian, in as many bytes as there are: GnuTLS gives it with a leading zero
 * or without leading zeros. -EINVAL for one that does not fit. */
static inline int sph_x509_number_copy(const gnutls_datum_t *from, uint8_t *ret_bytes,
                                       size_t size) {
    const uint8_t *data = from->data;
    size_t len = from->size;
    for (; len > size && *data == 0; len--)
        data++;
    if (len > size)
        return -EINVAL;
    memset(ret_bytes, 0, size - len);
    memcpy(ret_bytes + size - len, data, len);
    return 0;
}

#define sph_auto_x509_key SPH_CLEANUP(sph_x509_keyp_done)
#define sph_auto_x509_crt SPH_CLEANUP(sph_x509_crtp_done)
#define sph_auto_privkey SPH_CLEANUP(sph_privkeyp_done_)
#define sph_auto_datum SPH_CLEANUP(sph_datum_done_)
#define sph_auto_secret SPH_CLEANUP(sph_secret_done)

#endif
