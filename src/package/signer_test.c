/* The development key: made once however many ask, read by openssl, and every broken pair with its
 * advice. */
#include "package/signer.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "package/package_testing.h"

static int run(const struct sph_scratch *scratch, const char *command) {
    char line[700];
    (void)snprintf(line, sizeof(line), "cd %s && { %s; } >out 2>&1", scratch->path, command);
    int status = system(line);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void need_openssl(void) {
    if (system("command -v openssl >/dev/null") != 0) {
        print_message("skipped: no openssl\n");
        skip();
    }
}

static void open_signer(const struct sph_scratch *scratch, struct sph_signer *ret_signer) {
    struct sph_err err = SPH_ERR_NULL;
    if (sph_signer_open(scratch->fd, ret_signer, &err) < 0)
        fail_msg("%s", err.text);
}

static void the_pair_is_made_once(void **state) {
    struct sph_scratch *scratch = *state;
    struct sph_signer first, second;
    open_signer(scratch, &first);
    open_signer(scratch, &second);
    assert_memory_equal(&first, &second, sizeof(first));
    assert_string_equal(first.identity.name, "CN=Spherule SDK Development");
    struct stat st;
    assert_int_equal(fstatat(scratch->fd, SPH_SIGNER_KEY_FILE, &st, 0), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    uint8_t point[SPH_SIGN_POINT_BYTES];
    assert_int_equal(sph_sign_public(first.scalar, point), 0);
    assert_memory_equal(point, first.identity.point, sizeof(point));

    sph_autobuf struct sph_buf pem = SPH_BUF_NULL;
    struct sph_trust_record record;
    assert_int_equal(sph_file_read(scratch->fd, SPH_SIGNER_CERTIFICATE_FILE, &pem, NULL), 0);
    assert_int_equal(sph_certificate_read(pem.data, pem.len, &record, NULL), 0);
    assert_memory_equal(&record, &first.identity, sizeof(record));

    static const uint8_t zeros[SPH_SIGN_SCALAR_BYTES];
    sph_signer_done(&first);
    assert_memory_equal(first.scalar, zeros, sizeof(zeros));
}

static void what_it_signs_is_trusted(void **state) {
    struct sph_scratch *scratch = *state;
    struct sph_signer signer;
    open_signer(scratch, &signer);
    struct sph_build build = sph_test_build();
    build.scalar = signer.scalar;
    build.thumbprint = signer.identity.thumbprint;
    sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
    assert_int_equal(sph_build_package(&build, &bytes, NULL, NULL), 0);
    struct sph_image image;
    struct sph_trust trust = {0};
    const struct sph_trust_record *by = NULL;
    assert_int_equal(sph_image_parse(bytes.data, bytes.len, &image, NULL), 0);
    assert_int_equal(sph_trust_add(&trust, &signer.identity, NULL), 0);
    assert_int_equal(sph_trust_verify(&trust, &image, &by, NULL), 0);
    assert_string_equal(by->name, "CN=Spherule SDK Development");
}

/* Processes that all start without a pair must end with the same one. */
static void many_at_once_get_the_same_pair(void **state) {
    enum { MAKERS = 8 };
    struct sph_scratch *scratch = *state;
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    for (int i = 0; i < MAKERS; i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            struct sph_signer signer;
            int r = sph_signer_open(scratch->fd, &signer, NULL);
            if (r == 0)
                r = sph_fd_write_full(pipes[1], signer.identity.thumbprint, 20);
            _exit(r == 0 ? 0 : 1);
        }
    }
    (void)close(pipes[1]);
    for (int i = 0; i < MAKERS; i++) {
        int status;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    uint8_t thumbprints[MAKERS][20];
    assert_int_equal(sph_fd_read_full(pipes[0], thumbprints, sizeof(thumbprints)),
                     sizeof(thumbprints));
    (void)close(pipes[0]);
    for (int i = 1; i < MAKERS; i++)
        assert_memory_equal(thumbprints[i], thumbprints[0], 20);
}

static void a_lost_certificate_is_made_again(void **state) {
    struct sph_scratch *scratch = *state;
    struct sph_signer first, second;
    open_signer(scratch, &first);
    assert_int_equal(unlinkat(scratch->fd, SPH_SIGNER_CERTIFICATE_FILE, 0), 0);
    open_signer(scratch, &second);
    assert_memory_equal(first.scalar, second.scalar, sizeof(first.scalar));
    assert_memory_equal(first.identity.point, second.identity.point, 65);
    assert_memory_not_equal(first.identity.thumbprint, second.identity.thumbprint, 20);
}

static void expect_refusal(const struct sph_scratch *scratch, const char *sentence) {
    struct sph_signer signer;
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(sph_signer_open(scratch->fd, &signer, &err), -EBADMSG);
    assert_err(&err, -EBADMSG, sentence);
}

static void broken_pairs_get_advice(void **state) {
    struct sph_scratch *scratch = *state;
    struct sph_signer signer;
    need_openssl();
    open_signer(scratch, &signer);
    assert_int_equal(run(scratch, "mv sdk-development-key.pem kept.pem"), 0);
    expect_refusal(scratch, "sdk-development-certificate.pem is there without its key; put "
                            "sdk-development-key.pem back, or remove the certificate to have a "
                            "new pair made");
    assert_int_equal(run(scratch, "echo nonsense > sdk-development-key.pem"), 0);
    expect_refusal(scratch, "sdk-development-key.pem is no private key in PEM form; put the right "
                            "file back, or remove it and "
                            "sdk-development-certificate.pem to have a new pair made");
    assert_int_equal(run(scratch, "openssl ecparam -name secp384r1 -genkey -noout "
                                  "-out sdk-development-key.pem"),
                     0);
    expect_refusal(scratch, "sdk-development-key.pem holds no key of the curve P-256");
    assert_int_equal(run(scratch, "openssl ecparam -name prime256v1 -genkey -noout "
                                  "-out sdk-development-key.pem"),
                     0);
    expect_refusal(scratch, "sdk-development-certificate.pem belongs to another key than "
                            "sdk-development-key.pem; remove the certificate to have a new one "
                            "made");
    assert_int_equal(run(scratch, "mv kept.pem sdk-development-key.pem; "
                                  "echo nonsense > sdk-development-certificate.pem"),
                     0);
    expect_refusal(scratch, "sdk-development-certificate.pem: this is no certificate in PEM form");
}

static void a_folder_that_cannot_be_written_is_told(void **state) {
    (void)state;
    struct sph_signer signer;
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(sph_signer_open(-1, &signer, &err), -EBADF);
    assert_err(&err, -EBADF, "cannot open the folder of the signing key: Bad file descriptor");
    sph_autoclose int proc = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(proc >= 0); /* a folder that even root cannot make a file in */
    assert_int_equal(sph_signer_open(proc, &signer, &err), -ENOENT);
    assert_err(&err, -ENOENT,
               "cannot create a file beside sdk-development-key.pem: No such file or directory");
}

static void openssl_reads_the_pair(void **state) {
    struct sph_scratch *scratch = *state;
    struct sph_signer signer;
    need_openssl();
    open_signer(scratch, &signer);
    assert_int_equal(run(scratch, "openssl ec -in sdk-development-key.pem -check -noout"), 0);
    assert_int_equal(run(scratch, "openssl verify -CAfile sdk-development-certificate.pem "
                                  "-partial_chain sdk-development-certificate.pem"),
                     0);
    assert_int_equal(run(scratch, "openssl x509 -in sdk-development-certificate.pem -noout "
                                  "-fingerprint -sha1 | sed 's/.*=//; s/://g' | tr A-F a-f"),
                     0);
    sph_autobuf struct sph_buf out = SPH_BUF_NULL;
    assert_int_equal(sph_file_read(scratch->fd, "out", &out, NULL), 0);
    char hex[41];
    for (size_t i = 0; i < 20; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", signer.identity.thumbprint[i]);
    assert_memory_equal(out.data, hex, 40);
    /* And the other way: a key and certificate of openssl's make. */
    assert_int_equal(run(scratch, "rm sdk-*; openssl req -x509 -newkey ec -pkeyopt "
                                  "ec_paramgen_curve:prime256v1 -nodes -days 9 -subj "
                                  "/O=Example/CN=Mine -keyout sdk-development-key.pem -out "
                                  "sdk-development-certificate.pem"),
                     0);
    open_signer(scratch, &signer);
    assert_string_equal(signer.identity.name, "CN=Mine,O=Example");
}

static void only_p256_certificates_are_taken(void **state) {
    struct sph_scratch *scratch = *state;
    need_openssl();
    static const struct {
        const char *key;
        const char *sentence;
    } rows[] = {
        {"rsa:2048", "the certificate's key is RSA with 2048 bits, but packages are signed with "
                     "ECDSA on the curve P-256"},
        {"ec -pkeyopt ec_paramgen_curve:secp384r1",
         "the certificate's key is EC/ECDSA with 384 bits, but packages are signed with ECDSA on "
         "the curve P-256"},
        {"ed25519", "the certificate's key is EdDSA (Ed25519) with 256 bits, but packages are "
                    "signed with ECDSA on the curve P-256"},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        char command[300];
        (void)snprintf(command, sizeof(command),
                       "openssl req -x509 -newkey %s -nodes -days 9 -subj /CN=x -keyout k -out c",
                       rows[i].key);
        assert_int_equal(run(scratch, command), 0);
        sph_autobuf struct sph_buf pem = SPH_BUF_NULL;
        struct sph_trust_record record;
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(sph_file_read(scratch->fd, "c", &pem, NULL), 0);
        assert_int_equal(sph_certificate_read(pem.data, pem.len, &record, &err), -ENOTSUP);
        assert_err(&err, -ENOTSUP, rows[i].sentence);
    }
}

/* A subject is somebody's own choice: what is kept of it must fit a store and be printable, however
 * it was written. */
static void odd_subjects_are_kept_printable(void **state) {
    struct sph_scratch *scratch = *state;
    need_openssl();
    static const struct {
        const char *subject;
        const char *name;
    } rows[] = {
        {"/O=0123456789012345678901234567890123456789/CN=0123456789012345678901234567890123456789",
         "CN=0123456789012345678901234567890123456789,O=01234567890123456"},
        {"/CN=\xc3\xa4\xe2\x82\xac", "CN=\xc3\xa4\xe2\x82\xac"},
        {"/O=000000000000000000000000000000000000000000000000000000\xe2\x82\xac\xe2\x82\xac/CN=a",
         "CN=a,O=000000000000000000000000000000000000000000000000000000"},
        {"/CN=a\\/b, \"c\"", "CN=a/b\\, \\\"c\\\""},
        {"/CN=up\xe2\x80\xae"
         "over",
         "CN=up?over"},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        char command[400];
        (void)snprintf(command, sizeof(command),
                       "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
                       "-utf8 -days 9 -keyout k -out c -subj '%s'",
                       rows[i].subject);
        assert_int_equal(run(scratch, command), 0);
        sph_autobuf struct sph_buf pem = SPH_BUF_NULL;
        struct sph_trust_record record;
        struct sph_trust trust = {0};
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(sph_file_read(scratch->fd, "c", &pem, NULL), 0);
        if (sph_certificate_read(pem.data, pem.len, &record, &err) < 0)
            fail_msg("%s", err.text);
        assert_string_equal(record.name, rows[i].name);
        assert_int_equal(sph_trust_add(&trust, &record, NULL), 0);
    }
}

/* A certificate cut or changed anywhere: refused with one of the two sentences, or read as another
 * certificate whose record a store would take. */
static void damaged_certificates_do_no_harm(void **state) {
    struct sph_scratch *scratch = *state;
    struct sph_signer signer;
    open_signer(scratch, &signer);
    sph_autobuf struct sph_buf pem = SPH_BUF_NULL;
    assert_int_equal(sph_file_read(scratch->fd, SPH_SIGNER_CERTIFICATE_FILE, &pem, NULL), 0);
    struct sph_trust_record record;
    struct sph_err err = SPH_ERR_NULL;
    size_t footer = (size_t)(strstr(pem.data, "-----END CERTIFICATE-----") - pem.data);
    for (size_t len = 0; len < footer; len++) {
        assert_int_equal(sph_certificate_read(pem.data, len, &record, &err), -EBADMSG);
        assert_err(&err, -EBADMSG, "this is no certificate in PEM form");
    }
    unsigned refused = 0;
    for (size_t at = 0; at < footer; at++) {
        char kept = pem.data[at];
        pem.data[at] = kept == 'A' ? 'B' : 'A';
        int r = sph_certificate_read(pem.data, pem.len, &record, &err);
        struct sph_trust trust = {0};
        if (r == 0)
            assert_int_equal(sph_trust_add(&trust, &record, NULL), 0);
        else
            assert_true(r == -EBADMSG || r == -ENOTSUP);
        refused += r < 0;
        pem.data[at] = kept;
    }
    assert_true(refused > footer / 4);
}

static void other_texts_are_no_certificates(void **state) {
    (void)state;
    struct sph_trust_record record;
    struct sph_err err = SPH_ERR_NULL;
    static const char *const texts[] = {
        "", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(texts); i++) {
        assert_int_equal(sph_certificate_read(texts[i], strlen(texts[i]), &record, &err), -EBADMSG);
        assert_err(&err, -EBADMSG, "this is no certificate in PEM form");
    }
    assert_int_equal(sph_certificate_read("", 65537, &record, &err), -EBADMSG);
    assert_err(&err, -EBADMSG, "65537 bytes are too many for a certificate");
}

#define WITH_SCRATCH(test)                                                                         \
    cmocka_unit_test_setup_teardown(test, sph_scratch_make, sph_scratch_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_SCRATCH(the_pair_is_made_once),
        WITH_SCRATCH(what_it_signs_is_trusted),
        WITH_SCRATCH(many_at_once_get_the_same_pair),
        WITH_SCRATCH(a_lost_certificate_is_made_again),
        WITH_SCRATCH(broken_pairs_get_advice),
        cmocka_unit_test(a_folder_that_cannot_be_written_is_told),
        WITH_SCRATCH(openssl_reads_the_pair),
        WITH_SCRATCH(only_p256_certificates_are_taken),
        WITH_SCRATCH(odd_subjects_are_kept_printable),
        WITH_SCRATCH(damaged_certificates_do_no_harm),
        cmocka_unit_test(other_texts_are_no_certificates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
