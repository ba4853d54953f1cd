/* One table says which messages go with which operation; both ends and their tests read it, so that
 * a new operation is one row here and its messages.
 *
 * A message is written behind the place of its header and never copied: what cannot be sent is
 * taken out of the buffer again, since others' frames may stand before it. */
#include "wire/op.h"

#include <errno.h>

#include "wire/msg_app.h"
#include "wire/msg_device.h"
#include "wire/msg_heap.h"
#include "wire/msg_peripheral.h"
#include "wire/msg_report.h"
#include "wire/msg_setting.h"
#include "wire/msg_trust.h"

#define OP(number, shown, asked, answered)                                                         \
    {                                                                                              \
        .op = SPH_OP_##number, .name = (shown), .request = &sph_msg_##asked##_codec,               \
        .reply = &sph_msg_##answered##_codec                                                       \
    }

const struct sph_op sph_ops[] = {
    OP(HELLO, "hello", hello, hello_reply),
    OP(STATUS, "status", empty, status_reply),
    OP(MEMORY, "memory", empty, memory_reply),
    OP(PAGES, "pages", pages, pages_reply),
    OP(LOG_READ, "log-read", log, log_reply),
    OP(RESTART, "restart", empty, empty),
    OP(SHUTDOWN, "shutdown", empty, empty),
    OP(EVENTS, "events", events, events_reply),
    OP(EVENTS_ACK, "events-ack", events_ack, empty),
    OP(HEAP, "heap", component, heap_reply),
    OP(APP_LIST, "app-list", component, app_list_reply),
    OP(APP_CONTROL, "app-control", app_control, app_control_reply),
    OP(APP_QUOTA, "app-quota", component, quota_reply),
    OP(APP_DELETE, "app-delete", component, restarting_reply),
    OP(STAGE_BEGIN, "stage-begin", stage_begin, empty),
    OP(STAGE_DATA, "stage-data", stage_data, empty),
    OP(STAGE_END, "stage-end", empty, stage_end_reply),
    OP(STAGE_ABORT, "stage-abort", empty, empty),
    OP(INSTALL, "install", install, restarting_reply),
    OP(KILLS_LIST, "kills-list", kills, kills_reply),
    OP(KILL_GET, "kill-get", report_id, report),
    OP(KILLS_CLEAR, "kills-clear", kills, count_reply),
    OP(TRUST_LIST, "trust-list", empty, trust_list_reply),
    OP(TRUST_ADD, "trust-add", trust, empty),
    OP(TRUST_REMOVE, "trust-remove", trust_remove, empty),
    OP(GPIO_LIST, "gpio-list", empty, gpio_list_reply),
    OP(GPIO_GET, "gpio-get", gpio_pin, gpio),
    OP(GPIO_SET, "gpio-set", gpio_set, gpio),
    OP(SETTING_GET, "setting-get", setting_key, setting_reply),
    OP(SETTING_PUT, "setting-put", setting, empty),
    OP(SETTING_DELETE, "setting-delete", setting_key, setting_delete_reply),
    OP(CAPABILITIES_GET, "capabilities-get", empty, capabilities),
    OP(CAPABILITIES_SET, "capabilities-set", capabilities, empty),
    OP(TELEMETRY_GET, "telemetry-get", empty, telemetry_reply),
    OP(TELEMETRY_CLEAR, "telemetry-clear", empty, empty),
};
const size_t sph_op_count = SPH_ARRAY_SIZE(sph_ops);

/* 32 bits are looked up, so that callers need not cut a number that they do not trust. */
const struct sph_op *sph_op_find(uint32_t op) {
    for (size_t i = 0; i < sph_op_count; i++) {
        if (sph_ops[i].op == op)
            return &sph_ops[i];
    }
    return NULL;
}

static int put_frame(struct sph_buf *out, enum sph_frame_type type, uint16_t op, uint32_t id,
                     const struct sph_codec *codec, const void *message, struct sph_err *err) {
    size_t begin = sph_frame_begin(out);
    if (out->error)
        return SPH_FAIL(err, out->error, "no room for a %s frame", codec->name);
    int rc = message ? sph_codec_encode(codec, message, out, err) : 0;
    if (rc < 0) {
        sph_buf_truncate(out, begin);
        return rc;
    }
    rc = sph_frame_end(out, begin, type, op, id);
    if (rc < 0)
        return SPH_FAIL(err, rc, "message %s is longer than a frame may be", codec->name);
    return 0;
}

static int unknown_op(uint16_t op, struct sph_err *err) {
    return SPH_FAIL(err, -EINVAL, "there is no operation %u", op);
}

int sph_op_put_request(struct sph_buf *out, uint16_t op, uint32_t id, const void *message,
                       struct sph_err *err) {
    const struct sph_op *row = sph_op_find(op);
    if (!row)
        return unknown_op(op, err);
    return put_frame(out, SPH_FRAME_REQUEST, op, id, row->request, message, err);
}

int sph_op_put_reply(struct sph_buf *out, uint16_t op, uint32_t id, const void *message,
                     struct sph_err *err) {
    const struct sph_op *row = sph_op_find(op);
    if (!row)
        return unknown_op(op, err);
    return put_frame(out, SPH_FRAME_REPLY, op, id, row->reply, message, err);
}

int sph_op_put_event(struct sph_buf *out, uint32_t id, const struct sph_msg_event *event,
                     struct sph_err *err) {
    return put_frame(out, SPH_FRAME_EVENT, SPH_OP_EVENTS, id, &sph_msg_event_codec, event, err);
}

int sph_op_put_error(struct sph_buf *out, uint16_t op, uint32_t id, uint32_t device_error,
                     const char *text) {
    /* An error of an error would help nobody: whoever cannot send this ends the connection. */
    struct sph_msg_error error = {.device_error = device_error, .text = sph_slice_text(text)};
    return put_frame(out, SPH_FRAME_ERROR, op, id, &sph_msg_error_codec, &error, NULL);
}
