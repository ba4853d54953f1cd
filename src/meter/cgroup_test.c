/* The control groups of a device on the machine that runs the test: made, used, left, cleared away.
 */
#include "meter/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "meter/kmem.h"

static char name[64];

static void read_own(const char *controller, char *ret_path, size_t size) {
    struct sph_buf text = SPH_BUF_NULL;
    assert_int_equal(sph_file_read(AT_FDCWD, "/proc/self/cgroup", &text, NULL), 0);
    assert_int_equal(sph_cgroup_parse_path(text.data, text.len, controller, ret_path, size), 0);
    sph_buf_done(&text);
}

static void expect_suffix(const char *controller, const char *suffix) {
    char path[512];
    read_own(controller, path, sizeof(path));
    if (strlen(path) < strlen(suffix) || strcmp(path + strlen(path) - strlen(suffix), suffix) != 0)
        fail_msg("%s is not below %s", path, suffix);
}

/* In a child: enters, looks at itself, leaves. */
static void enters_and_leaves(void **state) {
    struct sph_cgroup *tree = NULL;
    struct sph_cgroup_app *app = NULL;
    struct sph_err err = SPH_ERR_NULL;
    char before[512];
    char after[512];
    char inside[160];
    (void)state;
    assert_int_equal(sph_cgroup_open(name, &tree, &err), 0);
    assert_int_equal(sph_cgroup_app_make(tree, "one", &app, &err), 0);
    assert_true(sph_cgroup_app_id(app) > 0);
    assert_int_equal(sph_cgroup_app_make(tree, "one", &app, &err), -EEXIST);
    assert_string_equal(err.text, "cannot make the control group one: File exists");
    pid_t pid = fork();
    if (pid == 0) {
        read_own("", before, sizeof(before));
        assert_int_equal(sph_cgroup_app_enter(app, 0, &err), 0);
        (void)snprintf(inside, sizeof(inside), "/%s/apps/one", name);
        expect_suffix("", inside);
        if (sph_cgroup_memctl(tree) == SPH_MEMCTL_V1)
            expect_suffix("memory", inside);
        pid_t pids[4];
        assert_int_equal(sph_cgroup_app_pids(app, pids, 4), 1);
        assert_int_equal(pids[0], getpid());
        assert_int_equal(sph_cgroup_leave(tree, 0, &err), 0);
        read_own("", after, sizeof(after));
        assert_string_equal(before, after);
        assert_int_equal(sph_cgroup_app_pids(app, pids, 4), 0);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_null(sph_cgroup_app_remove(app));
    assert_null(sph_cgroup_close(tree));
}

static pid_t start_sleeper(struct sph_cgroup_app *app) {
    int ready[2];
    char byte = 0;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (sph_cgroup_app_enter(app, 0, NULL) != 0 || write(ready[1], "r", 1) != 1)
            _exit(1);
        for (;;)
            (void)pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    (void)close(ready[0]);
    (void)close(ready[1]);
    return pid;
}

static void expect_killed(pid_t pid) {
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void removal_kills_what_is_inside(void **state) {
    struct sph_cgroup *tree = NULL;
    struct sph_cgroup_app *one = NULL;
    struct sph_cgroup_app *two = NULL;
    (void)state;
    assert_int_equal(sph_cgroup_open(name, &tree, NULL), 0);
    assert_int_equal(sph_cgroup_app_make(tree, "one", &one, NULL), 0);
    assert_int_equal(sph_cgroup_app_make(tree, "two", &two, NULL), 0);
    assert_int_not_equal(sph_cgroup_app_id(one), sph_cgroup_app_id(two));
    pid_t first = start_sleeper(one);
    pid_t second = start_sleeper(two);
    assert_int_equal(sph_cgroup_app_kill(one), 0);
    expect_killed(first);
    assert_int_equal(waitpid(second, NULL, WNOHANG), 0);
    (void)sph_cgroup_app_remove(one);
    (void)sph_cgroup_app_remove(two);
    expect_killed(second);
    assert_null(sph_cgroup_close(tree));
}

/* A process that counts, stopped by a tracer, frozen and let go: it goes on when it is thawed and
 * not before. A second one shows that what is frozen can be killed. */
static void frozen_stands_still(void **state) {
    struct sph_cgroup *tree = NULL;
    struct sph_cgroup_app *app = NULL;
    (void)state;
    volatile unsigned *count =
        mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true((void *)(uintptr_t)count != MAP_FAILED);
    assert_int_equal(sph_cgroup_open(name, &tree, NULL), 0);
    assert_int_equal(sph_cgroup_app_make(tree, "one", &app, NULL), 0);
    pid_t pid = fork();
    if (pid == 0) {
        while (sph_cgroup_app_enter(app, 0, NULL) == 0)
            ++*count;
        _exit(1);
    }
    int status = 0;
    while (*count == 0)
        (void)usleep(1000);
    assert_int_equal(ptrace(PTRACE_SEIZE, pid, NULL, NULL), 0);
    assert_int_equal(ptrace(PTRACE_INTERRUPT, pid, NULL, NULL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSTOPPED(status));
    unsigned stopped_at = *count;
    assert_int_equal(sph_cgroup_app_freeze(app, true), 0);
    assert_int_equal(ptrace(PTRACE_DETACH, pid, NULL, NULL), 0);
    (void)usleep(20000);
    assert_int_equal(*count, stopped_at);
    assert_int_equal(sph_cgroup_app_freeze(app, false), 0);
    for (int i = 0; i < 5000 && *count == stopped_at; i++)
        (void)usleep(1000);
    assert_true(*count > stopped_at);
    assert_int_equal(sph_cgroup_app_freeze(app, true), 0);
    assert_int_equal(kill(pid, SIGKILL), 0);
    expect_killed(pid);
    (void)sph_cgroup_app_remove(app);
    assert_null(sph_cgroup_close(tree));
    (void)munmap((void *)(uintptr_t)count, sizeof(*count));
}

/* A second holder is refused in words; a tree without a holder is a leftover, and is cleared. */
static void one_holder_at_a_time(void **state) {
    struct sph_cgroup *tree = NULL;
    struct sph_cgroup *second = NULL;
    struct sph_cgroup_app *app = NULL;
    struct sph_err err = SPH_ERR_NULL;
    char text[160];
    int ready[2];
    char byte = 0;
    (void)state;
    assert_int_equal(pipe(ready), 0);
    pid_t holder = fork();
    if (holder == 0) { /* dies with its tree in place and a process in it */
        if (sph_cgroup_open(name, &tree, NULL) != 0 ||
            sph_cgroup_app_make(tree, "left", &app, NULL) != 0)
            _exit(1);
        if (sph_cgroup_app_enter(app, 0, NULL) != 0 || write(ready[1], "r", 1) != 1)
            _exit(2);
        for (;;)
            (void)pause();
    }
    pid_t pids[2];
    assert_int_equal(read(ready[0], &byte, 1), 1);
    (void)close(ready[0]);
    (void)close(ready[1]);
    assert_int_equal(sph_cgroup_open(name, &second, &err), -EBUSY);
    assert_int_equal(err.code, -EBUSY);
    (void)snprintf(text, sizeof(text), "the control groups of %s are held by a running agent",
                   name);
    assert_string_equal(err.text, text);
    assert_int_equal(kill(holder, SIGKILL), 0);
    assert_int_equal(waitpid(holder, NULL, 0), holder);
    assert_int_equal(sph_cgroup_open(name, &tree, &err), 0);
    assert_int_equal(sph_cgroup_app_make(tree, "left", &app, &err), 0);
    assert_int_equal(sph_cgroup_app_pids(app, pids, 2), 0);
    (void)sph_cgroup_app_remove(app);
    assert_null(sph_cgroup_close(tree));
}

static void mount_of_unified(char *ret_path, size_t size) {
    struct sph_buf text = SPH_BUF_NULL;
    struct sph_cgroup_mounts mounts;
    assert_int_equal(sph_file_read(AT_FDCWD, "/proc/self/mountinfo", &text, NULL), 0);
    assert_int_equal(sph_cgroup_parse_mounts(text.data, text.len, &mounts), 0);
    assert_true(strlen(mounts.unified) < size);
    memcpy(ret_path, mounts.unified, strlen(mounts.unified) + 1);
    sph_buf_done(&text);
}

/* A tree whose agent was killed. */
static void leave_orphan(const char *orphan, char *ret_path, size_t size) {
    struct sph_cgroup *tree = NULL;
    struct sph_cgroup_app *app = NULL;
    char mount[128];
    pid_t agent = fork();
    if (agent == 0) {
        if (sph_cgroup_open(orphan, &tree, NULL) != 0 ||
            sph_cgroup_app_make(tree, "left", &app, NULL) != 0)
            _exit(1);
        (void)kill(getpid(), SIGKILL);
    }
    expect_killed(agent);
    mount_of_unified(mount, sizeof(mount));
    assert_true((size_t)snprintf(ret_path, size, "%s/%s", mount, orphan) < size);
}

static void make_old(const char *path) {
    const struct timespec then = {.tv_sec = time(NULL) - 120};
    const struct timespec times[2] = {then, then};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* An agent that was killed leaves its tree; the next agent of any device takes it away. */
static void orphans_are_swept(void **state) {
    struct sph_cgroup *tree = NULL;
    char names[3][SPH_CGROUP_NAME_MAX], paths[3][512];
    (void)state;
    for (int i = 0; i < 3; i++)
        (void)snprintf(names[i], sizeof(names[i]), "spherule-orphan-%d-%d", (int)getpid(), i);
    for (int i = 0; i < 3; i++)
        leave_orphan(names[i], paths[i], sizeof(paths[i]));
    make_old(paths[0]);
    make_old(paths[1]);
    sph_autoclose int held = open(paths[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(flock(held, LOCK_EX | LOCK_NB), 0);
    assert_int_equal(sph_cgroup_open(name, &tree, NULL), 0);
    assert_null(sph_cgroup_close(tree));
    assert_int_equal(access(paths[0], F_OK), -1); /* old, held by nobody */
    assert_int_equal(access(paths[1], F_OK), 0);  /* held */
    assert_int_equal(access(paths[2], F_OK), 0);  /* young */
    (void)flock(held, LOCK_UN);
    for (int i = 1; i < 3; i++) {
        assert_int_equal(sph_cgroup_open(names[i], &tree, NULL), 0);
        assert_null(sph_cgroup_close(tree));
    }
}

static void names_are_checked(void **state) {
    static const char *const bad[] = {
        "", "other", "spherule", "spherule-/x", "system.slice", ".", "../spherule-x"};
    struct sph_cgroup *tree = NULL;
    struct sph_cgroup_app *app = NULL;
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(bad); i++) {
        struct sph_err err = SPH_ERR_NULL;
        char text[160];
        assert_int_equal(sph_cgroup_open(bad[i], &tree, &err), -EINVAL);
        (void)snprintf(text, sizeof(text), "%s is not a name for a device's control groups",
                       bad[i]);
        assert_string_equal(err.text, text);
    }
    assert_int_equal(sph_cgroup_open(name, &tree, NULL), 0);
    static const char *const bad_apps[] = {"", ".", "..", ".x", "a/b", "/"};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(bad_apps); i++) {
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(sph_cgroup_app_make(tree, bad_apps[i], &app, &err), -EINVAL);
        assert_string_equal(err.text, "not a name for an app's control group");
    }
    assert_null(sph_cgroup_close(tree));
    assert_null(sph_cgroup_close(NULL));
    assert_null(sph_cgroup_app_remove(NULL));
}

/* Pipes are kernel memory: the figure moves by what they hold, give or take two pages of slack. */
static void kernel_memory_moves(void **state) {
    enum { PIPES = 10, BYTES = 65536 };
    struct sph_cgroup *tree = NULL;
    struct sph_cgroup_app *app = NULL;
    struct sph_kmem *kmem = NULL;
    struct sph_kmem_figures before;
    struct sph_kmem_figures after;
    struct sph_err err = SPH_ERR_NULL;
    int ready[2];
    int go[2];
    char byte = 0;
    (void)state;
    assert_int_equal(sph_cgroup_open(name, &tree, &err), 0);
    if (sph_cgroup_memctl(tree) == SPH_MEMCTL_NONE) {
        assert_int_equal(sph_kmem_open(SPH_MEMCTL_NONE, -1, &kmem, &err), -EOPNOTSUPP);
        assert_true(sph_cgroup_memctl_reason(tree)[0] != '\0');
        (void)sph_cgroup_close(tree);
        skip();
    }
    assert_int_equal(sph_cgroup_app_make(tree, "one", &app, &err), 0);
    assert_int_equal(
        sph_kmem_open(sph_cgroup_memctl(tree), sph_cgroup_memory_fd(tree), &kmem, &err), 0);
    assert_true(pipe(ready) == 0 && pipe(go) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        static char data[BYTES];
        if (sph_cgroup_app_enter(app, 0, NULL) != 0 || write(ready[1], "r", 1) != 1 ||
            read(go[0], &byte, 1) != 1)
            _exit(1);
        for (int i = 0; i < PIPES; i++) {
            int fds[2];
            if (pipe(fds) != 0 || write(fds[1], data, sizeof(data)) != BYTES)
                _exit(2);
        }
        if (write(ready[1], "r", 1) != 1)
            _exit(3);
        for (;;)
            (void)pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(sph_kmem_read(kmem, &before, &err), 0);
    assert_true(write(go[1], "g", 1) == 1 && read(ready[0], &byte, 1) == 1);
    assert_int_equal(sph_kmem_read(kmem, &after, &err), 0);
    assert_int_equal(after.total, after.kernel + after.sock);
    assert_true(after.total >= before.total + (uint64_t)PIPES * BYTES);
    assert_true(after.total <= before.total + (uint64_t)PIPES * (BYTES + 4096) + 65536);
    (void)sph_cgroup_app_remove(app);
    expect_killed(pid);
    assert_null(sph_kmem_close(kmem));
    assert_null(sph_cgroup_close(tree));
    for (int i = 0; i < 2; i++) {
        (void)close(ready[i]);
        (void)close(go[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(enters_and_leaves),    cmocka_unit_test(removal_kills_what_is_inside),
        cmocka_unit_test(one_holder_at_a_time), cmocka_unit_test(names_are_checked),
        cmocka_unit_test(frozen_stands_still),  cmocka_unit_test(orphans_are_swept),
        cmocka_unit_test(kernel_memory_moves),
    };
    struct sph_cgroup *probe = NULL;
    struct sph_err err = SPH_ERR_NULL;
    (void)snprintf(name, sizeof(name), "spherule-test-cgroup-%08x", (unsigned)getpid());
    if (geteuid() != 0 || sph_cgroup_open(name, &probe, &err) != 0) {
        (void)printf("skipped: %s\n", err.text[0] ? err.text : "control groups need root");
        return 77;
    }
    (void)sph_cgroup_close(probe);
    return cmocka_run_group_tests_name("cgroup", tests, NULL, NULL);
}
