/* events: what happens on the device, numbered, kept for a while, and handed to every listener at
 * once. */
#ifndef SPH_AGENT_DEVICE_EVENTS_H
#define SPH_AGENT_DEVICE_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/guid.h"
#include "wire/msg_event.h"

struct sph_events;
struct sph_event_listener;

/* `payload` is the encoded struct sph_msg_event, valid during the call. A listener must not block
 * and must not publish. It may remove itself. */
typedef void sph_event_fn(void *context, uint64_t seq, const void *payload, size_t len);

/* `keep_bytes` of memory hold the newest events, for listeners that come back. */
int sph_events_new(size_t keep_bytes, struct sph_events **ret_events, struct sph_err *err);
struct sph_events *sph_events_free(struct sph_events *events);

/* seq, wall_ms and monotonic_ns of the event are filled in here; text beyond what fits is cut.
 * Takes NULL events (tests). Never fails: an event that cannot be encoded leaves a gap in seq. */
void sph_events_publish(struct sph_events *events, const struct sph_msg_event *event);
static inline void sph_events_note(struct sph_events *events, enum sph_event_kind kind,
                                   const struct sph_guid *component) {
    struct sph_msg_event event = {.kind = kind, .component = *component};
    sph_events_publish(events, &event);
}

int sph_events_listen(struct sph_events *events, sph_event_fn *fn, void *context,
                      struct sph_event_listener **ret_listener, struct sph_err *err);
struct sph_event_listener *sph_events_unlisten(struct sph_event_listener *listener);

/* Calls fn for each kept event after `seq`, oldest first. */
void sph_events_replay(const struct sph_events *events, uint64_t seq, sph_event_fn *fn,
                       void *context);
uint64_t sph_events_newest(const struct sph_events *events); /* 0 = none yet */
uint64_t sph_events_oldest(const struct sph_events *events); /* that is kept; 0 = none */

static inline void sph_events_freep(struct sph_events **events) {
    *events = sph_events_free(*events);
}

#endif
