/* Requests about what the device keeps for its clients. */
#include <errno.h>

#include "agent/device.h"
#include "agent/handle.h"
#include "wire/msg_setting.h"

static int refuse_not_kept(struct sph_call *call, const char *what) {
    return sph_refuse(&call->refusal, -ENOENT, SPH_DEVICE_ERROR(SPH_CATEGORY_LINUX, ENOENT),
                      "this device keeps no %s", what);
}

/* None is there: true of every key. */
int sph_handle_setting_get(struct sph_call *call) {
    struct sph_msg_setting_reply reply = {.is_there = false};
    return sph_call_reply(call, &reply);
}

int sph_handle_setting_put(struct sph_call *call) {
    return refuse_not_kept(call, "settings");
}

int sph_handle_setting_delete(struct sph_call *call) {
    struct sph_msg_setting_delete_reply reply = {.was_there = false};
    return sph_call_reply(call, &reply);
}

/* As device.json has it. */
int sph_handle_capabilities_get(struct sph_call *call) {
    static const uint8_t development[] = {SPH_DEVCAP_APP_DEVELOPMENT, 0, 0, 0};
    struct sph_msg_capabilities reply = {
        .ids = sph_slice(development, call->device->no_development ? 0 : sizeof(development))};
    return sph_call_reply(call, &reply);
}

int sph_handle_capabilities_set(struct sph_call *call) {
    return refuse_not_kept(call, "capabilities");
}
