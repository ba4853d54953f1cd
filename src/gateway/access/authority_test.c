/* The device's certificates: made once, renewed when they must be, and judged by openssl. */
#include "base/testing.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/file.h"
#include "gateway/access/authority.h"

enum { FILES = 4 };
#define DAY_S INT64_C(86400)
static const char *const files[FILES] = {"ca.key", "ca.pem", "device.key", "device.pem"};

/* Digests would do; whole files are easier to compare when a test fails. */
struct contents {
    char text[FILES][2048];
};

static void look(const struct sph_scratch *scratch, struct contents *ret_contents) {
    for (size_t i = 0; i < FILES; i++) {
        sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(sizeof(ret_contents->text[i]) - 1);
        assert_int_equal(sph_file_read(scratch->fd, files[i], &text, NULL), 0);
        (void)snprintf(ret_contents->text[i], sizeof(ret_contents->text[i]), "%s", text.data);
    }
}

static void open_at(const struct sph_scratch *scratch, const char *text, int64_t now_s,
                    char ret_fingerprint[SPH_FINGERPRINT]) {
    struct sph_err err = SPH_ERR_NULL;
    struct sph_address address;
    sph_autoauthority struct sph_authority authority = SPH_AUTHORITY_NULL;
    assert_int_equal(sph_address_parse(text, &address, &err), 0);
    if (sph_authority_open(scratch->fd, &address, now_s, &authority, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(strncmp(authority.certificate.data, "-----BEGIN CERT", 15), 0);
    assert_non_null(strstr(authority.key.data, "PRIVATE KEY"));
    memcpy(ret_fingerprint, authority.fingerprint, SPH_FINGERPRINT);
}

/* Bit per file: which of them differ from what they were. */
static unsigned changes(const struct sph_scratch *scratch, const struct contents *before) {
    struct contents after;
    unsigned set = 0;
    look(scratch, &after);
    for (size_t i = 0; i < FILES; i++)
        set |= strcmp(before->text[i], after.text[i]) == 0 ? 0 : 1u << i;
    return set;
}

enum { NONE = 0, LEAF = 0xc, ALL = 0xf };

static int run(const struct sph_scratch *scratch, const char *command) {
    char line[700];
    (void)snprintf(line, sizeof(line), "cd %s && { %s; } >out 2>&1", scratch->path, command);
    int status = system(line);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void openssl_takes_the_chain_for_each_name_and_no_other(void **state) {
    struct sph_scratch *scratch = *state;
    char fingerprint[SPH_FINGERPRINT];
    open_at(scratch, "192.0.2.7:443", time(NULL), fingerprint);
    static const struct {
        const char *command;
        int status;
    } rows[] = {
#define VERIFY "openssl verify -x509_strict -purpose sslserver -CAfile ca.pem "
        {VERIFY "-verify_hostname '*.devices.sphere.azure.local' device.pem", 0},
        {VERIFY "-verify_hostname mine.devices.sphere.azure.local device.pem", 0},
        {VERIFY "-verify_hostname localhost device.pem", 0},
        {VERIFY "-verify_ip 127.0.0.1 device.pem", 0},
        {VERIFY "-verify_ip ::1 device.pem", 0},
        {VERIFY "-verify_ip 192.168.35.2 device.pem", 0},
        {VERIFY "-verify_ip 192.0.2.7 device.pem", 0},
        {VERIFY "-verify_ip 192.0.2.8 device.pem", 2},
        {VERIFY "-verify_hostname example.org device.pem", 2},
        {"openssl verify -CAfile device.pem device.pem", 2},
        {"openssl x509 -in ca.pem -noout -text | grep -q 'CA:TRUE, pathlen:0'", 0},
        {"openssl x509 -in device.pem -noout -text | grep -q 'CA:FALSE'", 0},
        {"openssl x509 -in ca.pem -noout -text | grep -q 'NIST CURVE: P-256'", 0},
        {"openssl x509 -in device.pem -noout -text | grep -q 'NIST CURVE: P-256'", 0},
        {"openssl x509 -in device.pem -noout -text | grep -q 'ecdsa-with-SHA256'", 0},
        {"openssl ec -in device.key -noout", 0},
        /* What the authority signs for other names is worth nothing. */
        {"openssl req -new -key device.key -subj /CN=x -addext subjectAltName=DNS:example.org "
         "-out other.csr && openssl x509 -req -in other.csr -CA ca.pem -CAkey ca.key -days 9 "
         "-copy_extensions copy -out other.pem",
         0},
        {VERIFY "other.pem", 2},
    };
    if (system("command -v openssl >/dev/null") != 0) {
        print_message("skipped: no openssl\n");
        skip();
    }
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        if (run(scratch, rows[i].command) != rows[i].status)
            fail_msg("%s", rows[i].command);
    }
    char line[200];
    (void)snprintf(line, sizeof(line),
                   "test \"$(openssl x509 -in ca.pem -outform der | sha256sum)\" = '%s  -'",
                   fingerprint);
    assert_int_equal(run(scratch, line), 0);
}

static void keys_are_for_their_owner_alone(void **state) {
    struct sph_scratch *scratch = *state;
    char fingerprint[SPH_FINGERPRINT];
    mode_t mask = umask(0);
    open_at(scratch, "127.0.0.1:443", time(NULL), fingerprint);
    (void)umask(mask);
    for (size_t i = 0; i < FILES; i++) {
        struct stat st;
        assert_int_equal(fstatat(scratch->fd, files[i], &st, AT_SYMLINK_NOFOLLOW), 0);
        assert_int_equal(st.st_mode & 0777, strstr(files[i], ".key") ? 0600 : 0644);
    }
}

static void what_serves_stays_and_what_does_not_is_made_anew(void **state) {
    struct sph_scratch *scratch = *state;
    const int64_t now_s = time(NULL);
    const int64_t leaf_s = SPH_AUTHORITY_LEAF_DAYS * DAY_S;
    const int64_t renew_s = SPH_AUTHORITY_RENEW_DAYS * DAY_S;
    const struct {
        const char *address, *damage; /* a command before the second opening */
        int64_t after_s;
        unsigned changed;
    } rows[] = {
        {"127.0.0.1:1", "true", 0, NONE},
        {"127.0.0.1:2", "true", 3600, NONE},
        {"[::1]:443", "true", 0, NONE},
        {"192.168.35.2:443", "true", 0, NONE},
        {"198.51.100.1:443", "true", 0, LEAF},
        {"127.0.0.1:1", "true", leaf_s - renew_s - 2 * DAY_S, NONE},
        {"127.0.0.1:1", "true", leaf_s - renew_s, LEAF},
        {"127.0.0.1:1", "true", SPH_AUTHORITY_CA_DAYS * DAY_S - renew_s, ALL},
        {"127.0.0.1:1", "true", -2 * DAY_S, ALL}, /* made by a clock that was ahead */
        {"127.0.0.1:1", "rm device.pem", 0, LEAF},
        {"127.0.0.1:1", "rm device.key", 0, LEAF},
        {"127.0.0.1:1", "echo x > device.key", 0, LEAF},
        {"127.0.0.1:1", ": > device.pem", 0, LEAF},
        {"127.0.0.1:1", "head -c 20000 /dev/zero > device.pem", 0, LEAF},
        {"127.0.0.1:1", "cp ca.key device.key", 0, LEAF},
        {"127.0.0.1:1", "rm ca.pem", 0, ALL},
        {"127.0.0.1:1", "cp device.key ca.key", 0, ALL},
        {"127.0.0.1:1", ": > ca.key", 0, ALL},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct contents before;
        char first[SPH_FINGERPRINT], second[SPH_FINGERPRINT];
        assert_int_equal(run(scratch, "rm -f ca.* device.*"), 0);
        open_at(scratch, "127.0.0.1:1", now_s, first);
        look(scratch, &before);
        assert_int_equal(run(scratch, rows[i].damage), 0);
        open_at(scratch, rows[i].address, now_s + rows[i].after_s, second);
        if (changes(scratch, &before) != rows[i].changed)
            fail_msg("row %zu: %x changed", i, changes(scratch, &before));
        assert_int_equal(strcmp(first, second) == 0, rows[i].changed != ALL);
    }
}

static void a_device_on_every_address_stays_as_it_is(void **state) {
    struct sph_scratch *scratch = *state;
    struct contents before;
    char fingerprint[SPH_FINGERPRINT];
    open_at(scratch, "0.0.0.0:443", time(NULL), fingerprint);
    look(scratch, &before);
    open_at(scratch, "[::]:443", time(NULL), fingerprint);
    assert_int_equal(changes(scratch, &before), NONE);
}

/* A folder stands where a file should be: it can be neither read nor replaced. */
static void what_cannot_be_kept_is_said(void **state) {
    struct sph_scratch *scratch = *state;
    for (size_t i = 0; i < FILES; i++) {
        struct sph_err err = SPH_ERR_NULL;
        struct sph_address address;
        char wanted[80];
        sph_autoauthority struct sph_authority authority = SPH_AUTHORITY_NULL;
        assert_int_equal(run(scratch, "rm -rf ca.* device.*"), 0);
        assert_int_equal(mkdirat(scratch->fd, files[i], 0700), 0);
        assert_int_equal(sph_address_parse("127.0.0.1:1", &address, NULL), 0);
        assert_int_equal(sph_authority_open(scratch->fd, &address, time(NULL), &authority, &err),
                         -EISDIR);
        (void)snprintf(wanted, sizeof(wanted), "cannot write %s: Is a directory", files[i]);
        assert_string_equal(err.text, wanted);
        assert_null(authority.key.data);
    }
}

int main(void) {
#define SCRATCH_TEST(f) cmocka_unit_test_setup_teardown(f, sph_scratch_make, sph_scratch_remove)
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(openssl_takes_the_chain_for_each_name_and_no_other),
        SCRATCH_TEST(keys_are_for_their_owner_alone),
        SCRATCH_TEST(what_serves_stays_and_what_does_not_is_made_anew),
        SCRATCH_TEST(a_device_on_every_address_stays_as_it_is),
        SCRATCH_TEST(what_cannot_be_kept_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
