/* Where things are kept, whose they are, and which device a command means. */
#include "cli/device/home.h"

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

/* More devices than fit into the sentence: whole names, then dots. */
static void test_many_devices_to_choose_from(void **state) {
    struct scratch *scratch = *state;
    char name[SPH_DEVICE_NAME_MAX] = "";
    struct sph_err err = SPH_ERR_NULL;
    for (unsigned i = 0; i < 30; i++) {
        char device[24];
        (void)snprintf(device, sizeof(device), "device-number-%02u", i);
        add_device(scratch, device);
    }
    assert_int_equal(sph_home_pick_device(scratch->fd, NULL, name, &err), -EINVAL);
    assert_string_equal(
        err.text,
        "there are several devices (device-number-00, device-number-01, device-number-02, "
        "device-number-03, device-number-04, device-number-05, device-number-06, "
        "device-number-07, ...): say which one with --device");
    assert_string_equal(name, "");
}

static const struct {
    const char *home, *data, *user; /* NULL: not set */
    const char *path, *root_path;   /* NULL: -EIO */
} places[] = {
    {"/h", "/d", "/u", "/h", "/h"},
    {"relative", "/d", "/u", "relative", "relative"},
    {NULL, "/d", "/u", "/d/spherule", "/var/lib/spherule"},
    {NULL, "relative", "/u", "/u/.local/share/spherule", "/var/lib/spherule"},
    {NULL, "", "/u", "/u/.local/share/spherule", "/var/lib/spherule"},
    {NULL, NULL, "/u", "/u/.local/share/spherule", "/var/lib/spherule"},
    {"", NULL, "/u", "/u/.local/share/spherule", "/var/lib/spherule"},
    {NULL, NULL, "", NULL, "/var/lib/spherule"},
    {NULL, NULL, "relative", NULL, "/var/lib/spherule"},
    {NULL, NULL, NULL, NULL, "/var/lib/spherule"},
};

static void set_or_not(const char *variable, const char *value) {
    (void)(value ? setenv(variable, value, 1) : unsetenv(variable));
}

static void test_places_of_the_home(void **state) {
    const char *user = getenv("HOME");
    char kept[256];
    (void)state;
    (void)snprintf(kept, sizeof(kept), "%s", user ? user : "/");
    for (size_t i = 0; i < SPH_ARRAY_SIZE(places); i++) {
        char path[128] = "";
        struct sph_err err = SPH_ERR_NULL;
        const char *expected = geteuid() == 0 ? places[i].root_path : places[i].path;
        set_or_not("SPHERULE_HOME", places[i].home);
        set_or_not("XDG_DATA_HOME", places[i].data);
        set_or_not("HOME", places[i].user);
        int r = sph_home_path(path, sizeof(path), &err);
        assert_int_equal(r, expected ? 0 : -EIO);
        assert_string_equal(expected ? path : err.text,
                            expected ? expected
                                     : "neither SPHERULE_HOME nor HOME says where to keep devices");
    }
    (void)setenv("HOME", kept, 1);
}

/* What stands among the devices and is none is passed over; a devices/ that is no folder is told.
 */
static void test_what_is_no_device(void **state) {
    struct scratch *scratch = *state;
    char **names;
    unsigned count;
    struct sph_err err = SPH_ERR_NULL;
    add_device(scratch, "real");
    add_device(scratch, ".hidden");
    add_device(scratch, "-dash");
    add_device(scratch, "has blank");
    add_device(scratch, "0123456789012345678901234567890123456789");
    assert_int_equal(symlinkat("real", scratch->fd, "devices/link"), 0);
    assert_int_equal(symlinkat("nothing", scratch->fd, "devices/dangling"), 0);
    assert_int_equal(sph_file_replace(scratch->fd, "devices/file", "", 0, 0644, &err), 0);
    assert_int_equal(sph_home_list_devices(scratch->fd, &names, &count, NULL), 0);
    assert_int_equal(count, 1);
    assert_string_equal(names[0], "real");
    sph_home_free_names(names, count);
    assert_int_equal(sph_tree_remove(scratch->fd, "devices", NULL), 0);
    assert_int_equal(sph_file_replace(scratch->fd, "devices", "", 0, 0644, NULL), 0);
    assert_int_equal(sph_home_list_devices(scratch->fd, &names, &count, &err), -ENOTDIR);
    assert_null(names);
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
        WITH_HOME(test_many_devices_to_choose_from),
        WITH_HOME(test_places_of_the_home),
        WITH_HOME(test_what_is_no_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
