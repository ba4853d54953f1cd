/* debug_server: gdbserver's process, brought up until it holds the app that it is for. */
#ifndef SPH_AGENT_APP_DEBUG_SERVER_H
#define SPH_AGENT_APP_DEBUG_SERVER_H

#include <stddef.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"
#include "meter/cgroup.h"
#include "meter/meter.h"

/* All of it stays the caller's. */
struct sph_debug_server_plan {
    int program_fd;                /* of gdbserver; O_PATH will do */
    const char *address;           /* where it listens, as gdbserver takes it: "127.0.0.1:2345" */
    pid_t app_pid;                 /* frozen, untraced */
    struct sph_cgroup_app *frozen; /* the app's group: thawed when the server has the app */
    uid_t uid;                     /* the app's: nothing more is needed to trace it */
    struct sph_cgroup_app *cgroup; /* the server's own */
    struct sph_meter_app *meter;   /* disarmed; armed right before execve. NULL: not metered */
};

struct sph_debug_server {
    pid_t pid;     /* a child; -1: none */
    int output_fd; /* all that it says, non-blocking */
};
#define SPH_DEBUG_SERVER_NULL                                                                      \
    { .pid = -1, .output_fd = -1 }

/* Returns when the server listens and holds the app before its first instruction, or with its own
 * words about why not: then nothing is left of it. Blocks for the time of that (20 ms on a host, 10
 * s at the very most), as a start does. It ends with the caller, however that ends. */
int sph_debug_server_start(const struct sph_debug_server_plan *plan,
                           struct sph_debug_server *ret_server, struct sph_err *err);

/* Pure: the first line of what a server said that did not start, in `text` (which is cut there),
 * without its full stop. "" when it said nothing. */
const char *sph_debug_server_first_words(char *text) SPH_MUST_USE;

#endif
