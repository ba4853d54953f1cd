/* front: a daemon of the HTTP library in our loop, in our thread. */
#ifndef SPH_GATEWAY_ACCESS_FRONT_H
#define SPH_GATEWAY_ACCESS_FRONT_H

#include <microhttpd.h>

#include "base/err.h"
#include "base/loop.h"

/* All zero is one that was never opened: it can be run and closed, too. Stays where it is while it
 * is open. */
struct sph_front {
    struct MHD_Daemon *daemon; /* owns the listening socket and the connections */
    struct sph_watch *watch, *timer;
    void (*on_due)(void *context);
    void *context;
};

struct sph_front_config {
    struct sph_loop *loop;
    int listen_fd;       /* the daemon's from here on, closed also if open fails */
    unsigned more_flags; /* beyond those of every front */
    MHD_AccessHandlerCallback handler;
    const struct MHD_OptionItem *options;
    void (*on_due)(void *context); /* the front wants to be run */
    void *context;                 /* of handler and on_due */
};

int sph_front_open(struct sph_front *front, const struct sph_front_config *config,
                   struct sph_err *err);
/* Lets the library do what there is to do. When it wants to go on and on, it is left alone for
 * `rest_ms` now and then, unless new bytes come. */
void sph_front_run(struct sph_front *front, unsigned rest_ms);
/* Connections that are under way get some 50 ms: in each round `step`, which must leave none
 * suspended, says whether there are still any. */
void sph_front_close(struct sph_front *front, bool (*step)(void *context), void *context);

#endif
