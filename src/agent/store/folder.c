/* One place for what is easily done wrong: the descriptor that fdopendir() takes over only when it
 * succeeds, and the end of a folder that looks like a failure of reading it. */
#include "agent/store/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

int sph_folder_each(int dirfd, const char *path, sph_folder_fn *fn, void *context,
                    struct sph_err *err) {
    int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot open the folder %s", path);
    sph_autoclosedir DIR *dir = fdopendir(fd);
    if (!dir) { /* else closedir() closes the descriptor */
        int code = -errno;
        (void)close(fd);
        return SPH_FAIL_ERRNO(err, code, "cannot read the folder %s", path);
    }
    for (;;) {
        errno = 0; /* the only way to tell the end from a failure */
        const struct dirent *item = readdir(dir);
        if (!item)
            return errno ? SPH_FAIL_ERRNO(err, -errno, "cannot read the folder %s", path) : 0;
        if (strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0)
            continue;
        int code = fn(context, fd, item->d_name, err);
        if (code < 0)
            return code;
    }
}
