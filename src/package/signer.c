/* The pair is made by the user's side on first use, so that no project ships a private key. Makers
 * exclude each other by a lock on the folder itself, which needs no file of its own and is gone
 * with its holder. The key is written before its certificate: a certificate can be made again from
 * the key, not the reverse. */
#include "package/signer.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "base/x509.h"

enum {
    PEM_BYTES_MAX =
        64 << 10,          /* of a key or certificate; a file with all its comments is far below */
    VALID_DAYS = 20 * 365, /* as long as the original's development certificate */
};

/* The certificate is readable to all, as it is what others are to trust; the key is not. */
enum { KEY_MODE = 0600, CERTIFICATE_MODE = 0644 };

const struct sph_signer_names sph_signer_development = {
    .key = SPH_SIGNER_KEY_FILE,
    .certificate = SPH_SIGNER_CERTIFICATE_FILE,
    .subject = "CN=Spherule SDK Development",
};

/* GnuTLS's words are added only where its own working failed, not where the user's file is at
 * fault. */
static int fail_tls(struct sph_err *err, int code, const char *what, int status) {
    return SPH_FAIL(err, code, "%s: %s", what, gnutls_strerror(status));
}

/* The uncompressed form, 04 x y. -ENOTSUP for another curve, -EINVAL for what is not on this one.
 */
static int point_copy(gnutls_ecc_curve_t curve, const gnutls_datum_t *x, const gnutls_datum_t *y,
                      uint8_t ret_point[SPH_SIGN_POINT_BYTES]) {
    ret_point[0] = 4;
    if (curve != GNUTLS_ECC_CURVE_SECP256R1 || sph_x509_number_copy(x, ret_point + 1, 32) < 0 ||
        sph_x509_number_copy(y, ret_point + 33, 32) < 0)
        return -ENOTSUP;
    return sph_sign_check_point(ret_point);
}

/* The refusal names what the key is, since "wrong kind of key" would leave the user guessing. */
static int read_point(gnutls_x509_crt_t crt, uint8_t ret_point[SPH_SIGN_POINT_BYTES],
                      struct sph_err *err) {
    sph_auto_datum gnutls_datum_t x = {NULL, 0};
    sph_auto_datum gnutls_datum_t y = {NULL, 0};
    gnutls_ecc_curve_t curve = GNUTLS_ECC_CURVE_INVALID;
    int status = gnutls_x509_crt_get_pk_ecc_raw(crt, &curve, &x, &y);
    if (status == 0 && point_copy(curve, &x, &y, ret_point) == 0)
        return 0;
    unsigned bits = 0;
    int algorithm = gnutls_x509_crt_get_pk_algorithm(crt, &bits);
    const char *name = algorithm > 0 ? gnutls_pk_get_name((gnutls_pk_algorithm_t)algorithm) : NULL;
    return SPH_FAIL(err, -ENOTSUP,
                    "the certificate's key is %s with %u bits, but packages are signed with "
                    "ECDSA on the curve P-256",
                    name ? name : "of an unknown kind", bits);
}

/* The subject in the form of RFC 4514: last part first, other than openssl prints it. */
static int read_subject(gnutls_x509_crt_t crt, char ret_name[SPH_TRUST_NAME_SIZE],
                        struct sph_err *err) {
    sph_auto_datum gnutls_datum_t name = {NULL, 0};
    int status = gnutls_x509_crt_get_dn3(crt, &name, 0);
    if (status < 0 || name.size == 0)
        return SPH_FAIL(err, -EBADMSG, "the certificate has no subject to name its signer by");
    memset(ret_name, 0, SPH_TRUST_NAME_SIZE);
    sph_text_printable((const char *)name.data, name.size, ret_name, SPH_TRUST_NAME_SIZE);
    return 0;
}

/* Dates, issuer and extensions are not looked at: adding a certificate to a device's store is the
 * act of trust, and the device would have no clock to hold dates against. */
static int read_certificate(gnutls_x509_crt_t crt, struct sph_trust_record *ret_record,
                            struct sph_err *err) {
    struct sph_trust_record record = {.name = ""};
    sph_auto_datum gnutls_datum_t der = {NULL, 0};
    int r = read_point(crt, record.point, err);
    if (r == 0)
        r = read_subject(crt, record.name, err);
    if (r < 0)
        return r;
    int status = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &der);
    if (status < 0)
        return fail_tls(err, -EBADMSG, "cannot read the certificate", status);
    sph_sign_thumbprint(der.data, der.size, record.thumbprint);
    *ret_record = record;
    return 0;
}

