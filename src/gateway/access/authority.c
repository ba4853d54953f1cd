/* The certificate is a CA's, not self-signed: a client trusts the authority once, and goes on
 * trusting the device when its address changes or its certificate is renewed. A power cut between
 * the two files of a pair leaves two that do not belong together, and both are made anew.
 *
 * Of host names the authority may speak for those of this file only (name constraints): whoever has
 * it among his trusted ones need not fear that a stolen key speaks for the names of the world. IP
 * addresses are not limited, since a device may be given any. */
#include "gateway/access/authority.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/x509-ext.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/file.h"
#include "base/text.h"
#include "base/x509.h"

#define DEVICE_DOMAIN "devices.sphere.azure.local"

enum {
    DAY_S = 86400,
    PEM_MAX = 16384, /* bytes of a file of ours; they have fewer than 1,000 */
    SERIAL_BYTES = 16,
    HOSTS_MAX = 24, /* addresses; what a machine has beyond that is not served by name */
};

static const char *const dns_names[] = {"*." DEVICE_DOMAIN, "localhost"};
static const char *const fixed_hosts[] = {"127.0.0.1", "::1",
                                          "192.168.35.2"}; /* the last: a board's */

/* Addresses that a certificate is for, each once, as the system writes them. */
struct hosts {
    char text[HOSTS_MAX][SPH_ADDRESS_TEXT];
    size_t count;
};

static void constraintsp_done(gnutls_x509_name_constraints_t *constraints) {
    if (*constraints)
        gnutls_x509_name_constraints_deinit(*constraints);
}
#define auto_constraints SPH_CLEANUP(constraintsp_done)

void sph_authority_done(struct sph_authority *authority) {
    if (!authority)
        return;
    sph_secret_done(&authority->key);
    sph_buf_done(&authority->certificate);
}

/* A key with its certificate. */
struct pair {
    const char *key_name, *certificate_name; /* files */
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t certificate;
};

static void pair_done(struct pair *pair) {
    sph_x509_keyp_done(&pair->key);
    sph_x509_crtp_done(&pair->certificate);
    pair->key = NULL;
    pair->certificate = NULL;
}
#define auto_pair SPH_CLEANUP(pair_done)

static int fail_tls(struct sph_err *err, const char *what, int status) {
    return SPH_FAIL(err, -EIO, "%s: %s", what, gnutls_strerror(status));
}

/* ---- what is there ---- */

static int read_key(int dir_fd, const char *name, gnutls_x509_privkey_t *ret_key) {
    sph_auto_secret struct sph_buf text = SPH_BUF_LIMIT(PEM_MAX);
    sph_auto_x509_key gnutls_x509_privkey_t key = NULL;
    if (sph_file_read(dir_fd, name, &text, NULL) < 0 || gnutls_x509_privkey_init(&key) < 0)
        return -ENOENT;
    const gnutls_datum_t pem = {(unsigned char *)text.data, (unsigned)text.len};
    if (!text.data || gnutls_x509_privkey_import(key, &pem, GNUTLS_X509_FMT_PEM) < 0)
        return -EBADMSG;
    *ret_key = key;
    key = NULL;
    return 0;
}

static int read_certificate(int dir_fd, const char *name, gnutls_x509_crt_t *ret_crt) {
    sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(PEM_MAX);
    sph_auto_x509_crt gnutls_x509_crt_t crt = NULL;
    if (sph_file_read(dir_fd, name, &text, NULL) < 0 || gnutls_x509_crt_init(&crt) < 0)
        return -ENOENT;
    const gnutls_datum_t pem = {(unsigned char *)text.data, (unsigned)text.len};
    if (!text.data || gnutls_x509_crt_import(crt, &pem, GNUTLS_X509_FMT_PEM) < 0)
        return -EBADMSG;
    *ret_crt = crt;
    crt = NULL;
    return 0;
}

