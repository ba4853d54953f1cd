/* A process of ours is known by three things; each alone proves nothing. */
#include "cli/device/pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/testing.h"
#include "cli/device/launch.h"

static const struct sph_scratch *scratch;

static int set_up(void **state) {
    int result = sph_scratch_make(state);
    scratch = *state;
    return result;
}

/* What a stand-in does: each of the three can be left out. */
struct stand_in {
    const char *file, *name;
    bool locks;
    const char *text; /* NULL: its pid */
};

static void act(const struct stand_in *what) {
    char text[24];
    char seconds[] = "600";
    char *argv[] = {(char *)(uintptr_t)what->name, seconds, NULL};
    int fd = openat(scratch->fd, what->file, O_RDWR | O_CREAT, 0644); /* stays open over exec */
    if (what->locks)
        (void)flock(fd, LOCK_EX);
    (void)snprintf(text, sizeof(text), "%d\n", (int)getpid());
    (void)sph_fd_write_full(fd, what->text ? what->text : text,
                            strlen(what->text ? what->text : text));
    (void)execv("/bin/sleep", argv);
    _exit(127);
}

/* The pipe's end of file comes with exec: from then on the process has its name. */
static pid_t start(const struct stand_in *what) {
    int ends[2];
    char byte;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0)
        act(what);
    (void)close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 0);
    (void)close(ends[0]);
    return pid;
}

static void end(pid_t pid) {
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
}

static const struct {
    struct stand_in what;
    bool is_held;
} rows[] = {
    {{.file = "agent.pid", .name = "spherule-agent", .locks = true}, true},
    {{.file = "agent.pid", .name = "spherule-agent", .locks = false}, false},
    {{.file = "agent.pid", .name = "somebody-else", .locks = true}, false},
    {{.file = "agent.pid", .name = "spherule-agent", .locks = true, .text = "1\n"}, false},
    {{.file = "agent.pid", .name = "spherule-agent", .locks = true, .text = ""}, false},
    {{.file = "agent.pid", .name = "spherule-agent", .locks = true, .text = "-7\n"}, false},
    {{.file = "agent.pid", .name = "spherule-agent", .locks = true, .text = "12x\n"}, false},
    {{.file = "other.pid", .name = "spherule-agent", .locks = true}, false},
};

static void test_all_three_must_agree(void **state) {
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        pid_t pid = start(&rows[i].what);
        assert_int_equal(sph_pidfile_is_held(scratch->fd, "agent.pid", "spherule-agent"),
                         rows[i].is_held);
        int process = sph_pidfile_open_process(scratch->fd, "agent.pid", "spherule-agent", NULL);
        assert_int_equal(process >= 0, rows[i].is_held);
        sph_closep_(&process);
        end(pid);
        assert_false(sph_pidfile_is_held(scratch->fd, "agent.pid", "spherule-agent"));
        (void)unlinkat(scratch->fd, rows[i].what.file, 0);
    }
}

static void test_the_descriptor_tells_the_end(void **state) {
    static const struct stand_in what = {.file = "gateway.pid", .name = "spheruled", .locks = true};
    (void)state;
    pid_t pid = start(&what);
    sph_autoclose int process =
        sph_pidfile_open_process(scratch->fd, "gateway.pid", "spheruled", NULL);
    struct pollfd poll_fd = {.fd = process, .events = POLLIN};
    assert_true(process >= 0);
    assert_int_equal(poll(&poll_fd, 1, 0), 0);
    end(pid);
    assert_int_equal(poll(&poll_fd, 1, 1000), 1);
}

static void test_states_of_a_device(void **state) {
    static const struct stand_in agent = {
        .file = "agent.pid", .name = "spherule-agent", .locks = true};
    static const struct stand_in gateway = {
        .file = "gateway.pid", .name = "spheruled", .locks = true};
    (void)state;
    assert_int_equal(sph_launch_state(scratch->fd), SPH_DEVICE_STOPPED);
    pid_t agent_pid = start(&agent);
    assert_int_equal(sph_launch_state(scratch->fd), SPH_DEVICE_AGENT_ONLY);
    pid_t gateway_pid = start(&gateway);
    assert_int_equal(sph_launch_state(scratch->fd), SPH_DEVICE_RUNNING);
    end(agent_pid);
    assert_int_equal(sph_launch_state(scratch->fd), SPH_DEVICE_GATEWAY_ONLY);
    end(gateway_pid);
    assert_int_equal(sph_launch_state(scratch->fd), SPH_DEVICE_STOPPED);
    assert_string_equal(sph_device_state_name(SPH_DEVICE_GATEWAY_ONLY), "gateway only");
}

/* Looking must not get in the way of a starting program: the lock is not even tried without a name.
 */
static void test_looking_leaves_the_lock_alone(void **state) {
    (void)state;
    sph_autoclose int fd = openat(scratch->fd, "agent.pid", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    assert_int_equal(sph_fd_write_full(fd, "1\n", 2), 0);
    for (int i = 0; i < 1000; i++) {
        assert_false(sph_pidfile_is_held(scratch->fd, "agent.pid", "spherule-agent"));
        assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
        assert_int_equal(flock(fd, LOCK_UN), 0);
    }
}

static void test_one_holder_of_the_device_lock(void **state) {
    struct sph_err err = SPH_ERR_NULL;
    (void)state;
    sph_autoclose int fd = sph_launch_lock(scratch->fd, &err);
    assert_true(fd >= 0);
    sph_autoclose int other = openat(scratch->fd, "lock", O_RDONLY | O_CLOEXEC);
    assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1);
    assert_int_equal(errno, EWOULDBLOCK);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, sph_scratch_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_all_three_must_agree),
        IN_FOLDER(test_the_descriptor_tells_the_end),
        IN_FOLDER(test_states_of_a_device),
        IN_FOLDER(test_looking_leaves_the_lock_alone),
        IN_FOLDER(test_one_holder_of_the_device_lock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
