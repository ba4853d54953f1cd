/* Files by directory descriptor, so that a folder renamed or swapped between two calls cannot lead
 * a privileged caller elsewhere. Loops over short counts stand here once. */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/guid.h"
#include "base/text.h"

enum { READ_CHUNK = 16384 /* bytes; most files here come in one */ };

/* A descriptor that would block is an error here (-EAGAIN): these are for files and blocking ends.
 */
ssize_t sph_fd_read_full(int fd, void *data, size_t len) {
    size_t done = 0;
    while (done < len) {
        ssize_t got = read(fd, (char *)data + done, len - done);
        if (got == 0)
            break;
        if (got > 0)
            done += (size_t)got;
        else if (errno != EINTR)
            return -errno;
    }
    return (ssize_t)done;
}

int sph_fd_write_full(int fd, const void *data, size_t len) {
    size_t done = 0;
    while (done < len) {
        ssize_t put = write(fd, (const char *)data + done, len - done);
        if (put > 0)
            done += (size_t)put;
        else if (put == 0)
            return -EIO; /* never for a file that takes bytes at all */
        else if (errno != EINTR)
            return -errno;
    }
    return 0;
}

/* Appends until end of file. Reads one byte past the limit, since a file may end exactly there. */
static int append_to_end(int fd, struct sph_buf *buf) {
    for (;;) {
        size_t room = buf->limit > buf->len ? buf->limit - buf->len : 0;
        size_t want = room < READ_CHUNK ? room : READ_CHUNK;
        size_t before = buf->len;
        char probe = 0;
        char *at = want > 0 ? sph_buf_extend(buf, want) : &probe;
        if (!at)
            return buf->error;
        ssize_t got = sph_fd_read_full(fd, at, want > 0 ? want : 1);
        if (got > 0 && want == 0)
            buf->error = -EFBIG;
        sph_buf_truncate(buf, before + (got > 0 && want > 0 ? (size_t)got : 0));
        if (got < 0 || buf->error)
            return got < 0 ? (int)got : buf->error;
        if ((size_t)got < want || got == 0)
            return 0;
    }
}

/* As append_to_end, with the buffer as it was after a failure. */
static int read_to_end(int fd, const char *shown, struct sph_buf *buf, struct sph_err *err) {
    size_t before = buf->len;
    int result = buf->error ? buf->error : append_to_end(fd, buf);
    if (result == 0)
        return 0;
    sph_buf_truncate(buf, before);
    if (result == -EFBIG)
        return SPH_FAIL(err, result, "%s is larger than %zu bytes", shown, buf->limit - before);
    return SPH_FAIL_ERRNO(err, result, "cannot read %s", shown);
}

int sph_fd_read_to_end(int fd, struct sph_buf *buf, struct sph_err *err) {
    return read_to_end(fd, "the input", buf, err);
}

int sph_file_read(int dirfd, const char *name, struct sph_buf *buf, struct sph_err *err) {
    sph_autoclose int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot open %s", name);
    return read_to_end(fd, name, buf, err);
}

