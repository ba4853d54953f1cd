/* Requests about what the device remembers of its apps' ends. It is sent as it is kept. */
#include "agent/device/device.h"
#include "agent/requests/handle.h"
#include "agent/store/telemetry_store.h"
#include "wire/msg_setting.h"

int sph_handle_telemetry_get(struct sph_call *call) {
    sph_autobuf struct sph_buf bytes = SPH_BUF_LIMIT(SPH_TELEMETRY_BYTES_MAX);
    if (sph_telemetry_store_read(call->device->state_fd, &bytes, &call->refusal.err) < 0)
        return sph_call_refuse_errno(call);
    struct sph_msg_telemetry_reply reply = {.data = sph_slice(bytes.data, bytes.len)};
    return sph_call_reply(call, &reply);
}

int sph_handle_telemetry_clear(struct sph_call *call) {
    if (sph_telemetry_store_clear(call->device->state_fd, &call->refusal.err) < 0)
        return sph_call_refuse_errno(call);
    return sph_call_reply(call, NULL);
}