/* By the id that a key and its certificate have in common. */
static bool belong_together(const struct pair *pair) {
    unsigned char a[64], b[64];
    size_t a_len = sizeof(a), b_len = sizeof(b);
    return gnutls_x509_privkey_get_key_id(pair->key, GNUTLS_KEYID_USE_SHA256, a, &a_len) == 0 &&
           gnutls_x509_crt_get_key_id(pair->certificate, GNUTLS_KEYID_USE_SHA256, b, &b_len) == 0 &&
           a_len == b_len && memcmp(a, b, a_len) == 0;
}

static bool is_in_time(gnutls_x509_crt_t crt, int64_t now_s) {
    return gnutls_x509_crt_get_activation_time(crt) <= now_s &&
           gnutls_x509_crt_get_expiration_time(crt) >=
               now_s + (int64_t)SPH_AUTHORITY_RENEW_DAYS * DAY_S;
}

static bool is_signed_by(gnutls_x509_crt_t crt, gnutls_x509_crt_t issuer) {
    unsigned problems = 0;
    return gnutls_x509_crt_verify(crt, &issuer, 1,
                                  GNUTLS_VERIFY_DISABLE_TIME_CHECKS |
                                      GNUTLS_VERIFY_DISABLE_TRUSTED_TIME_CHECKS,
                                  &problems) == 0 &&
           problems == 0;
}

/* False, with nothing left behind, when anything is missing or wrong. */
static bool pair_read(int dir_fd, int64_t now_s, struct pair *pair) {
    if (read_key(dir_fd, pair->key_name, &pair->key) == 0 &&
        read_certificate(dir_fd, pair->certificate_name, &pair->certificate) == 0 &&
        belong_together(pair) && is_in_time(pair->certificate, now_s))
        return true;
    pair_done(pair);
    return false;
}

/* ---- what is made ---- */

static int set_serial(gnutls_x509_crt_t crt) {
    unsigned char serial[SERIAL_BYTES];
    int status = gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial));
    serial[0] = (serial[0] & 0x3f) | 0x40; /* a positive number of full length */
    return status < 0 ? status : gnutls_x509_crt_set_serial(crt, serial, sizeof(serial));
}

/* From the day before on: a client's clock may be behind. */
static int begin(struct pair *pair, const char *subject, int64_t now_s, unsigned days) {
    unsigned char id[20];
    size_t len = sizeof(id);
    gnutls_x509_crt_t crt = pair->certificate;
    int status = gnutls_x509_crt_set_version(crt, 3);
    if (status == 0)
        status = set_serial(crt);
    if (status == 0)
        status = gnutls_x509_crt_set_activation_time(crt, now_s - DAY_S);
    if (status == 0)
        status = gnutls_x509_crt_set_expiration_time(crt, now_s + (int64_t)(days - 1) * DAY_S);
    if (status == 0)
        status = gnutls_x509_crt_set_dn(crt, subject, NULL);
    if (status == 0)
        status = gnutls_x509_crt_set_key(crt, pair->key);
    if (status == 0)
        status = gnutls_x509_crt_get_key_id(crt, 0, id, &len);
    return status < 0 ? status : gnutls_x509_crt_set_subject_key_id(crt, id, len);
}

static int add_constraint(gnutls_x509_name_constraints_t constraints, const char *name) {
    const gnutls_datum_t text = {(unsigned char *)name, (unsigned)strlen(name)};
    return gnutls_x509_name_constraints_add_permitted(constraints, GNUTLS_SAN_DNSNAME, &text);
}

static int constrain(gnutls_x509_crt_t crt) {
    auto_constraints gnutls_x509_name_constraints_t constraints = NULL;
    int status = gnutls_x509_name_constraints_init(&constraints);
    if (status == 0)
        status = add_constraint(constraints, DEVICE_DOMAIN);
    if (status == 0)
        status = add_constraint(constraints, "localhost");
    return status < 0 ? status : gnutls_x509_crt_set_name_constraints(crt, constraints, 1);
}

