/* Starts that fail at each of their steps: the sentence names the step, and nothing is left of the
 * try: no process, no descriptor, no mount. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/app/launch.h"
#include "agent/process/target.h"
#include "agent/tests/rig.h"
#include "agent/trace/tracer.h"
#include "base/attr.h"
#include "base/cleanup.h"
#include "base/file.h"

#define FOLDER "/mnt/apps/00000000-0000-0000-0000-000000000000"

static char package[] = "/tmp/spherule-test-XXXXXX";
static char *const no_environment[] = {NULL};
static char *const argv_exit[] = {(char[]){FOLDER "/app"}, "", "exit", "7", NULL};
static char *const argv_missing[] = {FOLDER "/nothing", NULL};
static char *const argv_folder[] = {FOLDER "/folder", NULL};
static struct sph_target target;

static void copy_program(int root) {
    struct sph_buf bytes SPH_CLEANUP(sph_buf_done) = SPH_BUF_LIMIT(8 << 20);
    assert_int_equal(sph_file_read(AT_FDCWD, SPH_TEST_APP, &bytes, NULL), 0);
    assert_int_equal(sph_file_replace(root, "app", bytes.data, bytes.len, 0755, NULL), 0);
    assert_int_equal(mkdirat(root, "folder", 0755), 0);
}

static struct sph_launch_plan good_plan(int root) {
    struct sph_launch_plan plan = {
        .sandbox = {.package_fd = root,
                    .library_fd = -1,
                    .loader = target.loader,
                    .loader_name = target.loader_name,
                    .host_name = "launch"},
        .identity = {.uid = 0x70000001, .file_bytes = 4096, .process_count = 8, .file_count = 64},
        .argv = argv_exit,
        .envp = no_environment,
        .working_folder = FOLDER,
        .ptrace_options = sph_tracer_options(),
    };
    return plan;
}

static unsigned count_entries(const char *path) {
    unsigned count = 0;
    sph_autoclosedir DIR *dir = opendir(path);
    assert_non_null(dir);
    while (readdir(dir))
        count++;
    return count;
}

static unsigned count_mounts(void) {
    unsigned count = 0;
    sph_autofclose FILE *file = fopen("/proc/self/mountinfo", "r");
    assert_non_null(file);
    for (int c; (c = fgetc(file)) != EOF;)
        count += c == '\n';
    return count;
}

static void expect_failure(const struct sph_launch_plan *plan, int code, const char *sentence) {
    struct sph_launched launched = SPH_LAUNCHED_NULL;
    struct sph_err err = SPH_ERR_NULL;
    unsigned descriptors = count_entries("/proc/self/fd"), mounts = count_mounts();
    assert_int_equal(sph_launch(plan, &launched, &err), code);
    assert_string_equal(err.text, sentence);
    assert_int_equal(launched.app_pid, -1);
    assert_int_equal(count_entries("/proc/self/fd"), descriptors);
    assert_int_equal(count_mounts(), mounts);
    assert_int_equal(waitpid(-1, NULL, __WALL | WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void test_failures(void **state) {
    int root = *(int *)*state;
    struct sph_launch_plan plan = good_plan(root);
    plan.argv = argv_missing;
    expect_failure(&plan, -ENOENT, "Cannot run " FOLDER "/nothing: No such file or directory");
    plan.argv = argv_folder;
    expect_failure(&plan, -EACCES, "Cannot run " FOLDER "/folder: Permission denied");
    plan = good_plan(root);
    plan.working_folder = "/nowhere";
    expect_failure(&plan, -ENOENT,
                   "Cannot enter the app's folder /nowhere: No such file or directory");
    plan = good_plan(root);
    plan.sandbox.loader = "/nowhere/loader";
    expect_failure(&plan, -ENOENT,
                   "Cannot show /nowhere/loader to the app: No such file or directory");
    plan = good_plan(root);
    plan.sandbox.package_fd = -1;
    expect_failure(&plan, -EBADF, "Cannot show its package to the app: Bad file descriptor");
    plan = good_plan(root);
    plan.sandbox.host_name = "a name that is longer than the sixty-four bytes that the kernel has "
                             "for it";
    expect_failure(&plan, -EINVAL, "Cannot set the app's host name: Invalid argument");
    plan = good_plan(root);
    plan.ptrace_options = ~0u;
    expect_failure(&plan, -EIO, "Cannot trace the app: Input/output error");
    plan = good_plan(root);
    plan.identity.uid = 0;
    expect_failure(&plan, -EINVAL, "An app cannot run as user 0.");
    plan.identity.uid = (uid_t)-1;
    expect_failure(&plan, -EINVAL, "An app cannot run as user 4294967295.");
    plan = good_plan(root);
    plan.identity.file_count = 1u << 31;
    expect_failure(&plan, -EPERM, "Cannot set the app's limit 7: Operation not permitted");
}

/* The exit status comes through the tracer first, then the helper leaves by itself. */
static void test_success(void **state) {
    int root = *(int *)*state, status = 0;
    struct sph_launched launched = SPH_LAUNCHED_NULL;
    struct sph_err err = SPH_ERR_NULL;
    const struct sph_launch_plan plan = good_plan(root);
    unsigned descriptors = count_entries("/proc/self/fd");
    if (sph_launch(&plan, &launched, &err) < 0)
        fail_msg("%s", err.text);
    assert_true(launched.exec_ns > launched.start_ns);
    bool app_stopped = false, app_gone = false, helper_gone = false;
    while (!app_gone || !helper_gone) {
        pid_t pid = waitpid(-1, &status, __WALL);
        assert_true(pid > 0);
        if (WIFSTOPPED(status)) {
            assert_int_equal(pid, launched.app_pid);
            assert_int_equal(status >> 8, SIGTRAP | PTRACE_EVENT_EXIT << 8);
            app_stopped = true;
            (void)ptrace(PTRACE_CONT, pid, NULL, NULL);
        } else if (pid == launched.app_pid) {
            assert_int_equal(WEXITSTATUS(status), 7);
            app_gone = true;
        } else {
            assert_int_equal(pid, launched.helper_pid);
            assert_true(app_gone);
            helper_gone = true;
        }
    }
    assert_true(app_stopped);
    launched.helper_pid = -1;
    sph_launched_done(&launched);
    sph_launched_done(&launched);
    assert_int_equal(count_entries("/proc/self/fd"), descriptors);
}

static int setup(void **state) {
    static int root;
    assert_non_null(mkdtemp(package));
    assert_int_equal(chmod(package, 0755), 0);
    root = open(package, O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_true(root >= 0);
    sph_target_open(&target);
    sph_autoclose int folder = open(package, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    copy_program(folder);
    *state = &root;
    return 0;
}

static int teardown(void **state) {
    (void)close(*(int *)*state);
    sph_target_close(&target);
    return sph_tree_remove(AT_FDCWD, package, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_success),
    };
    rig_require();
    return cmocka_run_group_tests(tests, setup, teardown);
}
