/* Taking the device's place, with every call that changes or asks for a user in the hands of the
 * test: what is called in which order, and what becomes of each failure. No user is ever changed.
 */
#include "base/testing.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "gateway/machine/place.h"

/* ---- the system, faked ---- */

static struct {
    uid_t user;           /* that geteuid() tells */
    const char *fails;    /* name of the call that fails */
    int number;           /* with this errno */
    bool has_no_entry;    /* getpwuid() finds nobody */
    bool wraps_writes;    /* else they go to the real one */
    size_t write_at_most; /* bytes of one write */
    char calls[200];
} fake;

static int call(const char *name, const char *shown) {
    size_t len = strlen(fake.calls);
    (void)snprintf(fake.calls + len, sizeof(fake.calls) - len, "%s%s", len ? " " : "", shown);
    if (!fake.fails || strcmp(fake.fails, name) != 0)
        return 0;
    errno = fake.number;
    return -1;
}

uid_t __wrap_geteuid(void);
int __wrap_prctl(int option, unsigned long value, unsigned long b, unsigned long c,
                 unsigned long d);
struct passwd *__wrap_getpwuid(uid_t user);
int __wrap_setgroups(size_t count, const gid_t *groups);
int __wrap_setresgid(gid_t real, gid_t effective, gid_t saved);
int __wrap_setresuid(uid_t real, uid_t effective, uid_t saved);
int __wrap_flock(int fd, int operation);
int __wrap_ftruncate64(int fd, off_t length);
ssize_t __wrap_write(int fd, const void *data, size_t len);
int __real_flock(int fd, int operation);
int __real_ftruncate64(int fd, off_t length);
ssize_t __real_write(int fd, const void *data, size_t len);

uid_t __wrap_geteuid(void) {
    return fake.user;
}

int __wrap_prctl(int option, unsigned long value, unsigned long b, unsigned long c,
                 unsigned long d) {
    assert_int_equal(option, PR_SET_NO_NEW_PRIVS);
    assert_int_equal(value, 1);
    assert_int_equal(b | c | d, 0); /* the kernel refuses others */
    return call("prctl", "prctl");
}

struct passwd *__wrap_getpwuid(uid_t user) {
    static struct passwd entry = {.pw_gid = 2000};
    assert_int_equal(user, 1000);
    return fake.has_no_entry ? NULL : &entry;
}

int __wrap_setgroups(size_t count, const gid_t *groups) {
    assert_int_equal(count, 0);
    assert_null(groups);
    return call("setgroups", "setgroups");
}

int __wrap_setresgid(gid_t real, gid_t effective, gid_t saved) {
    char shown[40];
    assert_true(real == effective && effective == saved);
    (void)snprintf(shown, sizeof(shown), "setresgid(%u)", real);
    return call("setresgid", shown);
}

int __wrap_setresuid(uid_t real, uid_t effective, uid_t saved) {
    char shown[40];
    assert_true(real == effective && effective == saved);
    (void)snprintf(shown, sizeof(shown), "setresuid(%u)", real);
    return call("setresuid", shown);
}

int __wrap_flock(int fd, int operation) {
    assert_int_equal(operation, LOCK_EX | LOCK_NB);
    return call("flock", "flock") < 0 ? -1 : __real_flock(fd, operation);
}

int __wrap_ftruncate64(int fd, off_t length) {
    return call("ftruncate", "ftruncate") < 0 ? -1 : __real_ftruncate64(fd, length);
}

ssize_t __wrap_write(int fd, const void *data, size_t len) {
    if (!fake.wraps_writes)
        return __real_write(fd, data, len);
    if (call("write", "write") < 0)
        return -1;
    return __real_write(fd, data, len < fake.write_at_most ? len : fake.write_at_most);
}

static int set_up(void **state) {
    memset(&fake, 0, sizeof(fake));
    fake.write_at_most = 100;
    return sph_scratch_make(state);
}

static int tear_down(void **state) {
    fake.wraps_writes = false;
    return sph_scratch_remove(state);
}

