/* Two facts, what is wanted and what is laid, and one step that brings the second nearer to the
 * first: an app may end while its forward is being laid, and be started again while that is being
 * taken away.
 *
 * Rejected: forwards that are laid at the start for whatever may come (an open port that nobody
 * asked for), and looking through QEMU's own list (its form is for people and changes). A gateway
 * that is started anew so knows nothing of a forward that its predecessor laid: that one leads to
 * the debug server until the machine ends. */
#include "gateway/serve/debug_port.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gateway/machine/ports.h"

enum { TRIES = 8 /* ports that were free a moment ago */ };

static void work(struct sph_debug_port *port);

void sph_debug_port_init(struct sph_debug_port *port, struct sph_loop *loop,
                         const struct sph_backend *backend) {
    *port = (struct sph_debug_port){.loop = loop, .backend = backend};
}

void sph_debug_port_done(struct sph_debug_port *port) {
    port->command = sph_qmp_cancel(port->command);
}

/* Whoever waits is told once. */
static void tell(struct sph_debug_port *port, int rc, const char *text) {
    sph_debug_port_fn *fn = port->fn;
    port->fn = NULL;
    if (fn)
        fn(port->context, rc, rc < 0 ? 0 : port->host, text);
}

static void fail(struct sph_debug_port *port, int rc, const char *text) {
    port->wanted = 0;
    tell(port, rc, text);
}

/* A port that somebody took since it was picked makes QEMU say so: then another one is tried. */
static void on_laid(struct sph_debug_port *port, int rc, const char *text) {
    struct sph_err err = SPH_ERR_NULL;
    if (rc == 0 && *text == '\0') {
        port->host = port->trying;
        work(port);
        return;
    }
    port->device = 0;
    if (rc == 0 && port->tries < TRIES) {
        work(port);
        return;
    }
    if (rc == 0)
        rc = SPH_FAIL(&err, -EADDRINUSE, "the virtual machine forwards no port: %.*s",
                      (int)strcspn(text, "\r\n"), text);
    fail(port, rc, err.code ? err.text : text);
}

/* A forward that is not there any more is gone as it should be. */
static void on_answer(void *context, int rc, const char *text) {
    struct sph_debug_port *port = context;
    port->command = NULL;
    if (port->trying) {
        on_laid(port, rc, text);
        return;
    }
    port->device = port->host = 0;
    work(port);
}

static int command(struct sph_debug_port *port, const char *verb, uint16_t host, const char *end,
                   struct sph_err *err) {
    char text[80];
    int fd = port->backend->control(port->backend->context, err);
    if (fd < 0)
        return fd;
    (void)snprintf(text, sizeof(text), "%s net tcp:127.0.0.1:%u%s", verb, host, end);
    return sph_qmp_ask(port->loop, fd, text, on_answer, port, &port->command, err);
}

static void lay(struct sph_debug_port *port) {
    struct sph_err err = SPH_ERR_NULL;
    char end[16];
    (void)snprintf(end, sizeof(end), "-:%u", port->wanted);
    port->tries++;
    int rc = sph_ports_pick(&port->trying, &err);
    if (rc == 0)
        rc = command(port, "hostfwd_add", port->trying, end, &err);
    if (rc == 0)
        port->device = port->wanted;
    else
        fail(port, rc, err.text);
}

static void take_away(struct sph_debug_port *port) {
    port->trying = 0;
    if (command(port, "hostfwd_remove", port->host, "", NULL) < 0) {
        port->device = port->host = 0; /* no machine, no forward */
        work(port);
    }
}

static void work(struct sph_debug_port *port) {
    if (port->command)
        return;
    if (port->host && port->device != port->wanted)
        take_away(port);
    else if (port->wanted && !port->host)
        lay(port);
    else if (port->wanted)
        tell(port, 0, "");
}

void sph_debug_port_open(struct sph_debug_port *port, const struct sph_guid *component,
                         uint16_t device_port, sph_debug_port_fn *fn, void *context) {
    if (port->fn) {
        fn(context, -EBUSY, 0, "another debugger is just being given its port");
        return;
    }
    port->component = *component;
    port->wanted = device_port;
    port->tries = 0;
    port->fn = fn;
    port->context = context;
    if (!port->backend->control)
        port->device = port->host = device_port;
    work(port);
}

void sph_debug_port_forget(struct sph_debug_port *port, const void *context) {
    if (port->context == context)
        port->fn = NULL;
}

void sph_debug_port_close(struct sph_debug_port *port, const struct sph_guid *component) {
    if (!port->wanted || (component && !sph_guid_equal(component, &port->component)))
        return;
    fail(port, -ECANCELED, "the application has ended");
    if (!port->backend->control)
        port->device = port->host = 0;
    work(port);
}

void sph_debug_port_reset(struct sph_debug_port *port) {
    port->command = sph_qmp_cancel(port->command);
    port->device = port->host = 0;
    fail(port, -ECANCELED, "the virtual machine has ended");
}

uint16_t sph_debug_port_get(const struct sph_debug_port *port, const struct sph_guid *component) {
    return port->wanted && sph_guid_equal(component, &port->component) ? port->host : 0;
}
