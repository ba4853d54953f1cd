/* The two programs are found beside this one, started detached, and tell on a pipe that they are
 * ready ("ok", or one sentence why not). The pipe is descriptor 3, but standard output under
 * sudo, which closes every other one.
 *
 * Nothing is waited for blindly: the pipe ends with the program, so a start that fails is seen
 * at once and not after a time-out. A supervisor (systemd units) was rejected for development
 * devices: they come and go by the dozen in tests, without rights to the machine's manager. The
 * children are not waited for: they outlive this command, and init reaps them. */
#include "cli/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "cli/home.h"
#include "cli/pidfile.h"

enum {
    LOCK_TIMEOUT_MS = 60000,  /* longer than any start or stop takes */
    LOCK_STEP_US = 20000,     /* a person does not see 20 ms */
    READY_TIMEOUT_MS = 30000, /* loading the meter and all installed packages, on a slow machine */
    LOG_BYTES = 1 << 20,      /* a log above this starts anew with the program */
    READY_FD = 3,             /* where both programs find the pipe */
    EXIT_CANNOT_METER = 5,    /* of the agent: no right, or no kernel, to meter */
};

#define CANNOT_METER                                                                               \
    "metering on this machine itself needs root and Linux 6.2 or newer; the virtual device needs " \
    "neither, but is not part of this version"

/* One program to start. */
struct program {
    const char *name, *pid_file, *log_file, *refusal;
    const char *option; /* or NULL */
    bool privileged;
};

/* The agent needs root for control groups, BPF and namespaces; the gateway drops what it has before
 * it serves. The sweep is the agent's program once more, for a moment, on a device that does not
 * run. */
static const struct program agent_program = {
    .name = SPH_AGENT_PROGRAM,
    .pid_file = SPH_AGENT_PIDFILE,
    .log_file = "agent.log",
    .refusal = "the agent could not be started as root (tried 'sudo -n'): " CANNOT_METER,
    .privileged = true,
};
static const struct program sweep_program = {
    .name = SPH_AGENT_PROGRAM,
    .log_file = "agent.log",
    .refusal = "the agent could not be started as root (tried 'sudo -n')",
    .option = "--sweep",
    .privileged = true,
};
static const struct program gateway_program = {
    .name = SPH_GATEWAY_PROGRAM,
    .pid_file = SPH_GATEWAY_PIDFILE,
    .log_file = "gateway.log",
    .refusal = "the gateway ended before it was ready",
};

/* Only for the two that stay; the sweep has no pid file. */
static bool is_running(int device_fd, const struct program *program) {
    return sph_pidfile_is_held(device_fd, program->pid_file, program->name);
}

/* Two looks at two files, not one moment: a device that is just starting or ending may show
 * anything between. */
enum sph_device_state sph_launch_state(int device_fd) {
    bool agent = is_running(device_fd, &agent_program);
    bool gateway = is_running(device_fd, &gateway_program);
    if (agent)
        return gateway ? SPH_DEVICE_RUNNING : SPH_DEVICE_AGENT_ONLY;
    return gateway ? SPH_DEVICE_GATEWAY_ONLY : SPH_DEVICE_STOPPED;
}

const char *sph_device_state_name(enum sph_device_state state) {
    static const char *const names[] = {"stopped", "running", "agent only", "gateway only"};
    return names[state];
}

/* Polled, since flock cannot wait with a limit; a start or stop takes some tenths of a second. */
int sph_launch_lock(int device_fd, struct sph_err *err) {
    sph_autoclose int fd = openat(device_fd, "lock", O_RDONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot open the device's lock");
    uint64_t end = sph_clock_monotonic_ms() + LOCK_TIMEOUT_MS;
    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return SPH_FAIL_ERRNO(err, -errno, "cannot lock the device");
        if (sph_clock_monotonic_ms() >= end)
            return SPH_FAIL(err, -EBUSY,
                            "another command has been starting or stopping this device for %d s",
                            LOCK_TIMEOUT_MS / 1000);
        (void)usleep(LOCK_STEP_US);
    }
    return SPH_STEAL_FD(fd);
}

