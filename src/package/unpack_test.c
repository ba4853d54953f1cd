/* Unpacking: the tree on disk equals the body, nothing that stands there already is touched, and
 * each call into the system fails once. */
#include "package/unpack.h"

#include <errno.h>
#include <sys/stat.h>

#include "package/package_testing.h"

/* The n-th call into the system fails, whichever it is; -Wl,--wrap in the build file. openat has
 * its other name because file offsets have 64 bits everywhere. */
static struct {
    unsigned count; /* calls since it was set to 0 */
    unsigned fail;  /* the call that fails, from 1; 0: none */
    bool is_short;  /* each write takes one byte */
} faults;

static bool is_faulty(void) {
    if (++faults.count != faults.fail)
        return false;
    errno = EDQUOT;
    return true;
}

int __real_openat64(int dirfd, const char *path, int flags, mode_t mode);
int __real_mkdirat(int dirfd, const char *path, mode_t mode);
int __real_fchmodat(int dirfd, const char *path, mode_t mode, int flags);
int __real_fchmod(int fd, mode_t mode);
int __real_fsync(int fd);
ssize_t __real_write(int fd, const void *data, size_t len);
int __wrap_openat64(int dirfd, const char *path, int flags, mode_t mode);
int __wrap_mkdirat(int dirfd, const char *path, mode_t mode);
int __wrap_fchmodat(int dirfd, const char *path, mode_t mode, int flags);
int __wrap_fchmod(int fd, mode_t mode);
int __wrap_fsync(int fd);
ssize_t __wrap_write(int fd, const void *data, size_t len);

int __wrap_openat64(int dirfd, const char *path, int flags, mode_t mode) {
    return is_faulty() ? -1 : __real_openat64(dirfd, path, flags, mode);
}
int __wrap_mkdirat(int dirfd, const char *path, mode_t mode) {
    return is_faulty() ? -1 : __real_mkdirat(dirfd, path, mode);
}
int __wrap_fchmodat(int dirfd, const char *path, mode_t mode, int flags) {
    return is_faulty() ? -1 : __real_fchmodat(dirfd, path, mode, flags);
}
int __wrap_fchmod(int fd, mode_t mode) {
    return is_faulty() ? -1 : __real_fchmod(fd, mode);
}
int __wrap_fsync(int fd) {
    return is_faulty() ? -1 : __real_fsync(fd);
}
ssize_t __wrap_write(int fd, const void *data, size_t len) {
    if (is_faulty())
        return -1;
    return __real_write(fd, data, faults.is_short && len > 1 ? 1 : len);
}

static void made_body(struct sph_buf *ret_body, struct sph_fs *ret_fs) {
    static const struct sph_fs_item items[] = {
        {"app_manifest.json", false, "{}", 2},
        {"bin/app", true, SPH_TEST_APP, 10},
        {"res/deep/empty", false, NULL, 0},
    };
    assert_int_equal(sph_fs_build(items, SPH_ARRAY_SIZE(items), ret_body, NULL), 0);
    assert_int_equal(sph_fs_check(ret_body->data, ret_body->len, ret_fs, NULL), 0);
}

static void the_tree_is_on_disk(void **state) {
    struct sph_scratch *scratch = *state;
    sph_autobuf struct sph_buf body = SPH_BUF_NULL;
    struct sph_fs fs;
    made_body(&body, &fs);
    mode_t old = umask(077);
    struct sph_err err = SPH_ERR_NULL;
    int r = sph_fs_unpack(&fs, scratch->fd, &err);
    (void)umask(old);
    if (r < 0)
        fail_msg("%s", err.text);
    static const struct {
        const char *path;
        mode_t mode;
        off_t size;
    } wants[] = {
        {"app_manifest.json", S_IFREG | 0644, 2}, {"bin", S_IFDIR | 0755, -1},
        {"bin/app", S_IFREG | 0755, 10},          {"res/deep", S_IFDIR | 0755, -1},
        {"res/deep/empty", S_IFREG | 0644, 0},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(wants); i++) {
        struct stat st;
        assert_int_equal(fstatat(scratch->fd, wants[i].path, &st, AT_SYMLINK_NOFOLLOW), 0);
        assert_int_equal(st.st_mode, wants[i].mode);
        if (wants[i].size >= 0)
            assert_int_equal(st.st_size, wants[i].size);
    }
    sph_autobuf struct sph_buf app = SPH_BUF_NULL;
    assert_int_equal(sph_file_read(scratch->fd, "bin/app", &app, NULL), 0);
    assert_memory_equal(app.data, SPH_TEST_APP, 10);
}

static void nothing_is_replaced_or_followed(void **state) {
    struct sph_scratch *scratch = *state;
    sph_autobuf struct sph_buf body = SPH_BUF_NULL;
    struct sph_fs fs;
    struct sph_err err = SPH_ERR_NULL;
    made_body(&body, &fs);
    assert_int_equal(symlinkat("elsewhere", scratch->fd, "app_manifest.json"), 0);
    assert_int_equal(sph_fs_unpack(&fs, scratch->fd, &err), -EEXIST);
    assert_err(&err, -EEXIST, "cannot make file 'app_manifest.json': File exists");
    assert_int_equal(faccessat(scratch->fd, "elsewhere", F_OK, 0), -1);
    assert_int_equal(unlinkat(scratch->fd, "app_manifest.json", 0), 0);
    assert_int_equal(symlinkat("/tmp", scratch->fd, "bin"), 0);
    assert_int_equal(sph_fs_unpack(&fs, scratch->fd, &err), -EEXIST);
    assert_err(&err, -EEXIST, "cannot make folder 'bin': File exists");
}

