/* debug: a debugging session: the installed debugger's server that holds one app. */
#ifndef SPH_AGENT_APP_DEBUG_H
#define SPH_AGENT_APP_DEBUG_H

#include <stdbool.h>
#include <sys/types.h>

#include "agent/app/launch.h"
#include "agent/app/ration.h"
#include "base/err.h"
#include "base/guid.h"

struct sph_device;
struct sph_installed_app;
struct sph_registry;

enum {
    SPH_DEBUG_PORT = 2345, /* the one of the original device, so there is one session at a time */
    /* For the server to tell gdb how the app ended, and to end itself: it does so at once when gdb
     * waits for the app, and not at all when gdb waits for its user. */
    SPH_DEBUG_FAREWELL_MS = 500,
    SPH_DEBUG_LINES_MAX = 256, /* of the server's that the device's log takes, per session */
};

/* Its user's pages are in User and not held against the limit. */
struct sph_debug;

/* The installed debugger, or NULL. Of several the first by its id. */
const struct sph_installed_app *sph_debug_find_package(const struct sph_registry *registry);
/* 0, or -ENOTSUP with a sentence when there is none, or the app is one itself. */
int sph_debug_check(const struct sph_registry *registry, const struct sph_installed_app *app,
                    struct sph_err *err);

/* Of an app that was launched to be handed over. */
struct sph_debug_plan {
    struct sph_device *device;
    struct sph_ration *ration;
    struct sph_cgroup_app *cgroup; /* the app's, frozen */
    pid_t app_pid;
    uid_t uid;
};
/* Returns when a gdb can connect; the app stands before its first instruction. A failure leaves
 * nothing but the app as it was. */
int sph_debug_start(const struct sph_debug_plan *plan, struct sph_debug **ret_debug,
                    struct sph_err *err);
/* Kills the server if it is still there. Takes NULL, returns NULL. */
struct sph_debug *sph_debug_free(struct sph_debug *debug);

pid_t sph_debug_pid(const struct sph_debug *debug); /* of the server; -1: it is gone */
const struct sph_guid *sph_debug_component(const struct sph_debug *debug); /* of its package */
struct sph_ration_share *sph_debug_share(struct sph_debug *debug);
/* Was reaped. Reads what it has said last. */
void sph_debug_on_gone(struct sph_debug *debug);
void sph_debug_kill(struct sph_debug *debug);

#endif
