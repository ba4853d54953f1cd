/* Requests about kill reports. They are stored as the messages that they are sent as. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "agent/device/device.h"
#include "agent/requests/handle.h"
#include "agent/store/kill_store.h"
#include "base/cleanup.h"
#include "wire/msg_report.h"

/* On the wire a zero id stands for all apps. */
static const struct sph_guid *wanted(const struct sph_call *call) {
    const struct sph_msg_kills *asked = call->request;
    return sph_guid_is_zero(&asked->component) ? NULL : &asked->component;
}

enum { NAME_SIZE = 64 };

/* False for a report that cannot be read: it is left out of the list. */
static bool read_row(struct sph_kill_store *kills, uint64_t number, struct sph_msg_report_row *row,
                     char name[NAME_SIZE]) {
    sph_autobuf struct sph_buf bytes = SPH_BUF_LIMIT(SPH_KILL_STORE_ONE_BYTES);
    struct sph_msg_report report;
    if (sph_kill_store_get(kills, number, &bytes, NULL) < 0 ||
        sph_codec_decode(&sph_msg_report_codec, bytes.data, bytes.len, &report, NULL) < 0)
        return false;
    *row = (struct sph_msg_report_row){
        .id = number,
        .component = report.component,
        .name = sph_slice_text(sph_slice_copy(report.name, name, NAME_SIZE)),
        .wall_ms = report.wall_ms,
        .why = report.why,
        .exit_code = report.exit_code,
        .signal = report.signal,
        .limit_bytes = report.limit_bytes,
        .user_bytes = report.user_bytes,
        .peak_user_bytes = report.peak_user_bytes,
        .total_bytes = report.total_bytes,
    };
    return true;
}

/* At most 64 rows of some hundred bytes: always one frame. */
int sph_handle_kills_list(struct sph_call *call) {
    struct sph_kill_store *kills = call->device->kills;
    struct sph_kill_entry entry;
    size_t count = 0;
    sph_autofree struct sph_msg_report_row *rows = calloc(SPH_KILL_STORE_COUNT, sizeof(*rows));
    sph_autofree char(*names)[NAME_SIZE] = calloc(SPH_KILL_STORE_COUNT, sizeof(*names));
    if (!rows || !names)
        return sph_call_refuse_no_memory(call);
    for (uint64_t cursor = 0; sph_kill_store_next(kills, wanted(call), &cursor, &entry);)
        /* Rows point to the names, which have to live until the reply is laid out. */
        if (read_row(kills, entry.number, &rows[count], names[count]))
            count++;
    struct sph_msg_kills_reply reply = {.reports = SPH_LIST(rows, count),
                                        .dropped = sph_kill_store_dropped(kills)};
    return sph_call_reply(call, &reply);
}

/* Sent as it is stored: fields that a newer agent added survive an older one. */
int sph_handle_kill_get(struct sph_call *call) {
    const struct sph_msg_report_id *asked = call->request;
    sph_autobuf struct sph_buf bytes = SPH_BUF_LIMIT(SPH_KILL_STORE_ONE_BYTES);
    if (sph_kill_store_get(call->device->kills, asked->id, &bytes, &call->refusal.err) < 0)
        return sph_call_refuse_errno(call);
    sph_connection_reply_raw(call->connection, call->op, call->id, bytes.data, bytes.len);
    return 0;
}

/* The count is of what was removed by this request, not of what the device ever had. */
int sph_handle_kills_clear(struct sph_call *call) {
    size_t count;
    if (sph_kill_store_clear(call->device->kills, wanted(call), &count, &call->refusal.err) < 0)
        return sph_call_refuse_errno(call);
    struct sph_msg_count_reply reply = {.count = count};
    return sph_call_reply(call, &reply);
}
