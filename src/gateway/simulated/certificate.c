/* GnuTLS does the reading: both come from strangers, and X.509 is no format to write a parser for.
 * The device itself never sees either; docs/spec/rest.md says why nothing of a key is kept. */
#include "gateway/simulated/certificate.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "base/x509.h"

static gnutls_datum_t datum_of(const void *text, size_t len) {
    return (gnutls_datum_t){.data = (unsigned char *)text, .size = (unsigned)len};
}

static bool is_pem(const void *text, size_t len) {
    static const char mark[] = "-----BEGIN ";
    return memmem(text, len, mark, sizeof(mark) - 1) != NULL;
}

/* *crt is the caller's to end, also after a failure. */
static int import(const void *text, size_t len, gnutls_x509_crt_t *crt, struct sph_err *err) {
    sph_auto_datum gnutls_datum_t der = {0};
    gnutls_datum_t given = datum_of(text, len);
    int status = gnutls_x509_crt_init(crt);
    if (status == 0 && is_pem(text, len)) {
        status = gnutls_x509_crt_import(*crt, &given, GNUTLS_X509_FMT_PEM);
    } else if (status == 0) {
        status = gnutls_base64_decode2(&given, &der);
        if (status == 0)
            status = gnutls_x509_crt_import(*crt, &der, GNUTLS_X509_FMT_DER);
    }
    if (status == GNUTLS_E_MEMORY_ERROR)
        return SPH_FAIL(err, -ENOMEM, "the gateway has no memory to read the certificate");
    if (status < 0)
        return SPH_FAIL(err, -EBADMSG, "the certificate cannot be read (%s); send it as PEM text",
                        gnutls_strerror(status));
    return 0;
}

/* A name that cannot be told is empty, which no certificate of use has. */
static void copy_name(int status, const gnutls_datum_t *name, char ret_text[SPH_CERTIFICATE_NAME]) {
    ret_text[0] = '\0';
    if (status == 0)
        sph_text_printable((const char *)name->data, name->size, ret_text, SPH_CERTIFICATE_NAME);
}

int sph_certificate_parse(const void *text, size_t len, struct sph_certificate *ret_certificate,
                          struct sph_err *err) {
    sph_auto_x509_crt gnutls_x509_crt_t crt = NULL;
    sph_auto_datum gnutls_datum_t subject = {0}, issuer = {0};
    int result = import(text, len, &crt, err);
    if (result < 0)
        return result;
    ret_certificate->not_before = gnutls_x509_crt_get_activation_time(crt);
    ret_certificate->not_after = gnutls_x509_crt_get_expiration_time(crt);
    copy_name(gnutls_x509_crt_get_dn3(crt, &subject, 0), &subject, ret_certificate->subject);
    copy_name(gnutls_x509_crt_get_issuer_dn3(crt, &issuer, 0), &issuer, ret_certificate->issuer);
    return 0;
}

static int import_key(const struct sph_certificate_pair *pair, gnutls_x509_privkey_t *key,
                      struct sph_err *err) {
    gnutls_datum_t given = datum_of(pair->key, pair->key_len);
    int status = gnutls_x509_privkey_init(key);
    if (status == 0)
        status = gnutls_x509_privkey_import2(*key, &given, GNUTLS_X509_FMT_PEM, pair->password, 0);
    if (status == GNUTLS_E_DECRYPTION_FAILED)
        return SPH_FAIL(err, -EKEYREJECTED, "the private key is encrypted, and the password is %s",
                        pair->password ? "not the right one" : "missing");
    if (status < 0)
        return SPH_FAIL(err, -EBADMSG, "the private key cannot be read (%s); send it as PEM text",
                        gnutls_strerror(status));
    return 0;
}

/* By the digest of the public key, which both give. */
int sph_certificate_check_key(const struct sph_certificate_pair *pair, struct sph_err *err) {
    sph_auto_x509_crt gnutls_x509_crt_t crt = NULL;
    sph_auto_x509_key gnutls_x509_privkey_t key = NULL;
    unsigned char of_certificate[32], of_key[32];
    size_t certificate_size = sizeof(of_certificate), key_size = sizeof(of_key);
    int result = import(pair->certificate, pair->certificate_len, &crt, err);
    if (result == 0)
        result = import_key(pair, &key, err);
    if (result < 0)
        return result;
    if (gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA256, of_certificate,
                                   &certificate_size) < 0 ||
        gnutls_x509_privkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, of_key, &key_size) < 0)
        return SPH_FAIL(err, -EBADMSG, "the kind of the private key is not known here");
    if (certificate_size != key_size || memcmp(of_certificate, of_key, key_size) != 0)
        return SPH_FAIL(err, -EINVAL, "the private key is not that of the certificate");
    return 0;
}