int sph_certificate_read(const void *pem, size_t len, struct sph_trust_record *ret_record,
                         struct sph_err *err) {
    sph_auto_x509_crt gnutls_x509_crt_t crt = NULL;
    if (len > PEM_BYTES_MAX)
        return SPH_FAIL(err, -EBADMSG, "%zu bytes are too many for a certificate", len);
    int status = gnutls_x509_crt_init(&crt);
    if (status < 0)
        return fail_tls(err, -ENOMEM, "cannot read the certificate", status);
    const gnutls_datum_t text = {(unsigned char *)pem, (unsigned)len};
    status = gnutls_x509_crt_import(crt, &text, GNUTLS_X509_FMT_PEM);
    if (status < 0)
        return SPH_FAIL(err, -EBADMSG, "this is no certificate in PEM form");
    return read_certificate(crt, ret_record, err);
}

/* A private key, from its file or just made; fills scalar and point of the signer. */
static int read_key(const struct sph_signer_names *names, gnutls_x509_privkey_t key,
                    const struct sph_buf *pem, struct sph_signer *signer, struct sph_err *err) {
    const gnutls_datum_t text = {(unsigned char *)pem->data, (unsigned)pem->len};
    int status = gnutls_x509_privkey_import(key, &text, GNUTLS_X509_FMT_PEM);
    if (status < 0)
        return SPH_FAIL(err, -EBADMSG,
                        "%s is no private key in PEM form; put the right file back, or remove it "
                        "and %s to have a new pair made",
                        names->key, names->certificate);
    sph_auto_datum gnutls_datum_t x = {NULL, 0};
    sph_auto_datum gnutls_datum_t y = {NULL, 0};
    sph_auto_datum gnutls_datum_t k = {NULL, 0};
    gnutls_ecc_curve_t curve = GNUTLS_ECC_CURVE_INVALID;
    status = gnutls_x509_privkey_export_ecc_raw(key, &curve, &x, &y, &k);
    if (status < 0 || point_copy(curve, &x, &y, signer->identity.point) < 0 ||
        sph_x509_number_copy(&k, signer->scalar, sizeof(signer->scalar)) < 0)
        return SPH_FAIL(err, -EBADMSG, "%s holds no key of the curve P-256", names->key);
    return 0;
}

/* What was made, in memory for this caller and on disk for the next one. */
static int keep(int dirfd, const char *name, mode_t mode, const gnutls_datum_t *pem,
                struct sph_buf *ret_pem, struct sph_err *err) {
    sph_buf_append(ret_pem, pem->data, pem->size);
    if (ret_pem->error < 0)
        return SPH_FAIL_ERRNO(err, ret_pem->error, "cannot keep %s", name);
    return sph_file_replace(dirfd, name, pem->data, pem->size, mode, err);
}

/* The traditional form ("EC PRIVATE KEY"), which every version of openssl reads. */
static int make_key(int dirfd, const struct sph_signer_names *names, struct sph_buf *ret_pem,
                    struct sph_err *err) {
    sph_auto_x509_key gnutls_x509_privkey_t key = NULL;
    sph_auto_datum gnutls_datum_t pem = {NULL, 0};
    int status = gnutls_x509_privkey_init(&key);
    if (status == 0)
        status = gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                              GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
    if (status == 0)
        status = gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &pem);
    if (status < 0)
        return fail_tls(err, -EIO, "cannot make a signing key", status);
    return keep(dirfd, names->key, KEY_MODE, &pem, ret_pem, err);
}

/* A leaf of its own, no authority: it can sign packages and vouch for nobody. */
static int fill_certificate(const char *subject, gnutls_x509_crt_t crt, gnutls_x509_privkey_t key) {
    uint8_t serial[16], key_id[20];
    size_t key_id_bytes = sizeof(key_id);
    time_t now = time(NULL);
    int status = gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial));
    serial[0] = (serial[0] & 0x7f) | 0x40; /* positive and of full length */
    if (status == 0)
        status = gnutls_x509_crt_set_version(crt, 3);
    if (status == 0)
        status = gnutls_x509_crt_set_serial(crt, serial, sizeof(serial));
    if (status == 0)
        status = gnutls_x509_crt_set_activation_time(crt, now);
    if (status == 0)
        status = gnutls_x509_crt_set_expiration_time(crt, now + VALID_DAYS * (time_t)86400);
    if (status == 0)
        status = gnutls_x509_crt_set_dn(crt, subject, NULL);
    if (status == 0)
        status = gnutls_x509_crt_set_key(crt, key);
    if (status == 0)
        status = gnutls_x509_crt_set_basic_constraints(crt, 0, -1);
    if (status == 0)
        status = gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE);
    if (status == 0)
        status = gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA1, key_id, &key_id_bytes);
    if (status == 0)
        status = gnutls_x509_crt_set_subject_key_id(crt, key_id, key_id_bytes);
    return status == 0 ? gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0) : status;
}

