/* The lock is tried last and only shared: in the usual case of nothing running it is not touched
 * at all, so that looking at a device cannot get in the way of one that is just starting.
 *
 * A pid file alone lies after a crash, and pids are used again. The lock alone would do, but it
 * names nobody: who holds it can only be guessed from /proc/locks, which hides what is in other
 * namespaces. So name, pid and lock must agree, and what is signalled is a pidfd that was
 * checked again after it was opened. */
#include "cli/device/pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

/* "4711\n", nothing else: a file that is just being written is no pid. Pid 1 is never ours. */
static pid_t read_pid(int fd) {
    char text[24];
    ssize_t len = pread(fd, text, sizeof(text) - 1, 0);
    if (len <= 0)
        return -1;
    text[len] = '\0';
    text[strcspn(text, "\n")] = '\0';
    uint64_t pid;
    return sph_text_to_u64(text, INT32_MAX, &pid) == 0 && pid > 1 ? (pid_t)pid : -1;
}

/* By argv[0], which stays when an agent executes itself anew. A process that is dying has none any
 * more, and is not taken for one that runs. */
static bool has_name(pid_t pid, const char *program) {
    char path[40];
    char name[4096];
    (void)snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
    sph_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, name, sizeof(name) - 1);
    name[len > 0 ? len : 0] = '\0';
    return strcmp(sph_text_file_name(name), program) == 0;
}

/* A try that succeeds is taken back at once; for that moment a program that starts could be refused
 * its lock, which is why the other two questions come first. */
static bool is_locked(int fd) {
    if (flock(fd, LOCK_SH | LOCK_NB) == 0) {
        (void)flock(fd, LOCK_UN);
        return false;
    }
    return errno == EWOULDBLOCK;
}

/* The holder's pid, or -1. */
static pid_t find_holder(int fd, const char *program) {
    pid_t pid = read_pid(fd);
    return pid > 0 && has_name(pid, program) && is_locked(fd) ? pid : -1;
}

bool sph_pidfile_is_held(int device_fd, const char *file, const char *program) {
    sph_autoclose int fd = openat(device_fd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return fd >= 0 && find_holder(fd, program) > 0;
}

int sph_pidfile_open_process(int device_fd, const char *file, const char *program,
                             struct sph_err *err) {
    sph_autoclose int fd = openat(device_fd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return SPH_FAIL_ERRNO(err, -ESRCH, "%s", file);
    pid_t pid = find_holder(fd, program);
    if (pid < 0)
        return SPH_FAIL_ERRNO(err, -ESRCH, "%s", file);
    sph_autoclose int process = (int)syscall(SYS_pidfd_open, pid, 0);
    if (process < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot watch process %d", (int)pid);
    /* still the holder now that it is pinned: the pid had no time to change hands */
    if (find_holder(fd, program) != pid)
        return SPH_FAIL_ERRNO(err, -ESRCH, "%s", file);
    return SPH_STEAL_FD(process);
}
