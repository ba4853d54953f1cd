/* port: the serial port at whose other end a virtual device's host comes and goes. */
#ifndef SPH_AGENT_PORT_H
#define SPH_AGENT_PORT_H

#include "base/err.h"
#include "base/loop.h"

struct sph_port;

/* A host is there. `fd` is a copy of the port's for the conversation, and the callee's. */
typedef void sph_port_host_fn(void *context, int fd);

/* Takes `fd`, which is non-blocking, also when it fails. */
int sph_port_new(struct sph_loop *loop, int fd, sph_port_host_fn *host, void *context,
                 struct sph_port **ret_port, struct sph_err *err);
struct sph_port *sph_port_free(struct sph_port *port); /* takes NULL, returns NULL */
/* The conversation is over (its copy closed or about to be): the next host is waited for. */
void sph_port_await(struct sph_port *port);

#endif
