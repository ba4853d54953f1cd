/* backend: how the gateway comes to a byte stream to its device's agent.
 *
 * The one place where kinds of devices differ for the gateway: everything above sees bytes that may
 * end at any time. */
#ifndef SPH_GATEWAY_LINK_BACKEND_H
#define SPH_GATEWAY_LINK_BACKEND_H

#include <stdbool.h>

#include "base/err.h"

/* One of them serves a gateway for its life. */
struct sph_backend {
    const char *name; /* "native", "virtual" */
    /* A connected, non-blocking descriptor, the caller's; or negative errno with a sentence:
     * -EHOSTDOWN when there is no machine. Called again, with a back-off, whenever the stream has
     * ended. Must not block. */
    int (*connect)(void *context, struct sph_err *err);
    /* The rest is NULL where the device is not the gateway's to start.
     * Starts the machine unless it runs; *ret_started says which. Blocks until QEMU has taken its
     * files or refused them: some 0.1 s, and as much again for a first disk. */
    int (*start)(void *context, bool *ret_started, struct sph_err *err);
    bool (*runs)(void *context);
    /* After the stream has ended: -EHOSTDOWN and how the machine ended; 0 when it runs all the
     * same. Waits a moment for a machine that is just about to end. */
    int (*why_gone)(void *context, struct sph_err *err);
    /* A connection to QEMU's control socket, non-blocking, the caller's. */
    int (*control)(void *context, struct sph_err *err);
    void (*done)(void *context);
    void *context;
};

/* The agent of this machine: the Unix socket `name` in the device's folder. dir_fd stays the
 * caller's and must stay open; the name is copied. 0, -ENAMETOOLONG (64 bytes or more) or -ENOMEM.
 * That nobody listens there is found by connect, not here. */
int sph_backend_native(int dir_fd, const char *name, struct sph_backend *ret_backend,
                       struct sph_err *err);
/* A QEMU of the calling user, whose port is that same socket. Both descriptors stay the caller's:
 * the device's folder, and that of the images (negative: there was none that could be opened).
 * Starts nothing yet. 0, -ENAMETOOLONG or -ENOMEM. */
int sph_backend_virtual(int dir_fd, int images_fd, const char *name,
                        struct sph_backend *ret_backend, struct sph_err *err);
/* Takes NULL, and one that is done already. Connections made stay open, and so does a machine. */
void sph_backend_done(struct sph_backend *backend);

#endif