/* The folder that holds `path`, opened, and its last part. */
static int open_parent(int dirfd, const char *path, const char **ret_base) {
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    char folder[PATH_MAX];
    if (*base == '\0')
        return -EINVAL;
    if ((size_t)(base - path) >= sizeof(folder))
        return -ENAMETOOLONG;
    (void)snprintf(folder, sizeof(folder), "%.*s", (int)(base - path), path);
    int fd = openat(dirfd, slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *ret_base = base;
    return fd < 0 ? -errno : fd;
}

enum { TEMPORARY_NAME = sizeof(SPH_FILE_TEMPORARY) + SPH_GUID_TEXT };

/* The name is random and exclusive, so that two writers, or a leftover, cannot meet; and of fixed
 * length, so that a name of 255 bytes can be replaced too. */
static int create_temporary(int folder, char ret_name[TEMPORARY_NAME]) {
    struct sph_guid unique;
    char text[SPH_GUID_TEXT];
    int result = sph_guid_random(&unique);
    if (result < 0)
        return result;
    (void)snprintf(ret_name, TEMPORARY_NAME, "%s%s", SPH_FILE_TEMPORARY,
                   sph_guid_format(&unique, text));
    int fd = openat(folder, ret_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return fd < 0 ? -errno : fd;
}

/* The mode is set before the sync: a power cut must not bring back a file that others may read. */
static int fill(int fd, const void *data, size_t len, mode_t mode) {
    int result = sph_fd_write_full(fd, data, len);
    if (result < 0)
        return result;
    if (fchmod(fd, mode) < 0 || fsync(fd) < 0)
        return -errno;
    return 0;
}

/* The rename is what makes it atomic, the sync of the file before it what makes that hold over a
 * power cut: without it some file systems rename first and write later. */
int sph_file_replace(int dirfd, const char *name, const void *data, size_t len, mode_t mode,
                     struct sph_err *err) {
    const char *base;
    sph_autoclose int folder = open_parent(dirfd, name, &base);
    if (folder < 0)
        return SPH_FAIL_ERRNO(err, folder, "cannot open the folder of %s", name);
    char temporary[TEMPORARY_NAME];
    sph_autoclose int fd = create_temporary(folder, temporary);
    if (fd < 0)
        return SPH_FAIL_ERRNO(err, fd, "cannot create a file beside %s", name);
    int result = fill(fd, data, len, mode);
    if (result == 0 && renameat(folder, temporary, folder, base) < 0)
        result = -errno;
    if (result < 0) {
        (void)unlinkat(folder, temporary, 0);
        return SPH_FAIL_ERRNO(err, result, "cannot write %s", name);
    }
    if (fsync(folder) < 0 && errno != EINVAL) /* EINVAL: a file system without folder sync */
        return SPH_FAIL_ERRNO(err, -errno, "cannot make the new %s durable", name);
    return 0;
}

int sph_file_poke(int dirfd, const char *name, const char *text, struct sph_err *err) {
    sph_autoclose int fd = openat(dirfd, name, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot open %s", name);
    size_t len = strlen(text);
    ssize_t put;
    do { /* one write: the kernel parses each by itself */
        put = write(fd, text, len);
    } while (put < 0 && errno == EINTR);
    char shown[64];
    sph_text_printable(text, len, shown, sizeof(shown));
    if (put < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot write \"%s\" to %s", shown, name);
    if ((size_t)put != len)
        return SPH_FAIL(err, -EIO, "%s took %zd of the %zu bytes of \"%s\"", name, put, len, shown);
    return 0;
}

/* Each part in turn from the left. mkdir's answer alone is not enough: on a read-only file system
 * it is EROFS for a folder that is there. */
int sph_dir_make(int dirfd, const char *path, mode_t mode, struct sph_err *err) {
    char part[PATH_MAX];
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof(part))
        return SPH_FAIL(err, len ? -ENAMETOOLONG : -EINVAL,
                        "a folder's path has 1 to %d bytes, not %zu", PATH_MAX - 1, len);
    for (size_t i = 1; i <= len; i++) {
        if ((path[i] != '/' && path[i] != '\0') || path[i - 1] == '/')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        /* A parent must be open to the maker, or nothing could be made inside it. */
        mode_t bits = i == len ? mode : mode | S_IWUSR | S_IXUSR;
        if (mkdirat(dirfd, part, bits) == 0)
            continue;
        int made = -errno;
        struct stat info;
        if (fstatat(dirfd, part, &info, 0) == 0) /* EEXIST, or EROFS on what is there already */
            made = S_ISDIR(info.st_mode) ? 0 : -ENOTDIR;
        if (made < 0)
            return SPH_FAIL_ERRNO(err, made, "cannot make the folder %s", part);
    }
    return 0;
}

int sph_dir_open(int dirfd, const char *path, struct sph_err *err) {
    int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return fd < 0 ? SPH_FAIL_ERRNO(err, -errno, "cannot open the folder %s", path) : fd;
}

/* Removing a tree never goes deeper than two levels: a folder found inside a child is first moved
 * up into the tree's top. So depth costs neither stack nor descriptors, and ".." is never followed.
 */
struct removal {
    int top;
    unsigned moved; /* makes the names of moved folders unique */
};

/* A folder inside a read-only package has no write bit; its owner may give it one. */
static int open_to_empty(int dirfd, const char *name) {
    int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    (void)fchmod(fd, 0700); /* when it may not, removing says so */
    return fd;
}

/* 0 also when it has gone meanwhile; 1 for a folder with entries. */
static int remove_simple(int dirfd, const char *name) {
    if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR)
        return -errno;
    if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return 0;
    return errno == ENOTEMPTY || errno == EEXIST ? 1 : -errno;
}

/* Out of a child and into the top, where its turn comes. */
static int move_up(struct removal *removal, int from, const char *name) {
    int fd = open_to_empty(from, name); /* a move rewrites the folder's own ".." */
    if (fd < 0)
        return fd;
    (void)close(fd);
    char moved[32];
    do {
        (void)snprintf(moved, sizeof(moved), ".removed-%u", removal->moved++);
        if (renameat2(from, name, removal->top, moved, RENAME_NOREPLACE) == 0)
            return 0;
    } while (errno == EEXIST && removal->moved != 0);
    return -errno;
}

typedef int entry_fn(struct removal *removal, int dirfd, const char *name);

/* Calls fn for every entry; `fd` stays the caller's. Number of entries seen, or negative errno. */
static int for_each_entry(struct removal *removal, int fd, entry_fn *fn) {
    int scanned = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    sph_autoclosedir DIR *dir = scanned < 0 ? NULL : fdopendir(scanned);
    if (!dir) {
        int result = -errno;
        if (scanned >= 0)
            (void)close(scanned);
        return result;
    }
    int seen = 0;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (!entry)
            return errno ? -errno : seen;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        int result = fn(removal, fd, entry->d_name);
        if (result < 0)
            return result;
        seen = 1;
    }
}

/* The top changes while it is read (children move in), so it is read until nothing is left. */
static int empty_folder(struct removal *removal, int fd, entry_fn *fn) {
    int seen;
    do {
        seen = for_each_entry(removal, fd, fn);
    } while (seen > 0);
    return seen;
}

/* An entry of a child of the top. */
static int clear_grandchild(struct removal *removal, int dirfd, const char *name) {
    int result = remove_simple(dirfd, name);
    return result == 1 ? move_up(removal, dirfd, name) : result;
}

/* An entry of the top. */
static int clear_child(struct removal *removal, int dirfd, const char *name) {
    int result = remove_simple(dirfd, name);
    if (result != 1)
        return result;
    sph_autoclose int fd = open_to_empty(dirfd, name);
    if (fd < 0)
        return fd;
    result = empty_folder(removal, fd, clear_grandchild);
    if (result < 0)
        return result;
    return unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

int sph_tree_remove(int dirfd, const char *name, struct sph_err *err) {
    int result = remove_simple(dirfd, name);
    if (result == 1) {
        sph_autoclose int top = open_to_empty(dirfd, name);
        struct removal removal = {.top = top, .moved = 0};
        result = top < 0 ? top : empty_folder(&removal, top, clear_child);
        if (result == 0 && unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
            result = -errno;
    }
    return result < 0 ? SPH_FAIL_ERRNO(err, result, "cannot remove %s", name) : 0;
}