static int fill_ca(struct pair *ca, int64_t now_s) {
    int status = begin(ca, "CN=Spherule device authority", now_s, SPH_AUTHORITY_CA_DAYS);
    if (status == 0)
        status = gnutls_x509_crt_set_basic_constraints(ca->certificate, 1, 0);
    if (status == 0)
        status = gnutls_x509_crt_set_key_usage(ca->certificate,
                                               GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN);
    if (status == 0)
        status = constrain(ca->certificate);
    return status < 0 ? status
                      : gnutls_x509_crt_sign2(ca->certificate, ca->certificate, ca->key,
                                              GNUTLS_DIG_SHA256, 0);
}

static size_t host_bytes(const char *host, unsigned char ret_bytes[16]) {
    bool is_v6 = strchr(host, ':') != NULL;
    if (inet_pton(is_v6 ? AF_INET6 : AF_INET, host, ret_bytes) != 1)
        return 0;
    return is_v6 ? 16 : 4;
}

static int add_names(gnutls_x509_crt_t crt, const struct hosts *hosts) {
    int status = 0;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(dns_names) && status == 0; i++)
        status = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, dns_names[i],
                                                      (unsigned)strlen(dns_names[i]),
                                                      GNUTLS_FSAN_APPEND);
    for (size_t i = 0; i < hosts->count && status == 0; i++) {
        unsigned char bytes[16];
        status = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, bytes,
                                                      (unsigned)host_bytes(hosts->text[i], bytes),
                                                      GNUTLS_FSAN_APPEND);
    }
    return status;
}

static int fill_leaf(struct pair *leaf, const struct pair *ca, const struct hosts *hosts,
                     int64_t now_s) {
    unsigned char id[64];
    size_t len = sizeof(id);
    int status = begin(leaf, "CN=Spherule device", now_s, SPH_AUTHORITY_LEAF_DAYS);
    if (status == 0)
        status = gnutls_x509_crt_set_basic_constraints(leaf->certificate, 0, -1);
    if (status == 0)
        status = gnutls_x509_crt_set_key_usage(leaf->certificate, GNUTLS_KEY_DIGITAL_SIGNATURE);
    if (status == 0)
        status =
            gnutls_x509_crt_set_key_purpose_oid(leaf->certificate, GNUTLS_KP_TLS_WWW_SERVER, 0);
    if (status == 0)
        status = add_names(leaf->certificate, hosts);
    if (status == 0)
        status = gnutls_x509_crt_get_subject_key_id(ca->certificate, id, &len, NULL);
    if (status == 0)
        status = gnutls_x509_crt_set_authority_key_id(leaf->certificate, id, len);
    return status < 0 ? status
                      : gnutls_x509_crt_sign2(leaf->certificate, ca->certificate, ca->key,
                                              GNUTLS_DIG_SHA256, 0);
}

static int pair_write(int dir_fd, const struct pair *pair, struct sph_err *err) {
    sph_auto_datum gnutls_datum_t key = {NULL, 0};
    sph_auto_datum gnutls_datum_t certificate = {NULL, 0};
    int status = gnutls_x509_privkey_export2(pair->key, GNUTLS_X509_FMT_PEM, &key);
    if (status == 0)
        status = gnutls_x509_crt_export2(pair->certificate, GNUTLS_X509_FMT_PEM, &certificate);
    if (status < 0)
        return fail_tls(err, "cannot write down a certificate", status);
    int rc = sph_file_replace(dir_fd, pair->key_name, key.data, key.size, 0600, err);
    return rc < 0 ? rc
                  : sph_file_replace(dir_fd, pair->certificate_name, certificate.data,
                                     certificate.size, 0644, err);
}

