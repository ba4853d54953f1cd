/* flow: whether the apps' output is read now, or is left in its pipes for a slow listener. */
#ifndef SPH_AGENT_DEVICE_FLOW_H
#define SPH_AGENT_DEVICE_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/loop.h"
#include "base/patience.h"

enum { SPH_FLOW_LOOK_MS = 250 }; /* patience is measured in steps of it */

struct sph_flow;

/* One that wants to lose no output. Embedded in its owner, zeroed until it joins; numbers only grow
 * and mean what the owner likes. */
struct sph_flow_listener {
    struct sph_flow *flow; /* NULL: has not joined */
    struct sph_flow_listener *next;
    uint64_t put;    /* what it was given */
    uint64_t taken;  /* what of that it has done with */
    uint64_t window; /* apps wait while put - taken is as much or more */
    struct sph_patience patience;
};

/* One pipe of an app. `resume`: it may be read again; called once after each time that
 * sph_flow_is_held() was true. */
struct sph_flow_gate {
    struct sph_flow *flow; /* NULL: not in */
    struct sph_flow_gate *next;
    void (*resume)(void *context);
    void *context;
};

/* Of a device. All zero is an empty one, and so is one that everybody has left. */
struct sph_flow {
    struct sph_flow_listener *listeners;
    struct sph_flow_gate *gates;
    struct sph_watch *timer; /* while there are listeners */
    bool is_held;
};

/* put, taken, window and patience are the owner's to fill in before. */
int sph_flow_join(struct sph_flow *flow, struct sph_loop *loop, struct sph_flow_listener *listener,
                  struct sph_err *err);
void sph_flow_leave(struct sph_flow_listener *listener); /* also one that never joined */
/* Both take any number, and one who has not joined; less than before is ignored. */
void sph_flow_put(struct sph_flow_listener *listener, uint64_t put);
void sph_flow_take(struct sph_flow_listener *listener, uint64_t taken);
/* Fits the window: what is put now was asked for. */
bool sph_flow_has_room(const struct sph_flow_listener *listener);

static inline bool sph_flow_is_held(const struct sph_flow *flow) {
    return flow->is_held;
}
void sph_flow_add(struct sph_flow *flow, struct sph_flow_gate *gate);
void sph_flow_remove(struct sph_flow_gate *gate); /* also one that was never added */

#endif
