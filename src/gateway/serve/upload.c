/* A package goes through in pieces, one under way at a time: the client is read only as fast as the
 * agent takes, and the gateway holds one piece whatever the package's size.
 *
 * One client stages at a time, since the agent knows one staging per connection and the gateway has
 * one connection. A second one is refused, not queued: it would wait with a body half sent. What
 * was begun and not ended is dropped by an abort, whatever way the exchange ends. */
#include <errno.h>

#include "gateway/serve/exchange_private.h"
#include "wire/message.h"

static void on_piece(void *context, const struct sph_answer *answer);

/* Nobody waits for the answer to an abort; the agent carries out requests in the order of arrival,
 * so the next staging begins after it. */
void sph_upload_release(struct sph_exchange *exchange) {
    struct sph_exchange_pool *pool = exchange->pool;
    if (pool->stage_owner != exchange)
        return;
    pool->stage_owner = NULL;
    if (!exchange->stage_begun)
        return;
    exchange->stage_begun = false;
    const struct sph_question drop = {.op = SPH_OP_STAGE_ABORT};
    struct sph_ask *unheeded;
    (void)sph_link_ask(pool->link, &drop, &unheeded, NULL); /* without an agent nothing is staged */
}

/* The response is decided: it goes out when the rest of the body has come. */
static void finish(struct sph_exchange *exchange) {
    sph_upload_release(exchange);
    sph_exchange_decide(exchange);
}

/* False: the refusal is made. True: suspended until on_piece. */
static bool ask(struct sph_exchange *exchange, uint16_t op, const struct sph_codec *codec,
                const void *message) {
    struct sph_err err = SPH_ERR_NULL;
    sph_autobuf struct sph_buf payload = SPH_BUF_LIMIT(SPH_FRAME_PAYLOAD_MAX);
    int rc = sph_codec_encode(codec, message, &payload, &err);
    const struct sph_question question = {
        .op = op, .payload = payload.data, .len = payload.len, .fn = on_piece, .context = exchange};
    if (rc == 0)
        rc = sph_link_ask(exchange->pool->link, &question, &exchange->ask, &err);
    if (rc == 0) {
        sph_exchange_suspend(exchange);
        return true;
    }
    sph_exchange_refuse_ask(exchange, &err);
    finish(exchange);
    return false;
}

/* True when this exchange may stage; else the refusal is made, or the beginning is under way. */
static bool may_send(struct sph_exchange *exchange) {
    struct sph_exchange_pool *pool = exchange->pool;
    if (exchange->stage_begun)
        return true;
    if (pool->stage_owner) {
        (void)sph_response_refuse(&exchange->response, false, 409, SPH_DEVERR_INTERFACE_BUSY,
                                  "another package is being staged");
        finish(exchange);
        return false;
    }
    pool->stage_owner = exchange;
    struct sph_msg_stage_begin begin = {.size_bytes = exchange->stage_size};
    exchange->stage_begun = ask(exchange, SPH_OP_STAGE_BEGIN, &sph_msg_stage_begin_codec, &begin);
    return false;
}

/* Counted as it comes: a client may announce less than it sends, or nothing at all. */
static bool fits(struct sph_exchange *exchange, size_t len) {
    exchange->body_bytes += len;
    if (exchange->body_bytes <= SPH_ROUTE_PACKAGE_MAX)
        return true;
    (void)sph_response_refuse(&exchange->response, false, 413, SPH_DEVERR_INVALID_CONTENT_LENGTH,
                              "the package is longer than the %d bytes that are taken",
                              SPH_ROUTE_PACKAGE_MAX);
    finish(exchange);
    return false;
}

/* Number of bytes taken; 0 while an answer is awaited. */
static size_t take(struct sph_exchange *exchange, const char *bytes, size_t len) {
    size_t taken = len < SPH_FRAME_CHUNK ? len : SPH_FRAME_CHUNK;
    if (exchange->ask || !may_send(exchange) || !fits(exchange, taken))
        return 0;
    struct sph_msg_stage_data piece = {.data = sph_slice(bytes, taken)};
    return ask(exchange, SPH_OP_STAGE_DATA, &sph_msg_stage_data_codec, &piece) ? taken : 0;
}

/* While a piece is under way the connection is suspended: the client's next bytes stay in its
 * socket. */
void sph_upload_bytes(struct sph_exchange *exchange, const char *bytes, size_t *len) {
    *len -= take(exchange, bytes, *len); /* the library offers the rest again */
    if (exchange->phase != SPH_PHASE_BODY)
        *len = 0;
}

/* Called again when the last piece was taken: the body is over, but not yet the staging. */
void sph_upload_end(struct sph_exchange *exchange) {
    if (exchange->ask)
        return;
    if (!exchange->stage_begun) {
        (void)sph_response_refuse(&exchange->response, false, 400, SPH_DEVERR_REQUEST_DATA_EXPECTED,
                                  "there is no package in the request");
        exchange->phase = SPH_PHASE_READY;
        return;
    }
    if (ask(exchange, SPH_OP_STAGE_END, &sph_msg_empty_codec, &(struct sph_msg_empty){0}))
        exchange->phase = SPH_PHASE_ASKING;
}

/* Of the beginning, of a piece, or of the end: only the end's reply is an answer for the client. */
static void on_piece(void *context, const struct sph_answer *answer) {
    struct sph_exchange *exchange = context;
    bool was_last = exchange->phase == SPH_PHASE_ASKING;
    exchange->ask = NULL;
    if (answer->kind == SPH_ANSWER_REPLY && !was_last) {
        sph_exchange_resume(exchange); /* for the next piece, or the end */
        return;
    }
    /* Staged, or refused: the agent has dropped what it had, unless it did not answer. */
    exchange->stage_begun = answer->kind == SPH_ANSWER_TIMEOUT;
    if (answer->kind == SPH_ANSWER_REPLY)
        sph_route_answer(&exchange->call, answer->payload, answer->len, &exchange->response);
    else if (answer->kind == SPH_ANSWER_ERROR)
        sph_route_answer_error(&exchange->call, answer->payload, answer->len, &exchange->response);
    else
        sph_exchange_refuse_answer(exchange, answer);
    finish(exchange);
}
