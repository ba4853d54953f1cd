/* Who may connect, how many, and which changes of apps are under way. What a client says is not
 * looked at here (connection.c has the bytes, handle.c the requests).
 *
 * Changes of apps are marked by component id, since they wait for an app's end while the loop goes
 * on: without the mark a second client could start what the first one is about to replace. */
#include "agent/requests/server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/device/device.h"
#include "base/cleanup.h"
#include "base/loop.h"
#include "base/unix_socket.h"

/* A few fixed places: 16 clients are more than a device has, and a bound that is an array needs no
 * accounting. */
struct sph_server {
    struct sph_device *device;
    int fd; /* listening; -1 in tests */
    struct sph_watch *watch;
    size_t count;
    struct sph_connection *connections[SPH_SERVER_CONNECTIONS];
    uint64_t dropped; /* events of connections that have ended */
    size_t job_count;
    struct sph_guid jobs[SPH_SERVER_JOBS]; /* zero: all apps */
};

/* Told in the log only when something was lost: connections come and go. */
static void on_end(void *context, struct sph_connection *connection) {
    struct sph_server *server = context;
    size_t at = 0;
    while (server->connections[at] != connection)
        at++;
    uint64_t dropped = sph_connection_dropped(connection);
    if (dropped)
        sph_device_note(server->device, NULL, "a slow client lost events=%llu",
                        (unsigned long long)dropped);
    server->dropped += dropped;
    server->connections[at] = server->connections[--server->count];
    sph_connection_free(connection);
}

/* Checked against the credentials that the kernel gives, not against the mode of the socket's name,
 * which its owner can change. */
int sph_server_adopt(struct sph_server *server, int fd, uid_t uid, struct sph_err *err) {
    sph_autoclose int owned = fd;
    if (uid != 0 && uid != server->device->owner)
        return SPH_FAIL(err, -EACCES, "user %u is neither root nor the owner of the device",
                        (unsigned)uid);
    /* Closed at once and not left in the queue: a client that gets no answer cannot say why. */
    if (server->count == SPH_SERVER_CONNECTIONS)
        return SPH_FAIL(err, -EUSERS, "%d clients are connected already", SPH_SERVER_CONNECTIONS);
    int code = sph_connection_new(server->device, SPH_STEAL_FD(owned), on_end, server,
                                  &server->connections[server->count], err);
    if (code == 0)
        server->count++;
    return code;
}

/* The host's user is the device's owner: nobody else can have reached QEMU's end. */
int sph_server_add_port(struct sph_server *server, int fd, bool again, struct sph_err *err) {
    int code = sph_server_adopt(server, fd, server->device->owner, err);
    if (code == 0 && again)
        sph_connection_ask_for_hello(server->connections[server->count - 1]);
    return code;
}

/* One client a round; the socket stays ready while more wait. */
static void on_connect(void *context, int fd, uint32_t epoll_events) {
    struct sph_server *server = context;
    struct sph_unix_peer peer;
    struct sph_err err = SPH_ERR_NULL;
    (void)epoll_events;
    int accepted = sph_unix_accept(fd, &peer);
    if (accepted >= 0 && sph_server_adopt(server, accepted, peer.uid, &err) < 0)
        sph_device_note(server->device, NULL, "a client was turned away: %s", err.text);
}

/* The name is the owner's, so that the gateway may connect without privilege. */
static int listen_on(struct sph_server *server, const char *name, struct sph_err *err) {
    struct sph_device *device = server->device;
    server->fd = sph_unix_listen(device->dir_fd, name, SOCK_STREAM, 0600, err);
    if (server->fd < 0)
        return server->fd;
    if (fchownat(device->dir_fd, name, device->owner, (gid_t)-1, AT_SYMLINK_NOFOLLOW) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot give %s to the owner of the device", name);
    return sph_loop_add_fd(device->loop, server->fd, EPOLLIN, on_connect, server, &server->watch,
                           err);
}

/* NULL as the name: tests bring their own sockets. */
int sph_server_new(struct sph_device *device, const char *name, struct sph_server **ret_server,
                   struct sph_err *err) {
    struct sph_server *server = calloc(1, sizeof(*server));
    if (!server)
        return SPH_FAIL(err, -ENOMEM, "out of memory for the server");
    server->device = device;
    server->fd = -1;
    int code = name ? listen_on(server, name, err) : 0;
    if (code < 0) {
        sph_server_free(server);
        return code;
    }
    *ret_server = server;
    return 0;
}

/* Every connection gets what its socket still takes, the last event among it. */
struct sph_server *sph_server_free(struct sph_server *server) {
    if (!server)
        return NULL;
    while (server->count)
        sph_connection_free(server->connections[--server->count]);
    sph_loop_remove(server->watch);
    if (server->fd >= 0)
        (void)close(server->fd);
    free(server);
    return NULL;
}

size_t sph_server_connections(const struct sph_server *server) {
    return server->count;
}

/* Of all clients that there ever were: a number that can only grow is one that can be compared. */
uint64_t sph_server_events_dropped(const struct sph_server *server) {
    uint64_t dropped = server->dropped;
    for (size_t i = 0; i < server->count; i++)
        dropped += sph_connection_dropped(server->connections[i]);
    return dropped;
}

static const struct sph_guid all_apps;

/* A job of all apps needs that there is no other; any other is refused while it is there. */
bool sph_server_begin_job(struct sph_server *server, const struct sph_guid *component) {
    if (!component)
        component = &all_apps;
    if (server->job_count == SPH_SERVER_JOBS || (server->job_count && sph_guid_is_zero(component)))
        return false;
    for (size_t i = 0; i < server->job_count; i++)
        if (sph_guid_is_zero(&server->jobs[i]) || sph_guid_equal(&server->jobs[i], component))
            return false;
    server->jobs[server->job_count++] = *component;
    return true;
}

/* One that was never begun is no error: a refused change and one that is over end alike. */
void sph_server_end_job(struct sph_server *server, const struct sph_guid *component) {
    if (!component)
        component = &all_apps;
    for (size_t i = 0; i < server->job_count; i++) {
        if (sph_guid_equal(&server->jobs[i], component)) {
            server->jobs[i] = server->jobs[--server->job_count];
            return;
        }
    }
}
