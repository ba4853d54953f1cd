/* libmicrohttpd without threads: its epoll descriptor is one more source of our loop, and whatever
 * resumes a connection lets the library run once more. A thread of its own would cost a stack and
 * locks around everything above. */
#include "gateway/access/front.h"

#include <errno.h>
#include <unistd.h>

enum {
    RUNS = 16,      /* of the library in one go while it has more to do at once */
    STOP_RUNS = 50, /* rounds that answers have to get out at the end, a millisecond each */
};

static void on_fd(void *context, int fd, uint32_t epoll_events) {
    (void)fd, (void)epoll_events;
    struct sph_front *front = context;
    front->on_due(front->context);
}

static void on_timer(void *context) {
    struct sph_front *front = context;
    front->on_due(front->context);
}

static int watch(struct sph_front *front, struct sph_loop *loop, struct sph_err *err) {
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(front->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (!info)
        return SPH_FAIL(err, -EIO, "cannot get the HTTP server's descriptor");
    int rc = sph_loop_add_fd(loop, info->epoll_fd, EPOLLIN, on_fd, front, &front->watch, err);
    return rc < 0 ? rc : sph_loop_add_timer(loop, 1, 0, on_timer, front, &front->timer, err);
}

static bool leaves_none(void *context) {
    (void)context;
    return false;
}

/* No socket of its own, no thread, no signal handler. The socket is the library's from here on, and
 * closed by us if it never gets so far. */
int sph_front_open(struct sph_front *front, const struct sph_front_config *config,
                   struct sph_err *err) {
    *front = (struct sph_front){.on_due = config->on_due, .context = config->context};
    front->daemon =
        MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | config->more_flags, 0, NULL,
                         NULL, config->handler, config->context, MHD_OPTION_LISTEN_SOCKET,
                         config->listen_fd, MHD_OPTION_ARRAY, config->options, MHD_OPTION_END);
    if (!front->daemon) {
        (void)close(config->listen_fd);
        return SPH_FAIL(err, -EIO, "cannot start the HTTP server");
    }
    int rc = watch(front, config->loop, err);
    if (rc < 0)
        sph_front_close(front, leaves_none, NULL);
    return rc;
}

/* The library says how soon it wants to run again: 0 means at once, for a few rounds (then our
 * other sources have their turn), "no" that only its descriptor will wake it. */
void sph_front_run(struct sph_front *front, unsigned rest_ms) {
    MHD_UNSIGNED_LONG_LONG wait_ms = 0;
    if (!front->daemon)
        return;
    for (unsigned i = 0; i < RUNS && wait_ms == 0; i++) {
        (void)MHD_run(front->daemon);
        if (MHD_get_timeout(front->daemon, &wait_ms) != MHD_YES) {
            (void)sph_loop_arm_timer(front->timer, 0, 0);
            return;
        }
    }
    (void)sph_loop_arm_timer(front->timer, wait_ms > 0 ? wait_ms : rest_ms, 0);
}

/* Suspended connections must not be there when the library stops; what is answered gets a moment to
 * leave. */
void sph_front_close(struct sph_front *front, bool (*step)(void *context), void *context) {
    sph_loop_remove(front->timer);
    sph_loop_remove(front->watch);
    if (front->daemon) {
        MHD_socket listen_fd = MHD_quiesce_daemon(front->daemon);
        for (unsigned i = 0; i < STOP_RUNS && step(context); i++) {
            (void)MHD_run(front->daemon);
            (void)usleep(1000);
        }
        (void)step(context);
        MHD_stop_daemon(front->daemon);
        if (listen_fd != MHD_INVALID_SOCKET)
            (void)close(listen_fd);
    }
    *front = (struct sph_front){0};
}