static int make_certificate(int dirfd, const struct sph_signer_names *names,
                            gnutls_x509_privkey_t key, struct sph_buf *ret_pem,
                            struct sph_err *err) {
    sph_auto_x509_crt gnutls_x509_crt_t crt = NULL;
    sph_auto_datum gnutls_datum_t pem = {NULL, 0};
    int status = gnutls_x509_crt_init(&crt);
    if (status == 0)
        status = fill_certificate(names->subject, crt, key);
    if (status == 0)
        status = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem);
    if (status < 0)
        return fail_tls(err, -EIO, "cannot make a certificate for the signing key", status);
    return keep(dirfd, names->certificate, CERTIFICATE_MODE, &pem, ret_pem, err);
}

/* 1 when the file was read, 0 when it is not there, negative errno. */
static int read_if_there(int dirfd, const char *name, struct sph_buf *buf, struct sph_err *err) {
    struct stat st;
    if (fstatat(dirfd, name, &st, 0) < 0 && errno == ENOENT)
        return 0;
    int r = sph_file_read(dirfd, name, buf, err);
    return r < 0 ? r : 1;
}

/* Under the folder's lock. What is there is never replaced: a key that cannot be read may be one
 * that devices trust, so every broken pair is left to its owner, with the way out in the sentence.
 */
static int load_or_make(int dirfd, const struct sph_signer_names *names, struct sph_signer *signer,
                        struct sph_err *err) {
    sph_auto_secret struct sph_buf key_pem = SPH_BUF_LIMIT(PEM_BYTES_MAX);
    sph_autobuf struct sph_buf certificate_pem = SPH_BUF_LIMIT(PEM_BYTES_MAX);
    int has_key = read_if_there(dirfd, names->key, &key_pem, err);
    if (has_key < 0)
        return has_key;
    int has_certificate = read_if_there(dirfd, names->certificate, &certificate_pem, err);
    if (has_certificate < 0)
        return has_certificate;
    if (!has_key && has_certificate)
        return SPH_FAIL(err, -EBADMSG,
                        "%s is there without its key; put %s back, or remove the certificate to "
                        "have a new pair made",
                        names->certificate, names->key);
    int r = has_key ? 0 : make_key(dirfd, names, &key_pem, err);
    if (r < 0)
        return r;
    sph_auto_x509_key gnutls_x509_privkey_t key = NULL;
    int status = gnutls_x509_privkey_init(&key);
    if (status < 0)
        return fail_tls(err, -ENOMEM, "cannot read the signing key", status);
    r = read_key(names, key, &key_pem, signer, err);
    if (r == 0 && !has_certificate)
        r = make_certificate(dirfd, names, key, &certificate_pem, err);
    struct sph_trust_record identity;
    if (r == 0) {
        r = sph_certificate_read(certificate_pem.data, certificate_pem.len, &identity, err);
        if (r < 0)
            (void)sph_err_prefix(err, "%s", names->certificate);
    }
    if (r < 0)
        return r;
    if (memcmp(identity.point, signer->identity.point, sizeof(identity.point)) != 0)
        return SPH_FAIL(err, -EBADMSG,
                        "%s belongs to another key than %s; remove the certificate to have a new "
                        "one made",
                        names->certificate, names->key);
    signer->identity = identity;
    return 0;
}

int sph_signer_open(int dirfd, struct sph_signer *ret_signer, struct sph_err *err) {
    return sph_signer_open_named(dirfd, &sph_signer_development, ret_signer, err);
}

int sph_signer_open_named(int dirfd, const struct sph_signer_names *names,
                          struct sph_signer *ret_signer, struct sph_err *err) {
    /* A descriptor of our own: a lock belongs to the open file, and the caller's may be shared. */
    sph_autoclose int lock_fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock_fd < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot open the folder of the signing key");
    while (flock(lock_fd, LOCK_EX) < 0) {
        if (errno != EINTR)
            return SPH_FAIL_ERRNO(err, -errno, "cannot lock the folder of the signing key");
    }
    struct sph_signer signer = {.identity = {.name = ""}};
    int r = load_or_make(lock_fd, names, &signer, err);
    if (r == 0)
        *ret_signer = signer;
    sph_signer_done(&signer);
    return r;
}

void sph_signer_done(struct sph_signer *signer) {
    explicit_bzero(signer->scalar, sizeof(signer->scalar));
}
