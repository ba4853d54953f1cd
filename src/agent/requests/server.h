/* server: the agent's socket, and which clients are on it. */
#ifndef SPH_AGENT_REQUESTS_SERVER_H
#define SPH_AGENT_REQUESTS_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/requests/connection.h"
#include "base/err.h"
#include "base/guid.h"

struct sph_device;
struct sph_server;

enum {
    SPH_SERVER_CONNECTIONS = 16, /* more are closed at once */
    SPH_SERVER_JOBS = 16,        /* changes of apps under way at once */
};

/* Listens on `name` in the device's folder; root and the owner may speak to it. */
int sph_server_new(struct sph_device *device, const char *name, struct sph_server **ret_server,
                   struct sph_err *err);
struct sph_server *sph_server_free(struct sph_server *server); /* ends all connections */

/* A connected stream socket of that user, as if it had been accepted. Takes it. -EACCES when it may
 * not speak to the device, -EUSERS when there are too many. */
int sph_server_adopt(struct sph_server *server, int fd, uid_t uid, struct sph_err *err);
/* The serial port of a virtual device, whose host comes and goes: one connection as long as the
 * server lives. Takes `fd`, which is non-blocking. `again`: a host that is there already has spoken
 * to another agent, and is told to say hello. */
int sph_server_add_port(struct sph_server *server, int fd, bool again, struct sph_err *err);
size_t sph_server_connections(const struct sph_server *server);
uint64_t sph_server_events_dropped(const struct sph_server *server); /* for slow clients, ever */

/* One change of an app at a time; a NULL component stands for all of them. False: one is under way.
 */
bool sph_server_begin_job(struct sph_server *server, const struct sph_guid *component);
void sph_server_end_job(struct sph_server *server, const struct sph_guid *component);

#endif
