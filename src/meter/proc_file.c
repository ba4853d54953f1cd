/* proc_file: the kernel answers a read of an ended process's memory files with nothing, or ESRCH.
 */
#include "meter/proc_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

enum {
    PROC_NAME_MAX = 96,       /* "/proc/PID/map_files/" and two addresses are 60 */
    PROC_TEXT_MAX = 16 << 20, /* smaps of 20000 mappings; an application has a few dozen */
};

/* One sentence for all the ways in which the kernel says so. */
static int gone(pid_t pid, struct sph_err *err) {
    return SPH_FAIL(err, -ESRCH, "process %d is gone", (int)pid);
}

/* Not through a directory descriptor: the file is opened once, and its process may be gone by
 * then anyway. */
int sph_proc_open(pid_t pid, const char *name, struct sph_err *err) {
    char path[PROC_NAME_MAX];
    (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0)
        return fd;
    if (errno == ENOENT || errno == ESRCH)
        return gone(pid, err);
    return SPH_FAIL_ERRNO(err, -errno, "cannot open %s", path);
}

/* The kernel composes these files at the read: a short buffer would give two instants, hence to
 * the end in one go. */
int sph_proc_read(pid_t pid, const char *name, struct sph_buf *buf, struct sph_err *err) {
    sph_autoclose int fd = sph_proc_open(pid, name, err);
    if (fd < 0)
        return fd;
    buf->limit = PROC_TEXT_MAX;
    int error = sph_fd_read_to_end(fd, buf, err);
    if (error == -ESRCH || (error == 0 && buf->len == 0))
        return gone(pid, err);
    return error;
}

/* By the file system where that can be seen: a file on tmpfs may have any name. map_files wants
 * CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN of the initial user namespace. */
bool sph_proc_is_shmem(pid_t pid, const struct sph_maps_entry *entry) {
    char path[PROC_NAME_MAX];
    struct statfs info;
    /* Block devices have a major number; shared memory is on an unnamed device, and is a file. That
     * its inode is not 0 does not hold: System V's first segment since the kernel's start has it.
     */
    if (entry->dev_major != 0 || (entry->inode == 0 && entry->name[0] != '/'))
        return false;
    (void)snprintf(path, sizeof(path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, (int)pid,
                   entry->start, entry->end);
    sph_autoclose int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd >= 0 && fstatfs(fd, &info) == 0)
        return info.f_type == TMPFS_MAGIC;
    return sph_maps_is_shmem_name(entry->name);
}

/* A last line without a newline is given too: whether it is cut is for its parser to find. */
bool sph_proc_next_line(const struct sph_buf *text, size_t *at, const char **ret_line,
                        size_t *ret_len) {
    if (!text->data || *at >= text->len)
        return false;
    const char *line = text->data + *at;
    const char *newline = memchr(line, '\n', text->len - *at);
    *ret_line = line;
    *ret_len = newline ? (size_t)(newline - line) : text->len - *at;
    *at += *ret_len + 1;
    return true;
}
