/* Lines are numbered for ever and the ring keeps the newest; a reader is a number. So a slow client
 * costs no memory and holds nobody up: when it comes back too late, it is told how many events it
 * missed. Whoever must not miss any sees to it that no more come than are kept (stream.c). */
#include "gateway/rest/history.h"

#include <stdlib.h>
#include <string.h>

static struct sph_history_line *slot(struct sph_history *history, uint64_t number) {
    return &history->lines[number % SPH_HISTORY_LINES];
}

static const struct sph_history_line *peek(const struct sph_history *history, uint64_t number) {
    return &history->lines[number % SPH_HISTORY_LINES];
}

void sph_history_init(struct sph_history *history) {
    *history = (struct sph_history){.begin = 0};
}

/* Never called on an empty ring. */
static void drop_oldest(struct sph_history *history) {
    struct sph_history_line *line = slot(history, history->begin);
    history->bytes -= line->len;
    free(line->text);
    *line = (struct sph_history_line){.text = NULL};
    history->begin++;
}

void sph_history_done(struct sph_history *history) {
    while (history->begin < history->end)
        drop_oldest(history);
}

/* Counted also when it cannot be kept: the count is what tells readers of a gap. */
void sph_history_add(struct sph_history *history, uint64_t seq, const char *text, size_t len) {
    uint64_t before = history->events;
    history->events += seq != 0;
    char *copy = len <= SPH_HISTORY_BYTES ? malloc(len) : NULL;
    if (!copy)
        return;
    memcpy(copy, text, len);
    while (history->begin < history->end && (history->end - history->begin >= SPH_HISTORY_LINES ||
                                             history->bytes + len > SPH_HISTORY_BYTES))
        drop_oldest(history);
    *slot(history, history->end) =
        (struct sph_history_line){.text = copy, .len = (uint32_t)len, .seq = seq, .before = before};
    history->bytes += len;
    history->end++;
}

/* No line: a count between two lines, which costs nothing however many are missing. */
void sph_history_skip(struct sph_history *history, uint64_t events) {
    history->events += events;
}

void sph_history_begin_epoch(struct sph_history *history) {
    history->epoch = history->end;
}

/* Events before a line that is kept, or that comes next. */
static uint64_t events_before(const struct sph_history *history, uint64_t number) {
    return number < history->end ? peek(history, number)->before : history->events;
}

struct sph_history_cursor sph_history_now(const struct sph_history *history) {
    return (struct sph_history_cursor){.number = history->end, .events = history->events};
}

/* The gateway's own lines have no number; those before the first event wanted are left out with the
 * events before it. */
struct sph_history_cursor sph_history_after(const struct sph_history *history, uint64_t seq) {
    uint64_t number = history->epoch > history->begin ? history->epoch : history->begin;
    while (number < history->end && peek(history, number)->seq <= seq)
        number++;
    return (struct sph_history_cursor){.number = number, .events = events_before(history, number)};
}

/* One rule for all that is missing: the events before a line are more than the reader has had. */
uint64_t sph_history_read(const struct sph_history *history, struct sph_history_cursor *cursor,
                          size_t max_bytes, struct sph_buf *out) {
    if (cursor->number < history->begin)
        cursor->number = history->begin;
    uint64_t before = events_before(history, cursor->number);
    uint64_t lost = before - cursor->events;
    cursor->events = before;
    size_t used = 0;
    while (cursor->number < history->end && used < max_bytes) {
        const struct sph_history_line *line = peek(history, cursor->number);
        if (line->before != cursor->events)
            break;
        sph_buf_append(out, line->text, line->len);
        used += line->len;
        cursor->events += line->seq != 0;
        cursor->number++;
    }
    return lost;
}

/* Lines of an earlier boot are numbered otherwise, and nobody waits for them. */
uint64_t sph_history_taken(const struct sph_history *history,
                           const struct sph_history_cursor *cursor) {
    uint64_t number = cursor->number > history->begin ? cursor->number : history->begin;
    number = number > history->epoch ? number : history->epoch;
    for (; number < history->end; number++)
        if (peek(history, number)->seq != 0)
            return peek(history, number)->seq - 1;
    return UINT64_MAX;
}
