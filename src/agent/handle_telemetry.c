/* Requests about what the device has recorded about itself. */
#include "agent/handle.h"
#include "wire/msg_setting.h"

/* Nothing is recorded yet. */
int sph_handle_telemetry_get(struct sph_call *call) {
    struct sph_msg_telemetry_reply reply = {.data = {NULL, 0}};
    return sph_call_reply(call, &reply);
}

int sph_handle_telemetry_clear(struct sph_call *call) {
    return sph_call_reply(call, NULL);
}