/* The folder where the programs are: $SPHERULE_LIBEXEC, or that of this very program. */
static int find_program(const char *name, char *ret_path, size_t size, struct sph_err *err) {
    char folder[3072];
    const char *set = getenv("SPHERULE_LIBEXEC");
    if (set && *set) {
        (void)snprintf(folder, sizeof(folder), "%s", set);
    } else {
        ssize_t len = readlink("/proc/self/exe", folder, sizeof(folder) - 1);
        folder[len > 0 ? len : 0] = '\0';
        char *slash = strrchr(folder, '/');
        if (slash)
            *slash = '\0';
    }
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

/* Reads the line that the program writes when it is ready. 0 for "ok"; positive when the other side
 * closed without a word; else negative errno. */
static int read_ready(int fd, char *line, size_t size) {
    size_t len = 0;
    uint64_t end = sph_clock_monotonic_ms() + READY_TIMEOUT_MS;
    while (len + 1 < size && !memchr(line, '\n', len)) {
        uint64_t now = sph_clock_monotonic_ms();
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
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

/* Whether a program that refused did so because metering is impossible here. */
static bool cannot_meter(pid_t pid) {
    int status = 0;
    for (int i = 0; i < 100; i++) {
        if (waitpid(pid, &status, WNOHANG) == pid)
            return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_CANNOT_METER;
        (void)usleep(LOCK_STEP_US);
    }
    return false;
}

/* Turns what the program said, or did not say, into one sentence and a code for the exit status. */
static int await_ready(const struct program *program, pid_t pid, int ready_fd,
                       struct sph_err *err) {
    char line[300] = "";
    int r = read_ready(ready_fd, line, sizeof(line));
    if (r == 0 && strcmp(line, "ok") == 0)
        return 0;
    if (r == -ETIMEDOUT)
        return SPH_FAIL(err, -ETIMEDOUT, "%s was not ready within %d s; see %s in its folder",
                        program->name, READY_TIMEOUT_MS / 1000, program->log_file);
    if (r == 0)
        return SPH_FAIL(err, cannot_meter(pid) ? -EPERM : -EREMOTEIO, "%s", line);
    if (program->privileged && geteuid() != 0)
        return SPH_FAIL(err, -EPERM, "%s", program->refusal);
    return SPH_FAIL(err, -EREMOTEIO, "%s ended before it was ready; see %s in its folder",
                    program->name, program->log_file);
}

/* What the child needs is opened before the fork, so that the failures can be told. */
static int launch(int device_fd, const struct program *program, struct sph_err *err) {
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

/* The agent does it, since only it knows the names of its groups, and with --sweep it does nothing
 * else. */
int sph_launch_sweep(int device_fd, struct sph_err *err) {
    return launch(device_fd, &sweep_program, err);
}

/* The meter needs exact counters, which kernels before 6.2 do not have. */
static int check_kernel(struct sph_err *err) {
    struct utsname name;
    char *rest = NULL;
    (void)uname(&name);
    unsigned long major = strtoul(name.release, &rest, 10);
    unsigned long minor = *rest == '.' ? strtoul(rest + 1, NULL, 10) : 0;
    if (major > 6 || (major == 6 && minor >= 2))
        return 0;
    return SPH_FAIL(err, -EOPNOTSUPP, "this is Linux %.32s: " CANNOT_METER, name.release);
}

/* The agent first: the gateway's readiness does not depend on it, its first answers do. */
int sph_launch_start(int device_fd, const char *name, bool *ret_started, struct sph_err *err) {
    bool started = false;
    int r = 0;
    if (!is_running(device_fd, &agent_program)) {
        r = check_kernel(err);
        if (r == 0)
            r = launch(device_fd, &agent_program, err);
        started = true;
    }
    if (r == 0 && !is_running(device_fd, &gateway_program)) {
        r = launch(device_fd, &gateway_program, err);
        if (r < 0 && started) /* no agent without its gateway from one failed start */
            (void)sph_launch_stop(device_fd, name, NULL);
        started = true;
    }
    if (r == 0 && ret_started)
        *ret_started = started;
    return r;
}
