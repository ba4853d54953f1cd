/* Sockets are reached as /proc/self/fd/N/name: the kernel resolves the folder by descriptor, so a
 * long home folder does not run into sun_path's 107 bytes. Changing the working folder instead was
 * rejected: it is shared by all threads. */
#include "base/unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/cleanup.h"

enum { BACKLOG = 32 /* connections that may wait; the servers here accept at once */ };

/* `folder` must stay open while the address is used. */
static int make_address(int folder, const char *name, struct sockaddr_un *ret_address) {
    *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (*name == '\0')
        return -EINVAL;
    int len = snprintf(ret_address->sun_path, sizeof(ret_address->sun_path), "/proc/self/fd/%d/%s",
                       folder, name);
    return len < (int)sizeof(ret_address->sun_path) ? 0 : -ENAMETOOLONG;
}

/* EINTR only comes while waiting for a place in a full queue; nothing is under way then. */
static int connect_to(int fd, const struct sockaddr_un *address) {
    int result;
    do {
        result = connect(fd, (const struct sockaddr *)address, sizeof(*address));
    } while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : 0;
}

static bool is_socket(int folder, const char *name) {
    struct stat info;
    return fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(info.st_mode);
}

/* Does anybody listen there? A full queue (EAGAIN) and another type (EPROTOTYPE) also mean yes. */
static bool is_stale(int folder, const char *name, int type, const struct sockaddr_un *address) {
    if (!is_socket(folder, name))
        return false; /* connecting to a plain file is refused too */
    sph_autoclose int probe = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return probe >= 0 && connect_to(probe, address) == -ECONNREFUSED;
}

static int bind_name(int fd, const struct sockaddr_un *address) {
    return bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;
}

/* The folder's lock is held, so that of two that start at once one cannot take the other's new
 * socket, bound but not listening yet, for a stale one. */
static int bind_and_listen(int fd, int folder, const char *name, int type, mode_t mode) {
    struct sockaddr_un address;
    int result = make_address(folder, name, &address);
    if (result < 0)
        return result;
    (void)fchmod(fd, mode); /* the name never has wider bits than asked for, not even at first */
    result = bind_name(fd, &address);
    if (result == -EADDRINUSE && is_stale(folder, name, type, &address)) {
        (void)unlinkat(folder, name, 0);
        result = bind_name(fd, &address);
    }
    if (result < 0)
        return result;
    if (fchmodat(folder, name, mode, 0) < 0 || listen(fd, BACKLOG) < 0) {
        result = -errno;
        (void)unlinkat(folder, name, 0);
    }
    return result;
}

int sph_unix_listen(int dirfd, const char *name, int type, mode_t mode, struct sph_err *err) {
    sph_autoclose int folder = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0 || flock(folder, LOCK_EX) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot open the folder of the socket %s", name);
    sph_autoclose int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int result = fd < 0 ? -errno : bind_and_listen(fd, folder, name, type, mode);
    if (result == -EADDRINUSE && is_socket(folder, name))
        return SPH_FAIL(err, result, "the socket %s is in use by a running program", name);
    if (result == -EADDRINUSE)
        return SPH_FAIL(err, result, "%s stands where a socket should be; move it away", name);
    if (result < 0)
        return SPH_FAIL_ERRNO(err, result, "cannot listen on the socket %s", name);
    return SPH_STEAL_FD(fd);
}

/* The folder is only a step of a path here, so O_PATH is enough: it need not be readable. */
int sph_unix_connect(int dirfd, const char *name, int type, struct sph_err *err) {
    sph_autoclose int folder = openat(dirfd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot open the folder of the socket %s", name);
    struct sockaddr_un address;
    sph_autoclose int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    int result = fd < 0 ? -errno : make_address(folder, name, &address);
    if (result == 0)
        result = connect_to(fd, &address);
    if (result < 0)
        return SPH_FAIL_ERRNO(err, result, "cannot connect to the socket %s", name);
    return SPH_STEAL_FD(fd);
}

int sph_unix_accept(int listen_fd, struct sph_unix_peer *ret_peer) {
    sph_autoclose int fd = -1;
    do {
        fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    } while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
    if (fd < 0)
        return -errno;
    struct ucred peer;
    socklen_t len = sizeof(peer);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
        return -errno;
    if (ret_peer)
        *ret_peer = (struct sph_unix_peer){.pid = peer.pid, .uid = peer.uid, .gid = peer.gid};
    return SPH_STEAL_FD(fd);
}

/* A peer that is gone is -EPIPE, not a signal. */
int sph_unix_send(int fd, const void *data, size_t len, int passed_fd) {
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    struct iovec part = {.iov_base = (void *)data, .iov_len = len};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (passed_fd >= 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof(control.bytes);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &passed_fd, sizeof(int));
    }
    ssize_t sent;
    do {
        sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return -errno;
    return (size_t)sent == len ? 0 : -EIO; /* short only on a stream that is full */
}

/* Takes every descriptor out of the message, so that none is leaked: the first to *ret_fd, others
 * shut. Number of descriptors that came. */
static size_t take_fds(struct msghdr *message, int *ret_fd) {
    size_t count = 0;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header;
         header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        size_t fds = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < fds; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
            if (count++ == 0)
                *ret_fd = fd;
            else
                (void)close(fd);
        }
    }
    return count;
}

ssize_t sph_unix_recv(int fd, void *data, size_t size, int *ret_fd) {
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {.iov_base = data, .iov_len = size};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    if (ret_fd)
        *ret_fd = -1;
    ssize_t got;
    do {
        got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return -errno;
    sph_autoclose int passed = -1;
    size_t count = take_fds(&message, &passed);
    if (message.msg_flags & MSG_TRUNC)
        return -EMSGSIZE;
    if (count > 1 || (message.msg_flags & MSG_CTRUNC))
        return -EBADMSG;
    if (ret_fd)
        *ret_fd = SPH_STEAL_FD(passed);
    return got;
}
