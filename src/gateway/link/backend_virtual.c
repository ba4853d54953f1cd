/* The machine is a child that outlives us: a session of its own, no descriptor of ours but the
 * locked machine.pid. The lock says that it runs, whoever started it; only its own parent also
 * learns how it ended. A gateway that comes second finds the lock taken and the socket there, and
 * is served as the first was.
 *
 * It is not started again by itself: a power cut would be no power cut then, and one that cannot
 * run would be tried for ever. Rejected: ending it with the gateway (whose restart must cost the
 * apps nothing), and a supervisor process between the two (a third thing that can die). */
#include "gateway/link/backend.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "base/unix_socket.h"
#include "gateway/machine/disk.h"
#include "gateway/machine/images.h"
#include "gateway/machine/machine.h"
#include "gateway/machine/ports.h"

#define PID_FILE "machine.pid"
#define LOG_FILE "machine.log"
#define CONTROL "machine.sock" /* as in its command line */
#define AGAIN "start the device again"

enum {
    UP_TIMEOUT_MS = 10000, /* for QEMU's greeting: 60 ms as a rule, more on a machine in swap */
    UP_STEP_US = 2000,
    LOG_BYTES = 1 << 20,
    LAST_LINE = 220,
    DYING_TRIES = 50, /* from the end of its connections to its own: 1 ms as a rule */
    DYING_STEP_US = 2000,
    LOCK_TRIES = 20,
    LOCK_STEP_US = 5000,
    /* Where the child has its descriptors: what QEMU is told to open is reopened through /proc. */
    LOCK_AT = 3,
    KERNEL_AT = 4,
    INITRAMFS_AT = 5,
    EXEC_AT = 6, /* closed by execve; else the reason why not */
};

struct machine {
    int dir_fd, images_fd; /* the caller's */
    char name[64];         /* of the agent's socket */
    pid_t pid;             /* of the QEMU that is our child and not reaped; -1 else */
    bool has_ended;        /* one was our child, and this is how: */
    int status;
};

/* ---- what runs ---- */

/* Its first thread is gone and the others are about to be: the moment is short enough to be waited
 * for, and a caller who saw the process end must not hear that it runs. */
static bool is_ending(pid_t pid) {
    char path[32], text[256];
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    sph_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : sph_fd_read_full(fd, text, sizeof(text));
    const char *end = len > 0 ? memrchr(text, ')', (size_t)len) : NULL;
    return end && text + len - end > 2 && (end[2] == 'Z' || end[2] == 'X');
}

static void reap(struct machine *machine) {
    int status;
    if (machine->pid <= 0 ||
        waitpid(machine->pid, &status, is_ending(machine->pid) ? 0 : WNOHANG) != machine->pid)
        return;
    machine->pid = -1;
    machine->status = status;
    machine->has_ended = true;
}

