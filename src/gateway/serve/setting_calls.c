/* A call about simulated state takes several exchanges with the agent: each setting that it looks
 * at is read, the answer is made, and what has changed is put back before the client is told. In
 * between, nobody else may: two clients that each add a certificate would otherwise lose one. So
 * calls take turns, readers too, whose settings would not fit each other; a turn is a few frames
 * long. */
#include <errno.h>
#include <stdlib.h>

#include "gateway/serve/exchange_private.h"
#include "gateway/simulated/setting.h"
#include "wire/message.h"

struct sph_setting_work {
    struct sph_buf values[SPH_SETTINGS];
    uint32_t unread;      /* SPH_SETTING_BIT of each that is still to be read */
    unsigned current;     /* enum sph_setting: which is asked for */
    struct sph_buf value; /* to be put */
};

static struct sph_setting_work *work_new(uint32_t reads) {
    struct sph_setting_work *work = calloc(1, sizeof(*work));
    if (!work)
        return NULL;
    work->unread = reads;
    for (size_t i = 0; i < SPH_SETTINGS; i++)
        work->values[i] = (struct sph_buf)SPH_BUF_LIMIT(SPH_FRAME_PAYLOAD_MAX);
    work->value = (struct sph_buf)SPH_BUF_LIMIT(SPH_SETTING_VALUE_MAX);
    return work;
}

static void work_free(struct sph_setting_work *work) {
    if (!work)
        return;
    for (size_t i = 0; i < SPH_SETTINGS; i++)
        sph_buf_done(&work->values[i]);
    sph_buf_done(&work->value);
    free(work);
}

static void begin_turn(struct sph_exchange *exchange);

/* The one that has waited longest: new ones come first in the pool. */
void sph_setting_release(struct sph_exchange *exchange) {
    struct sph_exchange_pool *pool = exchange->pool;
    struct sph_exchange *next = NULL;
    work_free(exchange->work);
    exchange->work = NULL;
    exchange->awaits_setting = false;
    if (pool->setting_owner != exchange)
        return;
    pool->setting_owner = NULL;
    for (struct sph_exchange *other = pool->exchanges; other; other = other->next)
        next = other->awaits_setting ? other : next;
    if (next)
        begin_turn(next);
}

/* The response is there, or a refusal. */
static void finish(struct sph_exchange *exchange) {
    sph_setting_release(exchange);
    sph_exchange_decide(exchange);
}

static void refuse_memory(struct sph_exchange *exchange) {
    (void)sph_response_refuse(&exchange->response, exchange->call.is_own, 500, ENOMEM,
                              "the gateway has no memory for the request");
    finish(exchange);
}

/* An agent that let one of them wait for nothing has let them all: nobody waits twice as long. */
static void refuse_waiting(struct sph_exchange_pool *pool, const struct sph_answer *answer) {
    for (struct sph_exchange *other = pool->exchanges; other; other = other->next) {
        if (!other->awaits_setting)
            continue;
        other->awaits_setting = false;
        sph_exchange_refuse_answer(other, answer);
        sph_exchange_decide(other);
    }
}

/* Everything but a reply ends the call: lost, late, or a refusal by the agent. */
static bool is_reply(struct sph_exchange *exchange, const struct sph_answer *answer) {
    exchange->ask = NULL;
    if (answer->kind == SPH_ANSWER_REPLY)
        return true;
    if (answer->kind == SPH_ANSWER_ERROR)
        sph_route_answer_error(&exchange->call, answer->payload, answer->len, &exchange->response);
    else
        sph_exchange_refuse_answer(exchange, answer);
    if (answer->kind == SPH_ANSWER_TIMEOUT)
        refuse_waiting(exchange->pool, answer);
    finish(exchange);
    return false;
}

struct step {
    uint16_t op;
    const struct sph_codec *codec;
    const void *message;
    sph_link_answer_fn *fn;
};

