/* Settings: keys, limits, and every change with every disk call failing once, and with the disk
 * dead from that call on, then read again as at a start. */
#include "base/testing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/store/disk_faults_test.h"
#include "agent/store/settings.h"
#include "base/file.h"

struct fixture {
    struct sph_scratch *scratch;
    struct sph_settings *settings;
};

/* Read again, as by the next start. */
static void restart(struct fixture *fixture) {
    struct sph_err err = SPH_ERR_NULL;
    fixture->settings = sph_settings_free(fixture->settings);
    if (sph_settings_new(fixture->scratch->fd, &fixture->settings, &err) < 0)
        fail_msg("%s", err.text);
}

static int make(void **state) {
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    disk_faults_set(0, false);
    sph_scratch_make((void **)&fixture->scratch);
    restart(fixture);
    *state = fixture;
    return 0;
}

static int clean(void **state) {
    struct fixture *fixture = *state;
    disk_faults_set(0, false);
    sph_settings_free(fixture->settings);
    int result = sph_scratch_remove((void **)&fixture->scratch);
    free(fixture);
    return result;
}

static int put(struct fixture *fixture, const char *key, const char *value, struct sph_err *err) {
    return sph_settings_put(fixture->settings, sph_slice_text(key), sph_slice_text(value), err);
}

static int drop(struct fixture *fixture, const char *key, struct sph_err *err) {
    return sph_settings_delete(fixture->settings, sph_slice_text(key), err);
}

/* NULL: there is none. */
static void assert_value(struct fixture *fixture, const char *key, const char *wanted) {
    sph_autobuf struct sph_buf value = SPH_BUF_NULL;
    int code = sph_settings_get(fixture->settings, sph_slice_text(key), &value, NULL);
    assert_int_equal(code, wanted ? 0 : -ENOENT);
    if (wanted) {
        assert_int_equal(value.len, strlen(wanted));
        assert_memory_equal(value.len ? value.data : "", wanted, value.len);
    }
}

static void test_keys(void **state) {
    (void)state;
    static const struct {
        const char *key;
        bool is_valid;
    } rows[] = {
        {"a", true},
        {"7", true},
        {"manufacturing-state", true},
        {"net.wifi-1..", true},
        {"123456789012345678901234567890123456789012345678", true}, /* 48 */
        {"1234567890123456789012345678901234567890123456789", false},
        {"", false},
        {".", false},
        {"..", false},
        {".spherule-new-1", false},
        {"-a", false},
        {"a/b", false},
        {"A", false},
        {"a_b", false},
        {"a b", false},
        {"\xc3\xa4", false},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++)
        if (sph_settings_key_is_valid(sph_slice_text(rows[i].key)) != rows[i].is_valid)
            fail_msg("key '%s'", rows[i].key);
    assert_false(sph_settings_key_is_valid(sph_slice("a\0b", 3)));
}

static void test_bad_keys_are_refused(void **state) {
    struct fixture *fixture = *state;
    static const char sentence[] =
        "a setting's key has 1 to 48 characters a-z, 0-9, '.' and '-', the first of them a letter "
        "or a digit";
    sph_autobuf struct sph_buf value = SPH_BUF_NULL;
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(put(fixture, "../trust", "x", &err), -EINVAL);
    assert_err(&err, -EINVAL, sentence);
    err = (struct sph_err)SPH_ERR_NULL;
    assert_int_equal(drop(fixture, "../trust", &err), -EINVAL);
    assert_err(&err, -EINVAL, sentence);
    err = (struct sph_err)SPH_ERR_NULL;
    assert_int_equal(sph_settings_get(fixture->settings, sph_slice_text(""), &value, &err),
                     -EINVAL);
    assert_err(&err, -EINVAL, sentence);
}

