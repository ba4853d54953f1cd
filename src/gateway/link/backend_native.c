/* A connect to a Unix socket blocks while the listener's queue is full, and an agent that has been
 * stopped fills it: every try that its gateway gives up leaves a place taken. So the socket does
 * not block from the beginning; a full queue is -EAGAIN, one more reason to try again later. (A
 * connect to a Unix socket is never "in progress": it is done or it has failed.) */
#include "gateway/link/backend.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/unix_socket.h"

struct native {
    int dir_fd;    /* the caller's */
    char name[64]; /* of the socket; sun_path leaves more, no agent needs it */
};

static int native_connect(void *context, struct sph_err *err) {
    const struct native *native = context;
    return sph_unix_connect(native->dir_fd, native->name, SOCK_STREAM | SOCK_NONBLOCK, err);
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
