/* handle: one decoded request on its way to the function that answers it. */
#ifndef SPH_AGENT_REQUESTS_HANDLE_H
#define SPH_AGENT_REQUESTS_HANDLE_H

#include <stdint.h>

#include "agent/device/refusal.h"
#include "agent/requests/connection.h"
#include "base/attr.h"
#include "base/guid.h"
#include "wire/frame.h"

struct sph_device;

/* One frame's way through the agent; it ends with the frame. A handler that answers later keeps a
 * ticket and copies what it needs: the connection may be gone by then, which the ticket knows. */
struct sph_call {
    struct sph_device *device;
    struct sph_connection *connection;
    uint16_t op;
    uint32_t id;
    const void *request;        /* decoded, of the type that goes with op */
    struct sph_refusal refusal; /* to be filled when it fails */
};

enum { SPH_CALL_DEFERRED = 1 };

/* 0: replied. SPH_CALL_DEFERRED: a ticket was taken. Negative errno: call->refusal is sent. */
typedef int sph_handle_fn(struct sph_call *call);

/* Answers a request frame, one way or the other. */
void sph_handle_frame(struct sph_device *device, struct sph_connection *connection,
                      const struct sph_frame *frame);

static inline int sph_call_reply(struct sph_call *call, const void *message) {
    sph_connection_reply(call->connection, call->op, call->id, message);
    return 0;
}
/* The refusal's errno as the device's number, where the device has no better one. */
static inline int sph_call_refuse_errno(struct sph_call *call) {
    return sph_refuse_as(&call->refusal,
                         SPH_DEVICE_ERROR(SPH_CATEGORY_LINUX, -call->refusal.err.code));
}
int sph_call_refuse_no_memory(struct sph_call *call);
/* 0, or the refusal of what a device does in development mode only. */
int sph_call_check_development(struct sph_call *call);
/* The sentence of every operation that needs an installed app. */
int sph_call_refuse_not_present(struct sph_call *call, const struct sph_guid *component);
/* NULL when the client waits for too many answers already: the refusal is filled. */
struct sph_ticket *sph_call_defer(struct sph_call *call) SPH_MUST_USE;

/* Answers all log reads that wait: the device ends, or apps wait for the readers. */
void sph_log_waits_end(struct sph_device *device);

sph_handle_fn sph_handle_hello, sph_handle_status, sph_handle_memory, sph_handle_pages,
    sph_handle_log_read, sph_handle_restart, sph_handle_shutdown, sph_handle_events,
    sph_handle_events_ack;
sph_handle_fn sph_handle_app_list, sph_handle_app_control, sph_handle_app_quota,
    sph_handle_app_delete;
sph_handle_fn sph_handle_stage_begin, sph_handle_stage_data, sph_handle_stage_end,
    sph_handle_stage_abort, sph_handle_install;
sph_handle_fn sph_handle_kills_list, sph_handle_kill_get, sph_handle_kills_clear;
sph_handle_fn sph_handle_trust_list, sph_handle_trust_add, sph_handle_trust_remove;
sph_handle_fn sph_handle_heap; /* handle_heap.c */
sph_handle_fn sph_handle_gpio_list, sph_handle_gpio_get, sph_handle_gpio_set;
sph_handle_fn sph_handle_setting_get, sph_handle_setting_put, sph_handle_setting_delete;
sph_handle_fn sph_handle_capabilities_get, sph_handle_capabilities_set; /* handle_setting.c */
sph_handle_fn sph_handle_telemetry_get, sph_handle_telemetry_clear;     /* handle_telemetry.c */

#endif
