/* state.img: made whole by the real mke2fs, looked at when it is there, and never half. */
#include "base/testing.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "gateway/machine/disk.h"

enum { DISK_BYTES = 14 << 20 };

static bool is_there(const struct sph_scratch *scratch, const char *name) {
    return faccessat(scratch->fd, name, F_OK, 0) == 0;
}

/* e2fsck's word on it: 0 is clean. */
static int fsck(const struct sph_scratch *scratch) {
    char command[200];
    (void)snprintf(command, sizeof(command),
                   "PATH=$PATH:/sbin:/usr/sbin e2fsck -fn %s/state.img >/dev/null 2>&1",
                   scratch->path);
    return system(command); /* a test's own folder, no one else's name in it */
}

static void made_whole(void **state) {
    const struct sph_scratch *scratch = *state;
    struct stat info;
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(sph_disk_prepare(scratch->fd, DISK_BYTES, &err), 0);
    assert_int_equal(fstatat(scratch->fd, "state.img", &info, 0), 0);
    assert_int_equal(info.st_size, DISK_BYTES);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_true(info.st_blocks * 512 >= DISK_BYTES); /* all of it is there */
    assert_int_equal(fsck(scratch), 0);
    assert_false(is_there(scratch, "state.img.new"));
    /* what is there is left as it is */
    ino_t inode = info.st_ino;
    assert_int_equal(sph_disk_prepare(scratch->fd, DISK_BYTES, &err), 0);
    assert_int_equal(fstatat(scratch->fd, "state.img", &info, 0), 0);
    assert_true(info.st_ino == inode);
    assert_int_equal(sph_disk_prepare(scratch->fd, DISK_BYTES + 1, &err), -EBADMSG);
    assert_err(&err, -EBADMSG,
               "the device's disk state.img has 14680064 bytes and its profile needs 14680065: "
               "delete the device and create it anew");
}

static void damaged(void **state) {
    const struct sph_scratch *scratch = *state;
    struct sph_err err = SPH_ERR_NULL;
    static char noise[8192];
    memset(noise, 0xa5, sizeof(noise));
    assert_int_equal(sph_file_replace(scratch->fd, "state.img", noise, sizeof(noise), 0600, NULL),
                     0);
    assert_int_equal(sph_disk_prepare(scratch->fd, 4096, &err), -EBADMSG);
    assert_err(&err, -EBADMSG,
               "the device's disk state.img is damaged (there is no file system on it): delete the "
               "device and create it anew");
    assert_int_equal(unlinkat(scratch->fd, "state.img", 0), 0);
    assert_int_equal(mkdirat(scratch->fd, "state.img", 0700), 0);
    assert_int_equal(sph_disk_prepare(scratch->fd, 4096, &err), -EISDIR);
}

/* Too small for any file system: mke2fs refuses, and nothing stays. */
static void failed(void **state) {
    const struct sph_scratch *scratch = *state;
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(sph_disk_prepare(scratch->fd, 8192, &err), -EIO);
    assert_err(&err, -EIO, "cannot make the device's disk: mke2fs failed");
    assert_false(is_there(scratch, "state.img") || is_there(scratch, "state.img.new"));
}

/* More than any disk has. */
static void full(void **state) {
    const struct sph_scratch *scratch = *state;
    struct sph_err err = SPH_ERR_NULL;
    int code = sph_disk_prepare(scratch->fd, UINT64_C(1) << 50, &err);
    assert_true(code == -ENOSPC || code == -EFBIG);
    assert_false(is_there(scratch, "state.img") || is_there(scratch, "state.img.new"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(made_whole, sph_scratch_make, sph_scratch_remove),
        cmocka_unit_test_setup_teardown(damaged, sph_scratch_make, sph_scratch_remove),
        cmocka_unit_test_setup_teardown(failed, sph_scratch_make, sph_scratch_remove),
        cmocka_unit_test_setup_teardown(full, sph_scratch_make, sph_scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