/* ---- the folder ---- */

static void root_needs_somebody_to_become(void **state) {
    const struct sph_scratch *scratch = *state;
    struct sph_options cases[] = {
        {.device = scratch->path},                                /* nobody named */
        {.device = scratch->path, .has_owner = true, .owner = 0}, /* root itself */
        {.device = "/nonexistent", .has_owner = false},           /* told before it is looked at */
        {.device = "/nonexistent", .has_owner = true, .owner = 0},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(sph_place_open(&cases[i], &err), -EPERM);
        assert_err(&err, -EPERM,
                   "the gateway does not run as root: --owner must name another user");
    }
}

static void root_serves_only_in_the_owners_folder(void **state) {
    const struct sph_scratch *scratch = *state;
    struct stat info;
    char sentence[200];
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(fstat(scratch->fd, &info), 0);
    struct sph_options options = {
        .device = scratch->path, .has_owner = true, .owner = info.st_uid + 1};
    (void)snprintf(sentence, sizeof(sentence), "the folder %s is not that of user %u",
                   scratch->path, options.owner);
    assert_int_equal(sph_place_open(&options, &err), -EPERM);
    assert_err(&err, -EPERM, sentence);
    fake.user = 1234; /* without root the file system decides */
    int fd = sph_place_open(&options, &err);
    assert_true(fd >= 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    (void)close(fd);
}

static void folders_that_are_none(void **state) {
    const struct sph_scratch *scratch = *state;
    char file[100], link[100];
    (void)snprintf(file, sizeof(file), "%s/file", scratch->path);
    (void)snprintf(link, sizeof(link), "%s/link", scratch->path);
    (void)close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    assert_int_equal(symlink("nowhere", link), 0);
    const struct {
        const char *path;
        int rc;
    } cases[] = {{file, -ENOTDIR}, {link, -ENOTDIR}, {"/nonexistent", -ENOENT}};
    fake.user = 1234;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        const struct sph_options options = {.device = cases[i].path};
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(sph_place_open(&options, &err), cases[i].rc);
        assert_int_equal(err.code, cases[i].rc);
        assert_non_null(strstr(err.text, cases[i].path));
    }
}

/* ---- the user ---- */

static const struct sph_options owner = {.device = "/d", .has_owner = true, .owner = 1000};

static void root_is_given_up_groups_first(void **state) {
    (void)state;
    assert_int_equal(sph_place_become_owner(&owner, NULL), 0);
    assert_string_equal(fake.calls, "prctl setgroups setresgid(2000) setresuid(1000)");
    fake.calls[0] = '\0';
    fake.has_no_entry = true;
    assert_int_equal(sph_place_become_owner(&owner, NULL), 0);
    assert_string_equal(fake.calls, "prctl setgroups setresgid(1000) setresuid(1000)");
}

static void others_only_lose_the_way_up(void **state) {
    (void)state;
    fake.user = 1000;
    assert_int_equal(sph_place_become_owner(&owner, NULL), 0);
    assert_string_equal(fake.calls, "prctl");
}

/* After each failure nothing further is tried, and the caller is told. */
static void every_step_may_fail(void **state) {
    (void)state;
    static const struct {
        const char *call;
        int number;
        const char *calls, *sentence;
    } cases[] = {
        {"prctl", EINVAL, "prctl", "cannot give up new privileges: Invalid argument"},
        {"setgroups", EPERM, "prctl setgroups", "cannot become user 1000: Operation not permitted"},
        {"setresgid", EPERM, "prctl setgroups setresgid(2000)",
         "cannot become user 1000: Operation not permitted"},
        {"setresuid", EAGAIN, "prctl setgroups setresgid(2000) setresuid(1000)",
         "cannot become user 1000: Resource temporarily unavailable"},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        struct sph_err err = SPH_ERR_NULL;
        fake.calls[0] = '\0';
        fake.fails = cases[i].call;
        fake.number = cases[i].number;
        assert_int_equal(sph_place_become_owner(&owner, &err), -cases[i].number);
        assert_err(&err, -cases[i].number, cases[i].sentence);
        assert_string_equal(fake.calls, cases[i].calls);
    }
}

