/* Two fronts, one for the user's own socket and one for HTTPS when that is on: what is suspended on
 * either is resumed by the same link, and so both run whenever anything has happened. */
#include "gateway/serve/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json_out.h"
#include "base/log.h"
#include "gateway/access/front.h"
#include "gateway/rest/json_wire.h"
#include "gateway/serve/exchange.h"
#include "gateway/serve/https.h"

struct sph_server {
    struct sph_exchange_pool pool;
    struct sph_front front; /* of the user's own socket */
    struct sph_watch *alive_timer;
};

/* ---- lines of the gateway's own ---- */

/* A line that has no room is lost like an event that never came: streams are told (history.c). */
static void add_to_history(struct sph_server *server, uint64_t seq, struct sph_buf *line) {
    sph_buf_append(line, "\n", 1);
    if (line->error)
        return;
    sph_history_add(&server->pool.history, seq, line->data, line->len);
    sph_exchange_wake_streams(&server->pool, false);
}

/* The line stands before the events of the new boot and after those of the old one. */
static void on_ready(void *context, const struct sph_guid *boot_id, bool restarted) {
    struct sph_server *server = context;
    sph_autobuf struct sph_buf line = SPH_BUF_NULL;
    struct sph_json_out out;
    sph_log(SPH_LOG_NOTICE, "the agent is there restarted=%d", restarted);
    if (restarted) /* and with it every app */
        sph_debug_port_close(&server->pool.debug_port, NULL);
    sph_json_begin(&out, &line);
    sph_json_object(&out);
    sph_json_key_string(&out, "kind", "deviceBack");
    sph_json_key_guid(&out, "bootId", boot_id);
    sph_json_key_bool(&out, "restarted", restarted);
    sph_json_object_end(&out);
    add_to_history(server, 0, &line);
    if (restarted)
        sph_history_begin_epoch(&server->pool.history);
}

static void on_lost(void *context, const char *text) {
    struct sph_server *server = context;
    sph_autobuf struct sph_buf line = SPH_BUF_NULL;
    struct sph_json_out out;
    sph_log(SPH_LOG_NOTICE, "%s", text);
    const struct sph_backend *backend = server->pool.backend;
    if (backend->runs && !backend->runs(backend->context))
        sph_debug_port_reset(&server->pool.debug_port);
    sph_json_begin(&out, &line);
    sph_json_object(&out);
    sph_json_key_string(&out, "kind", "deviceLost");
    sph_json_key_string(&out, "message", text);
    sph_json_object_end(&out);
    add_to_history(server, 0, &line);
}

/* Streams find the gap in the history; the event that showed it wakes them. */
static void on_gap(void *context, uint64_t count) {
    struct sph_server *server = context;
    sph_log(SPH_LOG_NOTICE, "the agent dropped events=%llu", (unsigned long long)count);
    sph_history_skip(&server->pool.history, count);
}

/* Written once, as text, for however many clients: they differ only in how far they have read. */
static void on_event(void *context, const struct sph_msg_event *event) {
    struct sph_server *server = context;
    sph_autobuf struct sph_buf line = SPH_BUF_NULL;
    struct sph_json_out out;
    if (event->kind == SPH_EVENT_ENDED || event->kind == SPH_EVENT_DELETED)
        sph_debug_port_close(&server->pool.debug_port, &event->component);
    sph_json_begin(&out, &line);
    sph_json_event(&out, event);
    add_to_history(server, event->seq, &line);
}

/* ---- the library in the loop ---- */

/* What streams have read meanwhile is acknowledged at once: apps may wait for it. */
static void run_fronts(void *context) {
    struct sph_server *server = context;
    sph_front_run(&server->front, 1);
    sph_https_run(server->pool.https);
    sph_exchange_acknowledge(&server->pool);
}

/* Writing is how a stream finds out that its client has gone. */
static void on_alive(void *context) {
    struct sph_server *server = context;
    sph_exchange_wake_streams(&server->pool, true);
    sph_https_try_again(server->pool.https);
    run_fronts(server);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
                                  const char *path, const char *method, const char *version,
                                  const char *upload, size_t *upload_len, void **request) {
    (void)version;
    struct sph_server *server = context;
    return sph_exchange_handle(&server->pool, connection, NULL, path, method, upload, upload_len,
                               (struct sph_exchange **)request);
}

/* ---- life ---- */

static int open_front(struct sph_server *server, int listen_fd, struct sph_err *err) {
    const struct MHD_OptionItem options[] = {
        {MHD_OPTION_CONNECTION_LIMIT, SPH_SERVER_CONNECTIONS, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, SPH_SERVER_CONNECTION_BYTES, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, SPH_SERVER_IDLE_S, NULL},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)sph_exchange_completed, NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    const struct sph_front_config config = {.loop = server->pool.loop,
                                            .listen_fd = listen_fd,
                                            .handler = on_request,
                                            .options = options,
                                            .on_due = run_fronts,
                                            .context = server};
    return sph_front_open(&server->front, &config, err);
}

/* The link comes last: its first call may find everything else in place. */
static int start(struct sph_server *server, int listen_fd, const struct sph_backend *backend,
                 struct sph_err *err) {
    const struct sph_link_listener listener = {.context = server,
                                               .on_ready = on_ready,
                                               .on_lost = on_lost,
                                               .on_event = on_event,
                                               .on_gap = on_gap,
                                               .on_idle = run_fronts};
    struct sph_loop *loop = server->pool.loop;
    int rc = open_front(server, listen_fd, err);
    if (rc == 0)
        rc = sph_loop_add_timer(loop, SPH_SERVER_ALIVE_MS, SPH_SERVER_ALIVE_MS, on_alive, server,
                                &server->alive_timer, err);
    return rc < 0 ? rc : sph_link_new(loop, backend, &listener, &server->pool.link, err);
}

/* A server that came half way is freed like a whole one. */
int sph_server_new(struct sph_loop *loop, int listen_fd, const struct sph_backend *backend,
                   struct sph_server **ret_server, struct sph_err *err) {
    struct sph_server *server = calloc(1, sizeof(*server));
    if (!server) {
        (void)close(listen_fd);
        return SPH_FAIL(err, -ENOMEM, "out of memory for the server");
    }
    server->pool.loop = loop;
    server->pool.backend = backend;
    sph_history_init(&server->pool.history);
    sph_debug_port_init(&server->pool.debug_port, loop, backend);
    int rc = start(server, listen_fd, backend, err);
    if (rc < 0) {
        (void)sph_server_free(server);
        return rc;
    }
    *ret_server = server;
    return 0;
}

int sph_server_open_https(struct sph_server *server, int dir_fd, struct sph_err *err) {
    return sph_https_new(&server->pool, dir_fd, run_fronts, server, &server->pool.https, err);
}

static bool stop_exchanges(void *context) {
    return sph_exchange_stop(context, false);
}

/* Streams and answers need the link's state until the library is done with them. */
struct sph_server *sph_server_free(struct sph_server *server) {
    if (!server)
        return NULL;
    sph_loop_remove(server->alive_timer);
    server->pool.is_stopping = true;
    server->pool.https = sph_https_free(server->pool.https);
    sph_front_close(&server->front, stop_exchanges, &server->pool);
    sph_debug_port_done(&server->pool.debug_port);
    (void)sph_link_free(server->pool.link);
    sph_history_done(&server->pool.history);
    free(server);
    return NULL;
}
