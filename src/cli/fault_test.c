/* System calls that fail, each in its turn: the n-th open, read, write, sync or rename of a call
 * gives an error, and what is on disk afterwards is either the old or the new, never something
 * between. The linker puts our functions in the place of the C library's (--wrap), for all that is
 * linked statically. */
#include "base/testing.h"

#include <errno.h>
#include <fts.h>
#include <string.h>
#include <sys/stat.h>

#include "base/attr.h"
#include "base/cleanup.h"
#include "cli/catalog.h"
#include "cli/deployment_timeout.h"
#include "cli/device/device_config.h"
#include "cli/device/home.h"
#include "cli/device/launch.h"
#include "cli/device/pidfile.h"
#include "cli/frame/cli.h"
#include "cli/image/pack_tree.h"
#include "cli/image/package_file.h"
#include "cli/image/wrap.h"

/* With 64-bit offsets the C library has other names for some of them, on every machine. */
static long allowed = -1; /* calls until one fails; -1: none does */
static int failure;       /* the errno of the failure */
static bool has_failed;

static bool may_go_on(void) {
    if (allowed < 0 || allowed-- > 0)
        return true;
    has_failed = true;
    errno = failure;
    return false;
}

int __real_openat64(int dirfd, const char *path, int flags, ...);
int __real_open64(const char *path, int flags, ...);
ssize_t __real_read(int fd, void *data, size_t len);
ssize_t __real_write(int fd, const void *data, size_t len);
int __real_fsync(int fd);
int __real_renameat(int old_fd, const char *old_name, int new_fd, const char *new_name);
FTSENT *__real_fts64_read(FTS *fts);
int __wrap_openat64(int dirfd, const char *path, int flags, mode_t mode);
int __wrap_open64(const char *path, int flags, mode_t mode);
ssize_t __wrap_read(int fd, void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len);
int __wrap_fsync(int fd);
int __wrap_renameat(int old_fd, const char *old_name, int new_fd, const char *new_name);
FTSENT *__wrap_fts64_read(FTS *fts);

int __wrap_openat64(int dirfd, const char *path, int flags, mode_t mode) {
    return may_go_on() ? __real_openat64(dirfd, path, flags, mode) : -1;
}
int __wrap_open64(const char *path, int flags, mode_t mode) {
    return may_go_on() ? __real_open64(path, flags, mode) : -1;
}
ssize_t __wrap_read(int fd, void *data, size_t len) {
    return may_go_on() ? __real_read(fd, data, len) : -1;
}
ssize_t __wrap_write(int fd, const void *data, size_t len) {
    return may_go_on() ? __real_write(fd, data, len) : -1;
}
int __wrap_fsync(int fd) {
    return may_go_on() ? __real_fsync(fd) : -1;
}
int __wrap_renameat(int old_fd, const char *old_name, int new_fd, const char *new_name) {
    return may_go_on() ? __real_renameat(old_fd, old_name, new_fd, new_name) : -1;
}
/* Reads on to the end in secret: fts_close() leaves what was never read to the leak checker. */
FTSENT *__wrap_fts64_read(FTS *fts) {
    if (may_go_on())
        return __real_fts64_read(fts);
    while (__real_fts64_read(fts))
        ;
    errno = failure;
    return NULL;
}

static const struct sph_scratch *scratch;

/* ---- the calls ---- */

static int write_config(struct sph_err *err) {
    struct sph_device_config config;
    sph_device_config_default("new", &config);
    config.ram_bytes = 65536;
    return sph_device_config_write(scratch->fd, &config, err);
}

static int read_config(struct sph_err *err) {
    struct sph_device_config config;
    return sph_device_config_read(scratch->fd, &config, err);
}

static int read_input(struct sph_err *err) {
    char path[96];
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    (void)snprintf(path, sizeof(path), "%s/device.json", scratch->path);
    return sph_input_read("profile", path, &buf, err);
}

static int read_tree(struct sph_err *err) {
    sph_autopacktree struct sph_pack_tree tree = SPH_PACK_TREE_NULL;
    int r = sph_pack_tree_read(scratch->path, NULL, &tree, err);
    assert_int_equal(tree.count == 0, r < 0); /* never a part of it */
    return r;
}

static int open_home(struct sph_err *err) {
    (void)setenv("SPHERULE_HOME", scratch->path, 1);
    sph_autoclose int fd = sph_home_open(false, err);
    return fd < 0 ? fd : 0;
}

static int open_device(struct sph_err *err) {
    sph_autoclose int fd = sph_home_open_device(scratch->fd, "d", err);
    return fd < 0 ? fd : 0;
}

static int list_devices(struct sph_err *err) {
    char **names;
    unsigned count;
    int r = sph_home_list_devices(scratch->fd, &names, &count, err);
    sph_home_free_names(names, count);
    return r;
}

static int take_lock(struct sph_err *err) {
    sph_autoclose int fd = sph_launch_lock(scratch->fd, err);
    return fd < 0 ? fd : 0;
}

/* A package that is there already, so that every round reads, signs and compares. */
static struct sph_buf whole_package;

static int add_to_catalog(struct sph_err *err) {
    sph_autocatalog struct sph_catalog catalog = SPH_CATALOG_NULL;
    struct sph_image image;
    assert_int_equal(sph_image_parse(whole_package.data, whole_package.len, &image, NULL), 0);
    int r = sph_catalog_open(true, &catalog, err);
    r = r < 0 ? r : sph_catalog_add(&catalog, &whole_package, &image, err);
    return r < 0 ? r : sph_catalog_delete(&catalog, &image.image_id, err);
}

