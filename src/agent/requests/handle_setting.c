/* Requests about what the device keeps for its clients. */
#include <errno.h>

#include "agent/app/lifecycle.h"
#include "agent/device/device.h"
#include "agent/install/capabilities.h"
#include "agent/install/verify.h"
#include "agent/requests/handle.h"
#include "agent/store/registry.h"
#include "agent/store/settings.h"
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

int sph_handle_capabilities_get(struct sph_call *call) {
    uint32_t ids[SPH_DEVCAPS_MAX];
    size_t count = sph_capabilities_get(call->device->capabilities, ids);
    struct sph_msg_capabilities reply = {.ids = sph_slice(ids, count * sizeof(*ids))};
    return sph_call_reply(call, &reply);
}

/* What may not run any more ends as by a stop, but for its start mode: with development it starts
 * again with the device. A debugger goes with what it holds. */
static void stop_hindered(struct sph_device *device) {
    for (size_t i = 0; i < sph_registry_count(device->registry); i++) {
        const struct sph_installed_app *app = sph_registry_at(device->registry, i);
        struct sph_err why = SPH_ERR_NULL, err = SPH_ERR_NULL;
        if (sph_lifecycle_state(device->lifecycle, &app->component) == SPH_SESSION_NONE)
            continue;
        if (sph_verify_start(device, app, &why) == 0) {
            if (!sph_lifecycle_debug_port(device->lifecycle, &app->component))
                continue;
            (void)SPH_FAIL(&why, 0, "development is switched off, and with it debugging");
        }
        sph_device_note(device, &app->component, "is stopped: %s app=%s", why.text, app->name);
        if (sph_lifecycle_stop(device->lifecycle, &app->component, NULL, NULL, &err) < 0)
            sph_device_note(device, &app->component, "cannot be stopped: %s", err.text);
    }
}

/* Noted for whoever reads the log of a device that suddenly says no. */
static void enter_mode(struct sph_device *device, bool was_allowed) {
    bool is_allowed = sph_capabilities_allow_development(device->capabilities);
    if (is_allowed != was_allowed)
        sph_device_note(device, NULL,
                        is_allowed ? "development is enabled" : "development is switched off");
    if (!is_allowed)
        stop_hindered(device);
}

int sph_handle_capabilities_set(struct sph_call *call) {
    const struct sph_msg_capabilities *asked = call->request;
    struct sph_device *device = call->device;
    uint32_t ids[SPH_DEVCAPS_MAX];
    size_t count = sph_slice_u32_count(asked->ids);
    bool was_allowed = sph_capabilities_allow_development(device->capabilities);
    if (asked->ids.len % sizeof(*ids) || count > SPH_ARRAY_SIZE(ids))
        return sph_refuse(&call->refusal, -EINVAL, SPH_DEVICE_ERROR(SPH_CATEGORY_LINUX, EINVAL),
                          "a device has at most %d capabilities, each a number of 4 bytes",
                          SPH_DEVCAPS_MAX);
    for (size_t i = 0; i < count; i++)
        ids[i] = sph_slice_u32(asked->ids, i);
    if (sph_capabilities_set(device->capabilities, ids, count, &call->refusal.err) < 0)
        return sph_call_refuse_errno(call);
    enter_mode(device, was_allowed);
    return sph_call_reply(call, NULL);
}
