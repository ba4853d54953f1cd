/* link: the gateway's one conversation with the agent, kept up for as long as the gateway lives.
 *
 * Requests of all clients share it; each gets exactly one answer, or is told that there will be
 * none. Nothing here blocks and nothing is called back from within a call, but for
 * sph_link_listener and answers from the loop. Not for several threads. */
#ifndef SPH_GATEWAY_LINK_LINK_H
#define SPH_GATEWAY_LINK_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/guid.h"
#include "base/loop.h"
#include "gateway/link/backend.h"
#include "wire/msg_event.h"

struct sph_link;
struct sph_ask; /* a request under way; gone after its answer or after sph_link_forget */

enum {
    SPH_LINK_MESSAGE = 400, /* bytes of a sentence, with its NUL */
    SPH_LINK_ASKS = 192,    /* requests under way at once: more than there are connections */
    SPH_LINK_BACKOFF_FIRST_MS = 20, /* doubled with each failed try … */
    SPH_LINK_BACKOFF_MAX_MS = 1000, /* … up to this */
    SPH_LINK_ANSWER_MS = 60000,     /* for an answer, over what the request itself waits */
};

enum sph_answer_kind {
    SPH_ANSWER_REPLY,
    SPH_ANSWER_ERROR,   /* payload is an encoded struct sph_msg_error */
    SPH_ANSWER_LOST,    /* the connection ended; `text` says so */
    SPH_ANSWER_TIMEOUT, /* `text` says so */
};

/* What becomes of a question. Everything in it is valid during the call only. */
struct sph_answer {
    enum sph_answer_kind kind;
    const void *payload; /* of a reply or an error: encoded, unchecked */
    size_t len;          /* bytes of it */
    const char *text;    /* of the other two: a sentence; else "" */
};

/* Called from the loop, never from within sph_link_ask. */
typedef void sph_link_answer_fn(void *context, const struct sph_answer *answer);

/* Who is told what nobody asked for. Every call comes from the loop; all but on_idle must be set.
 * They may ask, acknowledge and forget, not free the link. */
struct sph_link_listener {
    void *context;
    /* The conversation can begin; `restarted`: another boot of the device than last time. */
    void (*on_ready)(void *context, const struct sph_guid *boot_id, bool restarted);
    /* It is over; after the answers (SPH_ANSWER_LOST) to all that was under way. Not for a try to
     * connect that fails. */
    void (*on_lost)(void *context, const char *text);
    /* In the order of their numbers as far as the agent keeps it; slices are valid in the call. */
    void (*on_event)(void *context, const struct sph_msg_event *event);
    void (*on_gap)(void *context, uint64_t count); /* so many events were lost before the next */
    /* After a round of any of these and of answers: what they queued can be worked off. */
    void (*on_idle)(void *context);
};

/* Begins to connect at once. loop, backend and listener outlive the link. */
int sph_link_new(struct sph_loop *loop, const struct sph_backend *backend,
                 const struct sph_link_listener *listener, struct sph_link **ret_link,
                 struct sph_err *err);
struct sph_link *
sph_link_free(struct sph_link *link); /* drops what is under way, without answers */

bool sph_link_is_ready(const struct sph_link *link);
/* Why it is not; "" when it is. */
const char *sph_link_message(const struct sph_link *link);
uint64_t sph_link_last_seq(const struct sph_link *link); /* of events, of this boot */
/* What it was connected to is known to be gone, or to be new: a conversation is over, and it
 * connects at once instead of waiting for the rest of a back-off. `text`: why, until it has. */
void sph_link_renew(struct sph_link *link, const char *text);

/* Whether the agent shall hold the apps' output while events are not acknowledged, and the newest
 * one that all who need it have had. Called whenever one of the two may have changed; what cannot
 * be told now is told with a later call. */
void sph_link_acknowledge(struct sph_link *link, bool hold, uint64_t seq);

/* Copied by the call: payload needs to live no longer. */
struct sph_question {
    uint16_t op;            /* enum sph_op_code */
    const void *payload;    /* the encoded message of `op` */
    size_t len;             /* bytes; more than a frame takes is -EMSGSIZE */
    uint64_t extra_ms;      /* added to the time for an answer */
    sph_link_answer_fn *fn; /* NULL: the answer does not matter */
    void *context;
};

/* 0 and a handle, good until the answer; or nothing is sent and nobody is called:
 * -ENOTCONN with the sentence of sph_link_message, -EBUSY when too many are under way, -EMSGSIZE,
 * -ENOMEM. */
int sph_link_ask(struct sph_link *link, const struct sph_question *question,
                 struct sph_ask **ret_ask, struct sph_err *err);
/* The answer will be dropped; the request itself is not taken back from the agent. Takes NULL,
 * returns NULL. */
struct sph_ask *sph_link_forget(struct sph_ask *ask);

#endif
