/* Certificates and keys as OpenSSL wrote them, and what is no certificate. */
#include "base/testing.h"

#include <errno.h>
#include <string.h>

#include "gateway/simulated/certificate.h"

/* Made for this test; the keys guard nothing. */
#define CERTIFICATE                                                                                \
    "-----BEGIN CERTIFICATE-----\n"                                                                \
    "MIIBwjCCAWmgAwIBAgIUHRnZkKSWvreau/r021qSye8r6F8wCgYIKoZIzj0EAwIw\n"                           \
    "NjELMAkGA1UEBhMCTk8xFjAUBgNVBAoMDUV4YW1wbGUsIEluYy4xDzANBgNVBAMM\n"                           \
    "BmNsaWVudDAgFw0yNjExMjkwNzU4MDRaGA8yMTI2MTEwNTA3NTgwNFowNjELMAkG\n"                           \
    "A1UEBhMCTk8xFjAUBgNVBAoMDUV4YW1wbGUsIEluYy4xDzANBgNVBAMMBmNsaWVu\n"                           \
    "dDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABM0U5BLhnz8jgjCa3kryqy7wyITI\n"                           \
    "8DTqj/dzAf3otYNsINBEClyoi6d9dmiMy6qSaiqoMTaNrHFjjDdxDUo7j7CjUzBR\n"                           \
    "MB0GA1UdDgQWBBQz7CHozUEOB1v3LShDEJvEllxAvzAfBgNVHSMEGDAWgBQz7CHo\n"                           \
    "zUEOB1v3LShDEJvEllxAvzAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0cA\n"                           \
    "MEQCIBL+701uPVxmkH6ryOon9PVurYenZz57Vd3+A5/N3f12AiAUtn5/m+vu+mAs\n"                           \
    "k8em31ZSn1kte7s7XpQauYHbLIq3bw==\n"                                                           \
    "-----END CERTIFICATE-----\n"
#define KEY                                                                                        \
    "-----BEGIN PRIVATE KEY-----\n"                                                                \
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgypq+RecFV6Vsv2FL\n"                           \
    "Bul4reqo9UkCIv1U7azWV30OFu2hRANCAATNFOQS4Z8/I4Iwmt5K8qsu8MiEyPA0\n"                           \
    "6o/3cwH96LWDbCDQRApcqIunfXZojMuqkmoqqDE2jaxxY4w3cQ1KO4+w\n"                                   \
    "-----END PRIVATE KEY-----\n"
#define LOCKED_KEY                                                                                 \
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"                                                      \
    "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAiUCaNWVEfM5gICCAAw\n"                           \
    "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEJEJ9ufFzEDOxDAUvXQUNCEEgZCC\n"                           \
    "zgiWPiCmhvnyVByMHvq5wCTRGQ1aBiFP44WdnOWCJMUE1MkyTnD4nlzNbwcVf+ZW\n"                           \
    "wuGzlxfWmH+8TmtGcMGe102IEwAMZ560Bao+TH/VZzV4OhoYiGBzGr/mDZKm0GPS\n"                           \
    "pvq9M0cuLbidLtlGOfDt1azoYFDWmYUDRBT9MHMfyBf+Lx6vbWJYkO9sdFymsPw=\n"                           \
    "-----END ENCRYPTED PRIVATE KEY-----\n"
#define OTHER_KEY                                                                                  \
    "-----BEGIN PRIVATE KEY-----\n"                                                                \
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgtDB7EQf9m/0i5icx\n"                           \
    "rjhAcHr6VNNh2IeHaoRrR039kaShRANCAAQBxMDf1c+p0oYo0WnTh4L8/2pBOVlW\n"                           \
    "sNoagqQXLv5zi8oHzoj54nRcNHjsXsK61/Mkk/vqQw0Ka5GTTvsYGnVX\n"                                   \
    "-----END PRIVATE KEY-----\n"
