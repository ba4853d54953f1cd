/* The initramfs is the root of all mounts: nothing can be put in its place, so pivot_root refuses a
 * process whose root it is, and with it every sandbox. A copy of it, moved over it, is the same
 * files and a mount like any other. */
#include <errno.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/machine/machine_private.h"
#include "base/attr.h"
#include "base/file.h"

/* Folder, file system; the archive may come without the folders. */
static const struct {
    const char *place, *type;
    unsigned long flags;
} mounts[] = {
    {"/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC},
    {"/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC},
    {"/dev", "devtmpfs", MS_NOSUID | MS_NOEXEC},
    {"/sys/fs/cgroup", "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC},
    {"/sys/kernel/tracing", "tracefs", MS_NOSUID | MS_NODEV | MS_NOEXEC},
};

/* Any empty folder will do to hold the copy on its way. */
static int copy_root(struct sph_err *err) {
    static const char way[] = "/device";
    if ((mkdir(way, 0755) < 0 && errno != EEXIST) || mount("/", way, NULL, MS_BIND, NULL) < 0 ||
        chdir(way) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 ||
        chdir("/") < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot put a copy of the root over the root");
    return 0;
}

int sph_machine_mount_all(struct sph_err *err) {
    int code = copy_root(err);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(mounts) && code == 0; i++) {
        (void)mkdir(mounts[i].place, 0755); /* those of sysfs are there already; mount tells */
        if (mount(mounts[i].type, mounts[i].place, mounts[i].type, mounts[i].flags, NULL) < 0)
            code = SPH_FAIL_ERRNO(err, -errno, "cannot mount %s on %s", mounts[i].type,
                                  mounts[i].place);
    }
    if (code == 0)
        code = sph_file_poke(AT_FDCWD, "/sys/fs/cgroup/cgroup.subtree_control", "+memory", err);
    return code;
}
