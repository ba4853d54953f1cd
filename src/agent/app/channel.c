/* One request, one reply, closed: a connection keeps nothing but its timer. An app can hold no more
 * of the agent than its few connections, and those for a bounded time; what it sends beyond that
 * waits in the socket's backlog, which is the kernel's. */
#include "agent/app/channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/app/channel_request.h"
#include "agent/device/device.h"
#include "base/cleanup.h"
#include "base/loop.h"
#include "base/unix_socket.h"

/* Lives in the channel's own array: what an app can make the agent allocate is bounded by it. */
struct connection {
    struct sph_channel *channel;
    int fd; /* -1: free */
    struct sph_watch *watch;
    struct sph_watch *timeout;
};

struct sph_channel {
    struct sph_device *device;
    int listen_fd;
    struct sph_watch *watch; /* NULL while all connections are taken */
    struct sph_channel_rights rights;
    struct connection connections[SPH_CHANNEL_CONNECTIONS];
};

static void on_connect(void *context, int fd, uint32_t epoll_events);

/* A watch that cannot be had now is tried for again with the next connection that ends, ignoring.
 */
static void listen_again(struct sph_channel *channel) {
    if (!channel->watch)
        (void)sph_loop_add_fd(channel->device->loop, channel->listen_fd, EPOLLIN, on_connect,
                              channel, &channel->watch, NULL);
}

static void hang_up(struct connection *connection) {
    connection->watch = sph_loop_remove(connection->watch);
    connection->timeout = sph_loop_remove(connection->timeout);
    if (connection->fd >= 0)
        (void)close(SPH_STEAL_FD(connection->fd));
}

static void finish(struct connection *connection) {
    hang_up(connection);
    listen_again(connection->channel);
}

static void on_timeout(void *context) {
    finish(context);
}

/* The first packet decides: answered if it is a request in full, hung up on if not. */
static void on_request(void *context, int fd, uint32_t epoll_events) {
    (void)epoll_events;
    struct connection *connection = context;
    struct sph_channel *channel = connection->channel;
    struct sph_app_request request;
    int stray_fd = -1;
    ssize_t len = sph_unix_recv(fd, &request, sizeof(request), &stray_fd);
    /* An app may send descriptors nobody asked for: kept, they would count against the agent's own.
     */
    if (stray_fd >= 0)
        (void)close(stray_fd);
    if (len == -EAGAIN)
        return;
    if (len == (ssize_t)sizeof(request)) {
        struct sph_app_reply reply = {.version = SPH_APP_CHANNEL_VERSION};
        sph_autoclose int passed_fd = -1;
        sph_channel_answer(channel->device, &channel->rights, &request, &reply, &passed_fd);
        /* An app that has gone away meanwhile does not get its reply, ignoring. */
        (void)sph_unix_send(fd, &reply, sizeof(reply), passed_fd);
    }
    finish(connection);
}

/* An app makes one for the time of a call, so all are taken only while as many of its threads ask
 * at once, or while it connects and says nothing. */
static struct connection *free_connection(struct sph_channel *channel) {
    for (int i = 0; i < SPH_CHANNEL_CONNECTIONS; i++)
        if (channel->connections[i].fd < 0)
            return &channel->connections[i];
    return NULL;
}

/* With all places taken the listener is left alone until one is free: level-triggered, it would
 * wake the loop for ever. */
static void on_connect(void *context, int fd, uint32_t epoll_events) {
    (void)epoll_events;
    struct sph_channel *channel = context;
    struct connection *connection = free_connection(channel);
    struct sph_unix_peer peer;
    if (!connection) {
        channel->watch = sph_loop_remove(channel->watch);
        return;
    }
    int peer_fd = sph_unix_accept(fd, &peer);
    if (peer_fd < 0)
        return;
    connection->fd = peer_fd;
    struct sph_loop *loop = channel->device->loop;
    /* The socket lies in the app's own mount namespace; this is against those who reach it from
     * outside, through /proc/PID/root. */
    if (peer.uid != channel->rights.uid ||
        sph_loop_add_fd(loop, peer_fd, EPOLLIN, on_request, connection, &connection->watch, NULL) <
            0 ||
        sph_loop_add_timer(loop, SPH_CHANNEL_TIMEOUT_MS, 0, on_timeout, connection,
                           &connection->timeout, NULL) < 0)
        finish(connection);
}

int sph_channel_new(struct sph_device *device, int listen_fd,
                    const struct sph_channel_rights *rights, struct sph_channel **ret_channel,
                    struct sph_err *err) {
    sph_autofree struct sph_channel *channel = calloc(1, sizeof(*channel));
    if (!channel)
        return SPH_FAIL(err, -ENOMEM, "No memory for the app's channel.");
    channel->device = device;
    channel->listen_fd = listen_fd;
    channel->rights = *rights;
    for (int i = 0; i < SPH_CHANNEL_CONNECTIONS; i++)
        channel->connections[i] = (struct connection){.channel = channel, .fd = -1};
    int rc = sph_loop_add_fd(device->loop, listen_fd, EPOLLIN, on_connect, channel, &channel->watch,
                             err);
    if (rc < 0)
        return rc;
    *ret_channel = SPH_STEAL_PTR(channel);
    return 0;
}

/* The listening descriptor is the launch's and closed with it; what waits in its backlog then gets
 * the end of file that a dead agent would mean to it, and nobody is left to read it. */
struct sph_channel *sph_channel_free(struct sph_channel *channel) {
    if (!channel)
        return NULL;
    for (int i = 0; i < SPH_CHANNEL_CONNECTIONS; i++)
        hang_up(&channel->connections[i]);
    (void)sph_loop_remove(channel->watch);
    free(channel);
    return NULL;
}
