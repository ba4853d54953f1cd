/* Packages are read in place. A heap copy would be up to a whole flash of memory that cannot be
 * dropped, in a program that should stay below 1 MiB; mapped pages of a file go when anything else
 * needs them. The price is that a file which is cut short under the mapping kills the reader
 * (SIGBUS), so this is for files below state/ only, which nobody but the agent writes, and which
 * the agent replaces instead of changing them. */
#include "agent/store/mapped_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/cleanup.h"

/* O_NONBLOCK: opening a pipe that someone put here must not wait for a writer. */
int sph_mapped_file_open(int dirfd, const char *path, struct sph_mapped_file *ret_file,
                         struct sph_err *err) {
    struct stat info;
    sph_autoclose int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &info) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot open %s", path);
    if (!S_ISREG(info.st_mode))
        return SPH_FAIL(err, -EINVAL, "%s is not a regular file", path);
    struct sph_mapped_file file = {.data = NULL, .size = (size_t)info.st_size};
    if (file.size) {
        void *data = mmap(NULL, file.size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED)
            return SPH_FAIL_ERRNO(err, -errno, "cannot read %s", path);
        file.data = data;
    }
    *ret_file = file;
    return 0;
}

void sph_mapped_file_done(struct sph_mapped_file *file) {
    if (file->data)
        (void)munmap((void *)(uintptr_t)file->data, file->size);
    *file = (struct sph_mapped_file)SPH_MAPPED_FILE_NULL;
}
