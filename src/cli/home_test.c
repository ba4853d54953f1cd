/* Where things are kept, whose they are, and which device a command means. */
#include "cli/home.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/file.h"

struct scratch {
    char path[64];
    int fd;
};

static int set_up(void **state) {
    static struct scratch scratch;
    (void)snprintf(scratch.path, sizeof(scratch.path), "%s", "/tmp/spherule-home-XXXXXX");
    if (!mkdtemp(scratch.path))
        return -1;
    (void)setenv("SPHERULE_HOME", scratch.path, 1);
    (void)unsetenv("SPHERULE_DEVICE");
    scratch.fd = sph_home_open(false, NULL);
    *state = &scratch;
    return scratch.fd < 0 ? -1 : 0;
}

static int tear_down(void **state) {
    struct scratch *scratch = *state;
    (void)close(scratch->fd);
    return sph_tree_remove(AT_FDCWD, scratch->path, NULL);
}

static void add_device(const struct scratch *scratch, const char *name) {
    char path[80];
    struct sph_err err = SPH_ERR_NULL;
    (void)snprintf(path, sizeof(path), "devices/%s", name);
    assert_int_equal(sph_dir_make(scratch->fd, path, 0755, &err), 0);
    sph_autoclose int fd = sph_dir_open(scratch->fd, path, &err);
    assert_true(fd >= 0);
    assert_int_equal(sph_file_replace(fd, "device.json", "{}", 2, 0644, &err), 0);
}

static void test_the_path_comes_from_the_environment(void **state) {
    char path[128];
    struct scratch *scratch = *state;
    assert_int_equal(sph_home_path(path, sizeof(path), NULL), 0);
    assert_string_equal(path, scratch->path);
    (void)setenv("SPHERULE_HOME", "", 1);
    (void)setenv("XDG_DATA_HOME", "/data", 1);
    assert_int_equal(sph_home_path(path, sizeof(path), NULL), 0);
    assert_string_equal(path, geteuid() == 0 ? "/var/lib/spherule" : "/data/spherule");
    (void)unsetenv("XDG_DATA_HOME");
}

static void test_a_path_that_is_too_long(void **state) {
    char path[8];
    struct sph_err err = SPH_ERR_NULL;
    (void)state;
    assert_int_equal(sph_home_path(path, sizeof(path), &err), -EIO);
    assert_string_equal(err.text, "the path of Spherule's folder is too long");
}

static void test_a_folder_that_is_not_there(void **state) {
    struct scratch *scratch = *state;
    char path[96];
    struct sph_err err = SPH_ERR_NULL;
    (void)snprintf(path, sizeof(path), "%s/a/b", scratch->path);
    (void)setenv("SPHERULE_HOME", path, 1);
    assert_int_equal(sph_home_open(false, &err), -ENOENT);
    assert_string_equal(err.text, "there is no device; make one with 'spherule device create'");
    sph_autoclose int fd = sph_home_open(true, &err);
    assert_true(fd >= 0);
    sph_autoclose int again = sph_home_open(false, &err);
    assert_true(again >= 0);
}

static void test_the_owner(void **state) {
    (void)state;
    if (geteuid() != 0) {
        assert_int_equal(sph_home_owner(), geteuid());
        assert_int_equal(sph_home_owner_gid(), getegid());
        return;
    }
    static const struct {
        const char *variable;
        uid_t owner;
    } rows[] = {{"1000", 1000}, {"0", 65534}, {"x", 65534}, {"-1", 65534}, {"4294967295", 65534}};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        (void)setenv("SUDO_UID", rows[i].variable, 1);
        (void)setenv("SUDO_GID", rows[i].variable, 1);
        assert_int_equal(sph_home_owner(), rows[i].owner);
        assert_int_equal(sph_home_owner_gid(), rows[i].owner);
    }
    (void)unsetenv("SUDO_UID");
    (void)unsetenv("SUDO_GID");
    assert_int_equal(sph_home_owner(), 65534);
}

static void test_names_in_order(void **state) {
    struct scratch *scratch = *state;
    char **names;
    unsigned count;
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(sph_home_list_devices(scratch->fd, &names, &count, &err), 0);
    assert_int_equal(count, 0);
    sph_home_free_names(names, count);
    add_device(scratch, "b");
    add_device(scratch, "a");
    assert_int_equal(sph_dir_make(scratch->fd, "devices/half-made", 0755, &err), 0);
    assert_int_equal(sph_home_list_devices(scratch->fd, &names, &count, &err), 0);
    assert_int_equal(count, 2);
    assert_string_equal(names[0], "a");
    assert_string_equal(names[1], "b");
    sph_home_free_names(names, count);
}

static void expect_pick(const struct scratch *scratch, const char *given, int code,
                        const char *expected) {
    char name[SPH_DEVICE_NAME_MAX] = "";
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(sph_home_pick_device(scratch->fd, given, name, &err), code);
    assert_string_equal(code == 0 ? name : err.text, expected);
}

static void test_which_device_is_meant(void **state) {
    struct scratch *scratch = *state;
    expect_pick(scratch, NULL, -ENOENT,
                "there is no device; make one with 'spherule device create'");
    expect_pick(scratch, "given", 0, "given");
    add_device(scratch, "only");
    expect_pick(scratch, NULL, 0, "only");
    add_device(scratch, "other");
    expect_pick(scratch, NULL, -EINVAL,
                "there are several devices (only, other): say which one with --device");
    add_device(scratch, "default");
    expect_pick(scratch, NULL, 0, "default");
    (void)setenv("SPHERULE_DEVICE", "chosen", 1);
    expect_pick(scratch, NULL, 0, "chosen");
    expect_pick(scratch, "given", 0, "given");
    (void)setenv("SPHERULE_DEVICE", "../x", 1);
    expect_pick(scratch, NULL, -EINVAL, "'../x' is no name for a device");
    (void)setenv("SPHERULE_DEVICE", "", 1);
    expect_pick(scratch, NULL, 0, "default");
}

static void test_opening(void **state) {
    struct scratch *scratch = *state;
    struct sph_err err = SPH_ERR_NULL;
    add_device(scratch, "there");
    sph_autoclose int fd = sph_home_open_device(scratch->fd, "there", &err);
    assert_true(fd >= 0);
    assert_int_equal(sph_home_open_device(scratch->fd, "gone", &err), -ENOENT);
    assert_string_equal(err.text,
                        "there is no device 'gone'; make it with 'spherule device create gone'");
    assert_int_equal(symlinkat("there", scratch->fd, "devices/by-link"), 0);
    assert_true(sph_home_open_device(scratch->fd, "by-link", &err) < 0);
    assert_int_equal(sph_home_open_device(scratch->fd, "a/b", &err), -EINVAL);
}

#define WITH_HOME(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_HOME(test_the_path_comes_from_the_environment),
        WITH_HOME(test_a_path_that_is_too_long),
        WITH_HOME(test_a_folder_that_is_not_there),
        WITH_HOME(test_the_owner),
        WITH_HOME(test_names_in_order),
        WITH_HOME(test_which_device_is_meant),
        WITH_HOME(test_opening),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
