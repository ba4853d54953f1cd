/* Everything about a device's machine that the agent inside it cannot be asked. */
#include <errno.h>
#include <unistd.h>

#include "gateway/rest/json_wire.h"
#include "gateway/serve/exchange_private.h"

static bool machine_runs(const struct sph_backend *backend) {
    return backend->runs && backend->runs(backend->context);
}

/* A machine that was killed is seen here first when nobody has asked the agent since. */
static void notice_end(struct sph_exchange_pool *pool) {
    const struct sph_backend *backend = pool->backend;
    struct sph_err err = SPH_ERR_NULL;
    if (sph_link_is_ready(pool->link) && backend->why_gone(backend->context, &err) < 0)
        sph_link_renew(pool->link, err.text);
}

void sph_exchange_answer_gateway(struct sph_exchange *exchange) {
    struct sph_exchange_pool *pool = exchange->pool;
    const struct sph_backend *backend = pool->backend;
    struct sph_json_out out;
    bool runs = machine_runs(backend);
    if (backend->runs && !runs)
        notice_end(pool);
    sph_json_begin(&out, &exchange->response.body);
    sph_json_object(&out);
    sph_json_key_string(&out, "version", SPH_VERSION);
    sph_json_key_u64(&out, "pid", (uint64_t)getpid());
    sph_json_key_string(&out, "backend", backend->name);
    if (backend->runs)
        sph_json_key_bool(&out, "machineRuns", runs);
    sph_json_key_bool(&out, "connected", sph_link_is_ready(pool->link));
    if (!sph_link_is_ready(pool->link))
        sph_json_key_string(&out, "message", sph_link_message(pool->link));
    sph_json_key_u64(&out, "requests", pool->requests);
    sph_json_key_u64(&out, "eventClients", pool->streams);
    sph_json_object_end(&out);
    exchange->response.status = 200;
}

/* The conversation is begun anew only after a start: its end may not have been seen yet. */
static int start(struct sph_exchange_pool *pool, bool *ret_started, struct sph_err *err) {
    const struct sph_backend *backend = pool->backend;
    *ret_started = false;
    if (!backend->start)
        return sph_link_is_ready(pool->link)
                   ? 0
                   : SPH_FAIL(err, -ENOTSUP,
                              "the agent of a native device is not the gateway's to start");
    int rc = backend->start(backend->context, ret_started, err);
    if (rc == 0 && *ret_started)
        sph_link_renew(pool->link, "the gateway is connecting to the device's agent");
    return rc;
}

void sph_exchange_answer_start(struct sph_exchange *exchange) {
    struct sph_err err = SPH_ERR_NULL;
    struct sph_json_out out;
    bool started;
    if (start(exchange->pool, &started, &err) < 0) {
        (void)sph_response_refuse(&exchange->response, true, 503, SPH_DEVERR_INTERFACE_BUSY, "%s",
                                  err.text);
        return;
    }
    sph_json_begin(&out, &exchange->response.body);
    sph_json_object(&out);
    sph_json_key_bool(&out, "started", started);
    sph_json_object_end(&out);
    exchange->response.status = 200;
}

/* The agent's answer waited in exchange->body for the port that it is to name. */
static void on_port(void *context, int rc, uint16_t host_port, const char *text) {
    struct sph_exchange *exchange = context;
    exchange->awaits_port = false;
    exchange->call.gdb_port = host_port;
    if (rc == 0)
        sph_route_answer(&exchange->call, exchange->body.data, exchange->body.len,
                         &exchange->response);
    else
        (void)sph_response_refuse(&exchange->response, exchange->call.is_own, 500, EIO, "%s", text);
    sph_exchange_decide(exchange);
}

/* The body of the request is done with, so that its buffer can hold the answer. */
bool sph_exchange_await_port(struct sph_exchange *exchange, const struct sph_answer *answer) {
    struct sph_msg_app_control_reply reply;
    if (exchange->call.route->op != SPH_OP_APP_CONTROL ||
        sph_codec_decode(&sph_msg_app_control_reply_codec, answer->payload, answer->len, &reply,
                         NULL) < 0 ||
        reply.gdb_port == 0 || reply.gdb_port > UINT16_MAX)
        return false;
    sph_buf_truncate(&exchange->body, 0);
    sph_buf_append(&exchange->body, answer->payload, answer->len);
    if (exchange->body.error)
        return false;
    exchange->awaits_port = true;
    sph_debug_port_open(&exchange->pool->debug_port, &exchange->call.component,
                        (uint16_t)reply.gdb_port, on_port, exchange);
    return true;
}
