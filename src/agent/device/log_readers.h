/* log_readers: the clients that follow the log and must not lose lines of it. */
#ifndef SPH_AGENT_DEVICE_LOG_READERS_H
#define SPH_AGENT_DEVICE_LOG_READERS_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/device/flow.h"

struct sph_device;

enum {
    SPH_LOG_READERS = 4, /* more may lose lines, and are told */
    /* Memory of unread lines from which on apps wait. One read more may come: of the shortest
     * lines, 64 bytes of memory for each byte of output. Both fit the log. */
    SPH_LOG_READERS_WINDOW = 12 * 1024,
    SPH_LOG_READERS_READ = 256,
    SPH_LOG_READERS_PATIENCE_MS = 2000, /* nobody tells when a reader has gone: so it is short */
    SPH_LOG_READERS_IDLE_MS = 30000,    /* one that does not ask for so long has gone */
};

struct sph_log_reader {
    uint64_t number; /* 0: nobody */
    uint64_t asked_ms;
    struct sph_flow_listener flow; /* counts the log's memory */
};

/* Of a device. All zero: none. */
struct sph_log_readers {
    struct sph_log_reader readers[SPH_LOG_READERS];
};

/* A reader asks for what is behind `cursor`, so it has what is before. */
void sph_log_readers_ask(struct sph_device *device, uint64_t number, uint64_t cursor);
/* The log has grown by an app's output. */
void sph_log_readers_grow(struct sph_device *device);
bool sph_log_readers_exist(const struct sph_log_readers *readers);

#endif
