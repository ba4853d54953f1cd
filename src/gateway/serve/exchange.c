/* The library calls again and again for one request: with the headers, with pieces of the body, at
 * its end, and whenever a suspended connection is resumed. Each call looks at the phase and does
 * the next thing. A refusal found in the headers still lets a body of reasonable length come in: a
 * client that is writing does not read, and closing on it would lose the answer.
 *
 * While the agent is asked the connection is suspended: it costs nothing then, and no client waits
 * for another. An answer resumes it; the library's next call sends it. A client that goes away in
 * between is noticed when the answer is written; what it asked for is carried out all the same.
 *
 * Rejected: a thread for each connection, and answering from the agent's call (the library may be
 * in the middle of its own). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "gateway/serve/exchange_private.h"
#include "wire/message.h"

enum {
    SWALLOW_MAX = 8 * 1024 * 1024, /* bytes of a refused body that are read and thrown away */
    SWALLOW_STRANGERS = 65536,     /* the same of one who may not ask */
    LOG_ALL_MAX = 1024 * 1024,     /* bytes of one answer: a device keeps far less */
};

void sph_exchange_suspend(struct sph_exchange *exchange) {
    if (exchange->is_suspended)
        return;
    exchange->is_suspended = true;
    sph_guest_pause(exchange->guest, sph_clock_monotonic_ms());
    MHD_suspend_connection(exchange->connection);
}

void sph_exchange_resume(struct sph_exchange *exchange) {
    if (!exchange->is_suspended)
        return;
    exchange->is_suspended = false;
    sph_guest_resume(exchange->guest, sph_clock_monotonic_ms());
    MHD_resume_connection(exchange->connection);
}

/* ---- beginning ---- */

static const char *query(struct MHD_Connection *connection, const char *name) {
    return MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);
}

