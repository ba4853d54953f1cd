/* Values come back from a folder that people can write to, so they are parsed as strictly as what
 * clients send. One that cannot be read is never overwritten: whoever put it there, or the next
 * version, may want it. */
#include "gateway/simulated/setting.h"

#include <errno.h>

#include "gateway/rest/body.h"
#include "wire/device_error.h"

const char *sph_setting_key(enum sph_setting setting) {
    static const char *const keys[SPH_SETTINGS] = {
        [SPH_SETTING_CERTIFICATES] = "certificates",
        [SPH_SETTING_WIFI] = "wifi",
        [SPH_SETTING_PROXY] = "proxy",
        [SPH_SETTING_INTERFACES] = "interfaces",
        [SPH_SETTING_MANUFACTURING] = "manufacturing-state",
        [SPH_SETTING_IDENTITY] = "identity",
    };
    return keys[setting];
}

/* What is answered here has room for all that a setting can hold; what is kept has not. */
unsigned sph_setting_run(const struct sph_setting_request *request, struct sph_buf *ret_value,
                         struct sph_response *response) {
    const struct sph_call *call = request->call;
    response->status = 200;
    unsigned status = call->route->setting(request, ret_value, response);
    if (!status && ret_value->error == -EFBIG)
        status = sph_response_refuse(response, call->is_own, 400, SPH_DEVERR_NOT_ENOUGH_FREE_SPACE,
                                     "the device keeps %d bytes of this at most; remove some first",
                                     SPH_SETTING_VALUE_MAX);
    if (!status && (ret_value->error || response->body.error))
        status = sph_response_refuse(response, call->is_own, 500, ENOMEM,
                                     "the gateway has no memory for the answer");
    return status;
}

unsigned sph_setting_refuse(const struct sph_setting_request *request, enum sph_setting setting,
                            struct sph_response *response) {
    return sph_response_refuse(response, request->call->is_own, 500, EIO,
                               "what the device keeps as \"%s\" cannot be read; repair or "
                               "remove state/settings/%s in its folder, or create the device anew",
                               sph_setting_key(setting), sph_setting_key(setting));
}

unsigned sph_setting_object(const struct sph_setting_request *request, enum sph_setting setting,
                            struct sph_json_value *ret_object, struct sph_response *response) {
    const struct sph_slice *value = &request->values[setting];
    *ret_object = (struct sph_json_value){.type = SPH_JSON_OBJECT, .text = "{}", .len = 2};
    if (value->len == 0)
        return 0;
    if (sph_json_check(value->data, value->len, ret_object, NULL) < 0 ||
        ret_object->type != SPH_JSON_OBJECT)
        return sph_setting_refuse(request, setting, response);
    return 0;
}

unsigned sph_setting_body(const struct sph_setting_request *request,
                          struct sph_json_value *ret_object, struct sph_response *response) {
    if (!request->body || request->len == 0)
        return sph_body_refuse_absent(request->call, response);
    return sph_body_object(request->call, request->body, request->len, ret_object, response);
}

unsigned sph_setting_refuse_member(const struct sph_setting_request *request, const char *key,
                                   const char *wanted, struct sph_response *response) {
    return sph_body_refuse_member(request->call, key, wanted, response);
}

unsigned sph_setting_input(const struct sph_setting_request *request,
                           const struct sph_setting_input *input, uint32_t *ret_present,
                           struct sph_response *response) {
    struct sph_json_value object;
    const struct sph_member *wrong = NULL;
    unsigned status = sph_setting_body(request, &object, response);
    if (status)
        return status;
    uint32_t present = 0;
    if (sph_members_read(&object, input->members, input->record, &present, &wrong) < 0)
        return sph_setting_refuse_member(request, wrong->key, wrong->wanted, response);
    for (size_t i = 0; i < input->members->count; i++) {
        const struct sph_member *member = &input->members->rows[i];
        if (input->required & ~present & ((uint32_t)1 << i))
            return sph_setting_refuse_member(request, member->key, member->wanted, response);
    }
    *ret_present = present;
    return 0;
}