/* By trying the lock: it goes with the last descriptor, and those are QEMU's. */
static bool virtual_runs(void *context) {
    struct machine *machine = context;
    reap(machine);
    if (machine->pid > 0)
        return true;
    sph_autoclose int fd = openat(machine->dir_fd, PID_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

static int refuse_ended(const struct machine *machine, struct sph_err *err) {
    if (!machine->has_ended)
        return SPH_FAIL(err, -EHOSTDOWN, "the virtual machine has ended: " AGAIN);
    if (WIFSIGNALED(machine->status))
        return SPH_FAIL(err, -EHOSTDOWN, "the virtual machine was ended by signal %d: " AGAIN,
                        WTERMSIG(machine->status));
    if (WEXITSTATUS(machine->status) == 0)
        return SPH_FAIL(
            err, -EHOSTDOWN,
            "the virtual machine has switched itself off (console.log may say why): " AGAIN);
    return SPH_FAIL(
        err, -EHOSTDOWN,
        "the virtual machine has ended with status %d (machine.log may say why): " AGAIN,
        WEXITSTATUS(machine->status));
}

/* A process closes its connections one after the other, before it can be waited for. */
static int virtual_why_gone(void *context, struct sph_err *err) {
    for (int tries = 0; virtual_runs(context); tries++) {
        if (tries == DYING_TRIES)
            return 0;
        (void)usleep(DYING_STEP_US);
    }
    return refuse_ended(context, err);
}

/* QEMU listens from its first moments on; what is written waits for the guest. */
static int virtual_connect(void *context, struct sph_err *err) {
    const struct machine *machine = context;
    if (!virtual_runs(context))
        return refuse_ended(machine, err);
    return sph_unix_connect(machine->dir_fd, machine->name, SOCK_STREAM | SOCK_NONBLOCK, err);
}

static int virtual_control(void *context, struct sph_err *err) {
    const struct machine *machine = context;
    return sph_unix_connect(machine->dir_fd, CONTROL, SOCK_STREAM | SOCK_NONBLOCK, err);
}

/* ---- starting ---- */

static int read_config(int dir_fd, struct sph_machine_config *ret_config, struct sph_err *err) {
    sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(SPH_MACHINE_JSON);
    int rc = sph_file_read(dir_fd, "device.json", &text, err);
    return rc < 0 ? rc : sph_machine_parse(text.data ? text.data : "", text.len, ret_config, err);
}

/* In the child: moves `from` to `to`, out of the way of what is still to be moved. */
static int place(int from, int to, int flags) {
    return from == to ? fcntl(to, F_SETFD, flags ? FD_CLOEXEC : 0) : dup3(from, to, flags);
}

struct child_files {
    int dir, log, lock, kernel, initramfs, exec;
    off_t log_begin; /* what stands before it is of earlier machines */
};

/* By the child itself: its pid is in the file before it is QEMU, whatever becomes of us. */
static bool write_pid(int fd) {
    char text[16];
    int len = snprintf(text, sizeof(text), "%d\n", (int)getpid());
    return pwrite(fd, text, (size_t)len, 0) == len;
}

/* Descriptors are copied high first, so that none is overwritten before it is moved. Never returns.
 */
static void become_machine(const struct child_files *files, const struct sph_machine_words *words) {
    int high[] = {files->log, files->lock, files->kernel, files->initramfs, files->exec};
    static const int places[] = {STDERR_FILENO, LOCK_AT, KERNEL_AT, INITRAMFS_AT, EXEC_AT};
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)setsid();
    bool is_ready = fchdir(files->dir) == 0 && write_pid(files->lock);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(high); i++)
        high[i] = fcntl(high[i], F_DUPFD, 32);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(high); i++)
        is_ready = is_ready && high[i] >= 0 &&
                   place(high[i], places[i], places[i] == EXEC_AT ? O_CLOEXEC : 0) >= 0;
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    is_ready = is_ready && dup2(null, STDIN_FILENO) == 0 &&
               dup2(STDERR_FILENO, STDOUT_FILENO) == STDOUT_FILENO;
    if (is_ready) {
        (void)close_range(EXEC_AT + 1, ~0u, CLOSE_RANGE_CLOEXEC);
        (void)execvp(words->words[0], (char *const *)(uintptr_t)words->words);
    }
    int error = errno ? errno : EIO;
    (void)!write(high[EXEC_AT - LOCK_AT + 1], &error, sizeof(error));
    _exit(127);
}

/* 0 when execve has succeeded. */
static int await_exec(int fd, struct sph_err *err) {
    int error = 0;
    ssize_t got = sph_fd_read_full(fd, &error, sizeof(error));
    if (got == 0)
        return 0;
    if (got == (ssize_t)sizeof(error) && error == ENOENT)
        return SPH_FAIL(err, -ENOENT,
                        SPH_MACHINE_PROGRAM " is not installed: install QEMU for ARM (on Debian "
                                            "'apt-get install qemu-system-arm')");
    return SPH_FAIL_ERRNO(err, got == (ssize_t)sizeof(error) ? -error : -EIO,
                          "cannot run " SPH_MACHINE_PROGRAM);
}

