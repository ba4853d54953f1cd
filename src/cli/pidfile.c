/* The lock is tried last and only shared: in the usual case of nothing running it is not touched at
 * all, so that looking at a device cannot get in the way of one that is just starting. */
#include "cli/pidfile.h"

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

/* The first word of one of the files that tell a process's name; 0 when it cannot be read. */
static size_t read_name(pid_t pid, const char *file, char *ret_name, size_t size) {
    char path[48];
    (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
    sph_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, ret_name, size - 1);
    ret_name[len > 0 ? len : 0] = '\0';
    ret_name[strcspn(ret_name, "\n")] = '\0';
    return strlen(ret_name);
}

/* By argv[0] or by the kernel's name: an agent that executed itself anew is "exe" to the kernel. */
static bool has_name(pid_t pid, const char *program) {
    char name[4096];
    if (read_name(pid, "cmdline", name, sizeof(name)) > 0) {
        const char *slash = strrchr(name, '/');
        if (strcmp(slash ? slash + 1 : name, program) == 0)
            return true;
    }
    enum { KERNEL_NAME = 15 }; /* characters that the kernel keeps */
    return read_name(pid, "comm", name, sizeof(name)) > 0 &&
           strncmp(name, program, KERNEL_NAME) == 0;
}

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