/* ca is NULL for the authority itself. */
static int pair_make(int dir_fd, const struct pair *ca, const struct hosts *hosts, int64_t now_s,
                     struct pair *pair, struct sph_err *err) {
    int status = gnutls_x509_privkey_init(&pair->key);
    if (status == 0)
        status = gnutls_x509_privkey_generate(pair->key, GNUTLS_PK_ECDSA,
                                              GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
    if (status == 0)
        status = gnutls_x509_crt_init(&pair->certificate);
    if (status == 0)
        status = ca ? fill_leaf(pair, ca, hosts, now_s) : fill_ca(pair, now_s);
    if (status < 0)
        return fail_tls(err, "cannot make a certificate for HTTPS", status);
    return pair_write(dir_fd, pair, err);
}

/* ---- the two together ---- */

static void hosts_add(struct hosts *hosts, const char *host) {
    for (size_t i = 0; i < hosts->count; i++) {
        if (strcmp(hosts->text[i], host) == 0)
            return;
    }
    if (hosts->count < HOSTS_MAX)
        (void)snprintf(hosts->text[hosts->count++], SPH_ADDRESS_TEXT, "%s", host);
}

/* Who listens on every address may be called by any of them. Link-local ones need an interface
 * beside the address, which certificates cannot name. */
static void hosts_add_machine(struct hosts *hosts) {
    struct ifaddrs *all;
    if (getifaddrs(&all) < 0)
        return;
    for (const struct ifaddrs *at = all; at; at = at->ifa_next) {
        struct sph_address address;
        char text[SPH_ADDRESS_TEXT];
        if (sph_address_from(at->ifa_addr, &address) && !sph_address_is_link_local(&address))
            hosts_add(hosts, sph_address_host(&address, text));
    }
    freeifaddrs(all);
}

static void hosts_fill(struct hosts *hosts, const struct sph_address *address) {
    char text[SPH_ADDRESS_TEXT];
    for (size_t i = 0; i < SPH_ARRAY_SIZE(fixed_hosts); i++)
        hosts_add(hosts, fixed_hosts[i]);
    if (sph_address_is_any(address))
        hosts_add_machine(hosts);
    else
        hosts_add(hosts, sph_address_host(address, text));
}

static bool is_for(gnutls_x509_crt_t crt, const struct hosts *hosts) {
    for (size_t i = 0; i < hosts->count; i++) {
        unsigned char bytes[16];
        size_t len = host_bytes(hosts->text[i], bytes);
        if (!gnutls_x509_crt_check_ip(crt, bytes, (unsigned)len, 0))
            return false;
    }
    return true;
}

static int open_leaf(int dir_fd, const struct pair *ca, const struct hosts *hosts, int64_t now_s,
                     struct sph_err *err) {
    auto_pair struct pair leaf = {.key_name = "device.key", .certificate_name = "device.pem"};
    if (pair_read(dir_fd, now_s, &leaf) && is_signed_by(leaf.certificate, ca->certificate) &&
        is_for(leaf.certificate, hosts))
        return 0;
    pair_done(&leaf);
    return pair_make(dir_fd, ca, hosts, now_s, &leaf, err);
}

static int get_fingerprint(gnutls_x509_crt_t crt, char ret_text[SPH_FINGERPRINT],
                           struct sph_err *err) {
    unsigned char bytes[32];
    size_t len = sizeof(bytes);
    int status = gnutls_x509_crt_get_fingerprint(crt, GNUTLS_DIG_SHA256, bytes, &len);
    if (status < 0)
        return fail_tls(err, "cannot take a certificate's fingerprint", status);
    sph_bytes_to_hex(bytes, sizeof(bytes), ret_text);
    return 0;
}

int sph_authority_open(int dir_fd, const struct sph_address *address, int64_t now_s,
                       struct sph_authority *ret_authority, struct sph_err *err) {
    auto_pair struct pair ca = {.key_name = "ca.key", .certificate_name = "ca.pem"};
    struct hosts hosts = {.count = 0};
    hosts_fill(&hosts, address);
    int rc = pair_read(dir_fd, now_s, &ca) ? 0 : pair_make(dir_fd, NULL, NULL, now_s, &ca, err);
    if (rc == 0)
        rc = open_leaf(dir_fd, &ca, &hosts, now_s, err);
    if (rc == 0)
        rc = get_fingerprint(ca.certificate, ret_authority->fingerprint, err);
    if (rc == 0)
        rc = sph_file_read(dir_fd, "device.pem", &ret_authority->certificate, err);
    return rc < 0 ? rc : sph_file_read(dir_fd, "device.key", &ret_authority->key, err);
}
