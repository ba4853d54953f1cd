/* A pipe is the best queue there is: it is bounded, it is there already, and an app that fills it
 * waits by itself, as before a slow terminal. So nothing is kept for a slow listener; the pipes are
 * left alone until it has caught up, and patience is bounded, since a listener may be stuck for
 * ever. All pipes are, not only those that it wants to hear: a listener hears the whole device. */
#include "agent/device/flow.h"

#include <stddef.h>

#include "base/clock.h"

static bool is_behind(const struct sph_flow_listener *listener) {
    return !sph_flow_has_room(listener);
}

/* Each listener is looked at, whoever holds already: each one's time runs by itself. */
static bool must_hold(const struct sph_flow *flow, uint64_t now_ms) {
    bool held = false;
    for (struct sph_flow_listener *at = flow->listeners; at; at = at->next) {
        bool behind = is_behind(at);
        held |= sph_patience_look(&at->patience, at->taken, behind, now_ms) && behind;
    }
    return held;
}

/* Gates are told of the end of a hold only: its begin they see when they want to read. */
static void settle(struct sph_flow *flow) {
    bool was_held = flow->is_held;
    flow->is_held = must_hold(flow, sph_clock_monotonic_ms());
    if (flow->is_held == was_held)
        return;
    if (flow->timer)
        (void)sph_loop_arm_timer(flow->timer, flow->is_held ? SPH_FLOW_LOOK_MS : 0,
                                 flow->is_held ? SPH_FLOW_LOOK_MS : 0);
    if (flow->is_held)
        return;
    for (struct sph_flow_gate *at = flow->gates, *next; at; at = next) {
        next = at->next;
        at->resume(at->context);
    }
}

static void on_timer(void *context) {
    settle(context);
}

int sph_flow_join(struct sph_flow *flow, struct sph_loop *loop, struct sph_flow_listener *listener,
                  struct sph_err *err) {
    sph_flow_leave(listener);
    /* With the first listener, gone with the last: a device that nobody listens to so has no timer.
     */
    if (!flow->timer) {
        int code = sph_loop_add_timer(loop, 0, 0, on_timer, flow, &flow->timer, err);
        if (code < 0)
            return code;
    }
    listener->flow = flow;
    listener->next = flow->listeners;
    flow->listeners = listener;
    settle(flow);
    return 0;
}

void sph_flow_leave(struct sph_flow_listener *listener) {
    struct sph_flow *flow = listener->flow;
    if (!flow)
        return;
    struct sph_flow_listener **at = &flow->listeners;
    while (*at != listener)
        at = &(*at)->next;
    *at = listener->next;
    listener->flow = NULL;
    settle(flow);
    if (!flow->listeners)
        flow->timer = sph_loop_remove(flow->timer);
}

void sph_flow_put(struct sph_flow_listener *listener, uint64_t put) {
    if (put <= listener->put)
        return;
    listener->put = put;
    if (listener->flow)
        settle(listener->flow);
}

/* An owner may be told of more than it was given; then it owes nothing. */
void sph_flow_take(struct sph_flow_listener *listener, uint64_t taken) {
    if (taken <= listener->taken)
        return;
    listener->taken = taken;
    if (listener->flow)
        settle(listener->flow);
}

/* By subtraction and not by sum: `taken` is the client's word and may be anything. */
bool sph_flow_has_room(const struct sph_flow_listener *listener) {
    return listener->taken >= listener->put || listener->put - listener->taken < listener->window;
}

/* Gates are told in no order; one that is added while a hold is on finds it out when it wants to
 * read. */
void sph_flow_add(struct sph_flow *flow, struct sph_flow_gate *gate) {
    gate->flow = flow;
    gate->next = flow->gates;
    flow->gates = gate;
}

/* Takes one that was never added, or was removed: an app's pipe is finished and then done. */
void sph_flow_remove(struct sph_flow_gate *gate) {
    if (!gate->flow)
        return;
    struct sph_flow_gate **at = &gate->flow->gates;
    while (*at != gate)
        at = &(*at)->next;
    *at = gate->next;
    gate->flow = NULL;
}
