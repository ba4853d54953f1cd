/* An event is encoded once; the ring keeps that form, and each listener gets it as it is. Queues
 * per listener were rejected here: what a listener can hold is its own affair (server.c drops and
 * lets seq show the gap). */
#include "agent/device/events.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/device/ring.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "wire/frame.h"

struct sph_event_listener {
    struct sph_events *events; /* NULL once the publisher is gone */
    struct sph_event_listener *next;
    sph_event_fn *fn;
    void *context;
};

/* seq starts at 1 with each boot; clients tell boots apart by the boot id of the greeting. */
struct sph_events {
    struct sph_event_listener *first;
    struct sph_ring *kept; /* records: uint64_t seq, payload */
    uint64_t newest;
};

int sph_events_new(size_t keep_bytes, struct sph_events **ret_events, struct sph_err *err) {
    SPH_CLEANUP(sph_events_freep) struct sph_events *events = calloc(1, sizeof(*events));
    if (!events)
        return SPH_FAIL(err, -ENOMEM, "out of memory for the event list");
    int code = sph_ring_new(keep_bytes, &events->kept, err);
    if (code < 0)
        return code;
    *ret_events = SPH_STEAL_PTR(events);
    return 0;
}

/* Listeners are owned by those who listen and may outlive the publisher; they are only cut off
 * here. */
struct sph_events *sph_events_free(struct sph_events *events) {
    if (!events)
        return NULL;
    for (struct sph_event_listener *at = events->first; at; at = at->next)
        at->events = NULL;
    sph_ring_free(events->kept);
    free(events);
    return NULL;
}

/* An event too large for the ring leaves a hole in what is kept, which a client sees as a gap in
 * seq. */
static void keep(struct sph_events *events, uint64_t seq, const struct sph_buf *payload) {
    uint8_t *place = sph_ring_append(events->kept, sizeof(seq) + payload->len);
    if (!place)
        return; /* larger than the whole ring: it goes to the listeners only */
    memcpy(place, &seq, sizeof(seq));
    memcpy(place + sizeof(seq), payload->data, payload->len);
}

/* Encoding happens once, whoever listens; with nobody listening it is still needed for the ring,
 * since the next client may ask for what it missed. */
void sph_events_publish(struct sph_events *events, const struct sph_msg_event *event) {
    if (!events)
        return;
    struct sph_msg_event stamped = *event;
    stamped.seq = ++events->newest;
    stamped.wall_ms = sph_clock_wall_ms();
    stamped.monotonic_ns = sph_clock_monotonic_ns();
    if (stamped.text.len > SPH_EVENT_TEXT_MAX)
        stamped.text.len = SPH_EVENT_TEXT_MAX;
    sph_autobuf struct sph_buf payload = SPH_BUF_LIMIT(SPH_FRAME_PAYLOAD_MAX);
    /* Fails for lack of memory only; its number is used up, which is how clients see the loss. */
    if (sph_codec_encode(&sph_msg_event_codec, &stamped, &payload, NULL) < 0)
        return;
    keep(events, stamped.seq, &payload);
    for (struct sph_event_listener *at = events->first, *next; at; at = next) {
        next = at->next; /* the listener may remove itself */
        at->fn(at->context, stamped.seq, payload.data, payload.len);
    }
}

/* New listeners go in front: one that is added by a listener does not get the event under way. */
int sph_events_listen(struct sph_events *events, sph_event_fn *fn, void *context,
                      struct sph_event_listener **ret_listener, struct sph_err *err) {
    struct sph_event_listener *listener = malloc(sizeof(*listener));
    if (!listener)
        return SPH_FAIL(err, -ENOMEM, "out of memory for an event listener");
    *listener = (struct sph_event_listener){
        .events = events, .next = events->first, .fn = fn, .context = context};
    events->first = listener;
    *ret_listener = listener;
    return 0;
}

/* Also after the publisher is gone: then there is no list to leave. */
struct sph_event_listener *sph_events_unlisten(struct sph_event_listener *listener) {
    if (!listener)
        return NULL;
    if (listener->events) {
        struct sph_event_listener **at = &listener->events->first;
        while (*at != listener)
            at = &(*at)->next;
        *at = listener->next;
    }
    free(listener);
    return NULL;
}

/* Records are aligned to 8 bytes, but their type is bytes: memcpy is the way that the compiler may
 * trust. */
static uint64_t seq_of(const void *record) {
    uint64_t seq;
    memcpy(&seq, record, sizeof(seq));
    return seq;
}

void sph_events_replay(const struct sph_events *events, uint64_t seq, sph_event_fn *fn,
                       void *context) {
    const void *record;
    size_t len;
    for (struct sph_ring_iter i = SPH_RING_ITER_NULL;
         sph_ring_next(events->kept, &i, &record, &len);)
        if (seq_of(record) > seq)
            fn(context, seq_of(record), (const uint8_t *)record + sizeof(seq), len - sizeof(seq));
}

uint64_t sph_events_newest(const struct sph_events *events) {
    return events->newest;
}

uint64_t sph_events_oldest(const struct sph_events *events) {
    struct sph_ring_iter iter = SPH_RING_ITER_NULL;
    const void *record;
    size_t len;
    return sph_ring_next(events->kept, &iter, &record, &len) ? seq_of(record) : 0;
}
