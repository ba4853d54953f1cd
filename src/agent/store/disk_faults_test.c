#include "agent/store/disk_faults_test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

struct disk_faults disk_faults;

static bool fails_now(void) {
    disk_faults.calls++;
    bool fails = disk_faults.fail_nth &&
                 (disk_faults.stays_dead ? disk_faults.calls >= disk_faults.fail_nth
                                         : disk_faults.calls == disk_faults.fail_nth);
    if (fails)
        errno = EIO;
    return fails;
}

#define WRAP(name, parameters, arguments)                                                          \
    int __real_##name parameters;                                                                  \
    int __wrap_##name parameters;                                                                  \
    int __wrap_##name parameters {                                                                 \
        return fails_now() ? -1 : __real_##name arguments;                                         \
    }

WRAP(fsync, (int fd), (fd))
WRAP(fchmod, (int fd, mode_t mode), (fd, mode))
WRAP(mkdirat, (int dirfd, const char *path, mode_t mode), (dirfd, path, mode))
WRAP(unlinkat, (int dirfd, const char *path, int flags), (dirfd, path, flags))
WRAP(renameat, (int from, const char *name, int to, const char *renamed), (from, name, to, renamed))
WRAP(renameat2, (int from, const char *name, int to, const char *renamed, unsigned flags),
     (from, name, to, renamed, flags))
WRAP(linkat, (int from, const char *name, int to, const char *linked, int flags),
     (from, name, to, linked, flags))

ssize_t __real_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len) {
    return fails_now() ? -1 : __real_write(fd, data, len);
}

/* Only opening that makes a file changes the disk. */
int __real_openat64(int dirfd, const char *path, int flags, ...);
int __wrap_openat64(int dirfd, const char *path, int flags, ...);
int __wrap_openat64(int dirfd, const char *path, int flags, ...) {
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
    va_end(args);
    return flags & O_CREAT && fails_now() ? -1 : __real_openat64(dirfd, path, flags, mode);
}
