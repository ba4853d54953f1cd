/* libmicrohttpd without threads: its epoll descriptor is one more source of our loop, and whatever
 * resumes a connection lets the library run once more. A thread of its own would cost a stack and
 * locks around everything above. */
#include "gateway/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json_out.h"
#include "base/log.h"
#include "gateway/exchange.h"
#include "gateway/json_wire.h"

enum {
    RUNS = 16,      /* of the library in one go while it has more to do at once */
    STOP_RUNS = 50, /* rounds that answers have to get out at the end, a millisecond each */
};

struct sph_server {
    struct sph_exchange_pool pool;
    struct MHD_Daemon *daemon; /* owns the listening socket and the connections */
    struct sph_watch *daemon_watch, *daemon_timer, *alive_timer;
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

/* The library says how soon it wants to run again: 0 means at once, for a few rounds (then our
 * other sources have their turn), "no" that only its descriptor will wake it. */
static void run_library(struct sph_server *server) {
    MHD_UNSIGNED_LONG_LONG wait_ms = 0;
    for (unsigned i = 0; i < RUNS && wait_ms == 0; i++) {
        (void)MHD_run(server->daemon);
        if (MHD_get_timeout(server->daemon, &wait_ms) != MHD_YES) {
            (void)sph_loop_arm_timer(server->daemon_timer, 0, 0);
            return;
        }
    }
    (void)sph_loop_arm_timer(server->daemon_timer, wait_ms > 0 ? wait_ms : 1, 0);
}

/* What streams have read meanwhile is acknowledged at once: apps may wait for it. */
static void run_daemon(struct sph_server *server) {
    run_library(server);
    sph_exchange_acknowledge(&server->pool);
}

static void on_daemon_fd(void *context, int fd, uint32_t epoll_events) {
    (void)fd, (void)epoll_events;
    run_daemon(context);
}

/* Writing is how a stream finds out that its client has gone. */
static void on_alive(void *context) {
    struct sph_server *server = context;
    sph_exchange_wake_streams(&server->pool, true);
    run_daemon(server);
}

/* Answers of the agent have resumed connections, which the library sees only when it runs. */
static void on_idle(void *context) {
    run_daemon(context);
}

/* The library keeps one pointer per request for us: the exchange. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
                                  const char *path, const char *method, const char *version,
                                  const char *upload, size_t *upload_len, void **request) {
    (void)version;
    struct sph_server *server = context;
    struct sph_exchange *exchange = *request;
    enum MHD_Result result =
        sph_exchange_handle(&server->pool, connection, path, method, upload, upload_len, &exchange);
    *request = exchange;
    return result;
}

/* For whatever reason the request is over: this is the only place where an exchange ends. */
static void on_completed(void *context, struct MHD_Connection *connection, void **request,
                         enum MHD_RequestTerminationCode code) {
    (void)context, (void)connection, (void)code;
    sph_exchange_free(*request);
    *request = NULL;
}

/* ---- life ---- */

/* No socket of its own, no thread, no signal handler. The socket is the library's from here on, and
 * closed by us if it never gets so far. */
static int start_daemon(struct sph_server *server, int listen_fd, struct sph_err *err) {
    server->daemon =
        MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request,
                         server, MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_CONNECTION_LIMIT,
                         (unsigned)SPH_SERVER_CONNECTIONS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                         (size_t)SPH_SERVER_CONNECTION_BYTES, MHD_OPTION_CONNECTION_TIMEOUT,
                         (unsigned)SPH_SERVER_IDLE_S, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
                         server, MHD_OPTION_END);
    if (!server->daemon) {
        (void)close(listen_fd);
        return SPH_FAIL(err, -EIO, "cannot start the HTTP server");
    }
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (!info)
        return SPH_FAIL(err, -EIO, "cannot get the HTTP server's descriptor");
    return sph_loop_add_fd(server->pool.loop, info->epoll_fd, EPOLLIN, on_daemon_fd, server,
                           &server->daemon_watch, err);
}

static void on_daemon_timer(void *context) {
    run_daemon(context);
}

/* The link comes last: its first call may find everything else in place. */
static int start(struct sph_server *server, int listen_fd, const struct sph_backend *backend,
                 struct sph_err *err) {
    const struct sph_link_listener listener = {.context = server,
                                               .on_ready = on_ready,
                                               .on_lost = on_lost,
                                               .on_event = on_event,
                                               .on_gap = on_gap,
                                               .on_idle = on_idle};
    struct sph_loop *loop = server->pool.loop;
    int rc = start_daemon(server, listen_fd, err);
    if (rc == 0)
        rc = sph_loop_add_timer(loop, 1, 0, on_daemon_timer, server, &server->daemon_timer, err);
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

/* Suspended connections must not be there when the library stops; what is answered gets a moment to
 * leave. */
static void stop_daemon(struct sph_server *server) {
    if (!server->daemon)
        return;
    MHD_socket listen_fd = MHD_quiesce_daemon(server->daemon);
    for (unsigned i = 0; i < STOP_RUNS && server->pool.exchanges; i++) {
        sph_exchange_stop_all(&server->pool);
        (void)MHD_run(server->daemon);
        (void)usleep(1000);
    }
    MHD_stop_daemon(server->daemon);
    if (listen_fd != MHD_INVALID_SOCKET)
        (void)close(listen_fd);
}

/* Streams and answers need the link's state until the library is done with them. */
struct sph_server *sph_server_free(struct sph_server *server) {
    if (!server)
        return NULL;
    sph_loop_remove(server->alive_timer);
    sph_loop_remove(server->daemon_timer);
    sph_loop_remove(server->daemon_watch);
    stop_daemon(server);
    sph_debug_port_done(&server->pool.debug_port);
    (void)sph_link_free(server->pool.link);
    sph_history_done(&server->pool.history);
    free(server);
    return NULL;
}
