/* events: what happens on the device, handed to every listener at the moment it happens. */
#ifndef SPH_AGENT_EVENTS_H
#define SPH_AGENT_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/guid.h"

enum sph_event_type {
    SPH_EVENT_APP_STARTED = 1, /* value = pid seen from the host */
    SPH_EVENT_APP_STOPPED,     /* on request; value = end reason of the report */
    SPH_EVENT_APP_ENDED,       /* by itself, by a kill or a crash; value = number of its report */
    SPH_EVENT_APP_RESTARTING,  /* value = milliseconds until it starts again */
    SPH_EVENT_APP_INSTALLED,   /* value = package bytes */
    SPH_EVENT_APP_DELETED,
    SPH_EVENT_PEAK,          /* value = new Peak User in bytes */
    SPH_EVENT_GPIO,          /* value = pin << 8 | level */
    SPH_EVENT_LOG_LINE,      /* value = number in the log ring, text = the line */
    SPH_EVENT_STORAGE_FULL,  /* value = quota in bytes */
    SPH_EVENT_METER_WARNING, /* text says which figure disagrees */
};

struct sph_event {
    enum sph_event_type type;
    struct sph_guid component; /* zero when it is about the device */
    uint64_t value;            /* as the type says */
    const char *text;          /* may be NULL; not kept after publish returns */
    size_t text_len;
    uint64_t wall_ms; /* filled by publish */
    uint64_t number;  /* filled by publish: from 1, no gaps */
};

/* A listener must not block and must not publish. It may remove itself. */
typedef void sph_event_fn(void *context, const struct sph_event *event);

struct sph_events;
struct sph_event_listener;

int sph_events_new(struct sph_events **ret_events, struct sph_err *err);
struct sph_events *sph_events_free(struct sph_events *events);

/* Takes NULL events (tests). Without a text: the short form below. */
void sph_events_publish(struct sph_events *events, const struct sph_event *event);
static inline void sph_events_note(struct sph_events *events, enum sph_event_type type,
                                   const struct sph_guid *component, uint64_t value) {
    struct sph_event event = {.type = type, .component = *component, .value = value};
    sph_events_publish(events, &event);
}

int sph_events_listen(struct sph_events *events, sph_event_fn *fn, void *context,
                      struct sph_event_listener **ret_listener, struct sph_err *err);
struct sph_event_listener *sph_events_unlisten(struct sph_event_listener *listener);

static inline void sph_events_freep(struct sph_events **events) {
    *events = sph_events_free(*events);
}

#endif
