/* The sandbox as an app finds it: the test app tries what it should not be able to do and prints
 * what came of it; this side knows what may have. */
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
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/tests/rig.h"
#include "base/attr.h"
#include "base/file.h"
#include "base/unix_socket.h"

static const char program[] = SPH_TEST_APP;

static int setup(void **state) {
    *state = rig_new(program, "");
    return 0;
}

static void expect_line(const struct rig *rig, const char *fmt, ...) SPH_PRINTF(2, 3);
static void expect_line(const struct rig *rig, const char *fmt, ...) {
    char line[256];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(line, sizeof(line) - 1, fmt, args);
    va_end(args);
    line[len] = '\n';
    line[len + 1] = '\0';
    if (!strstr(rig->output, line))
        fail_msg("missing: %sin:\n%s", line, rig->output);
}

static unsigned count_lines(const char *text, const char *prefix) {
    unsigned count = 0;
    for (const char *at = text; (at = strstr(at, prefix)) != NULL; at++)
        count += at == text || at[-1] == '\n';
    return count;
}

static void inspect(struct rig *rig) {
    char pid[16];
    (void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
    const struct sph_msg_report *report = rig_run_app(rig, RIG_ARGS("inspect", pid));
    assert_int_equal(report->why, SPH_END_EXIT);
    assert_int_equal(report->exit_code, 0);
}

static void test_nothing_of_the_host_is_seen(void **state) {
    static const char *const hidden[] = {"/etc/passwd", "/usr",  "/home",       "/tmp",
                                         "/var",        "/root", "/sys",        "/bin",
                                         "/proc/1",     "/boot", "/dev/mem",    "/proc/kcore",
                                         "/dev/shm",    "/opt",  "/proc/mounts"};
    struct rig *rig = *state;
    inspect(rig);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(hidden); i++)
        if (strcmp(hidden[i], "/proc/mounts") != 0) /* a link to its own self/mounts */
            expect_line(rig, "%s: no %d", hidden[i], ENOENT);
    expect_line(rig, "pid 2 parent 1");
    expect_line(rig, "kill of the agent: no %d", ESRCH);
    expect_line(rig, "host rig cwd /mnt/apps/%s",
                sph_guid_format(&rig->component, (char[SPH_GUID_TEXT]){0}));
}

static void test_nothing_can_be_written(void **state) {
    struct rig *rig = *state;
    inspect(rig);
    expect_line(rig, "app_manifest.json: YES");
    /* Its own user may not write to it, before the read-only mount is asked. */
    assert_int_equal(count_lines(rig->output, "app_manifest.json: no"), 1);
    expect_line(rig, "new: no %d", EROFS);
    expect_line(rig, "/new: no %d", EROFS);
    expect_line(rig, "/run/spherule/new: no %d", EROFS);
    expect_line(rig, "/dev/null: YES");
    expect_line(rig, "/dev/urandom: YES");
}

static void test_no_privilege(void **state) {
    static const char *const sets[] = {"CapPrm", "CapEff", "CapBnd", "CapAmb", "CapInh"};
    struct rig *rig = *state;
    inspect(rig);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(sets); i++)
        expect_line(rig, "%s:\t0000000000000000", sets[i]);
    expect_line(rig, "NoNewPrivs:\t1");
    expect_line(rig, "Groups:\t ");
    expect_line(rig, "SigBlk:\t0000000000000000");
    expect_line(rig, "SigIgn:\t0000000001000000"); /* SIGXFSZ alone */
    unsigned uid = 0x70000000u | (rig->device.hash & 0xffff) << 8;
    const char *at = strstr(rig->output, "Uid:");
    assert_non_null(at);
    char *end = (char *)(uintptr_t)at + strlen("Uid:");
    unsigned long shown[4]; /* real, effective, saved, of the file system */
    for (int i = 0; i < 4; i++) {
        shown[i] = strtoul(end, &end, 10);
        assert_in_range(shown[i], uid, uid + 255);
    }
    expect_line(rig, "Gid:\t%lu\t%lu\t%lu\t%lu", shown[0], shown[0], shown[0], shown[0]);
    expect_line(rig, "mount: no %d", EPERM);
    expect_line(rig, "chroot: no %d", EPERM);
    expect_line(rig, "setuid: no %d", EPERM);
    expect_line(rig, "ptrace of the helper: no %d", EPERM);
    expect_line(rig, "signal to the helper: no %d", EPERM);
}

