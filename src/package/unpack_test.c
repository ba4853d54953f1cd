/* Unpacking: the tree on disk equals the body, and nothing that stands there already is touched. */
#include "package/unpack.h"

#include <errno.h>
#include <sys/stat.h>

#include "package/package_testing.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_tree_is_on_disk, sph_scratch_make, sph_scratch_remove),
        cmocka_unit_test_setup_teardown(nothing_is_replaced_or_followed, sph_scratch_make,
                                        sph_scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
