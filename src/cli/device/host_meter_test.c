/* Whether a machine can meter: the decision by a table, and the probe by what it must agree with.
 */
#include "cli/device/host_meter.h"

#include "base/testing.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/file.h"

static const struct {
    const char *release;
    bool is_exact;
} releases[] = {
    {"6.2", true},
    {"6.2.0-rc1", true},
    {"6.18.44-x", true},
    {"7.0.0", true},
    {"10.1", true},
    {"6.1.192", false},
    {"6.1.0-9-amd64", false},
    {"5.15.0", false},
    {"6", false},
    {"6-2", false},
    {"", false},
    {"next", false},
};

static void test_releases(void **state) {
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(releases); i++)
        if (sph_host_kernel_is_exact(releases[i].release) != releases[i].is_exact)
            fail_msg("%s", releases[i].release);
}

static const struct {
    struct sph_host_facts facts;
    enum sph_host_meter meter;
    const char *reason;
} rows[] = {
    {{.is_root = true, .release = "6.2.0"}, SPH_HOST_METERS, ""},
    {{.has_sudo = true, .release = "6.2.0"}, SPH_HOST_METERS, ""},
    {{.release = "6.2.0"}, SPH_HOST_NO_RIGHTS, "that needs root, or a sudo without a password"},
    {{.is_root = true, .release = "6.1.0"},
     SPH_HOST_OLD_KERNEL,
     "its kernel is older than Linux 6.2"},
    {{.release = "5.4"}, SPH_HOST_OLD_KERNEL, "its kernel is older than Linux 6.2"},
};

static void test_decisions(void **state) {
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        assert_int_equal(sph_host_meter_decide(&rows[i].facts), rows[i].meter);
        assert_string_equal(sph_host_meter_reason(rows[i].meter), rows[i].reason);
    }
}

/* Root never asks sudo; anybody else is told by its status alone. */
static void test_the_probe(void **state) {
    static const struct {
        const char *script;
        bool has_sudo;
    } sudos[] = {{NULL, false},
                 {"#!/bin/sh\n[ \"$1 $2\" = '-n true' ]\n", true},
                 {"#!/bin/sh\necho a password is required >&2\nexit 1\n", false},
                 {"#!/bin/sh\nkill -9 $$\n", false}};
    struct sph_scratch *scratch = *state;
    struct utsname name;
    assert_int_equal(uname(&name), 0);
    assert_int_equal(setenv("PATH", scratch->path, 1), 0);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(sudos); i++) {
        struct sph_host_facts facts;
        if (sudos[i].script)
            assert_int_equal(sph_file_replace(scratch->fd, "sudo", sudos[i].script,
                                              strlen(sudos[i].script), 0755, NULL),
                             0);
        sph_host_facts_read(&facts);
        assert_string_equal(facts.release, name.release);
        if (geteuid() == 0)
            assert_false(facts.has_sudo);
        else
            assert_int_equal(facts.has_sudo,
                             sudos[i].has_sudo && sph_host_kernel_is_exact(name.release));
        assert_true(geteuid() == 0 || !facts.is_root);
    }
}

/* The same as another user, where this test has the right to become one. */
static void test_the_probe_of_others(void **state) {
    struct sph_scratch *scratch = *state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(chmod(scratch->path, 0755), 0);
    assert_int_equal(seteuid(65534), 0);
    struct sph_host_facts facts;
    assert_int_equal(setenv("PATH", scratch->path, 1), 0);
    sph_host_facts_read(&facts);
    assert_int_equal(seteuid(0), 0);
    assert_false(facts.is_root);
    assert_false(facts.has_sudo);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_releases),
        cmocka_unit_test(test_decisions),
        cmocka_unit_test_setup_teardown(test_the_probe, sph_scratch_make, sph_scratch_remove),
        cmocka_unit_test_setup_teardown(test_the_probe_of_others, sph_scratch_make,
                                        sph_scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
