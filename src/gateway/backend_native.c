/* A connect to a Unix socket blocks only while the listener's queue is full; a send time-out of the
 * socket would bound that too, but the agent accepts at once and serves one gateway. */
#include "gateway/backend.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/unix_socket.h"

struct native {
    int dir_fd;
    char name[64];
};

static int native_connect(void *context, struct sph_err *err) {
    struct native *native = context;
    sph_autoclose int fd = sph_unix_connect(native->dir_fd, native->name, SOCK_STREAM, err);
    if (fd < 0)
        return SPH_STEAL_FD(fd);
    if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot set up the connection to the agent");
    return SPH_STEAL_FD(fd);
}

int sph_backend_native(int dir_fd, const char *name, struct sph_backend *ret_backend,
                       struct sph_err *err) {
    struct native *native = NULL;
    if (strlen(name) >= sizeof(native->name))
        return SPH_FAIL(err, -ENAMETOOLONG, "the agent's socket has too long a name");
    native = calloc(1, sizeof(*native));
    if (!native)
        return SPH_FAIL(err, -ENOMEM, "out of memory for the connection to the agent");
    native->dir_fd = dir_fd;
    memcpy(native->name, name, strlen(name) + 1);
    *ret_backend = (struct sph_backend){
        .name = "native", .connect = native_connect, .done = free, .context = native};
    return 0;
}

void sph_backend_done(struct sph_backend *backend) {
    if (backend && backend->done)
        backend->done(backend->context);
    if (backend)
        backend->context = NULL;
}