static void test_kept_over_a_restart(void **state) {
    struct fixture *fixture = *state;
    struct stat info;
    assert_value(fixture, "wifi", NULL);
    assert_int_equal(put(fixture, "wifi", "{\"a\":1}", NULL), 0);
    assert_int_equal(put(fixture, "proxy", "", NULL), 0);
    restart(fixture);
    assert_value(fixture, "wifi", "{\"a\":1}");
    assert_value(fixture, "proxy", ""); /* empty is not absent */
    assert_int_equal(fstatat(fixture->scratch->fd, "settings/wifi", &info, 0), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(put(fixture, "wifi", "2", NULL), 0);
    assert_int_equal(drop(fixture, "proxy", NULL), 0);
    assert_int_equal(drop(fixture, "proxy", NULL), -ENOENT);
    restart(fixture);
    assert_value(fixture, "wifi", "2");
    assert_value(fixture, "proxy", NULL);
}

static int put_bytes(struct fixture *fixture, const char *key, size_t len, struct sph_err *err) {
    static char bytes[SPH_SETTING_VALUE_MAX + 1];
    memset(bytes, 'v', sizeof(bytes));
    return sph_settings_put(fixture->settings, sph_slice_text(key), sph_slice(bytes, len), err);
}

static void test_limits_of_size(void **state) {
    struct fixture *fixture = *state;
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(put_bytes(fixture, "k", SPH_SETTING_VALUE_MAX + 1, &err), -EFBIG);
    assert_err(&err, -EFBIG, "the setting k has 16385 bytes: 16384 are the most of one");
    for (char key[] = "a"; key[0] < 'i'; key[0]++) /* eight: 131,072 bytes */
        assert_int_equal(put_bytes(fixture, key, SPH_SETTING_VALUE_MAX, NULL), 0);
    assert_int_equal(put(fixture, "more", "", NULL), 0);
    err = (struct sph_err)SPH_ERR_NULL;
    assert_int_equal(put(fixture, "more", "x", &err), -ENOSPC);
    assert_err(&err, -ENOSPC,
               "the setting more has 1 bytes, the others 131072: the device keeps 131072 bytes of "
               "settings");
    assert_value(fixture, "more", "");
    assert_int_equal(put_bytes(fixture, "a", SPH_SETTING_VALUE_MAX, NULL), 0); /* not twice */
    assert_int_equal(put_bytes(fixture, "a", SPH_SETTING_VALUE_MAX - 1, NULL), 0);
    assert_int_equal(put(fixture, "more", "x", NULL), 0);
}

static void test_limit_of_number(void **state) {
    struct fixture *fixture = *state;
    struct sph_err err = SPH_ERR_NULL;
    char key[8];
    for (unsigned i = 0; i < SPH_SETTINGS_MAX; i++) {
        (void)snprintf(key, sizeof(key), "k%u", i);
        assert_int_equal(put(fixture, key, "", NULL), 0);
    }
    assert_int_equal(put(fixture, "other", "", &err), -ENOSPC);
    assert_err(&err, -ENOSPC, "the device keeps 64 settings already: delete one first");
    assert_int_equal(put(fixture, "k63", "changed", NULL), 0);
    assert_int_equal(drop(fixture, "k0", NULL), 0);
    assert_int_equal(put(fixture, "other", "", NULL), 0);
}

/* The other setting stays; the changed one is the old or the new one, and nothing else lies
 * there. */
static void test_faults(void **state) {
    struct fixture *fixture = *state;
    for (int dead = 0; dead < 2; dead++) {
        bool failed = true;
        for (unsigned nth = 1; failed; nth++) {
            assert_int_equal(put(fixture, "other", "o", NULL), 0);
            assert_int_equal(put(fixture, "changed", "old", NULL), 0);
            disk_faults_set(nth, dead);
            int code = put(fixture, "changed", "new", NULL);
            disk_faults_set(0, false);
            failed = code < 0;
            assert_int_equal(code, failed ? -EIO : 0);
            restart(fixture);
            sph_autobuf struct sph_buf value = SPH_BUF_NULL;
            assert_int_equal(
                sph_settings_get(fixture->settings, sph_slice_text("changed"), &value, NULL), 0);
            assert_int_equal(value.len, 3);
            assert_true(memcmp(value.data, "new", 3) == 0 ||
                        (failed && memcmp(value.data, "old", 3) == 0));
            assert_value(fixture, "other", "o");
        }
    }
}

static void test_faults_of_deleting(void **state) {
    struct fixture *fixture = *state;
    bool failed = true;
    for (unsigned nth = 1; failed; nth++) {
        assert_int_equal(put(fixture, "gone", "g", NULL), 0);
        disk_faults_set(nth, false);
        int code = drop(fixture, "gone", NULL);
        disk_faults_set(0, false);
        failed = code < 0;
        assert_int_equal(code, failed ? -EIO : 0);
        assert_value(fixture, "gone", nth == 1 ? "g" : NULL); /* else only the sync failed */
    }
}

/* What a power cut left goes; what is no setting stays and counts for nothing. */
static void test_foreign_files(void **state) {
    struct fixture *fixture = *state;
    int dir = fixture->scratch->fd;
    struct stat info;
    struct sph_err err = SPH_ERR_NULL;
    sph_autobuf struct sph_buf value = SPH_BUF_NULL;
    static char big[SPH_SETTING_VALUE_MAX + 1];
    assert_int_equal(sph_file_replace(dir, "settings/x", "", 0, 0600, NULL), 0);
    assert_int_equal(renameat(dir, "settings/x", dir, "settings/.spherule-new-x"), 0);
    assert_int_equal(sph_file_replace(dir, "settings/README", "r", 1, 0600, NULL), 0);
    assert_int_equal(sph_file_replace(dir, "settings/big", big, sizeof(big), 0600, NULL), 0);
    restart(fixture);
    assert_int_equal(fstatat(dir, "settings/.spherule-new-x", &info, 0), -1);
    assert_int_equal(fstatat(dir, "settings/README", &info, 0), 0);
    assert_int_equal(sph_settings_get(fixture->settings, sph_slice_text("big"), &value, &err),
                     -EFBIG);
    assert_int_equal(value.len, 0);
    assert_int_equal(put(fixture, "big", "small", NULL), 0);
    assert_value(fixture, "big", "small");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, clean)
    const struct CMUnitTest tests[] = {
        TEST(test_keys),           TEST(test_bad_keys_are_refused),
        TEST(test_limits_of_size), TEST(test_kept_over_a_restart),
        TEST(test_faults),         TEST(test_limit_of_number),
        TEST(test_foreign_files),  TEST(test_faults_of_deleting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
