/* Capabilities: what a device begins with, what it keeps, and every disk call failing. */
#include "base/testing.h"

#include <errno.h>
#include <sys/stat.h>

#include "agent/install/capabilities.h"
#include "agent/store/disk_faults_test.h"
#include "base/file.h"

static int make(void **state) {
    disk_faults_set(0, false);
    return sph_scratch_make(state);
}

static struct sph_capabilities *load(const struct sph_scratch *scratch, bool first) {
    struct sph_capabilities *capabilities = NULL;
    struct sph_err err = SPH_ERR_NULL;
    if (sph_capabilities_new(scratch->fd, first, &capabilities, &err) < 0)
        fail_msg("%s", err.text);
    return capabilities;
}

static void assert_ids(const struct sph_capabilities *capabilities, size_t count,
                       const uint32_t *ids) {
    uint32_t got[SPH_DEVCAPS_MAX];
    assert_int_equal(sph_capabilities_get(capabilities, got), count);
    if (count > 0)
        assert_memory_equal(got, ids, count * sizeof(*ids));
    for (uint32_t id = 0; id < 40; id++) {
        bool is_listed = false;
        for (size_t i = 0; i < count; i++)
            is_listed |= ids[i] == id;
        assert_int_equal(sph_capabilities_has(capabilities, id), is_listed);
    }
}

/* device.json decides until somebody else has. */
static void test_first_state(void **state) {
    const struct sph_scratch *scratch = *state;
    static const uint32_t development[] = {11};
    struct stat info;
    for (int i = 0; i < 2; i++) {
        struct sph_capabilities *capabilities = load(scratch, true);
        assert_ids(capabilities, 1, development);
        assert_true(sph_capabilities_allow_development(capabilities));
        sph_capabilities_free(capabilities);
        capabilities = load(scratch, false);
        assert_ids(capabilities, 0, NULL);
        assert_false(sph_capabilities_allow_development(capabilities));
        sph_capabilities_free(capabilities);
    }
    assert_int_equal(fstatat(scratch->fd, "capabilities", &info, 0), -1);
    struct sph_capabilities *capabilities = load(scratch, true);
    assert_int_equal(sph_capabilities_set(capabilities, NULL, 0, NULL), 0);
    sph_capabilities_free(capabilities);
    capabilities = load(scratch, true);
    assert_ids(capabilities, 0, NULL);
    sph_capabilities_free(capabilities);
}

static void test_kept(void **state) {
    const struct sph_scratch *scratch = *state;
    static const struct {
        uint32_t asked[4];
        size_t n_asked;
        uint32_t kept[4];
        size_t n_kept;
    } rows[] = {
        {{13, 11}, 2, {11, 13}, 2},
        {{12, 12, 12, 12}, 4, {12}, 1},
        {{0}, 0, {0}, 0},
        {{11, 12, 13}, 3, {11, 12, 13}, 3},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_capabilities *capabilities = load(scratch, true);
        assert_int_equal(sph_capabilities_set(capabilities, rows[i].asked, rows[i].n_asked, NULL),
                         0);
        assert_ids(capabilities, rows[i].n_kept, rows[i].kept);
        sph_capabilities_free(capabilities);
        capabilities = load(scratch, false);
        assert_ids(capabilities, rows[i].n_kept, rows[i].kept);
        sph_capabilities_free(capabilities);
    }
}

static void test_no_capability(void **state) {
    const struct sph_scratch *scratch = *state;
    static const uint32_t asked[] = {12, 7}, development[] = {11};
    struct sph_err err = SPH_ERR_NULL;
    struct sph_capabilities *capabilities = load(scratch, true);
    assert_int_equal(sph_capabilities_set(capabilities, asked, 2, &err), -EINVAL);
    assert_err(&err, -EINVAL,
               "there is no device capability 7: 11 is app development, 12 RF test mode, 13 field "
               "servicing");
    assert_ids(capabilities, 1, development); /* none of them */
    sph_capabilities_free(capabilities);
}

static void test_faults(void **state) {
    const struct sph_scratch *scratch = *state;
    static const uint32_t old[] = {12}, new[] = {11, 13};
    for (int dead = 0; dead < 2; dead++) {
        bool failed = true;
        for (unsigned nth = 1; failed; nth++) {
            struct sph_capabilities *capabilities = load(scratch, true);
            assert_int_equal(sph_capabilities_set(capabilities, old, 1, NULL), 0);
            disk_faults_set(nth, dead);
            int code = sph_capabilities_set(capabilities, new, 2, NULL);
            disk_faults_set(0, false);
            failed = code < 0;
            assert_int_equal(code, failed ? -EIO : 0);
            assert_ids(capabilities, failed ? 1 : 2, failed ? old : new);
            sph_capabilities_free(capabilities);
            capabilities = load(scratch, true);
            bool is_new = sph_capabilities_has(capabilities, 11);
            assert_true(is_new || failed);
            assert_ids(capabilities, is_new ? 2 : 1, is_new ? new : old);
            sph_capabilities_free(capabilities);
        }
    }
}

static void test_damaged(void **state) {
    const struct sph_scratch *scratch = *state;
    static const struct {
        const char *text;
        size_t len;
    } rows[] = {
        {"", 0},        {"11", 2},       {"11\n\n", 4},        {"7\n", 2},
        {"11,13\n", 6}, {"11  13\n", 7}, {" 11\n", 4},         {"11 \n", 4},
        {"+11\n", 4},   {"11\0\n", 4},   {"4294967307\n", 11}, {"x\n", 2},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_capabilities *capabilities = NULL;
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(
            sph_file_replace(scratch->fd, "capabilities", rows[i].text, rows[i].len, 0600, NULL),
            0);
        if (sph_capabilities_new(scratch->fd, true, &capabilities, &err) == 0)
            fail_msg("'%s' was taken", rows[i].text);
        assert_err(&err, -EBADMSG,
                   "state/capabilities is damaged: remove it, and the device begins with what "
                   "device.json says");
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, sph_scratch_remove)
    const struct CMUnitTest tests[] = {
        TEST(test_first_state), TEST(test_kept),    TEST(test_no_capability),
        TEST(test_faults),      TEST(test_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
