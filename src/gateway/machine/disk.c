/* mke2fs of e2fsprogs makes the file system: every Debian has it, and what it makes is what the
 * kernel's authors test. It works on a temporary name that is renamed when it is whole and on disk.
 *
 * Rejected: a file system made by the guest (a half-made one after a power cut could not be told
 * from a damaged one), and a sparse file (the host's ENOSPC would come to the guest as a broken
 * disk, long after the device was made). */
#include "gateway/machine/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

#define TEMPORARY "state.img.new"

enum {
    MAGIC_OFFSET = 1024 + 56, /* s_magic of ext4's superblock */
    MAGIC = 0xef53,
    CANNOT_RUN = 127, /* of the child: there is no such program */
};

/* ---- one that is there ---- */

static int check(int fd, uint64_t bytes, struct sph_err *err) {
    struct stat info;
    uint8_t magic[2] = {0, 0};
    if (fstat(fd, &info) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot look at state.img");
    if (!S_ISREG(info.st_mode))
        return SPH_FAIL(err, -EBADMSG, "state.img is not a regular file");
    if ((uint64_t)info.st_size < bytes)
        return SPH_FAIL(err, -EBADMSG,
                        "the device's disk state.img has %" PRIu64
                        " bytes and its profile needs %" PRIu64
                        ": delete the device and create it anew",
                        (uint64_t)info.st_size, bytes);
    if (pread(fd, magic, sizeof(magic), MAGIC_OFFSET) != sizeof(magic) ||
        (magic[0] | magic[1] << 8) != MAGIC)
        return SPH_FAIL(err, -EBADMSG,
                        "the device's disk state.img is damaged (there is no file system on it): "
                        "delete the device and create it anew");
    return 0;
}

/* ---- a new one ---- */

/* In the child. Beside PATH the places where an ordinary user's PATH does not look. */
static void run_mke2fs(int dir_fd) {
    static const char *const places[] = {"mke2fs", "/sbin/mke2fs", "/usr/sbin/mke2fs"};
    char *const argv[] = {"mke2fs",
                          "-q",
                          "-F",
                          "-t",
                          "ext4",
                          "-b",
                          "4096",
                          "-m",
                          "0",
                          "-J",
                          "size=4",
                          "-E",
                          "lazy_itable_init=0,lazy_journal_init=0,nodiscard,root_owner=0:0",
                          "-L",
                          "spherule",
                          TEMPORARY,
                          NULL};
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    int null = open("/dev/null", O_RDWR);
    if (fchdir(dir_fd) < 0 || null < 0)
        _exit(CANNOT_RUN);
    for (int fd = 0; fd < 3; fd++)
        (void)dup2(null, fd);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(places); i++)
        (void)execvp(places[i], argv);
    _exit(CANNOT_RUN);
}

static int make_file_system(int dir_fd, struct sph_err *err) {
    int status = 0;
    pid_t pid = fork();
    if (pid < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot start mke2fs");
    if (pid == 0)
        run_mke2fs(dir_fd);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT_RUN)
        return SPH_FAIL(err, -ENOENT,
                        "cannot make the device's disk: mke2fs is not there (install e2fsprogs)");
    return SPH_FAIL(err, -EIO, "cannot make the device's disk: mke2fs failed");
}

/* File systems that cannot allocate get a sparse file: then the host must not run full. */
static int allocate(int fd, uint64_t bytes) {
    if (fallocate(fd, 0, 0, (off_t)bytes) == 0)
        return 0;
    if (errno != EOPNOTSUPP && errno != ENOSYS)
        return -errno;
    return ftruncate(fd, (off_t)bytes) < 0 ? -errno : 0;
}

static int make(int dir_fd, uint64_t bytes, struct sph_err *err) {
    sph_autoclose int fd =
        openat(dir_fd, TEMPORARY, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot make the device's disk state.img");
    int rc = allocate(fd, bytes);
    if (rc < 0)
        return SPH_FAIL_ERRNO(
            err, rc, "cannot make the device's disk state.img of %" PRIu64 " bytes", bytes);
    rc = make_file_system(dir_fd, err);
    if (rc < 0)
        return rc;
    if (fsync(fd) < 0 || renameat(dir_fd, TEMPORARY, dir_fd, "state.img") < 0 || fsync(dir_fd) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot make the device's disk state.img");
    return 0;
}

int sph_disk_prepare(int dir_fd, uint64_t bytes, struct sph_err *err) {
    sph_autoclose int fd =
        openat(dir_fd, "state.img", O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0)
        return check(fd, bytes, err);
    if (errno != ENOENT)
        return SPH_FAIL_ERRNO(err, -errno, "cannot open the device's disk state.img");
    int rc = make(dir_fd, bytes, err);
    if (rc < 0)
        (void)unlinkat(dir_fd, TEMPORARY, 0);
    return rc;
}
