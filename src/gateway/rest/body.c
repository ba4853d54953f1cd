/* One sentence for each way to be wrong, whichever call it is: people learn them once. */
#include "gateway/rest/body.h"

#include "wire/device_error.h"

unsigned sph_body_object(const struct sph_call *call, const char *body, size_t len,
                         struct sph_json_value *ret_object, struct sph_response *response) {
    struct sph_err err = SPH_ERR_NULL;
    if (sph_json_check(body, len, ret_object, &err) < 0)
        return sph_response_refuse(response, call->is_own, 400, SPH_DEVERR_INVALID_JSON,
                                   "the body is not JSON: %.200s", err.text);
    if (ret_object->type != SPH_JSON_OBJECT)
        return sph_response_refuse(response, call->is_own, 400, SPH_DEVERR_INVALID_JSON,
                                   "the body is not a JSON object");
    return 0;
}

unsigned sph_body_refuse_absent(const struct sph_call *call, struct sph_response *response) {
    return sph_response_refuse(response, call->is_own, 400, SPH_DEVERR_REQUEST_DATA_EXPECTED,
                               "%s %s needs a body", call->route->method, call->route->path);
}

unsigned sph_body_refuse_member(const struct sph_call *call, const char *key, const char *wanted,
                                struct sph_response *response) {
    return sph_response_refuse(response, call->is_own, 400, SPH_DEVERR_INVALID_JSON,
                               "the body's member \"%s\" must be %s", key, wanted);
}
