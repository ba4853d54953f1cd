/* A follower of the log asks again and again over connections of its own, so nothing here ends with
 * a connection: a reader is a number that it chose, a place in the log, and the time when it last
 * asked. */
#include "agent/device/log_readers.h"

#include <stddef.h>

#include "agent/device/device.h"
#include "agent/device/logring.h"
#include "base/clock.h"

/* Its own place, or a free one. */
static struct sph_log_reader *find_place(struct sph_log_readers *readers, uint64_t number) {
    struct sph_log_reader *place = NULL;
    for (int i = 0; i < SPH_LOG_READERS; i++) {
        struct sph_log_reader *reader = &readers->readers[i];
        if (reader->number == number)
            return reader;
        if (reader->number == 0)
            place = reader;
    }
    return place;
}

/* Its place in the flow first: from then on nobody is held up for it. */
static void forget(struct sph_log_reader *reader) {
    sph_flow_leave(&reader->flow);
    reader->number = 0;
}

/* There is no connection whose end could tell. Without a timer: an idle reader costs nothing until
 * somebody else wants its place or an app writes. */
static void forget_idle(struct sph_log_readers *readers, uint64_t now_ms) {
    for (int i = 0; i < SPH_LOG_READERS; i++)
        if (readers->readers[i].number &&
            now_ms - readers->readers[i].asked_ms > SPH_LOG_READERS_IDLE_MS)
            forget(&readers->readers[i]);
}

/* Without memory for the flow's timer the reader is one that may lose lines. */
void sph_log_readers_ask(struct sph_device *device, uint64_t number, uint64_t cursor) {
    uint64_t now_ms = sph_clock_monotonic_ms();
    uint64_t taken = sph_logring_used(device->log, cursor);
    forget_idle(&device->log_readers, now_ms);
    struct sph_log_reader *reader = find_place(&device->log_readers, number);
    /* All places taken: the fifth is served like a reader that never asked for more. */
    if (!reader)
        return;
    reader->asked_ms = now_ms;
    if (reader->number == number) {
        sph_flow_take(&reader->flow, taken);
        return;
    }
    reader->flow = (struct sph_flow_listener){
        .put = sph_logring_used(device->log, UINT64_MAX),
        .taken = taken,
        .window = SPH_LOG_READERS_WINDOW,
        .patience = SPH_PATIENCE(SPH_LOG_READERS_PATIENCE_MS),
    };
    if (sph_flow_join(&device->flow, device->loop, &reader->flow, NULL) == 0)
        reader->number = number;
}

void sph_log_readers_grow(struct sph_device *device) {
    if (!sph_log_readers_exist(&device->log_readers))
        return;
    uint64_t put = sph_logring_used(device->log, UINT64_MAX);
    forget_idle(&device->log_readers, sph_clock_monotonic_ms());
    for (int i = 0; i < SPH_LOG_READERS; i++)
        if (device->log_readers.readers[i].number)
            sph_flow_put(&device->log_readers.readers[i].flow, put);
    if (sph_flow_is_held(&device->flow) && device->end_log_waits)
        device->end_log_waits(device); /* they need not wait for more: there will be none */
}

/* Asked at each read of a pipe; four places are looked through faster than a count is kept true. */
bool sph_log_readers_exist(const struct sph_log_readers *readers) {
    for (int i = 0; i < SPH_LOG_READERS; i++)
        if (readers->readers[i].number)
            return true;
    return false;
}
