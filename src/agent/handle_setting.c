/* Requests about what the device keeps for its clients. */
#include <errno.h>

#include "agent/device.h"
#include "agent/handle.h"
#include "agent/settings.h"
#include "base/cleanup.h"

/* None is an answer; one that cannot be read is none. */
int sph_handle_setting_get(struct sph_call *call) {
    const struct sph_msg_setting_key *asked = call->request;
    sph_autobuf struct sph_buf value = SPH_BUF_NULL;
    int code = sph_settings_get(call->device->settings, asked->key, &value, &call->refusal.err);
    if (code < 0 && code != -ENOENT)
        return sph_call_refuse_errno(call);
    struct sph_msg_setting_reply reply = {.is_there = code == 0,
                                          .value = sph_slice(value.data, value.len)};
    return sph_call_reply(call, &reply);
}

int sph_handle_setting_put(struct sph_call *call) {
    const struct sph_msg_setting *asked = call->request;
    int code =
        sph_settings_put(call->device->settings, asked->key, asked->value, &call->refusal.err);
    return code < 0 ? sph_call_refuse_errno(call) : sph_call_reply(call, NULL);
}

int sph_handle_setting_delete(struct sph_call *call) {
    const struct sph_msg_setting_key *asked = call->request;
    int code = sph_settings_delete(call->device->settings, asked->key, &call->refusal.err);
    if (code < 0 && code != -ENOENT)
        return sph_call_refuse_errno(call);
    struct sph_msg_setting_delete_reply reply = {.was_there = code == 0};
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
    return sph_refuse(&call->refusal, -ENOENT, SPH_DEVICE_ERROR(SPH_CATEGORY_LINUX, ENOENT),
                      "this device keeps no capabilities");
}
