/* channel_request: the answer to one request of an app's library. */
#ifndef SPH_AGENT_APP_CHANNEL_REQUEST_H
#define SPH_AGENT_APP_CHANNEL_REQUEST_H

#include "agent/app/channel.h"
#include "wire/app_channel.h"

/* Fills in a reply that has its version and is zero otherwise: reply->error is the errno for the
 * app. *ret_fd is the descriptor to pass with it, the caller's to close, or -1. */
void sph_channel_answer(struct sph_device *device, const struct sph_channel_rights *rights,
                        const struct sph_app_request *request, struct sph_app_reply *reply,
                        int *ret_fd);

#endif