static const char *header(struct MHD_Connection *connection, const char *name) {
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* A length that is no number is the library's to refuse; a body of 0 bytes counts as none. */
static void describe(struct MHD_Connection *connection, const char *method, const char *path,
                     struct sph_route_request *ret_request) {
    const char *length = header(connection, MHD_HTTP_HEADER_CONTENT_LENGTH);
    *ret_request = (struct sph_route_request){
        .method = method,
        .path = path,
        .content_type = header(connection, MHD_HTTP_HEADER_CONTENT_TYPE),
        .first = query(connection, "first"),
        .after = query(connection, "after"),
        .cursor = query(connection, "cursor"),
        .wait_ms = query(connection, "waitMs"),
        .hold = query(connection, "hold"),
        .reader = query(connection, "reader"),
        .component = query(connection, "component"),
    };
    ret_request->has_length =
        length && sph_text_to_u64(length, UINT64_MAX, &ret_request->body_length) == 0;
    ret_request->has_body = ret_request->body_length > 0 ||
                            header(connection, MHD_HTTP_HEADER_TRANSFER_ENCODING) != NULL;
}

/* New ones come first in the pool: those that have just begun are those that change. */
static struct sph_exchange *exchange_new(struct sph_exchange_pool *pool,
                                         struct MHD_Connection *connection,
                                         struct sph_guest *guest) {
    struct sph_exchange *exchange = calloc(1, sizeof(*exchange));
    if (!exchange)
        return NULL;
    *exchange = (struct sph_exchange){.pool = pool,
                                      .connection = connection,
                                      .guest = guest,
                                      .response = SPH_RESPONSE_NULL,
                                      .body = SPH_BUF_LIMIT(SPH_ROUTE_JSON_MAX),
                                      .lines = SPH_BUF_NULL,
                                      .patience = SPH_PATIENCE(SPH_EXCHANGE_PATIENCE_MS),
                                      .next = pool->exchanges};
    if (pool->exchanges)
        pool->exchanges->previous = exchange;
    pool->exchanges = exchange;
    pool->requests++;
    return exchange;
}

/* The gateway ends after a stop only when its answer has gone out: that is here. */
static void exchange_free(struct sph_exchange *exchange) {
    struct sph_exchange_pool *pool = exchange->pool;
    if (exchange->is_admitted)
        sph_guest_let_in(exchange->guest);
    exchange->ask = sph_link_forget(exchange->ask);
    sph_debug_port_forget(&pool->debug_port, exchange);
    sph_upload_release(exchange);
    sph_setting_release(exchange);
    if (exchange->phase == SPH_PHASE_STREAM) {
        pool->streams--;
        pool->guest_streams -= exchange->guest != NULL;
    }
    if (exchange->call.route && exchange->call.route->action == SPH_ROUTE_STOP &&
        exchange->response.status == 200)
        sph_loop_stop(pool->loop, 0);
    if (exchange->previous)
        exchange->previous->next = exchange->next;
    else
        pool->exchanges = exchange->next;
    if (exchange->next)
        exchange->next->previous = exchange->previous;
    sph_response_done(&exchange->response);
    sph_buf_done(&exchange->body);
    sph_buf_done(&exchange->lines);
    free(exchange);
}

void sph_exchange_completed(void *context, struct MHD_Connection *connection, void **request,
                            enum MHD_RequestTerminationCode code) {
    (void)context, (void)connection, (void)code;
    if (*request)
        exchange_free(*request);
    *request = NULL;
}

/* ---- answering ---- */

static void add_number(struct MHD_Response *http, const char *name, uint64_t number) {
    char text[24];
    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
    (void)MHD_add_response_header(http, name, text);
}

/* A header that finds no memory is missing from an answer that is right otherwise. */
static void add_headers(struct MHD_Response *http, const struct sph_response *response) {
    (void)MHD_add_response_header(http, "REST-API-Version", SPH_REST_API_VERSION);
    (void)MHD_add_response_header(http, MHD_HTTP_HEADER_CONTENT_TYPE, response->content_type);
    (void)MHD_add_response_header(http, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (response->sentence[0])
        (void)MHD_add_response_header(http, "Spherule-Error", response->sentence);
    if (response->allow[0])
        (void)MHD_add_response_header(http, MHD_HTTP_HEADER_ALLOW, response->allow);
    if (response->status == MHD_HTTP_UNAUTHORIZED) { /* what is asked for, and no second try here */
        (void)MHD_add_response_header(http, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
        (void)MHD_add_response_header(http, MHD_HTTP_HEADER_CONNECTION, "close");
    }
    if (response->has_log_cursor) {
        add_number(http, "Spherule-Log-Cursor", response->log_cursor);
        add_number(http, "Spherule-Log-Lost", response->log_lost);
    }
}

/* The body's memory goes over to the library, which has its own idea of when it is sent. */
static enum MHD_Result send_response(struct sph_exchange *exchange) {
    struct sph_response *response = &exchange->response;
    size_t len = response->body.len;
    char *text = sph_buf_take(&response->body);
    if (!text)
        return MHD_NO; /* out of memory: the library closes the connection */
    struct MHD_Response *http = MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);
    if (!http) {
        free(text);
        return MHD_NO;
    }
    add_headers(http, response);
    sph_guest_sends(exchange->guest, len, sph_clock_monotonic_ms());
    enum MHD_Result result = MHD_queue_response(exchange->connection, response->status, http);
    MHD_destroy_response(http);
    return result;
}

void sph_exchange_decide(struct sph_exchange *exchange) {
    bool is_coming = exchange->call.route && exchange->call.route->action == SPH_ROUTE_STAGE &&
                     !exchange->body_ended;
    exchange->phase = is_coming ? SPH_PHASE_REFUSED : SPH_PHASE_READY;
    sph_exchange_resume(exchange);
}

/* 504 only for an agent that is there and says nothing: whether it did what was asked is unknown,
 * and a client may want to look before it asks again. */
void sph_exchange_refuse_answer(struct sph_exchange *exchange, const struct sph_answer *answer) {
    bool is_late = answer->kind == SPH_ANSWER_TIMEOUT;
    (void)sph_response_refuse(&exchange->response, exchange->call.is_own, is_late ? 504 : 503,
                              is_late ? ETIMEDOUT : SPH_DEVERR_INTERFACE_BUSY, "%s", answer->text);
}

void sph_exchange_refuse_ask(struct sph_exchange *exchange, const struct sph_err *err) {
    (void)sph_response_refuse(&exchange->response, exchange->call.is_own,
                              err->code == -EBUSY ? 409 : 503, SPH_DEVERR_INTERFACE_BUSY, "%s",
                              err->text);
}

/* ---- asking the agent ---- */

static void ask(struct sph_exchange *exchange);

/* A restart or a stop may take the agent away before its reply: that is what was asked for. */
static bool loss_is_success(const struct sph_exchange *exchange) {
    enum sph_route_action action = exchange->call.route->action;
    return action == SPH_ROUTE_RESTART || action == SPH_ROUTE_STOP;
}

/* As if the agent had replied: these replies have no fields. */
static void answer_success(struct sph_exchange *exchange) {
    sph_route_answer(&exchange->call, "", 0, &exchange->response);
}

/* It ends where a reply has nothing new, at the latest at a limit that no device's log reaches:
 * apps that write faster than the log is read would keep the answer from ending. Reads on where the
 * last reply ended. True when a further request is under way. */
static bool continue_log(struct sph_exchange *exchange, size_t before) {
    struct sph_response *response = &exchange->response;
    if (response->status != 200 || response->body.len == before ||
        response->body.len >= LOG_ALL_MAX)
        return false;
    exchange->call.cursor = response->log_cursor;
    ask(exchange);
    return exchange->ask != NULL;
}

/* Called from the loop, when the connection is suspended. */
static void on_answer(void *context, const struct sph_answer *answer) {
    struct sph_exchange *exchange = context;
    struct sph_response *response = &exchange->response;
    size_t before = response->body.len;
    exchange->ask = NULL;
    if (answer->kind == SPH_ANSWER_REPLY && sph_exchange_await_port(exchange, answer))
        return;
    exchange->call.gdb_port =
        sph_debug_port_get(&exchange->pool->debug_port, &exchange->call.component);
    if (answer->kind == SPH_ANSWER_REPLY)
        sph_route_answer(&exchange->call, answer->payload, answer->len, response);
    else if (answer->kind == SPH_ANSWER_ERROR)
        sph_route_answer_error(&exchange->call, answer->payload, answer->len, response);
    else if (answer->kind == SPH_ANSWER_LOST && loss_is_success(exchange))
        answer_success(exchange);
    else
        sph_exchange_refuse_answer(exchange, answer);
    if (exchange->call.route->action == SPH_ROUTE_LOG_ALL && continue_log(exchange, before))
        return;
    sph_exchange_decide(exchange);
}

/* Afterwards there is either an ask under way or a response. */
static void ask(struct sph_exchange *exchange) {
    struct sph_err err = SPH_ERR_NULL;
    sph_autobuf struct sph_buf payload = SPH_BUF_LIMIT(SPH_FRAME_PAYLOAD_MAX);
    const struct sph_call *call = &exchange->call;
    if (sph_route_build(call, exchange->body.data, exchange->body.len, &payload,
                        &exchange->response))
        return;
    const struct sph_question question = {.op = call->route->op,
                                          .payload = payload.data,
                                          .len = payload.len,
                                          .extra_ms = call->wait_ms,
                                          .fn = on_answer,
                                          .context = exchange};
    if (sph_link_ask(exchange->pool->link, &question, &exchange->ask, &err) == 0)
        return;
    if (call->route->action == SPH_ROUTE_STOP && err.code == -ENOTCONN)
        answer_success(exchange); /* no agent to stop: the gateway can end all the same */
    else
        sph_exchange_refuse_ask(exchange, &err);
}

/* Suspended after the ask, never before: an ask that fails is answered in this call. */
static enum MHD_Result ask_or_answer(struct sph_exchange *exchange) {
    ask(exchange);
    if (!exchange->ask)
        return send_response(exchange);
    exchange->phase = SPH_PHASE_ASKING;
    sph_exchange_suspend(exchange);
    return MHD_YES;
}

/* The whole request is here. */
static enum MHD_Result dispatch(struct sph_exchange *exchange) {
    switch (exchange->call.route->action) {
    case SPH_ROUTE_ASK:
    case SPH_ROUTE_LOG_ALL:
    case SPH_ROUTE_RESTART:
    case SPH_ROUTE_STOP:
        break;
    case SPH_ROUTE_SETTING:
        sph_setting_begin(exchange);
        return exchange->phase == SPH_PHASE_READY ? send_response(exchange) : MHD_YES;
    case SPH_ROUTE_STAGE:
        sph_upload_end(exchange);
        return exchange->phase == SPH_PHASE_READY ? send_response(exchange) : MHD_YES;
    case SPH_ROUTE_EVENTS:
        if (exchange->pool->streams < SPH_EXCHANGE_STREAMS &&
            (!exchange->guest || exchange->pool->guest_streams < SPH_EXCHANGE_GUEST_STREAMS))
            return sph_stream_begin(exchange);
        (void)sph_response_refuse(&exchange->response, true, 409, SPH_DEVERR_INTERFACE_BUSY,
                                  "too many clients stream events");
        return send_response(exchange);
    case SPH_ROUTE_GATEWAY:
        sph_exchange_answer_gateway(exchange);
        return send_response(exchange);
    case SPH_ROUTE_START:
        sph_exchange_answer_start(exchange);
        return send_response(exchange);
    case SPH_ROUTE_LISTEN:
        sph_exchange_answer_listen(exchange);
        return send_response(exchange);
    }
    return ask_or_answer(exchange);
}

/* ---- the library's calls ---- */

/* Who sends "Expect: 100-continue" has not sent its body and reads already: it is answered now. */
static enum MHD_Result begin(struct sph_exchange *exchange, const char *path, const char *method) {
    struct sph_route_request request;
    struct sph_response *response = &exchange->response;
    describe(exchange->connection, method, path, &request);
    exchange->is_admitted = sph_exchange_admit(exchange, path) == 0;
    uint64_t swallow_max = exchange->is_admitted ? SWALLOW_MAX : SWALLOW_STRANGERS;
    if (!exchange->is_admitted)
        exchange->body_bytes = SWALLOW_MAX - SWALLOW_STRANGERS; /* so many are taken less */
    else if (strlen(path) > SPH_ROUTE_PATH_MAX)
        (void)sph_response_refuse(response, false, 404, SPH_DEVERR_INVALID_REQUEST_URI,
                                  "the path is too long");
    else
        (void)sph_route_resolve(&request, &exchange->call, response);
    exchange->stage_size = request.body_length;
    if (!response->status) {
        exchange->body.limit = sph_route_body_max(exchange->call.route);
        return MHD_YES;
    }
    exchange->phase = SPH_PHASE_REFUSED;
    bool waits_for_go = header(exchange->connection, MHD_HTTP_HEADER_EXPECT) != NULL;
    if (waits_for_go || request.body_length > swallow_max)
        return send_response(exchange); /* the library closes the connection after it */
    return MHD_YES;
}

/* The rest of the body is still to come: the answer waits for its end. */
static void refuse_body(struct sph_exchange *exchange) {
    (void)sph_response_refuse(
        &exchange->response, exchange->call.is_own, 413, SPH_DEVERR_INVALID_CONTENT_LENGTH,
        "the body is longer than the %zu bytes that are taken", exchange->body.limit);
    exchange->phase = SPH_PHASE_REFUSED;
}

/* A body that nobody wants is counted and thrown away, up to a limit: then the connection ends. */
static enum MHD_Result take_body(struct sph_exchange *exchange, const char *upload,
                                 size_t *upload_len) {
    size_t len = *upload_len;
    if (exchange->phase == SPH_PHASE_BODY && exchange->call.route->action == SPH_ROUTE_STAGE) {
        sph_upload_bytes(exchange, upload, upload_len);
        sph_guest_took(exchange->guest, len - *upload_len);
        return MHD_YES;
    }
    *upload_len = 0;
    sph_guest_took(exchange->guest, len);
    exchange->body_bytes += len;
    if (exchange->body_bytes > SWALLOW_MAX)
        return MHD_NO;
    if (exchange->phase != SPH_PHASE_BODY || exchange->call.route->body == SPH_BODY_NONE)
        return MHD_YES;
    sph_buf_append(&exchange->body, upload, len);
    if (exchange->body.error)
        refuse_body(exchange);
    return MHD_YES;
}

/* Called once more for each time that the connection is resumed. */
static enum MHD_Result end_of_body(struct sph_exchange *exchange) {
    exchange->body_ended = true;
    switch (exchange->phase) {
    case SPH_PHASE_BODY:
        return dispatch(exchange);
    case SPH_PHASE_REFUSED:
    case SPH_PHASE_READY:
        return send_response(exchange);
    case SPH_PHASE_ASKING:
    case SPH_PHASE_STREAM:
        break;
    }
    return MHD_YES;
}

enum MHD_Result sph_exchange_handle(struct sph_exchange_pool *pool,
                                    struct MHD_Connection *connection, struct sph_guest *guest,
                                    const char *path, const char *method, const char *upload,
                                    size_t *upload_len, struct sph_exchange **exchange) {
    if (!*exchange) {
        *exchange = exchange_new(pool, connection, guest);
        return *exchange ? begin(*exchange, path, method) : MHD_NO;
    }
    if (*upload_len > 0)
        return take_body(*exchange, upload, upload_len);
    return end_of_body(*exchange);
}

/* A stream that has bytes waiting is not suspended, and not disturbed. */
void sph_exchange_wake_streams(struct sph_exchange_pool *pool, bool alive) {
    for (struct sph_exchange *exchange = pool->exchanges; exchange; exchange = exchange->next) {
        if (exchange->phase != SPH_PHASE_STREAM)
            continue;
        exchange->alive_due |= alive;
        sph_exchange_resume(exchange);
    }
}

/* May be called again and again; nobody is answered twice. The exchanges themselves are freed by
 * the library, as their answers go out. */
bool sph_exchange_stop(struct sph_exchange_pool *pool, bool guests_only) {
    static const struct sph_answer ending = {.kind = SPH_ANSWER_LOST,
                                             .text = "the gateway is ending"};
    static const struct sph_answer closing = {.kind = SPH_ANSWER_LOST,
                                              .text = "HTTPS is being switched off"};
    bool has_any = false;
    for (struct sph_exchange *exchange = pool->exchanges; exchange; exchange = exchange->next) {
        if (guests_only && !exchange->guest)
            continue;
        has_any = true;
        exchange->is_ending = true;
        if (exchange->ask || exchange->awaits_port || exchange->awaits_setting) {
            exchange->ask = sph_link_forget(exchange->ask);
            exchange->awaits_setting = false;
            sph_debug_port_forget(&pool->debug_port, exchange);
            exchange->awaits_port = false;
            sph_exchange_refuse_answer(exchange, pool->is_stopping ? &ending : &closing);
            sph_exchange_decide(exchange);
        }
        sph_exchange_resume(exchange);
    }
    return has_any;
}
