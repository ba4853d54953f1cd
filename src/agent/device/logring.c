/* Lines are kept with their component and time, not as formatted text: a kill report wants the
 * lines of one app and the log of the device wants all of them with their names. */
#include "agent/device/logring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/device/ring.h"
#include "base/cleanup.h"
#include "base/clock.h"

enum { RECORD_OVERHEAD = 16 }; /* a ring's record has a head and is rounded up: not more */

struct head {
    uint64_t position;
    uint64_t wall_ms;
    struct sph_guid component;
    uint64_t used; /* before this line, as of the ring */
    uint8_t source;
    uint8_t cut;
};

struct sph_logring {
    struct sph_ring *ring;
    uint64_t end;
    uint64_t used; /* memory of all lines that ever were */
};

/* Two lines of the longest kind have to fit, so that appending one always leaves the one before it.
 */
int sph_logring_new(size_t bytes, struct sph_logring **ret_log, struct sph_err *err) {
    if (bytes < 2 * (sizeof(struct head) + SPH_LOG_LINE_MAX + 16))
        return SPH_FAIL(err, -EINVAL, "a log ring of %zu bytes cannot hold two lines", bytes);
    SPH_CLEANUP(sph_logring_freep) struct sph_logring *log = calloc(1, sizeof(*log));
    if (!log)
        return SPH_FAIL(err, -ENOMEM, "out of memory for the log ring");
    int code = sph_ring_new(bytes, &log->ring, err);
    if (code < 0)
        return code;
    *ret_log = SPH_STEAL_PTR(log);
    return 0;
}

struct sph_logring *sph_logring_free(struct sph_logring *log) {
    if (log) {
        sph_ring_free(log->ring);
        free(log);
    }
    return NULL;
}

/* The clock is read here and not by the callers: lines of one ring are in the order of their times,
 * unless the clock is set. */
void sph_logring_append(struct sph_logring *log, const struct sph_guid *component,
                        enum sph_log_source source, const char *text, size_t len) {
    size_t kept = len < SPH_LOG_LINE_MAX ? len : SPH_LOG_LINE_MAX;
    struct head head = {.position = log->end,
                        .wall_ms = sph_clock_wall_ms(),
                        .component = *component,
                        .used = log->used,
                        .source = (uint8_t)source,
                        .cut = kept < len};
    uint8_t *place = sph_ring_append(log->ring, sizeof(head) + kept);
    memcpy(place, &head, sizeof(head)); /* never NULL: two of the longest lines fit */
    if (kept)
        memcpy(place + sizeof(head), text, kept);
    log->end += kept + 1;
    log->used += sizeof(head) + kept + RECORD_OVERHEAD;
}

static bool next_line(const struct sph_logring *log, struct sph_ring_iter *iter,
                      struct sph_log_line *ret_line) {
    const void *data;
    size_t len;
    if (!sph_ring_next(log->ring, iter, &data, &len))
        return false;
    const struct head *head = data;
    *ret_line = (struct sph_log_line){.position = head->position,
                                      .wall_ms = head->wall_ms,
                                      .component = head->component,
                                      .source = (enum sph_log_source)head->source,
                                      .cut = head->cut,
                                      .text = (const char *)(head + 1),
                                      .len = len - sizeof(*head)};
    return true;
}

/* A walk from the oldest line: a full ring has some hundred lines, and readers take many in a row
 * rarely. */
bool sph_logring_next(const struct sph_logring *log, uint64_t *cursor,
                      struct sph_log_line *ret_line) {
    struct sph_ring_iter iter = SPH_RING_ITER_NULL;
    struct sph_log_line line;
    while (next_line(log, &iter, &line)) {
        if (line.position < *cursor)
            continue;
        *cursor = line.position + line.len + 1;
        *ret_line = line;
        return true;
    }
    return false;
}

/* A zero component is the device's own lines. */
static bool next_of(const struct sph_logring *log, struct sph_ring_iter *iter,
                    const struct sph_guid *component, struct sph_log_line *ret_line) {
    while (next_line(log, iter, ret_line))
        if (sph_guid_equal(&ret_line->component, component))
            return true;
    return false;
}

size_t sph_logring_tail(const struct sph_logring *log, const struct sph_guid *component,
                        size_t max_lines, size_t max_bytes, struct sph_buf *buf) {
    /* Records are walked forwards only: count what matches, then skip the oldest until the rest
     * fits. */
    /* Two walks over 32 KiB at the end of an app cost nothing; a link backwards in every record
     * would. */
    size_t lines = 0, bytes = 0, shown = 0;
    struct sph_log_line line;
    for (struct sph_ring_iter i = SPH_RING_ITER_NULL; next_of(log, &i, component, &line); lines++)
        bytes += line.len + 1;
    for (struct sph_ring_iter i = SPH_RING_ITER_NULL; next_of(log, &i, component, &line); lines--) {
        if (lines <= max_lines && bytes <= max_bytes) {
            sph_buf_append(buf, line.text, line.len);
            sph_buf_append(buf, "\n", 1);
            shown++;
        }
        bytes -= line.len + 1;
    }
    return shown;
}

/* Memory and not text: a reader's window is the ring's room, of which short lines take more than
 * their bytes. */
uint64_t sph_logring_used(const struct sph_logring *log, uint64_t cursor) {
    struct sph_ring_iter iter = SPH_RING_ITER_NULL;
    const void *data;
    size_t len;
    while (sph_ring_next(log->ring, &iter, &data, &len)) {
        const struct head *head = data;
        if (head->position >= cursor)
            return head->used;
    }
    return log->used;
}

uint64_t sph_logring_end(const struct sph_logring *log) {
    return log->end;
}
