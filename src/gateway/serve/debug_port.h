/* debug_port: the port of this computer that leads to the debug server of the app under debugging.
 *
 * There is one at most, as there is one debug server on a device. On a native device it is the
 * server's own port; to one inside a machine QEMU forwards a free port, for as long as that app
 * runs. */
#ifndef SPH_GATEWAY_SERVE_DEBUG_PORT_H
#define SPH_GATEWAY_SERVE_DEBUG_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/guid.h"
#include "base/loop.h"
#include "gateway/link/backend.h"
#include "gateway/machine/qmp.h"

/* rc 0 and the port, or negative errno and a sentence. */
typedef void sph_debug_port_fn(void *context, int rc, uint16_t host_port, const char *text);

/* Private but for init and done. */
struct sph_debug_port {
    struct sph_loop *loop;
    const struct sph_backend *backend;
    struct sph_guid component; /* that is wanted to be reached */
    uint16_t wanted;           /* its port on the device; 0: none */
    uint16_t device, host;     /* what is laid; 0: nothing */
    uint16_t trying;           /* host port of the command under way; 0: it takes one away */
    unsigned tries;
    struct sph_qmp *command; /* under way */
    sph_debug_port_fn *fn;   /* who waits for it; NULL: nobody */
    void *context;
};

/* loop and backend outlive it. done takes nothing back from the machine. */
void sph_debug_port_init(struct sph_debug_port *port, struct sph_loop *loop,
                         const struct sph_backend *backend);
void sph_debug_port_done(struct sph_debug_port *port);

/* The app's debug server listens on `device_port` of the device. fn is called once, from within
 * this call or from the loop. */
void sph_debug_port_open(struct sph_debug_port *port, const struct sph_guid *component,
                         uint16_t device_port, sph_debug_port_fn *fn, void *context);
/* Nobody is called for `context` any more. */
void sph_debug_port_forget(struct sph_debug_port *port, const void *context);
/* That app has ended, or (NULL) every one has: what leads to it goes. */
void sph_debug_port_close(struct sph_debug_port *port, const struct sph_guid *component);
/* The machine is gone, and with it all that was laid. */
void sph_debug_port_reset(struct sph_debug_port *port);
/* 0 when the app is not being debugged. */
uint16_t sph_debug_port_get(const struct sph_debug_port *port, const struct sph_guid *component);

#endif