#define BASE64                                                                                     \
    "MIIBwjCCAWmgAwIBAgIUHRnZkKSWvreau/r021qSye8r6F8wCgYIKoZIzj0EAwIw"                             \
    "NjELMAkGA1UEBhMCTk8xFjAUBgNVBAoMDUV4YW1wbGUsIEluYy4xDzANBgNVBAMM"                             \
    "BmNsaWVudDAgFw0yNjExMjkwNzU4MDRaGA8yMTI2MTEwNTA3NTgwNFowNjELMAkG"                             \
    "A1UEBhMCTk8xFjAUBgNVBAoMDUV4YW1wbGUsIEluYy4xDzANBgNVBAMMBmNsaWVu"                             \
    "dDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABM0U5BLhnz8jgjCa3kryqy7wyITI"                             \
    "8DTqj/dzAf3otYNsINBEClyoi6d9dmiMy6qSaiqoMTaNrHFjjDdxDUo7j7CjUzBR"                             \
    "MB0GA1UdDgQWBBQz7CHozUEOB1v3LShDEJvEllxAvzAfBgNVHSMEGDAWgBQz7CHo"                             \
    "zUEOB1v3LShDEJvEllxAvzAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0cA"                             \
    "MEQCIBL+701uPVxmkH6ryOon9PVurYenZz57Vd3+A5/N3f12AiAUtn5/m+vu+mAs"                             \
    "k8em31ZSn1kte7s7XpQauYHbLIq3bw=="

#define BEGIN "-----BEGIN CERTIFICATE-----\n"
#define PEM_WANTED "; send it as PEM text"

static void what_a_certificate_says(void **state) {
    (void)state;
    static const char *const texts[] = {CERTIFICATE, BASE64, "text before\n" CERTIFICATE KEY,
                                        CERTIFICATE BEGIN "nonsense"};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(texts); i++) {
        struct sph_certificate certificate;
        struct sph_err err = SPH_ERR_NULL;
        if (sph_certificate_parse(texts[i], strlen(texts[i]), &certificate, &err) != 0)
            fail_msg("%zu: %s", i, err.text);
        assert_string_equal(certificate.subject, "CN=client,O=Example\\, Inc.,C=NO");
        assert_string_equal(certificate.issuer, certificate.subject);
        assert_int_equal(certificate.not_before, 1795939084);
        assert_int_equal(certificate.not_after, 4949539084);
    }
}

static void what_is_no_certificate(void **state) {
    (void)state;
    static const char *const cases[] = {
        "", "nonsense!", "AAAA", KEY, BEGIN "AAAA\n-----END CERTIFICATE-----\n", BEGIN,
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        struct sph_certificate certificate;
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(sph_certificate_parse(cases[i], strlen(cases[i]), &certificate, &err),
                         -EBADMSG);
        if (strncmp(err.text, "the certificate cannot be read (", 32) != 0 ||
            strcmp(err.text + strlen(err.text) - strlen(PEM_WANTED), PEM_WANTED) != 0)
            fail_msg("%zu: %s", i, err.text);
    }
}

static void keys(void **state) {
    (void)state;
    static const struct {
        const char *key, *password;
        int code;
        const char *sentence; /* NULL: with words of GnuTLS in it */
    } cases[] = {
        {KEY, NULL, 0, ""},
        {KEY, "unneeded", 0, ""},
        {LOCKED_KEY, "secret", 0, ""},
        {LOCKED_KEY, "Secret", -EKEYREJECTED,
         "the private key is encrypted, and the password is not the right one"},
        {LOCKED_KEY, NULL, -EKEYREJECTED,
         "the private key is encrypted, and the password is missing"},
        {OTHER_KEY, NULL, -EINVAL, "the private key is not that of the certificate"},
        {CERTIFICATE, NULL, -EBADMSG, NULL},
        {"", NULL, -EBADMSG, NULL},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        struct sph_err err = SPH_ERR_NULL;
        const struct sph_certificate_pair pair = {.certificate = CERTIFICATE,
                                                  .certificate_len = sizeof(CERTIFICATE) - 1,
                                                  .key = cases[i].key,
                                                  .key_len = strlen(cases[i].key),
                                                  .password = cases[i].password};
        int result = sph_certificate_check_key(&pair, &err);
        if (result != cases[i].code)
            fail_msg("%zu: %d %s", i, result, err.text);
        if (cases[i].sentence)
            assert_string_equal(err.text, cases[i].sentence);
        else
            assert_int_equal(strncmp(err.text, "the private key cannot be read (", 32), 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_certificate_says),
        cmocka_unit_test(what_is_no_certificate),
        cmocka_unit_test(keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