/* QEMU's own sentence, for one that ended at once: the end of it when it is long. */
static void last_line(const struct child_files *files, char ret_line[LAST_LINE]) {
    char text[4096];
    struct stat info = {.st_size = 0};
    (void)fstat(files->log, &info);
    off_t from = info.st_size - (off_t)sizeof(text);
    ssize_t len =
        pread(files->log, text, sizeof(text), from > files->log_begin ? from : files->log_begin);
    while (len > 0 && text[len - 1] == '\n')
        len--;
    const char *begin = len > 0 ? memrchr(text, '\n', (size_t)len) : NULL;
    begin = begin ? begin + 1 : text;
    size_t size = len > 0 ? (size_t)(text + len - begin) : 0;
    if (size > LAST_LINE - 1) {
        begin += size - (LAST_LINE - 1);
        size = LAST_LINE - 1;
    }
    sph_text_printable(begin, size, ret_line, LAST_LINE);
}

/* QEMU greets on its control socket when all that it was told to set up is there. Listening begins
 * earlier: a socket that is there says nothing yet. */
static bool is_up(const struct machine *machine, int *control_fd) {
    struct pollfd greeting = {.events = POLLIN};
    if (*control_fd < 0)
        *control_fd = sph_unix_connect(machine->dir_fd, CONTROL, SOCK_STREAM | SOCK_NONBLOCK, NULL);
    greeting.fd = *control_fd;
    return *control_fd >= 0 && poll(&greeting, 1, 0) > 0 && !(greeting.revents & POLLHUP);
}

/* Whoever starts us may change their mind: the loop, which takes signals, does not run yet. */
static bool is_told_to_end(void) {
    sigset_t pending;
    return sigpending(&pending) == 0 &&
           (sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1);
}

static int await_up(struct machine *machine, const struct child_files *files, struct sph_err *err) {
    char line[LAST_LINE];
    sph_autoclose int control_fd = -1;
    uint64_t end = sph_clock_monotonic_ms() + UP_TIMEOUT_MS;
    while (!is_up(machine, &control_fd)) {
        reap(machine);
        if (is_told_to_end())
            return SPH_FAIL(err, -ECANCELED, "told to end while the virtual machine started");
        if (machine->pid <= 0) {
            last_line(files, line);
            return SPH_FAIL(err, -EIO, "the virtual machine did not start: %s",
                            *line ? line : "see machine.log in the device's folder");
        }
        if (sph_clock_monotonic_ms() >= end)
            return SPH_FAIL(err, -ETIMEDOUT,
                            "the virtual machine did not start within %d s: " AGAIN
                            " when this computer has less to do",
                            UP_TIMEOUT_MS / 1000);
        (void)usleep(UP_STEP_US);
    }
    return is_told_to_end()
               ? SPH_FAIL(err, -ECANCELED, "told to end while the virtual machine started")
               : 0;
}

