/* exchange: one HTTP request on its way through the gateway, from its headers to its last byte. */
#ifndef SPH_GATEWAY_EXCHANGE_H
#define SPH_GATEWAY_EXCHANGE_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway/history.h"
#include "gateway/link.h"
#include "gateway/route.h"

enum {
    SPH_EXCHANGE_STREAMS = 16, /* clients that stream events, of all connections */
    /* For a stream that must not lose anything and takes nothing: then it is not waited for. */
    SPH_EXCHANGE_PATIENCE_MS = 10000,
};

/* What the exchanges of a server share. */
struct sph_exchange_pool {
    struct sph_loop *loop;
    struct sph_link *link;
    struct sph_history history;
    struct sph_exchange *exchanges;   /* all there are */
    struct sph_exchange *stage_owner; /* one staging at a time */
    uint64_t requests;                /* begun so far */
    unsigned streams;
    bool is_stopping; /* streams end, nothing new is asked of the agent */
};

/* The library's two calls into us. */
enum MHD_Result sph_exchange_handle(struct sph_exchange_pool *pool,
                                    struct MHD_Connection *connection, const char *path,
                                    const char *method, const char *upload, size_t *upload_len,
                                    struct sph_exchange **exchange);
/* The request is over, answered or not. Takes NULL. */
void sph_exchange_free(struct sph_exchange *exchange);

/* Lets the streams go on: there are new lines, or `alive` is due. */
void sph_exchange_wake_streams(struct sph_exchange_pool *pool, bool alive);
/* Tells the agent how far those streams are for whose sake apps wait with their output. After
 * anything that may have changed it, and now and then. */
void sph_exchange_acknowledge(struct sph_exchange_pool *pool);
/* Answers what waits for the agent with 503 and ends the streams. */
void sph_exchange_stop_all(struct sph_exchange_pool *pool);

#endif
