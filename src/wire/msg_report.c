/* Tables only: a tag, once given, never changes its type or meaning; new fields get new tags.
 *
 * Stored reports bind more than connections do: they have to be read by agents that do not exist
 * yet. So a figure that is known to be zero and one that is not known differ by a has_ field of
 * their own, not by presence: presence is lost when a report is decoded and encoded once more. */
#include "wire/msg_report.h"

#include "wire/msg_device.h"
#include "wire/msg_heap.h"
#include "wire/table.h"

static const struct sph_field report_fields[] = {
    REQUIRED(sph_msg_report, 1, U64, id),
    REQUIRED(sph_msg_report, 2, GUID, component),
    FIELD(sph_msg_report, 3, GUID, image),
    FIELD(sph_msg_report, 4, TEXT, name),
    FIELD(sph_msg_report, 5, U64, wall_ms),
    FIELD(sph_msg_report, 6, U64, uptime_ms),
    FIELD(sph_msg_report, 7, U64, run_ms),
    FIELD(sph_msg_report, 8, U32, pid),
    REQUIRED(sph_msg_report, 9, U32, why),
    FIELD(sph_msg_report, 10, U32, exit_code),
    FIELD(sph_msg_report, 11, U32, signal),
    FIELD(sph_msg_report, 12, BOOL, will_restart),
    FIELD(sph_msg_report, 13, U64, limit_bytes),
    FIELD(sph_msg_report, 14, U64, user_bytes),
    FIELD(sph_msg_report, 15, U64, peak_user_bytes),
    FIELD(sph_msg_report, 16, U64, total_bytes),
    FIELD(sph_msg_report, 17, U64, kernel_bytes),
    FIELD(sph_msg_report, 18, BOOL, user_exact),
    FIELD(sph_msg_report, 19, BOOL, kernel_exact),
    FIELD(sph_msg_report, 20, TEXT, user_how),
    FIELD(sph_msg_report, 21, TEXT, kernel_how),
    FIELD(sph_msg_report, 22, BOOL, has_crossing),
    FIELD(sph_msg_report, 23, U64, crossing_user_bytes),
    FIELD(sph_msg_report, 24, BOOL, has_fault_address),
    FIELD(sph_msg_report, 25, BOOL, has_pc),
    FIELD(sph_msg_report, 26, U64, fault_address),
    FIELD(sph_msg_report, 27, U64, pc),
    FIELD(sph_msg_report, 28, BYTES, stack),
    FIELD(sph_msg_report, 29, TEXT, stack_how),
    FIELD(sph_msg_report, 30, BOOL, has_growth),
    FIELD(sph_msg_report, 31, U64, growth_user_bytes),
    FIELD(sph_msg_report, 32, U64, growth_uptime_ms),
    FIELD(sph_msg_report, 33, BYTES, growth_stack),
    LIST(sph_msg_report, 34, mappings, sph_msg_mapping_codec),
    FIELD(sph_msg_report, 35, U32, mappings_dropped),
    FIELD(sph_msg_report, 36, TEXT, pages_how),
    FIELD(sph_msg_report, 37, BYTES, log),
    FIELD(sph_msg_report, 38, U32, heap_state),
    LIST(sph_msg_report, 39, heaps, sph_msg_heap_codec),
    FIELD(sph_msg_report, 40, BOOL, has_own),
    FIELD(sph_msg_report, 41, U64, own_user_bytes),
    FIELD(sph_msg_report, 42, U64, own_total_bytes),
};
CODEC(sph_msg_report, "report", report_fields);

static const struct sph_field report_row_fields[] = {
    FIELD(sph_msg_report_row, 1, U64, id),
    FIELD(sph_msg_report_row, 2, GUID, component),
    FIELD(sph_msg_report_row, 3, TEXT, name),
    FIELD(sph_msg_report_row, 4, U64, wall_ms),
    FIELD(sph_msg_report_row, 5, U32, why),
    FIELD(sph_msg_report_row, 6, U32, exit_code),
    FIELD(sph_msg_report_row, 7, U32, signal),
    FIELD(sph_msg_report_row, 8, U64, limit_bytes),
    FIELD(sph_msg_report_row, 9, U64, user_bytes),
    FIELD(sph_msg_report_row, 10, U64, peak_user_bytes),
    FIELD(sph_msg_report_row, 11, U64, total_bytes),
};
CODEC(sph_msg_report_row, "report_row", report_row_fields);

/* The same field as of message component, which the gateway sends in its place. */
static const struct sph_field kills_fields[] = {
    FIELD(sph_msg_kills, 1, GUID, component),
};
CODEC(sph_msg_kills, "kills", kills_fields);

static const struct sph_field kills_reply_fields[] = {
    LIST(sph_msg_kills_reply, 1, reports, sph_msg_report_row_codec),
    FIELD(sph_msg_kills_reply, 2, U64, dropped),
};
CODEC(sph_msg_kills_reply, "kills_reply", kills_reply_fields);

static const struct sph_field report_id_fields[] = {
    REQUIRED(sph_msg_report_id, 1, U64, id),
};
CODEC(sph_msg_report_id, "report_id", report_id_fields);

static const struct sph_field count_reply_fields[] = {
    FIELD(sph_msg_count_reply, 1, U64, count),
};
CODEC(sph_msg_count_reply, "count_reply", count_reply_fields);
