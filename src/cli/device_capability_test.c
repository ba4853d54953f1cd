/* Sets of capabilities: from lists, files and answers, whole or refused. */
#include "base/testing.h"

#include <errno.h>
#include <string.h>

#include "base/attr.h"
#include "cli/device_capability.h"

#define NO_SUCH " is no capability; they are appDevelopment, enableRFTestMode and fieldServicing"

static const struct {
    const char *list;
    const char *written; /* or the sentence */
    int result;
} lists[] = {
    {"", "[]", 0},
    {"appDevelopment", "[11]", 0},
    {"APPDEVELOPMENT, fieldservicing", "[11,13]", 0},
    {"12 11,12", "[12,11]", 0},
    {"4294967295", "[4294967295]", 0},
    {"0", "'0'" NO_SUCH, -EINVAL},
    {"4294967296", "'4294967296'" NO_SUCH, -EINVAL},
    {"appDevelopmen", "'appDevelopmen'" NO_SUCH, -EINVAL},
    {"\x1b[m", "'?[m'" NO_SUCH, -EINVAL},
    {"1,2,3,4,5,6,7,8,9", "a device has at most 8 capabilities", -EINVAL},
};

static void check(const struct sph_device_capabilities *set, const struct sph_err *err, int r,
                  const char *expected) {
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    char whole[128];
    sph_device_capabilities_write(set, &buf);
    (void)snprintf(whole, sizeof(whole), "{\"device_capabilities\":%s}", expected);
    assert_string_equal(r < 0 ? err->text : buf.data, r < 0 ? expected : whole);
    assert_int_equal(err->code, r);
}

static void test_lists(void **state) {
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(lists); i++) {
        struct sph_device_capabilities set = {.count = 0};
        struct sph_err err = SPH_ERR_NULL;
        int r = sph_device_capabilities_add_list(&set, lists[i].list, &err);
        assert_int_equal(r, lists[i].result);
        check(&set, &err, r, lists[i].written);
    }
}

static const struct {
    const char *json;
    const char *written; /* or the sentence */
    int result;
} files[] = {
    {"[]", "[]", 0},
    {"[\"appDevelopment\", 13, \"12\"]", "[11,13,12]", 0},
    {"{\"device_capabilities\":[11]}", "[11]", 0},
    {"", "line 1, column 1: expected a value, but found the end of the text", -EBADMSG},
    {"{}", "there is no \"device_capabilities\" in it", -EBADMSG},
    {"{\"device_capabilities\":7}", "capabilities are a JSON array of names or numbers", -EBADMSG},
    {"\"appDevelopment\"", "capabilities are a JSON array of names or numbers", -EBADMSG},
    {"[null]", "a capability is a name or a number", -EBADMSG},
    {"[[11]]", "a capability is a name or a number", -EBADMSG},
    {"[1.5]", "'1.5'" NO_SUCH, -EBADMSG},
    {"[-11]", "'-11'" NO_SUCH, -EBADMSG},
    {"[\"\"]", "''" NO_SUCH, -EBADMSG},
    {"[\"x\\u0000\"]", "a capability is a name or a number", -EBADMSG},
    {"[1,2,3,4,5,6,7,8,9]", "a device has at most 8 capabilities", -EBADMSG},
};

/* A mistake anywhere leaves the set as it was. */
static void test_files(void **state) {
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(files); i++) {
        struct sph_device_capabilities set = {.ids = {99}, .count = 1};
        struct sph_err err = SPH_ERR_NULL;
        int r = sph_device_capabilities_parse(files[i].json, strlen(files[i].json), &set, &err);
        assert_int_equal(r, files[i].result);
        check(&set, &err, r, files[i].written);
        if (r < 0)
            assert_true(set.count == 1 && set.ids[0] == 99);
    }
}

static void test_sets(void **state) {
    struct sph_device_capabilities set = {.ids = {12, 11, 13}, .count = 3};
    (void)state;
    sph_device_capabilities_remove(&set, 7);
    assert_int_equal(set.count, 3);
    sph_device_capabilities_remove(&set, 12);
    assert_true(sph_device_capabilities_has(&set, 11) && sph_device_capabilities_has(&set, 13));
    assert_false(sph_device_capabilities_has(&set, 12));
    assert_int_equal(sph_device_capabilities_add(&set, 11, NULL), 0);
    assert_int_equal(set.count, 2);
    assert_string_equal(sph_device_capability_name(11), "appDevelopment");
    assert_null(sph_device_capability_name(14));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
