/* Tables only: a tag, once given, never changes its type or meaning; new fields get new tags.
 *
 * Of an event its number and its kind are required: without the number a loss could not be told
 * from a damaged record, without the kind nothing else in it has a meaning. */
#include "wire/msg_event.h"

#include "wire/table.h"

static const struct sph_field event_fields[] = {
    REQUIRED(sph_msg_event, 1, U64, seq),
    FIELD(sph_msg_event, 2, U64, wall_ms),
    FIELD(sph_msg_event, 3, U64, monotonic_ns),
    REQUIRED(sph_msg_event, 4, U32, kind),
    FIELD(sph_msg_event, 5, GUID, component),
    FIELD(sph_msg_event, 6, TEXT, name),
    FIELD(sph_msg_event, 7, U32, pid),
    FIELD(sph_msg_event, 8, U32, stream),
    FIELD(sph_msg_event, 9, BYTES, text),
    FIELD(sph_msg_event, 10, U64, user_bytes),
    FIELD(sph_msg_event, 11, U64, peak_user_bytes),
    FIELD(sph_msg_event, 12, U64, total_bytes),
    FIELD(sph_msg_event, 13, U64, limit_bytes),
    FIELD(sph_msg_event, 14, U64, report_id),
    FIELD(sph_msg_event, 15, U32, why),
    FIELD(sph_msg_event, 16, U32, exit_code),
    FIELD(sph_msg_event, 17, U32, signal),
    FIELD(sph_msg_event, 18, U32, restarts),
    FIELD(sph_msg_event, 19, U64, restart_delay_ms),
    FIELD(sph_msg_event, 20, BOOL, will_restart),
    FIELD(sph_msg_event, 21, U32, pin),
    FIELD(sph_msg_event, 22, U32, value),
    FIELD(sph_msg_event, 30, U64, writes),
    FIELD(sph_msg_event, 31, U64, idle_writes),
    FIELD(sph_msg_event, 32, U64, bytes_written),
    FIELD(sph_msg_event, 33, U64, blocks_erased),
};
CODEC(sph_msg_event, "event", event_fields);

static const struct sph_field events_fields[] = {
    FIELD(sph_msg_events, 1, BOOL, has_after),
    FIELD(sph_msg_events, 2, U64, after_seq),
    FIELD(sph_msg_events, 3, BOOL, hold),
};
CODEC(sph_msg_events, "events", events_fields);

/* Required: an acknowledgement of nothing is number 0, not an empty message. */
static const struct sph_field events_ack_fields[] = {
    REQUIRED(sph_msg_events_ack, 1, U64, seq),
};
CODEC(sph_msg_events_ack, "events_ack", events_ack_fields);

static const struct sph_field events_reply_fields[] = {
    FIELD(sph_msg_events_reply, 1, U64, last_seq),
    FIELD(sph_msg_events_reply, 2, U64, oldest_seq),
};
CODEC(sph_msg_events_reply, "events_reply", events_reply_fields);
