/* history: the last event lines, kept once for all clients that stream them.
 *
 * Lines are text that is ready to be sent; what they say is of no account here but for the device's
 * number. Pure but for the memory of the lines. */
#ifndef SPH_GATEWAY_REST_HISTORY_H
#define SPH_GATEWAY_REST_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum {
    SPH_HISTORY_LINES = 1024,       /* kept at most */
    SPH_HISTORY_BYTES = 256 * 1024, /* of all kept lines: half a minute of busy output */
};

/* Private, like all of the next. */
struct sph_history_line {
    char *text;      /* NULL = empty slot */
    uint32_t len;    /* bytes, with the line's end */
    uint64_t seq;    /* of the device; 0 = the gateway's own line */
    uint64_t before; /* events before this line, kept or not */
};

/* About 40 KiB by itself, since slots are not allocated one by one: not for a stack. */
struct sph_history {
    struct sph_history_line lines[SPH_HISTORY_LINES];
    uint64_t begin, end; /* numbers of the oldest line and of the next; slot = number % LINES */
    uint64_t epoch;      /* number of the first line since the device's last restart */
    uint64_t events;     /* so far, kept or not */
    size_t bytes;        /* of all kept lines */
};

/* Where a reader stands. A plain value: copied, dropped and kept as long as one likes. */
struct sph_history_cursor {
    uint64_t number; /* of the next line */
    uint64_t events; /* before it */
};

/* init to the empty history; done frees the lines and leaves an empty one. */
void sph_history_init(struct sph_history *history);
void sph_history_done(struct sph_history *history);
/* Takes a copy. Out of memory is a lost line, and an event that its readers are told of. */
void sph_history_add(struct sph_history *history, uint64_t seq, const char *text, size_t len);
/* Events that never came here: readers are told of them at this place. */
void sph_history_skip(struct sph_history *history, uint64_t events);
/* Sequence numbers begin again: older lines are not looked through for them. */
void sph_history_begin_epoch(struct sph_history *history);

/* Behind everything: what comes from now on. */
struct sph_history_cursor sph_history_now(const struct sph_history *history);
/* Before the first kept line of this epoch whose seq is greater. */
struct sph_history_cursor sph_history_after(const struct sph_history *history, uint64_t seq);
/* Appends what comes next, up to about max_bytes, a line too many rather than none; at most up to
 * the next gap. Returns the number of events that are missing before the lines appended: they were
 * dropped before this reader came to them, or never came here. */
uint64_t sph_history_read(const struct sph_history *history, struct sph_history_cursor *cursor,
                          size_t max_bytes, struct sph_buf *out);
/* The device's number of the newest event that this reader has; UINT64_MAX when it has all. */
uint64_t sph_history_taken(const struct sph_history *history,
                           const struct sph_history_cursor *cursor);

#endif
