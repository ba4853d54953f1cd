/* channel: the socket on which one running app asks the agent for what libapplibs offers. */
#ifndef SPH_AGENT_APP_CHANNEL_H
#define SPH_AGENT_APP_CHANNEL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/guid.h"
#include "wire/msg_peripheral.h"

/* Who asks is known by the socket: each app has its own, in its own mount namespace. The user id is
 * checked all the same, since a descriptor can be handed on. */
struct sph_channel;
struct sph_device;
struct sph_early_warnings;

enum {
    SPH_CHANNEL_CONNECTIONS = 8,   /* of one app at once; more wait in the socket's backlog */
    SPH_CHANNEL_TIMEOUT_MS = 2000, /* a connection that asks nothing is closed after that */
};

/* What this app may ask for; copied. */
struct sph_channel_rights {
    struct sph_guid component;
    uid_t uid; /* connections of any other user are closed at once */
    uint32_t storage_kib;
    uint8_t pins[(SPH_GPIO_PINS + 7) / 8]; /* bit per pin of the manifest's Gpio */
    struct sph_early_warnings *warnings;   /* the app's; must outlive the channel. NULL: none */
};

/* The listening socket stays the caller's and must outlive the channel. */
/* Freed with its session: connections that are open then are closed without a reply. */
int sph_channel_new(struct sph_device *device, int listen_fd,
                    const struct sph_channel_rights *rights, struct sph_channel **ret_channel,
                    struct sph_err *err);
struct sph_channel *sph_channel_free(struct sph_channel *channel);

#endif