static int list_catalog(struct sph_err *err) {
    sph_autocatalog struct sph_catalog catalog = SPH_CATALOG_NULL;
    sph_autofree struct sph_catalog_row *rows = NULL;
    unsigned count = 0;
    int r = sph_catalog_open(true, &catalog, err);
    return r < 0 ? r : sph_catalog_list(&catalog, &rows, &count, err);
}

static int read_timeout(struct sph_err *err) {
    uint64_t seconds;
    int r = sph_deployment_timeout_write(5, err);
    return r < 0 ? r : sph_deployment_timeout_read(&seconds, err);
}

static const struct {
    const char *name;
    int (*run)(struct sph_err *err);
    bool tolerates; /* may succeed in spite of a failure: what could not be seen is passed over */
} calls[] = {
    {"write device.json", write_config, false},    {"read device.json", read_config, false},
    {"read an input", read_input, false},          {"read a tree", read_tree, false},
    {"open the home", open_home, false},           {"open a device", open_device, false},
    {"list devices", list_devices, true},          {"take the lock", take_lock, false},
    {"add to the catalog", add_to_catalog, false}, {"list the catalog", list_catalog, true},
    {"set the timeout", read_timeout, false},
};

static const int errnos[] = {EIO, EACCES, EMFILE, ENOSPC, EROFS, ENOMEM};

/* ---- the test ---- */

static int make_whole_package(void) {
    struct sph_signer signer;
    struct sph_guid id;
    char text[] = "\177ELF";
    const struct sph_buf program = {.data = text, .len = 4};
    memset(&signer, 0, sizeof(signer));
    signer.scalar[31] = 7;
    sph_buf_done(&whole_package);
    whole_package = (struct sph_buf)SPH_BUF_NULL;
    return sph_wrap_executable("x", &program, NULL, 0, &signer, &id, &whole_package, NULL);
}

static int set_up(void **state) {
    int r = sph_scratch_make(state);
    scratch = *state;
    r += make_whole_package();
    struct sph_device_config config;
    sph_device_config_default("old", &config);
    r += sph_device_config_write(scratch->fd, &config, NULL);
    r += sph_dir_make(scratch->fd, "devices/d", 0755, NULL);
    sph_autoclose int fd = sph_dir_open(scratch->fd, "devices/d", NULL);
    return r + sph_file_replace(fd, "device.json", "{}", 2, 0644, NULL);
}

/* The file is one of the two, whole, whatever failed on the way. */
static void check_device_json(const char *what, long n) {
    struct sph_device_config config;
    struct sph_err err = SPH_ERR_NULL;
    if (sph_device_config_read(scratch->fd, &config, &err) < 0)
        fail_msg("%s, call %ld: %s", what, n, err.text);
    bool is_new = strcmp(config.name, "new") == 0;
    assert_true(is_new || strcmp(config.name, "old") == 0);
    assert_int_equal(config.ram_bytes, is_new ? 65536 : 262144);
}

static unsigned open_descriptors(void) {
    unsigned count = 0;
    for (int fd = 0; fd < 64; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void fail_each_in_turn(size_t call, int error) {
    for (long n = 0; n < 200; n++) {
        struct sph_err err = SPH_ERR_NULL;
        unsigned before = open_descriptors();
        has_failed = false;
        failure = error;
        allowed = n;
        int r = calls[call].run(&err);
        allowed = -1;
        assert_int_equal(open_descriptors(), before); /* nothing leaks on the way out */
        check_device_json(calls[call].name, n);
        if (!has_failed) {
            assert_int_equal(r, 0);
            assert_true(n > 0);
            return;
        }
        if (r == 0 && calls[call].tolerates)
            continue;
        if (r >= 0 || err.text[0] == '\0' || err.code != r)
            fail_msg("%s: call %ld failed with %d, the result is %d: %s", calls[call].name, n,
                     error, r, err.text);
        /* the status is one of the table, and never success or a usage error */
        assert_int_not_equal(sph_exit_of(r), SPH_EXIT_OK);
        assert_int_not_equal(sph_exit_of(r), SPH_EXIT_USAGE);
    }
    fail_msg("%s: no end", calls[call].name);
}

static void test_each_system_call(void **state) {
    (void)state;
    for (size_t call = 0; call < SPH_ARRAY_SIZE(calls); call++)
        for (size_t i = 0; i < SPH_ARRAY_SIZE(errnos); i++)
            fail_each_in_turn(call, errnos[i]);
}

/* A descriptor that cannot be had must not make a device look as if it ran, nor crash. */
static void test_looking_without_descriptors(void **state) {
    (void)state;
    for (long n = 0; n < 10; n++) {
        failure = EMFILE;
        allowed = n;
        enum sph_device_state seen = sph_launch_state(scratch->fd);
        allowed = -1;
        assert_int_equal(seen, SPH_DEVICE_STOPPED);
    }
}

/* A tree whose reading fails at its n-th entry, with the sentence for it. */
static void test_a_tree_that_ends_early(void **state) {
    (void)state;
    for (long n = 0; n < 40; n++) {
        struct sph_err err = SPH_ERR_NULL;
        sph_autopacktree struct sph_pack_tree tree = SPH_PACK_TREE_NULL;
        has_failed = false;
        failure = ENOMEM;
        allowed = n;
        int r = sph_pack_tree_read(scratch->path, NULL, &tree, &err);
        allowed = -1;
        if (!has_failed)
            return;
        assert_true(r < 0);
        assert_non_null(strstr(err.text, "cannot "));
    }
    fail_msg("no end");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_system_call, set_up, sph_scratch_remove),
        cmocka_unit_test_setup_teardown(test_looking_without_descriptors, set_up,
                                        sph_scratch_remove),
        cmocka_unit_test_setup_teardown(test_a_tree_that_ends_early, set_up, sph_scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
