/* Root is needed for one thing only: to reach the folder of a user whose home is closed to others.
 * Whatever is opened in it is opened as that user, so that a link or a pipe laid there can do no
 * more than its layer could.
 *
 * Rejected: capabilities instead of a user id (the socket and the files have to be the owner's),
 * and a check of the folder after root is gone (it might not be reachable any more). */
#include "gateway/machine/place.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

/* The folder has to be the owner's own, so root opens nothing here that the owner could not be
 * given. */
int sph_place_open(const struct sph_options *options, struct sph_err *err) {
    bool is_root = geteuid() == 0;
    if (is_root && (!options->has_owner || options->owner == 0))
        return SPH_FAIL(err, -EPERM,
                        "the gateway does not run as root: --owner must name another user");
    sph_autoclose int fd = sph_dir_open(AT_FDCWD, options->device, err);
    if (fd < 0)
        return fd;
    struct stat info;
    if (fstat(fd, &info) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot look at the folder %s", options->device);
    if (is_root && info.st_uid != options->owner)
        return SPH_FAIL(err, -EPERM, "the folder %s is not that of user %u", options->device,
                        options->owner);
    return SPH_STEAL_FD(fd);
}

/* Groups go first: who is no longer root cannot give them up. All three ids are set, since a saved
 * one would be a way back. A user without an entry gets the group of the same number. */
int sph_place_become_owner(const struct sph_options *options, struct sph_err *err) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot give up new privileges");
    if (geteuid() != 0)
        return 0;
    const struct passwd *user = getpwuid(options->owner);
    gid_t group = user ? user->pw_gid : (gid_t)options->owner;
    if (setgroups(0, NULL) < 0 || setresgid(group, group, group) < 0 ||
        setresuid(options->owner, options->owner, options->owner) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot become user %u", options->owner);
    return 0;
}

/* The lock, not the file, says that a gateway is there; it goes with the process. The file is never
 * removed: one that is locked now must be the one that the next gateway finds. */
int sph_place_lock(int dir_fd, struct sph_err *err) {
    sph_autoclose int fd =
        openat(dir_fd, "gateway.pid", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot open gateway.pid in the device's folder");
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK
                   ? SPH_FAIL(err, -EBUSY, "a gateway of this device is running already")
                   : SPH_FAIL_ERRNO(err, -errno, "cannot lock gateway.pid");
    char text[24];
    int len = snprintf(text, sizeof(text), "%d\n", (int)getpid());
    int rc = ftruncate(fd, 0) < 0 ? -errno : sph_fd_write_full(fd, text, (size_t)len);
    if (rc < 0)
        return SPH_FAIL_ERRNO(err, rc, "cannot write gateway.pid");
    return SPH_STEAL_FD(fd);
}