static void write_may_be_short(void **state) {
    struct sph_scratch *scratch = *state;
    sph_autobuf struct sph_buf body = SPH_BUF_NULL, app = SPH_BUF_NULL;
    struct sph_fs fs;
    made_body(&body, &fs);
    faults.is_short = true;
    int r = sph_fs_unpack(&fs, scratch->fd, NULL);
    faults.is_short = false;
    assert_int_equal(r, 0);
    assert_int_equal(sph_file_read(scratch->fd, "bin/app", &app, NULL), 0);
    assert_int_equal(app.len, 10);
    assert_memory_equal(app.data, SPH_TEST_APP, 10);
}

/* Each sentence that a failure may have, for any of the calls. What was not finished must not look
 * finished: no file that could not be written whole may be executable. */
static void every_call_may_fail(void **state) {
    struct sph_scratch *scratch = *state;
    static const char *const sentences[] = {
        "cannot make folder '", "cannot make file '",   "cannot write file '",
        "cannot finish file '", "cannot sync folder '",
    };
    unsigned met[SPH_ARRAY_SIZE(sentences)] = {0};
    sph_autobuf struct sph_buf body = SPH_BUF_NULL;
    struct sph_fs fs;
    made_body(&body, &fs);
    for (unsigned nth = 1;; nth++) {
        assert_int_equal(sph_dir_make(scratch->fd, "into", 0755, NULL), 0);
        sph_autoclose int into = sph_dir_open(scratch->fd, "into", NULL);
        struct sph_err err = SPH_ERR_NULL;
        faults.count = 0;
        faults.fail = nth;
        int r = sph_fs_unpack(&fs, into, &err);
        faults.fail = 0;
        if (r == 0)
            break;
        assert_int_equal(r, -EDQUOT);
        assert_int_equal(err.code, -EDQUOT);
        assert_non_null(strstr(err.text, "': Disk quota exceeded"));
        for (size_t i = 0; i < SPH_ARRAY_SIZE(sentences); i++)
            met[i] += strncmp(err.text, sentences[i], strlen(sentences[i])) == 0;
        struct stat st;
        if (strstr(err.text, "write file 'bin/app'")) {
            assert_int_equal(fstatat(into, "bin/app", &st, 0), 0);
            assert_int_equal(st.st_mode, S_IFREG | 0600);
        }
        assert_int_equal(sph_tree_remove(scratch->fd, "into", NULL), 0);
    }
    for (size_t i = 0; i < SPH_ARRAY_SIZE(sentences); i++)
        assert_true(met[i] > 0);
}

/* Trees of any shape: each file is on disk with its mode and its bytes. */
static void random_trees_are_on_disk(void **state) {
    struct sph_scratch *scratch = *state;
    enum { ITEMS = 20 };
    static char data[9000], paths[ITEMS][64];
    struct sph_draw draw = sph_draw_begin(20261122);
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (char)sph_draw_below(&draw, 256);
    for (unsigned round = 0; round < 20; round++) {
        struct sph_fs_item items[ITEMS];
        unsigned count = 1 + sph_draw_below(&draw, ITEMS);
        for (unsigned i = 0; i < count; i++) {
            size_t len = 0;
            for (unsigned depth = sph_draw_below(&draw, 4); depth > 0; depth--)
                len += (size_t)snprintf(paths[i] + len, 8, "d%u/", sph_draw_below(&draw, 3));
            (void)snprintf(paths[i] + len, 16, "f%u", i);
            items[i] = (struct sph_fs_item){.path = paths[i],
                                            .executable = sph_draw_below(&draw, 2),
                                            .data = data,
                                            .size_bytes = sph_draw_below(&draw, sizeof(data))};
        }
        sph_autobuf struct sph_buf body = SPH_BUF_NULL;
        struct sph_fs fs;
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(sph_fs_build(items, count, &body, NULL), 0);
        assert_int_equal(sph_fs_check(body.data, body.len, &fs, NULL), 0);
        assert_int_equal(sph_dir_make(scratch->fd, "into", 0755, NULL), 0);
        sph_autoclose int into = sph_dir_open(scratch->fd, "into", NULL);
        if (sph_fs_unpack(&fs, into, &err) < 0)
            fail_msg("round %u: %s", round, err.text);
        for (unsigned i = 0; i < count; i++) {
            sph_autobuf struct sph_buf file = SPH_BUF_NULL;
            struct stat st;
            assert_int_equal(fstatat(into, paths[i], &st, AT_SYMLINK_NOFOLLOW), 0);
            assert_int_equal(st.st_mode, S_IFREG | (items[i].executable ? 0755 : 0644));
            assert_int_equal(sph_file_read(into, paths[i], &file, NULL), 0);
            assert_int_equal(file.len, items[i].size_bytes);
            assert_memory_equal(file.len ? file.data : "", data, file.len);
            assert_int_equal(unlinkat(into, paths[i], 0), 0);
        }
        assert_int_equal(sph_tree_remove(scratch->fd, "into", NULL), 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_tree_is_on_disk, sph_scratch_make, sph_scratch_remove),
        cmocka_unit_test_setup_teardown(nothing_is_replaced_or_followed, sph_scratch_make,
                                        sph_scratch_remove),
        cmocka_unit_test_setup_teardown(write_may_be_short, sph_scratch_make, sph_scratch_remove),
        cmocka_unit_test_setup_teardown(every_call_may_fail, sph_scratch_make, sph_scratch_remove),
        cmocka_unit_test_setup_teardown(random_trees_are_on_disk, sph_scratch_make,
                                        sph_scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
