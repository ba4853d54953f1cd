/* backend: how the gateway comes to a byte stream to its device's agent.
 *
 * The one place where kinds of devices differ for the gateway: everything above sees bytes that may
 * end at any time. */
#ifndef SPH_GATEWAY_BACKEND_H
#define SPH_GATEWAY_BACKEND_H

#include "base/err.h"

/* One of them serves a gateway for its life. */
struct sph_backend {
    const char *name; /* "native" */
    /* A connected, non-blocking descriptor, the caller's; or negative errno with a sentence. Called
     * again, with a back-off, whenever the stream has ended. Must not block. */
    int (*connect)(void *context, struct sph_err *err);
    void (*done)(void *context);
    void *context;
};

/* The agent of this machine: the Unix socket `name` in the device's folder. dir_fd stays the
 * caller's and must stay open; the name is copied. 0, -ENAMETOOLONG (64 bytes or more) or -ENOMEM.
 * That nobody listens there is found by connect, not here. */
int sph_backend_native(int dir_fd, const char *name, struct sph_backend *ret_backend,
                       struct sph_err *err);
/* Takes NULL, and one that is done already. Connections made stay open. */
void sph_backend_done(struct sph_backend *backend);

#endif