static void ask(struct sph_exchange *exchange, const struct step *step) {
    struct sph_err err = SPH_ERR_NULL;
    sph_autobuf struct sph_buf payload = SPH_BUF_LIMIT(SPH_FRAME_PAYLOAD_MAX);
    if (sph_codec_encode(step->codec, step->message, &payload, &err) < 0) {
        refuse_memory(exchange);
        return;
    }
    const struct sph_question question = {.op = step->op,
                                          .payload = payload.data,
                                          .len = payload.len,
                                          .fn = step->fn,
                                          .context = exchange};
    if (sph_link_ask(exchange->pool->link, &question, &exchange->ask, &err) == 0)
        return;
    sph_exchange_refuse_ask(exchange, &err);
    finish(exchange);
}

/* What the agent says to it has no fields. */
static void on_put(void *context, const struct sph_answer *answer) {
    struct sph_exchange *exchange = context;
    if (is_reply(exchange, answer))
        finish(exchange);
}

static void put(struct sph_exchange *exchange) {
    struct sph_setting_work *work = exchange->work;
    const struct sph_msg_setting message = {
        .key = sph_slice_text(sph_setting_key(exchange->call.route->writes)),
        .value = sph_slice(work->value.data, work->value.len)};
    ask(exchange, &(struct step){.op = SPH_OP_SETTING_PUT,
                                 .codec = &sph_msg_setting_codec,
                                 .message = &message,
                                 .fn = on_put});
}

static void run(struct sph_exchange *exchange) {
    struct sph_setting_work *work = exchange->work;
    struct sph_setting_request request = {
        .call = &exchange->call, .body = exchange->body.data, .len = exchange->body.len};
    for (size_t i = 0; i < SPH_SETTINGS; i++)
        request.values[i] = sph_slice(work->values[i].data, work->values[i].len);
    if (sph_setting_run(&request, &work->value, &exchange->response) || work->value.len == 0)
        finish(exchange);
    else
        put(exchange);
}

static void read_next(struct sph_exchange *exchange);

static void on_value(void *context, const struct sph_answer *answer) {
    struct sph_exchange *exchange = context;
    struct sph_setting_work *work = exchange->work;
    struct sph_msg_setting_reply reply;
    struct sph_err err = SPH_ERR_NULL;
    if (!is_reply(exchange, answer))
        return;
    if (sph_codec_decode(&sph_msg_setting_reply_codec, answer->payload, answer->len, &reply, &err) <
        0) {
        (void)sph_response_refuse(&exchange->response, exchange->call.is_own, 500, EIO,
                                  "the agent's answer cannot be read: %.200s", err.text);
        finish(exchange);
        return;
    }
    sph_buf_append(&work->values[work->current], reply.value.data, reply.value.len);
    if (work->values[work->current].error)
        refuse_memory(exchange);
    else
        read_next(exchange);
}

static void read_next(struct sph_exchange *exchange) {
    struct sph_setting_work *work = exchange->work;
    if (!work->unread) {
        run(exchange);
        return;
    }
    work->current = (unsigned)__builtin_ctz(work->unread);
    work->unread &= work->unread - 1;
    const struct sph_msg_setting_key message = {.key =
                                                    sph_slice_text(sph_setting_key(work->current))};
    ask(exchange, &(struct step){.op = SPH_OP_SETTING_GET,
                                 .codec = &sph_msg_setting_key_codec,
                                 .message = &message,
                                 .fn = on_value});
}

static void begin_turn(struct sph_exchange *exchange) {
    exchange->awaits_setting = false;
    exchange->pool->setting_owner = exchange;
    exchange->work = work_new(exchange->call.route->reads);
    if (exchange->work)
        read_next(exchange);
    else
        refuse_memory(exchange);
}

/* Suspended last: what is answered at once needs no resuming. */
void sph_setting_begin(struct sph_exchange *exchange) {
    exchange->phase = SPH_PHASE_ASKING;
    if (exchange->pool->setting_owner)
        exchange->awaits_setting = true;
    else
        begin_turn(exchange);
    if (exchange->phase == SPH_PHASE_ASKING)
        sph_exchange_suspend(exchange);
}
