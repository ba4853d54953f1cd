/* server: the REST interface on its Unix socket and, when that is asked for, over HTTPS, answered
 * in the gateway's one thread.
 *
 * Who may connect to the socket is decided by its mode and folder; whoever has connected may do
 * everything. Who comes over HTTPS is asked (https.h). */
#ifndef SPH_GATEWAY_SERVE_SERVER_H
#define SPH_GATEWAY_SERVE_SERVER_H

#include "base/err.h"
#include "base/loop.h"
#include "gateway/link/backend.h"

struct sph_server;

/* What clients can make the gateway hold; bodies of answers under way come on top (response.h). */
enum {
    SPH_SERVER_CONNECTIONS = 32,         /* more wait in the socket's queue */
    SPH_SERVER_CONNECTION_BYTES = 24576, /* of memory for lines, headers and buffers of each */
    SPH_SERVER_IDLE_S = 30,              /* a connection that says nothing is closed */
    SPH_SERVER_ALIVE_MS = 10000, /* an empty line in an idle stream: finds clients that are gone */
};

/* The listening socket becomes the server's. Stops `loop` with status 0 after POST
 * /spherule/v1/stop. */
int sph_server_new(struct sph_loop *loop, int listen_fd, const struct sph_backend *backend,
                   struct sph_server **ret_server, struct sph_err *err);
/* HTTPS keeps its files in the folder, which stays the caller's, and listens at once if it did when
 * the last gateway ended. Only without memory is that an error: what else may be in the way is told
 * to whoever asks, and tried again now and then. */
int sph_server_open_https(struct sph_server *server, int dir_fd, struct sph_err *err);
/* Answers what waits (503), ends the streams and closes. Takes NULL, returns NULL. */
struct sph_server *sph_server_free(struct sph_server *server);

#endif