static void test_no_network(void **state) {
    struct rig *rig = *state;
    inspect(rig);
    expect_line(rig, "raw socket: no %d", EPERM);
    expect_line(rig, "connect: no %d", ENETUNREACH);
}

/* Standard input, output and error, and nothing that the agent has open. */
static void test_only_three_descriptors(void **state) {
    struct rig *rig = *state;
    char pid[16];
    (void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
    (void)rig_run_app(rig, RIG_ARGS("descriptors"));
    assert_string_equal(rig->output, "fd 0\nfd 1\nfd 2\n");
}

static void test_limits(void **state) {
    struct rig *rig = *state;
    (void)rig_run_app(rig, RIG_ARGS("limits"));
    assert_string_equal(rig->output, "core 0\nfsize 262144\nnproc 64\nnofile 256\n");
}

/* The agent's socket and another app's package: by their paths outside, and by what they could be
 * inside. */
static void test_neighbours_are_out_of_reach(void **state) {
    struct rig *rig = *state;
    struct sph_guid other;
    char socket_path[128], package_path[128], inside[128], guid[SPH_GUID_TEXT];
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(sph_guid_random(&other), 0);
    rig_install(rig, &other, program, "");
    int listener = sph_unix_listen(rig->device.dir_fd, "agent.sock", SOCK_STREAM, 0666, &err);
    assert_true(listener >= 0);
    (void)sph_guid_format(&other, guid);
    (void)snprintf(socket_path, sizeof(socket_path), "%s/agent.sock", rig->folder);
    (void)snprintf(package_path, sizeof(package_path), "%s/state/packages/%s", rig->folder, guid);
    (void)snprintf(inside, sizeof(inside), "/mnt/apps/%s", guid);
    const char *const paths[] = {socket_path, package_path, inside};
    (void)rig_run_app(rig, RIG_ARGS("reach", socket_path, package_path, inside));
    (void)close(listener);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(paths); i++) {
        expect_line(rig, "%s: no %d", paths[i], ENOENT);
        assert_int_equal(count_lines(rig->output, paths[i]), 2);
    }
    assert_null(strstr(rig->output, "YES"));
}

/* The device has no huge pages: one byte is one page, whatever this machine's setting is. */
static void test_a_byte_is_a_page(void **state) {
    struct rig *rig = *state;
    (void)rig_run_app(rig, RIG_ARGS("huge"));
    assert_string_equal(rig->output, "pages 1\n");
}

/* Two runs of one program hold the same pages: nothing about a start is left to chance. */
static void test_runs_are_alike(void **state) {
    struct rig *rig = *state;
    const struct sph_msg_report *report = rig_run_app(rig, RIG_ARGS("hello"));
    uint64_t user = report->user_bytes, peak = report->peak_user_bytes;
    for (int i = 0; i < 20; i++) {
        report = rig_run_app(rig, RIG_ARGS("hello"));
        assert_int_equal(report->user_bytes, user);
        assert_int_equal(report->peak_user_bytes, peak);
    }
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, rig_teardown)

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_of_the_host_is_seen),
        TEST(test_nothing_can_be_written),
        TEST(test_no_privilege),
        TEST(test_no_network),
        TEST(test_only_three_descriptors),
        TEST(test_limits),
        TEST(test_neighbours_are_out_of_reach),
        TEST(test_a_byte_is_a_page),
        TEST(test_runs_are_alike),
    };
    rig_require();
    /* Whoever starts an agent may have ignored what glibc's signal() cannot reach. */
    const uintptr_t ignored[8] = {(uintptr_t)SIG_IGN};
    (void)syscall(SYS_rt_sigaction, 32, ignored, NULL, 8);
    (void)syscall(SYS_rt_sigaction, 33, ignored, NULL, 8);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
