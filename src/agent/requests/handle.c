/* The table from operation to function. Decoding happens here, once: a handler sees a checked
 * struct. */
#include "agent/requests/handle.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>

#include "agent/device/device.h"
#include "agent/device/footprint.h"
#include "agent/install/capabilities.h"
#include "wire/codec.h"
#include "wire/op.h"

/* In the order of wire/op.h. A switch was rejected: a table can be compared with the wire's by a
 * test. */
static const struct {
    uint16_t op;
    sph_handle_fn *fn;
} handlers[] = {
    {SPH_OP_HELLO, sph_handle_hello},
    {SPH_OP_STATUS, sph_handle_status},
    {SPH_OP_MEMORY, sph_handle_memory},
    {SPH_OP_PAGES, sph_handle_pages},
    {SPH_OP_LOG_READ, sph_handle_log_read},
    {SPH_OP_RESTART, sph_handle_restart},
    {SPH_OP_SHUTDOWN, sph_handle_shutdown},
    {SPH_OP_EVENTS, sph_handle_events},
    {SPH_OP_EVENTS_ACK, sph_handle_events_ack},
    {SPH_OP_HEAP, sph_handle_heap},
    {SPH_OP_APP_LIST, sph_handle_app_list},
    {SPH_OP_APP_CONTROL, sph_handle_app_control},
    {SPH_OP_APP_QUOTA, sph_handle_app_quota},
    {SPH_OP_APP_DELETE, sph_handle_app_delete},
    {SPH_OP_STAGE_BEGIN, sph_handle_stage_begin},
    {SPH_OP_STAGE_DATA, sph_handle_stage_data},
    {SPH_OP_STAGE_END, sph_handle_stage_end},
    {SPH_OP_STAGE_ABORT, sph_handle_stage_abort},
    {SPH_OP_INSTALL, sph_handle_install},
    {SPH_OP_KILLS_LIST, sph_handle_kills_list},
    {SPH_OP_KILL_GET, sph_handle_kill_get},
    {SPH_OP_KILLS_CLEAR, sph_handle_kills_clear},
    {SPH_OP_TRUST_LIST, sph_handle_trust_list},
    {SPH_OP_TRUST_ADD, sph_handle_trust_add},
    {SPH_OP_TRUST_REMOVE, sph_handle_trust_remove},
    {SPH_OP_GPIO_LIST, sph_handle_gpio_list},
    {SPH_OP_GPIO_GET, sph_handle_gpio_get},
    {SPH_OP_GPIO_SET, sph_handle_gpio_set},
    {SPH_OP_SETTING_GET, sph_handle_setting_get},
    {SPH_OP_SETTING_PUT, sph_handle_setting_put},
    {SPH_OP_SETTING_DELETE, sph_handle_setting_delete},
    {SPH_OP_CAPABILITIES_GET, sph_handle_capabilities_get},
    {SPH_OP_CAPABILITIES_SET, sph_handle_capabilities_set},
    {SPH_OP_TELEMETRY_GET, sph_handle_telemetry_get},
    {SPH_OP_TELEMETRY_CLEAR, sph_handle_telemetry_clear},
};

/* What the protocol itself refuses: docs/spec/wire.md, section 1. */
#define PROTOCOL_ERROR SPH_DEVERR_INVALID_JSON
enum { REQUEST_MAX = 256 }; /* bytes of the largest request struct */

/* A separate table from the wire's: an operation that the wire has and the agent has not is
 * refused, not a crash. */
static sph_handle_fn *find_handler(uint16_t op) {
    for (size_t i = 0; i < SPH_ARRAY_SIZE(handlers); i++)
        if (handlers[i].op == op)
            return handlers[i].fn;
    return NULL;
}

/* The request lives on this stack: a handler that defers copies what it needs. */
static int handle(struct sph_call *call, const struct sph_frame *frame) {
    _Alignas(16) uint8_t request[REQUEST_MAX];
    struct sph_err *err = &call->refusal.err;
    const struct sph_op *op = sph_op_find(frame->op);
    sph_handle_fn *fn = find_handler(frame->op);
    if (frame->version != SPH_FRAME_VERSION)
        return sph_refuse(&call->refusal, -EPROTONOSUPPORT, PROTOCOL_ERROR,
                          "this agent speaks version %d of the protocol, not %d", SPH_FRAME_VERSION,
                          frame->version);
    if (!op || !fn)
        return sph_refuse(&call->refusal, -ENOSYS, PROTOCOL_ERROR,
                          "this agent has no operation %" PRIu16, frame->op);
    assert(op->request->size <= sizeof(request));
    if (sph_codec_decode(op->request, frame->payload, frame->payload_len, request, err) < 0)
        return sph_refuse_as(&call->refusal, PROTOCOL_ERROR);
    call->request = request;
    return fn(call);
}

/* Whatever a handler returns, the client gets exactly one answer. */
void sph_handle_frame(struct sph_device *device, struct sph_connection *connection,
                      const struct sph_frame *frame) {
    if (frame->type != SPH_FRAME_REQUEST)
        return; /* for a client, not for an agent */
    struct sph_call call = {.device = device,
                            .connection = connection,
                            .op = frame->op,
                            .id = frame->id,
                            .refusal = SPH_REFUSAL_NULL};
    sph_footprint_touch(device->footprint);
    if (handle(&call, frame) < 0)
        sph_connection_refuse(connection, call.op, call.id, &call.refusal);
}

int sph_call_refuse_no_memory(struct sph_call *call) {
    return sph_refuse(&call->refusal, -ENOMEM, SPH_DEVICE_ERROR(SPH_CATEGORY_LINUX, ENOMEM),
                      "the agent is out of memory");
}

int sph_call_check_development(struct sph_call *call) {
    if (sph_capabilities_allow_development(call->device->capabilities))
        return 0;
    return sph_refuse(&call->refusal, -EACCES, SPH_DEVERR_PERMISSION_DENIED,
                      SPH_CAPABILITIES_DENIED);
}

int sph_call_refuse_not_present(struct sph_call *call, const struct sph_guid *component) {
    char guid[SPH_GUID_TEXT];
    return sph_refuse(&call->refusal, -ENOENT, SPH_DEVERR_APP_NOT_PRESENT,
                      "no application with component id %s is installed",
                      sph_guid_format(component, guid));
}

/* The limit is the only reason that a client can do something about, so it is the one that is told.
 */
struct sph_ticket *sph_call_defer(struct sph_call *call) {
    struct sph_ticket *ticket = sph_connection_defer(call->connection, call->op, call->id);
    if (!ticket)
        (void)sph_refuse(&call->refusal, -EBUSY, SPH_DEVERR_INTERFACE_BUSY,
                         "%d requests of this connection wait for their answer already",
                         SPH_CONNECTION_TICKETS);
    return ticket;
}
