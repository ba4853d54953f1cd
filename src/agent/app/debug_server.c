/* The server is an ordinary process of the app's user in the agent's view of the system: it needs
 * the system's libraries, and whoever connects to it can do with it what it may do itself (read and
 * write files, start programs). As root that would hand the computer to anybody who reaches the
 * port, so it is not root: docs/adr/0005-who-debugs.md.
 *
 * It listens first and attaches second; being the app's tracer so is the sign that it is ready. */
#include "agent/app/debug_server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/app/autopsy.h"
#include "agent/app/sandbox.h"
#include "agent/process/processes.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"

enum {
    ATTACH_TIMEOUT_MS = 10 * 1000, /* 20 ms on a host; this is for a machine in swap */
    ATTACH_STEP_NS = 1000000,
    FILES = 64, /* gdbserver has about ten, and one per file that gdb reads through it */
    PROGRAM_FD = 3,
    STATUS_NOT_STARTED = 127,
    WORDS_BYTES = 512, /* of a server that did not start */
};

/* ---- in the server's process ---- */

/* 0, 1 and 2 are the server's, 3 is its program until execve, and nothing else stays open. */
static int arrange_descriptors(int program_fd, int output_fd) {
    int from[] = {-1, output_fd, output_fd, program_fd};
    from[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    for (int i = 0; i < 4; i++) /* out of the way first, so that none is overwritten */
        if (from[i] < 0 || (from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 16)) < 0)
            return -errno;
    for (int i = 0; i < 4; i++)
        if (dup3(from[i], i, i == PROGRAM_FD ? O_CLOEXEC : 0) < 0)
            return -errno;
    return close_range(PROGRAM_FD + 1, ~0u, 0) < 0 ? -errno : 0;
}

/* By the pipe, like all that the server says: the agent makes a sentence of it. */
static _Noreturn void give_up(int output_fd, const char *words) {
    (void)!write(output_fd, words, strlen(words));
    _exit(STATUS_NOT_STARTED);
}

static int prepare(const struct sph_debug_server_plan *plan, int *output_fd, struct sph_err *err) {
    int rc = sph_cgroup_app_enter(plan->cgroup, 0, err);
    if (rc < 0)
        return rc;
    sph_meter_touch();
    rc = arrange_descriptors(plan->program_fd, *output_fd);
    if (rc < 0)
        return SPH_FAIL_ERRNO(err, rc, "Cannot arrange the debugger's descriptors");
    *output_fd = STDERR_FILENO;
    /* It has no files to write. Its user is the app's, of whose processes it is one more. */
    const struct sph_sandbox_identity identity = {
        .uid = plan->uid, .process_count = SPH_PROCESSES_MAX + 1, .file_count = FILES};
    if (chdir("/") < 0)
        return SPH_FAIL_ERRNO(err, -errno, "Cannot enter the debugger's folder");
    return sph_sandbox_drop(&identity, err);
}

/* The parent-death signal comes last: a change of user takes it back. */
static _Noreturn void run_server(const struct sph_debug_server_plan *plan, int output_fd,
                                 pid_t agent) {
    struct sph_err err = SPH_ERR_NULL;
    char pid[16];
    (void)snprintf(pid, sizeof(pid), "%d", (int)plan->app_pid);
    /* --once: it ends with its first connection, as the app then does; else a port would wait for
     * whoever comes next. */
    char *const argv[] = {"gdbserver", "--once", "--attach", (char *)(uintptr_t)plan->address,
                          pid,         NULL};
    char *const envp[] = {NULL};
    if (prepare(plan, &output_fd, &err) < 0)
        give_up(output_fd, err.text);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != agent)
        _exit(STATUS_NOT_STARTED);
    if (plan->meter)
        sph_meter_arm(plan->meter);
    /* By descriptor: the package lies in a folder that is root's alone. */
    (void)syscall(SYS_execveat, PROGRAM_FD, "", argv, envp, AT_EMPTY_PATH);
    (void)SPH_FAIL_ERRNO(&err, -errno, "Cannot run it");
    give_up(output_fd, err.text);
}

/* ---- in the agent ---- */

const char *sph_debug_server_first_words(char *text) {
    size_t len = strcspn(text, "\n");
    while (len > 0 && (text[len - 1] == '.' || text[len - 1] == ' '))
        len--;
    text[len] = '\0';
    return text;
}

static int fail_with_words(int output_fd, struct sph_err *err) {
    char text[WORDS_BYTES];
    ssize_t len = read(output_fd, text, sizeof(text) - 1);
    text[len > 0 ? len : 0] = '\0';
    const char *words = sph_debug_server_first_words(text);
    return SPH_FAIL(err, -EIO, "The debugger did not start: %s.",
                    *words ? words : "it ended without a word");
}

/* Its death is met here and not in the tracer, since the loop does not run meanwhile. */
static int await_attach(struct sph_debug_server *server, pid_t app_pid, struct sph_err *err) {
    const struct timespec pause = {.tv_nsec = ATTACH_STEP_NS};
    uint64_t end_ms = sph_clock_monotonic_ms() + ATTACH_TIMEOUT_MS;
    while (sph_clock_monotonic_ms() < end_ms) {
        struct sph_thread_place place;
        if (sph_autopsy_place(app_pid, &place) == 0 && place.tracer == server->pid)
            return 0;
        if (waitpid(server->pid, NULL, WNOHANG) == server->pid) {
            server->pid = -1;
            return fail_with_words(server->output_fd, err);
        }
        (void)nanosleep(&pause, NULL);
    }
    return SPH_FAIL(err, -ETIMEDOUT, "The debugger has not taken the application within %d s.",
                    ATTACH_TIMEOUT_MS / 1000);
}

static void end_now(struct sph_debug_server *server) {
    if (server->pid > 0)
        (void)kill(server->pid, SIGKILL);
    while (server->pid > 0 && waitpid(server->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    (void)close(server->output_fd);
}

int sph_debug_server_start(const struct sph_debug_server_plan *plan,
                           struct sph_debug_server *ret_server, struct sph_err *err) {
    struct sph_debug_server server = SPH_DEBUG_SERVER_NULL;
    pid_t agent = getpid();
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "Cannot make a pipe for the debugger's output");
    server.output_fd = ends[0];
    server.pid = fork();
    if (server.pid == 0)
        run_server(plan, ends[1], agent);
    (void)close(ends[1]);
    int rc = server.pid < 0 ? SPH_FAIL_ERRNO(err, -errno, "Cannot fork the debugger")
                            : await_attach(&server, plan->app_pid, err);
    if (rc == 0 && (rc = sph_cgroup_app_freeze(plan->frozen, false)) < 0)
        (void)SPH_FAIL_ERRNO(err, rc, "Cannot give the application to the debugger");
    if (rc == 0 && fcntl(server.output_fd, F_SETFL, O_NONBLOCK) < 0)
        rc = SPH_FAIL_ERRNO(err, -errno, "Cannot read from the debugger");
    if (rc < 0) {
        end_now(&server);
        return rc;
    }
    *ret_server = server;
    return 0;
}
