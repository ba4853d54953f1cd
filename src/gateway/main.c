/* spheruled: takes its place beside a device, becomes the owner's, serves.
 *
 * One process, one thread, one loop: the requests of a few clients and one agent need no more, and
 * what has no threads needs no locks. It stays in the foreground; whoever starts it detaches it and
 * learns over --ready-fd whether it serves. Everything is told on standard error. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/unix_socket.h"
#include "gateway/machine/images.h"
#include "gateway/machine/machine.h"
#include "gateway/machine/options.h"
#include "gateway/machine/place.h"
#include "gateway/serve/server.h"

/* 0: told to end, by a signal or by a client. A full disk has a status of its own, so that whoever
 * starts us can tell what to do from it. */
enum { EXIT_USAGE = 2, EXIT_FAILED = 1, EXIT_FULL = 7 };

/* "ok", or the sentence, to whoever started us; then that descriptor is closed. Nothing can be done
 * about a starter that does not read: it is told, not asked. */
static void tell_starter(int ready_fd, const char *text) {
    if (ready_fd < 0)
        return;
    (void)sph_fd_write_full(ready_fd, text, strlen(text));
    (void)sph_fd_write_full(ready_fd, "\n", 1);
    (void)close(ready_fd);
}

static void on_signal(void *context, int signal_number) {
    sph_log(SPH_LOG_NOTICE, "ending signal=%d", signal_number);
    sph_loop_stop(context, 0);
}

/* Through the loop, so that an end is as orderly by a signal as by a client: answers go out first.
 */
static int watch_signals(struct sph_loop *loop, struct sph_err *err) {
    struct sph_watch *watch; /* they live as long as the loop */
    int rc = sph_loop_add_signal(loop, SIGTERM, on_signal, loop, &watch, err);
    return rc < 0 ? rc : sph_loop_add_signal(loop, SIGINT, on_signal, loop, &watch, err);
}

/* What is held while serving; given back in reverse order. */
struct gateway {
    int dir_fd, pid_fd;
    int images_fd; /* of virtual devices; or negative errno */
    struct sph_loop *loop;
    struct sph_backend backend;
    struct sph_server *server;
};

static int make_backend(struct gateway *gateway, const struct sph_options *options,
                        struct sph_err *err) {
    sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(SPH_MACHINE_JSON);
    struct sph_machine_config config;
    int rc = sph_file_read(gateway->dir_fd, "device.json", &text, err);
    if (rc == 0)
        rc = sph_machine_parse(text.data ? text.data : "", text.len, &config, err);
    if (rc < 0)
        return rc;
    if (!config.is_virtual)
        return sph_backend_native(gateway->dir_fd, options->agent, &gateway->backend, err);
    return sph_backend_virtual(gateway->dir_fd, gateway->images_fd, options->agent,
                               &gateway->backend, err);
}

/* In the order of what may be done as whom: the images may be where the owner cannot go. Whoever
 * connects before the loop runs waits for it. */
static int set_up(struct gateway *gateway, const struct sph_options *options, struct sph_err *err) {
    gateway->dir_fd = sph_place_open(options, err);
    if (gateway->dir_fd < 0)
        return gateway->dir_fd;
    gateway->images_fd = sph_images_open_folder(NULL); /* who needs it says that it is missing */
    int rc = sph_place_become_owner(options, err);
    if (rc < 0)
        return rc;
    gateway->pid_fd = sph_place_lock(gateway->dir_fd, err);
    if (gateway->pid_fd < 0)
        return gateway->pid_fd;
    rc = sph_loop_new(&gateway->loop, err);
    if (rc == 0)
        rc = watch_signals(gateway->loop, err);
    if (rc == 0)
        rc = make_backend(gateway, options, err);
    if (rc < 0)
        return rc;
    int listen_fd = sph_unix_listen(gateway->dir_fd, "rest.sock", SOCK_STREAM, 0600, err);
    if (listen_fd < 0)
        return listen_fd;
    rc = sph_server_new(gateway->loop, listen_fd, &gateway->backend, &gateway->server, err);
    return rc < 0 ? rc : sph_server_open_https(gateway->server, gateway->dir_fd, err);
}

/* Last of all, since nothing that fails after it would take it back; and not with the first
 * request, since whoever started us waits for "ok" or hears why not. */
static int start_machine(struct gateway *gateway, struct sph_err *err) {
    const struct sph_backend *backend = &gateway->backend;
    bool started;
    return backend->start ? backend->start(backend->context, &started, err) : 0;
}

static void tear_down(struct gateway *gateway) {
    if (gateway->server) /* the name goes first: a client then finds nobody instead of the end */
        (void)unlinkat(gateway->dir_fd, "rest.sock", 0);
    (void)sph_server_free(gateway->server);
    sph_backend_done(&gateway->backend);
    (void)sph_loop_free(gateway->loop);
    if (gateway->images_fd >= 0)
        (void)close(gateway->images_fd);
    if (gateway->pid_fd >= 0)
        (void)close(gateway->pid_fd);
    if (gateway->dir_fd >= 0)
        (void)close(gateway->dir_fd);
}

static int serve(const struct sph_options *options, struct sph_err *err) {
    struct gateway gateway = {.dir_fd = -1, .pid_fd = -1, .images_fd = -1};
    int rc = set_up(&gateway, options, err);
    if (rc == 0)
        rc = start_machine(&gateway, err);
    if (rc == 0) {
        tell_starter(options->ready_fd, "ok");
        rc = sph_loop_run(gateway.loop, err);
    } else {
        tell_starter(options->ready_fd, err->text);
    }
    tear_down(&gateway);
    return rc;
}

int main(int argc, char **argv) {
    struct sph_options options;
    struct sph_err err = SPH_ERR_NULL;
    sph_log_open("spheruled");
    /* From the start: a starter that has gone away must not keep us from saying why we end. */
    (void)signal(SIGPIPE, SIG_IGN);
    if (sph_options_parse(argc, argv, &options, &err) < 0) {
        (void)fprintf(stderr, "spheruled: %s\n", err.text);
        return EXIT_USAGE;
    }
    if (options.wants_help || options.wants_version) {
        (void)fputs(options.wants_help ? sph_options_help : "spheruled " SPH_VERSION "\n", stdout);
        return 0;
    }
    int rc = serve(&options, &err);
    if (rc < 0) {
        sph_log(SPH_LOG_ERROR, "%s", err.text);
        return rc == -ENOSPC ? EXIT_FULL : EXIT_FAILED;
    }
    return 0;
}
