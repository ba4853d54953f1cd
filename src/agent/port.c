/* A port without a host is readable (end of file) and hung up, always: who polls it level-triggered
 * spins. What changes wakes its wait queue, which an edge-triggered watch is told of once. So the
 * port has two watches: this one for comings, and during a conversation the connection's own, on a
 * copy of the descriptor and level-triggered, which hears of the end.
 *
 * The port stays open in between: the kernel throws away what has come when it is closed, which may
 * be the next host's hello. */
#include "agent/port.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/cleanup.h"

/* A host can be written to as soon as it is there, or is heard of by what it says. */
enum { AWAITING = EPOLLIN | EPOLLOUT | (int)EPOLLET, CONVERSING = (int)EPOLLET };

struct sph_port {
    int fd;
    struct sph_watch *watch;
    sph_port_host_fn *host;
    void *context;
    bool is_conversing;
};

/* While a conversation goes on, its end is the connection's to see. */
static void on_change(void *context, int fd, uint32_t epoll_events) {
    struct sph_port *port = context;
    if (port->is_conversing || epoll_events & (EPOLLHUP | EPOLLERR))
        return;
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return; /* the host's next bytes are the next try */
    port->is_conversing = true;
    (void)sph_loop_modify_fd(port->watch, (uint32_t)CONVERSING);
    port->host(port->context, copy);
}

int sph_port_new(struct sph_loop *loop, int fd, sph_port_host_fn *host, void *context,
                 struct sph_port **ret_port, struct sph_err *err) {
    sph_autoclose int owned = fd;
    struct sph_port *port = calloc(1, sizeof(*port));
    if (!port)
        return SPH_FAIL(err, -ENOMEM, "out of memory for the serial port");
    *port = (struct sph_port){.fd = -1, .host = host, .context = context};
    int code = sph_loop_add_fd(loop, fd, (uint32_t)AWAITING, on_change, port, &port->watch, err);
    if (code < 0) {
        sph_port_free(port);
        return code;
    }
    port->fd = SPH_STEAL_FD(owned);
    *ret_port = port;
    return 0;
}

struct sph_port *sph_port_free(struct sph_port *port) {
    if (!port)
        return NULL;
    sph_loop_remove(port->watch);
    if (port->fd >= 0)
        (void)close(port->fd);
    free(port);
    return NULL;
}

/* Asking anew tells of a host that has come meanwhile. */
void sph_port_await(struct sph_port *port) {
    port->is_conversing = false;
    (void)sph_loop_modify_fd(port->watch, (uint32_t)AWAITING);
}