/* ---- the pid file ---- */

static void assert_pid_file(int dir_fd) {
    char wanted[24];
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    (void)snprintf(wanted, sizeof(wanted), "%d\n", (int)getpid());
    assert_int_equal(sph_file_read(dir_fd, "gateway.pid", &text, NULL), 0);
    assert_string_equal(text.data, wanted);
}

static void one_gateway_has_the_place(void **state) {
    const struct sph_scratch *scratch = *state;
    struct sph_err err = SPH_ERR_NULL;
    int fd = sph_place_lock(scratch->fd, &err);
    assert_true(fd >= 0);
    assert_pid_file(scratch->fd);
    assert_int_equal(sph_place_lock(scratch->fd, &err), -EBUSY);
    assert_err(&err, -EBUSY, "a gateway of this device is running already");
    assert_pid_file(scratch->fd); /* the loser has not touched it */
    (void)close(fd);
    fd = sph_place_lock(scratch->fd, NULL); /* the lock was all that was in the way */
    assert_true(fd >= 0);
    (void)close(fd);
}

/* An earlier gateway's longer number leaves nothing behind; a write may take it byte by byte. */
static void what_stood_there_is_replaced(void **state) {
    const struct sph_scratch *scratch = *state;
    int fd = openat(scratch->fd, "gateway.pid", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    assert_int_equal(write(fd, "123456789012345678901\n", 22), 22);
    (void)close(fd);
    fake.wraps_writes = true;
    fake.write_at_most = 1;
    fd = sph_place_lock(scratch->fd, NULL);
    fake.wraps_writes = false;
    assert_true(fd >= 0);
    assert_pid_file(scratch->fd);
    (void)close(fd);
}

static void a_link_is_not_followed(void **state) {
    const struct sph_scratch *scratch = *state;
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(symlinkat("victim", scratch->fd, "gateway.pid"), 0);
    assert_int_equal(sph_place_lock(scratch->fd, &err), -ELOOP);
    assert_err(&err, -ELOOP,
               "cannot open gateway.pid in the device's folder: Too many levels of symbolic links");
    assert_int_equal(faccessat(scratch->fd, "victim", F_OK, 0), -1);
}

static void a_pid_file_that_cannot_be_had(void **state) {
    const struct sph_scratch *scratch = *state;
    static const struct {
        const char *call;
        int number, rc;
        const char *sentence;
    } cases[] = {
        {"flock", EWOULDBLOCK, -EBUSY, "a gateway of this device is running already"},
        {"flock", ENOLCK, -ENOLCK, "cannot lock gateway.pid: No locks available"},
        {"ftruncate", EIO, -EIO, "cannot write gateway.pid: Input/output error"},
        {"write", ENOSPC, -ENOSPC, "cannot write gateway.pid: No space left on device"},
    };
    fake.wraps_writes = true;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        struct sph_err err = SPH_ERR_NULL;
        fake.calls[0] = '\0';
        fake.fails = cases[i].call;
        fake.number = cases[i].number;
        assert_int_equal(sph_place_lock(scratch->fd, &err), cases[i].rc);
        assert_err(&err, cases[i].rc, cases[i].sentence);
    }
    fake.fails = NULL;
    int fd = sph_place_lock(scratch->fd, NULL); /* no failure has kept the lock */
    assert_true(fd >= 0);
    (void)close(fd);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(root_needs_somebody_to_become, set_up, tear_down),
        cmocka_unit_test_setup_teardown(root_serves_only_in_the_owners_folder, set_up, tear_down),
        cmocka_unit_test_setup_teardown(folders_that_are_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(root_is_given_up_groups_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(others_only_lose_the_way_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_step_may_fail, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_gateway_has_the_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_stood_there_is_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_link_is_not_followed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_pid_file_that_cannot_be_had, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
