/* exchange: one HTTP request on its way through the gateway, from its headers to its last byte.
 *
 * An exchange belongs to its connection of the library, which frees it by on_completed; whatever it
 * still waits for is forgotten then. */
#ifndef SPH_GATEWAY_SERVE_EXCHANGE_H
#define SPH_GATEWAY_SERVE_EXCHANGE_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway/access/guests.h"
#include "gateway/link/link.h"
#include "gateway/rest/history.h"
#include "gateway/rest/route.h"
#include "gateway/serve/debug_port.h"

enum {
    /* Clients that stream events. Half of all connections: streams last, and the other half stays
     * for requests. */
    SPH_EXCHANGE_STREAMS = 16,
    SPH_EXCHANGE_GUEST_STREAMS = 8, /* of them, for those from the network */
    /* For a stream that must not lose anything and takes nothing: then it is not waited for. */
    SPH_EXCHANGE_PATIENCE_MS = 10000,
};

/* What the exchanges of a server share. The server's; loop and link outlive the exchanges. */
struct sph_exchange_pool {
    struct sph_loop *loop;
    const struct sph_backend *backend; /* the caller's */
    struct sph_link *link;
    struct sph_debug_port debug_port;
    struct sph_history history;
    struct sph_https *https;            /* NULL: there is none */
    struct sph_exchange *exchanges;     /* all there are */
    struct sph_exchange *stage_owner;   /* one staging at a time */
    struct sph_exchange *setting_owner; /* one reader or changer of settings at a time */
    uint64_t requests;                  /* begun so far */
    unsigned streams, guest_streams;
    bool is_stopping; /* streams end, nothing new is asked of the agent */
};

/* The library's calls into us. handle: called for headers (*exchange is NULL then and is set), for
 * pieces of the body (*upload_len bytes; what is left of it comes again) and for its end; `guest`
 * is NULL for the user's own socket. NO closes the connection without an answer. */
enum MHD_Result sph_exchange_handle(struct sph_exchange_pool *pool,
                                    struct MHD_Connection *connection, struct sph_guest *guest,
                                    const char *path, const char *method, const char *upload,
                                    size_t *upload_len, struct sph_exchange **exchange);
/* For whatever reason the request is over: this is the only place where an exchange ends. */
void sph_exchange_completed(void *context, struct MHD_Connection *connection, void **request,
                            enum MHD_RequestTerminationCode code);

/* Lets the streams go on: there are new lines, or `alive` is due. */
void sph_exchange_wake_streams(struct sph_exchange_pool *pool, bool alive);
/* Tells the agent how far those streams are for whose sake apps wait with their output. After
 * anything that may have changed it, and now and then. */
void sph_exchange_acknowledge(struct sph_exchange_pool *pool);
/* Answers what waits for the agent with 503 and ends the streams: all, or only those of guests.
 * False when none of them is left. */
bool sph_exchange_stop(struct sph_exchange_pool *pool, bool guests_only);

#endif
