/* The programs are found beside this one, started detached, and tell on a pipe that they are
 * ready ("ok", or one sentence why not). The pipe is descriptor 3, but standard output under
 * sudo, which closes every other one.
 *
 * Nothing is waited for blindly: the pipe ends with the program, so a start that fails is seen
 * at once and not after a time-out. A supervisor (systemd units) was rejected for development
 * devices: they come and go by the dozen in tests, without rights to the machine's manager. The
 * children are not waited for: they outlive this command, and init reaps them. Only one that did
 * not become ready is ended, since nobody else knows of it yet. */
#include "cli/device/launch_program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/device/home.h"
#include "cli/device/interrupt.h"

enum {
    READY_TIMEOUT_MS = 30000, /* loading the meter and all installed packages, on a slow machine */
    END_TIMEOUT_MS = 5000,    /* of one that was told to end before it was ready */
    STEP_US = 20000,          /* a person does not see 20 ms */
    LOG_BYTES = 1 << 20,      /* a log above this starts anew with the program */
    READY_FD = 3,             /* where all programs find the pipe */
    EXIT_CANNOT_METER = 5,    /* of the agent: no right, or no kernel, to meter */
    EXIT_FULL = 7,            /* of the gateway: no room for a machine's disk */
};

/* $SPHERULE_LIBEXEC, or the folder of this very program. */
void sph_program_folder(char *ret_path, size_t size) {
    const char *set = getenv("SPHERULE_LIBEXEC");
    if (set && *set) {
        (void)snprintf(ret_path, size, "%s", set);
        return;
    }
    ssize_t len = readlink("/proc/self/exe", ret_path, size - 1);
    ret_path[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(ret_path, '/');
    if (slash)
        *slash = '\0';
}

static int find_program(const char *name, char *ret_path, size_t size, struct sph_err *err) {
    char folder[3072];
    sph_program_folder(folder, sizeof(folder));
    (void)snprintf(ret_path, size, "%s/%s", folder, name);
    if (access(ret_path, X_OK) == 0)
        return 0;
    return SPH_FAIL(err, -EIO,
                    "cannot find %s in %s; set SPHERULE_LIBEXEC to the folder that has it", name,
                    folder);
}

/* Append: the log of the last start is often the one that is wanted after a failed one. */
static int open_log(int device_fd, const char *name, struct sph_err *err) {
    sph_autoclose int fd =
        openat(device_fd, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot open %s", name);
    struct stat st;
    if (fstat(fd, &st) == 0 && st.st_size > LOG_BYTES && ftruncate(fd, 0) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot start %s afresh", name);
    return SPH_STEAL_FD(fd);
}

/* In the child: only calls that are safe after fork. Never returns. */
static void become(char *const argv[], int ready_fd, int ready_as, int log_fd) {
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)signal(SIGINT, SIG_DFL);
    (void)signal(SIGTERM, SIG_DFL);
    (void)setsid();
    if (chdir("/") < 0)
        _exit(127);
    int null = open("/dev/null", O_RDONLY);
    (void)dup2(null, STDIN_FILENO);
    (void)dup2(log_fd, STDOUT_FILENO);
    (void)dup2(log_fd, STDERR_FILENO);
    if (ready_fd == ready_as)
        (void)fcntl(ready_fd, F_SETFD, 0);
    else
        (void)dup2(ready_fd, ready_as);
    (void)execvp(argv[0], argv);
    _exit(127);
}

/* Reads the line that the program writes when it is ready. 0 for a line; positive when the other
 * side closed without a word; -ETIMEDOUT; -ECANCELED after an interrupt. */
static int read_ready(int fd, char *line, size_t size) {
    size_t len = 0;
    uint64_t end = sph_clock_monotonic_ms() + READY_TIMEOUT_MS;
    while (len + 1 < size && !memchr(line, '\n', len)) {
        uint64_t now = sph_clock_monotonic_ms();
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        if (sph_interrupt_signal())
            return -ECANCELED;
        if (now >= end)
            return -ETIMEDOUT;
        if (poll(&poll_fd, 1, (int)(end - now)) <= 0)
            continue; /* time is up, or a signal came: a read now would wait without a limit */
        ssize_t n = read(fd, line + len, size - 1 - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        len += (size_t)n;
    }
    line[len] = '\0';
    line[strcspn(line, "\n")] = '\0';
    return len == 0 ? 1 : 0;
}

/* Collects a child that ends, for as long as that; its wait status, or -1. */
static int collect(pid_t pid, int timeout_ms) {
    int status = 0;
    for (int waited_ms = 0; waited_ms <= timeout_ms; waited_ms += STEP_US / 1000) {
        if (waitpid(pid, &status, WNOHANG) == pid)
            return status;
        (void)usleep(STEP_US);
    }
    return -1;
}

/* The status of a program that refused says whose fault it is. */
static int refuse(pid_t pid, const char *line, struct sph_err *err) {
    int status = collect(pid, 2000);
    int code = status >= 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (code == EXIT_CANNOT_METER)
        return SPH_FAIL(err, -EPERM, "%s; " SPH_LAUNCH_VIRTUAL_HINT, line);
    return SPH_FAIL(err, code == EXIT_FULL ? -ENOSPC : -EREMOTEIO, "%s", line);
}

/* One that is not ready and shall not become so. It is our child, not yet waited for: its pid is
 * still its own. Under sudo it is root's and cannot be signalled: false. */
static bool end_child(pid_t pid) {
    if (kill(pid, SIGTERM) < 0)
        return false;
    if (collect(pid, END_TIMEOUT_MS) < 0) {
        (void)kill(pid, SIGKILL);
        (void)collect(pid, END_TIMEOUT_MS);
    }
    return true;
}

/* Turns what the program said, or did not say, into one sentence and a code for the exit status. */
static int await_ready(const struct sph_launch_program *program, pid_t pid, int ready_fd,
                       struct sph_err *err) {
    char line[300] = "";
    int r = read_ready(ready_fd, line, sizeof(line));
    if (r == -ECANCELED || r == -ETIMEDOUT)
        (void)end_child(pid); /* ignoring: root's will be ready, or end, without us */
    if (r == -ECANCELED)
        return SPH_FAIL(err, -ECANCELED, "interrupted");
    if (r == -ETIMEDOUT)
        return SPH_FAIL(err, -ETIMEDOUT, "%s was not ready within %d s; see %s in its folder",
                        program->name, READY_TIMEOUT_MS / 1000, program->log_file);
    if (r == 0 && strcmp(line, "ok") == 0)
        return 0;
    if (r == 0)
        return refuse(pid, line, err);
    if (program->privileged && geteuid() != 0)
        return SPH_FAIL(err, -EPERM, "%s", program->refusal);
    return SPH_FAIL(err, -EREMOTEIO, "%s ended before it was ready; see %s in its folder",
                    program->name, program->log_file);
}

/* What the child needs is opened before the fork, so that the failures can be told. */
int sph_launch_program(int device_fd, const struct sph_launch_program *program,
                       struct sph_err *err) {
    char path[4096];
    char device[4096];
    char owner[16];
    char ready[16];
    bool sudo = program->privileged && geteuid() != 0;
    int ready_as = sudo ? STDOUT_FILENO : READY_FD;
    int r = find_program(program->name, path, sizeof(path), err);
    if (r < 0)
        return r;
    char link[40];
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", device_fd);
    ssize_t len = readlink(link, device, sizeof(device) - 1);
    device[len > 0 ? len : 0] = '\0';
    (void)snprintf(owner, sizeof(owner), "%u", sph_home_owner());
    char *argv[] = {"sudo",    "-n",  path,         "--device", device,
                    "--owner", owner, "--ready-fd", ready,      (char *)(uintptr_t)program->option,
                    NULL};
    (void)snprintf(ready, sizeof(ready), "%d", ready_as);
    sph_autoclose int log_fd = open_log(device_fd, program->log_file, err);
    int ends[2];
    if (log_fd < 0)
        return log_fd;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot start %s", program->name);
    sph_autoclose int ready_fd = ends[0];
    pid_t pid = fork();
    if (pid == 0)
        become(sudo ? argv : argv + 2, ends[1], ready_as, log_fd);
    (void)close(ends[1]);
    if (pid < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot start %s", program->name);
    return await_ready(program, pid, ready_fd, err);
}