/* Sockets of an earlier machine would be taken for the new one's. */
static int spawn(struct machine *machine, struct child_files *files,
                 const struct sph_machine_words *words, struct sph_err *err) {
    int ends[2];
    (void)unlinkat(machine->dir_fd, machine->name, 0);
    (void)unlinkat(machine->dir_fd, CONTROL, 0);
    if (ftruncate(files->lock, 0) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot write " PID_FILE);
    if (pipe2(ends, O_CLOEXEC) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot start the virtual machine");
    sph_autoclose int read_end = ends[0];
    files->exec = ends[1];
    pid_t pid = fork();
    if (pid == 0)
        become_machine(files, words);
    (void)close(ends[1]);
    if (pid < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot start the virtual machine");
    machine->pid = pid;
    machine->has_ended = false;
    int rc = await_exec(read_end, err);
    return rc < 0 ? rc : await_up(machine, files, err);
}

/* Locked here, held by QEMU: our own copy goes when this start is over. Whoever looks whether a
 * machine runs may hold the lock for a moment. */
static int lock_pid_file(const struct machine *machine, struct sph_err *err) {
    sph_autoclose int fd =
        openat(machine->dir_fd, PID_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot open " PID_FILE " in the device's folder");
    for (int tries = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; tries++) {
        if (errno != EWOULDBLOCK || tries == LOCK_TRIES)
            return SPH_FAIL_ERRNO(err, -errno, "cannot lock " PID_FILE);
        (void)usleep(LOCK_STEP_US);
    }
    return SPH_STEAL_FD(fd);
}

static int open_log(const struct machine *machine, off_t *ret_begin, struct sph_err *err) {
    struct stat info = {.st_size = 0};
    sph_autoclose int fd = openat(machine->dir_fd, LOG_FILE,
                                  O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot open " LOG_FILE " in the device's folder");
    (void)fstat(fd, &info);
    if (info.st_size > LOG_BYTES && ftruncate(fd, 0) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot start " LOG_FILE " afresh");
    *ret_begin = info.st_size > LOG_BYTES ? 0 : info.st_size;
    return SPH_STEAL_FD(fd);
}

/* By name as the owner, since the folder may have been made anew; else by what was opened when more
 * was permitted. */
static int open_images(const struct machine *machine, struct sph_images *ret_images,
                       struct sph_err *err) {
    sph_autoclose int folder_fd = sph_images_open_folder(err);
    if (folder_fd < 0 && (folder_fd != -EACCES || machine->images_fd < 0))
        return folder_fd;
    return sph_images_open(folder_fd < 0 ? machine->images_fd : folder_fd, ret_images, err);
}

/* All that can be refused is looked at before anything runs. */
static int start(struct machine *machine, struct sph_err *err) {
    struct sph_machine_config config;
    struct sph_machine_words words;
    struct sph_images images SPH_CLEANUP(sph_images_close) = SPH_IMAGES_NULL;
    int rc = read_config(machine->dir_fd, &config, err);
    if (rc == 0)
        rc = open_images(machine, &images, err);
    if (rc == 0)
        rc = sph_ports_check(&config, err);
    if (rc == 0)
        rc = sph_disk_prepare(machine->dir_fd, sph_machine_disk_bytes(&config), err);
    if (rc == 0)
        rc = sph_machine_compose(&config, "/proc/self/fd/4", "/proc/self/fd/5", sph_clock_wall_ms(),
                                 &words, err);
    if (rc < 0)
        return rc;
    sph_autoclose int lock_fd = lock_pid_file(machine, err);
    if (lock_fd < 0)
        return lock_fd;
    off_t log_begin = 0;
    sph_autoclose int log_fd = open_log(machine, &log_begin, err);
    if (log_fd < 0)
        return log_fd;
    struct child_files files = {.dir = machine->dir_fd,
                                .log = log_fd,
                                .log_begin = log_begin,
                                .lock = lock_fd,
                                .kernel = images.kernel_fd,
                                .initramfs = images.initramfs_fd};
    return spawn(machine, &files, &words, err);
}

/* Nothing of a start that failed goes on running. */
static int virtual_start(void *context, bool *ret_started, struct sph_err *err) {
    struct machine *machine = context;
    *ret_started = false;
    if (virtual_runs(machine))
        return 0;
    int rc = start(machine, err);
    *ret_started = rc == 0;
    if (rc < 0 && machine->pid > 0) {
        (void)kill(machine->pid, SIGKILL);
        while (waitpid(machine->pid, &machine->status, 0) < 0 && errno == EINTR)
            ;
        machine->pid = -1;
    }
    return rc;
}

/* ---- life ---- */

int sph_backend_virtual(int dir_fd, int images_fd, const char *name,
                        struct sph_backend *ret_backend, struct sph_err *err) {
    struct machine *machine = NULL;
    if (strlen(name) >= sizeof(machine->name))
        return SPH_FAIL(err, -ENAMETOOLONG, "the agent's socket has too long a name");
    machine = calloc(1, sizeof(*machine));
    if (!machine)
        return SPH_FAIL(err, -ENOMEM, "out of memory for the virtual machine");
    machine->dir_fd = dir_fd;
    machine->images_fd = images_fd;
    machine->pid = -1;
    memcpy(machine->name, name, strlen(name) + 1);
    *ret_backend = (struct sph_backend){.name = "virtual",
                                        .connect = virtual_connect,
                                        .start = virtual_start,
                                        .runs = virtual_runs,
                                        .why_gone = virtual_why_gone,
                                        .control = virtual_control,
                                        .done = free,
                                        .context = machine};
    return 0;
}
