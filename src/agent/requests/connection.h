/* connection: one client of the agent: frames in, replies and events out, all of it bounded. */
#ifndef SPH_AGENT_REQUESTS_CONNECTION_H
#define SPH_AGENT_REQUESTS_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/device/refusal.h"
#include "base/attr.h"
#include "base/err.h"

struct sph_connection;
struct sph_device;

enum {
    /* Bytes not yet taken by the client. Over the first no more events are put in (they are counted
     * and dropped), over the second no more requests are read: so replies never pass it by more
     * than one. */
    SPH_CONNECTION_EVENTS_HIGH = 64 * 1024,
    SPH_CONNECTION_REPLIES_HIGH = 96 * 1024,
    SPH_CONNECTION_TICKETS = 16, /* answers owed at once */
    /* For clients that must not lose output: events given and not acknowledged before apps wait,
     * and how long for one that acknowledges nothing. Longer than a gateway's own patience with a
     * client of its: it is not to be given up for one of them. */
    SPH_CONNECTION_WINDOW = 8,
    SPH_CONNECTION_PATIENCE_MS = 15000,
};

/* Called once, when the client has gone or the connection is broken; the connection is freed then.
 */
typedef void sph_connection_end_fn(void *context, struct sph_connection *connection);

/* Takes the socket, or the non-blocking serial port, also when it fails. A port's connection never
 * ends by itself: it outlives its hosts, and begins anew with each hello. */
int sph_connection_new(struct sph_device *device, int fd, sph_connection_end_fn *end, void *context,
                       struct sph_connection **ret_connection, struct sph_err *err);
/* Hands over what the socket still takes at once; does not call `end`. */
struct sph_connection *sph_connection_free(struct sph_connection *connection);

/* `message` is that operation's reply; NULL for an empty one. A reply that cannot be laid out
 * becomes an error frame. */
void sph_connection_reply(struct sph_connection *connection, uint16_t op, uint32_t id,
                          const void *message);
/* A reply that is encoded already. */
void sph_connection_reply_raw(struct sph_connection *connection, uint16_t op, uint32_t id,
                              const void *payload, size_t len);
void sph_connection_refuse(struct sph_connection *connection, uint16_t op, uint32_t id,
                           const struct sph_refusal *refusal);
/* For a host that takes itself for known and is not. */
void sph_connection_ask_for_hello(struct sph_connection *connection);
/* Events from now on, with this id; those kept after `after_seq` first. `hold`: apps wait with
 * their output rather than that this client loses some. Replaces an earlier one. */
int sph_connection_subscribe(struct sph_connection *connection, uint32_t id, uint64_t after_seq,
                             bool hold, struct sph_err *err);
/* The client has done with events up to `seq`. */
void sph_connection_acknowledge(struct sph_connection *connection, uint64_t seq);
uint64_t sph_connection_dropped(const struct sph_connection *connection); /* events */

/* An answer that is owed. It outlives its connection, and is given back by one of the two answers.
 */
struct sph_ticket;
struct sph_ticket *sph_connection_defer(struct sph_connection *connection, uint16_t op,
                                        uint32_t id) SPH_MUST_USE; /* NULL: too many, no memory */
bool sph_ticket_is_wanted(const struct sph_ticket *ticket);        /* false: its client has gone */
void sph_ticket_reply(struct sph_ticket *ticket, const void *message);
void sph_ticket_refuse(struct sph_ticket *ticket, const struct sph_refusal *refusal);

#endif
