/* The device's own path hands the bytes on: they are the device's, and a client may know a later
 * version of them. Ours shows what it can read. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "gateway/rest/json_wire.h"
#include "gateway/rest/replies.h"
#include "wire/telemetry.h"

unsigned sph_format_telemetry_bytes(const struct sph_call *call, const void *message,
                                    struct sph_response *response) {
    (void)call;
    const struct sph_msg_telemetry_reply *reply = message;
    response->content_type = "application/octet-stream";
    sph_buf_append(&response->body, reply->data.data, reply->data.len);
    return 0;
}

/* What is not known has no member, as in a report. */
static void json_details(struct sph_json_out *out, const struct sph_telemetry_record *record) {
    if (record->has_figures) {
        sph_json_key_u64(out, "userBytes", record->user_bytes);
        sph_json_key_u64(out, "peakUserBytes", record->peak_user_bytes);
        sph_json_key_u64(out, "totalBytes", record->total_bytes);
        sph_json_key_bool(out, "userExact", record->user_exact);
        sph_json_key_bool(out, "kernelExact", record->kernel_exact);
    }
    if (record->has_pc)
        sph_json_key_address(out, "pc", record->pc);
    if (record->has_address)
        sph_json_key_address(out, "address", record->address);
    if (record->has_site) {
        char site[SPH_TELEMETRY_SITE + 16];
        (void)snprintf(site, sizeof(site), "%s+0x%" PRIx32, record->site, record->site_offset);
        sph_json_key_string(out, "site", site);
    }
    if (record->report)
        sph_json_key_u64(out, "reportId", record->report);
}

static void json_record(struct sph_json_out *out, const struct sph_telemetry_record *record) {
    sph_json_object(out);
    sph_json_key_u64(out, "number", record->number);
    sph_json_key_guid(out, "componentId", &record->component);
    sph_json_key_guid(out, "imageId", &record->image);
    sph_json_key_string(out, "name", record->name);
    sph_json_key_u64(out, "timeMs", record->wall_ms);
    sph_json_key_u64(out, "uptimeMs", record->uptime_ms);
    sph_json_key_u64(out, "runMs", record->run_ms);
    sph_json_key_u64(out, "pid", record->pid);
    sph_json_key_string(out, "why", sph_end_why_word(record->why));
    sph_json_key_u64(out, "exitCode", record->exit_code);
    sph_json_key_u64(out, "signal", record->signal);
    sph_json_key_signal(out, "signalName", record->signal);
    sph_json_key_u64(out, "restarts", record->restarts);
    sph_json_key_bool(out, "willRestart", record->will_restart);
    sph_json_key_u64(out, "restartDelayMs", record->restart_delay_ms);
    json_details(out, record);
    sph_json_object_end(out);
}

unsigned sph_format_telemetry(const struct sph_call *call, const void *message,
                              struct sph_response *response) {
    const struct sph_msg_telemetry_reply *reply = message;
    struct sph_telemetry telemetry;
    struct sph_err err = SPH_ERR_NULL;
    struct sph_json_out out;
    if (sph_telemetry_parse(reply->data.data, reply->data.len, &telemetry, &err) < 0)
        return sph_response_refuse(response, call->is_own, 500, EIO, "%s", err.text);
    sph_json_begin(&out, &response->body);
    sph_json_object(&out);
    sph_json_key(&out, "records");
    sph_json_array(&out);
    for (size_t i = 0; i < telemetry.count; i++) {
        struct sph_telemetry_record record;
        sph_telemetry_get(&telemetry, i, &record);
        json_record(&out, &record);
    }
    sph_json_array_end(&out);
    sph_json_key_u64(&out, "dropped", telemetry.dropped);
    sph_json_key_u64(&out, "lastNumber", telemetry.last_number);
    sph_json_object_end(&out);
    return 0;
}
