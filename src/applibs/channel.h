/* channel: one question to the agent and its answer, from inside an application.
 *
 * Nothing is allocated and nothing is kept between calls, so that the library costs the ration of
 * the application no page; any thread may ask at any time. A call that is not answered gives up
 * after some seconds. */
#ifndef SPH_APPLIBS_CHANNEL_H
#define SPH_APPLIBS_CHANNEL_H

#include <stdint.h>

#include "wire/app_channel.h"

enum {
    SPH_CHANNEL_E_UNREACHABLE = 1, /* no agent, or none that answers as the protocol says */
};

/* Sends a request and waits for the reply. Returns 0 with *ret_reply filled, -errno when the agent
 * refuses, or SPH_CHANNEL_E_UNREACHABLE. */
int sph_channel_ask(const struct sph_app_request *request, struct sph_app_reply *ret_reply);

/* As above for an operation that opens something: returns 0 and the descriptor (close-on-exec). A
 * reply without one counts as unreachable. */
int sph_channel_open(const struct sph_app_request *request, int *ret_fd);

/* Turns the result of either into libc's manners: 0, or -1 with errno set, which is
 * `unreachable_errno` when no agent answered. */
int sph_channel_result(int status, int unreachable_errno);

#endif
