/* unix_socket: stream and packet sockets by name under a folder, whatever the length of its path.
 *
 * Who may connect is decided by the socket's mode and folder; who did connect is told by the kernel
 * (sph_unix_peer), not by what a peer says of itself. */
#ifndef SPH_BASE_UNIX_SOCKET_H
#define SPH_BASE_UNIX_SOCKET_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/* `type` is SOCK_STREAM or SOCK_SEQPACKET; CLOEXEC and NONBLOCK are set. The folder is addressed
 * through /proc/self/fd, so that sun_path's 107 bytes limit only `name`. Results: a descriptor or
 * negative errno. A name that nobody listens on any more is taken over; -EADDRINUSE when somebody
 * does. */
int sph_unix_listen(int dirfd, const char *name, int type, mode_t mode, struct sph_err *err);
int sph_unix_connect(int dirfd, const char *name, int type, struct sph_err *err); /* blocking fd */
/* The peer's ids when it connected (SO_PEERCRED); it may have passed the socket on since. */
struct sph_unix_peer {
    pid_t pid;
    uid_t uid;
    gid_t gid;
};
/* Accepts one (CLOEXEC, NONBLOCK); -EAGAIN when none waits. ret_peer may be NULL. */
int sph_unix_accept(int listen_fd, struct sph_unix_peer *ret_peer);
/* One message with an optional descriptor (-1 for none). send: 0 or negative errno. recv: length or
 * negative errno; *ret_fd is -1 when none came. A message longer than size is -EMSGSIZE, more
 * than one descriptor -EBADMSG; nothing is kept of either. 0 is the end, with a NULL ret_fd any
 * descriptor is closed. */
int sph_unix_send(int fd, const void *data, size_t len, int passed_fd);
ssize_t sph_unix_recv(int fd, void *data, size_t size, int *ret_fd);

#endif
