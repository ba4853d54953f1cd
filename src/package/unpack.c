/* The walk gives a folder before what it holds, so each file's folder is there when its turn comes.
 * Folders are synced in a second walk, when their entries are complete: a power cut after success
 * loses nothing. Paths are followed from the one descriptor; that is safe because every folder on
 * the way was just made here, in a folder that nobody else may write. */
#include "package/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

enum { SHOWN = 201 }; /* bytes with NUL of a path in a sentence */

/* The mode is set apart, as mkdir's is cut by the umask. */
static int unpack_folder(const struct sph_fs_entry *entry, int dirfd, struct sph_err *err) {
    char shown[SHOWN];
    (void)sph_text_shown(entry->path, shown, sizeof(shown));
    if (mkdirat(dirfd, entry->path, 0755) < 0 || fchmodat(dirfd, entry->path, 0755, 0) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot make folder '%s'", shown);
    return 0;
}

/* The mode is set after the content: a half-written program is never executable. */
static int unpack_file(const struct sph_fs_entry *entry, int dirfd, struct sph_err *err) {
    char shown[SHOWN];
    (void)sph_text_shown(entry->path, shown, sizeof(shown));
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    sph_autoclose int fd = openat(dirfd, entry->path, flags, 0600);
    if (fd < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot make file '%s'", shown);
    int r = sph_fd_write_full(fd, entry->data, entry->size_bytes);
    if (r < 0)
        return SPH_FAIL_ERRNO(err, r, "cannot write file '%s'", shown);
    mode_t mode = entry->mode & 0111 ? 0755 : 0644;
    if (fchmod(fd, mode) < 0 || fsync(fd) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot finish file '%s'", shown);
    return 0;
}

/* A folder's entries are its own data: syncing the files does not make their names durable. */
static int sync_folder(const char *path, int dirfd, struct sph_err *err) {
    char shown[SHOWN];
    (void)sph_text_shown(path, shown, sizeof(shown));
    sph_autoclose int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot sync folder '%s'", shown);
    return 0;
}

int sph_fs_unpack(const struct sph_fs *fs, int dirfd, struct sph_err *err) {
    struct sph_fs_iter iter;
    struct sph_fs_entry entry;
    sph_fs_iter_init(&iter, fs);
    while (sph_fs_next(&iter, &entry)) {
        int r = S_ISDIR(entry.mode) ? unpack_folder(&entry, dirfd, err)
                                    : unpack_file(&entry, dirfd, err);
        if (r < 0)
            return r;
    }
    sph_fs_iter_init(&iter, fs);
    while (sph_fs_next(&iter, &entry)) {
        int r = S_ISDIR(entry.mode) ? sync_folder(entry.path, dirfd, err) : 0;
        if (r < 0)
            return r;
    }
    return sync_folder(".", dirfd, err);
}
