/* Who the device is: manufacturing state and security state.
 *
 * A new device is blank, so that what a factory does can be tried on it; each step is for ever. No
 * state closes anything here: who may reach the device's socket may do all. */
#include <string.h>

#include "base/text.h"
#include "gateway/simulated/identity.h"
#include "gateway/simulated/setting.h"
#include "wire/device_error.h"

static const char *const states[] = {"Blank", "Module1Complete", "DeviceComplete", NULL};
static const struct sph_member state_rows[] = {
    {.key = "manufacturingState", .type = SPH_MEMBER_WORD, .words = states}};
static const struct sph_members state_members = {state_rows, 1};

static void json_state(struct sph_buf *buf, uint32_t state) {
    struct sph_json_out out;
    sph_json_begin(&out, buf);
    sph_json_object(&out);
    sph_members_write(&out, &state_members, &state, false);
    sph_json_object_end(&out);
}

static unsigned read_state(const struct sph_setting_request *request, uint32_t *ret_state,
                           struct sph_response *response) {
    struct sph_json_value object;
    const struct sph_member *wrong;
    uint32_t present;
    *ret_state = 0;
    unsigned status = sph_setting_object(request, SPH_SETTING_MANUFACTURING, &object, response);
    if (!status && sph_members_read(&object, &state_members, ret_state, &present, &wrong) < 0)
        status = sph_setting_refuse(request, SPH_SETTING_MANUFACTURING, response);
    return status;
}

unsigned sph_manufacturing_get(const struct sph_setting_request *request, struct sph_buf *ret_value,
                               struct sph_response *response) {
    (void)ret_value;
    uint32_t state;
    unsigned status = read_state(request, &state, response);
    if (!status)
        json_state(&response->body, state);
    return status;
}

/* The state that it has already is no step. */
unsigned sph_manufacturing_set(const struct sph_setting_request *request, struct sph_buf *ret_value,
                               struct sph_response *response) {
    static const char *const wanted_states[] = {"Module1Complete", "DeviceComplete", NULL};
    static const struct sph_member rows[] = {
        {.key = "manufacturingState",
         .type = SPH_MEMBER_WORD,
         .words = wanted_states,
         .wanted = "\"Module1Complete\" or \"DeviceComplete\""}};
    static const struct sph_members members = {rows, 1};
    uint32_t state, wanted = 0, present;
    const struct sph_setting_input input = {.members = &members, .required = 1, .record = &wanted};
    unsigned status = read_state(request, &state, response);
    if (!status)
        status = sph_setting_input(request, &input, &present, response);
    if (status)
        return status;
    if (++wanted < state)
        return sph_response_refuse(response, request->call->is_own, 400, SPH_DEVERR_INVALID_STATE,
                                   "the device is %s already, which cannot be taken back",
                                   states[state]);
    json_state(ret_value, wanted);
    json_state(&response->body, wanted);
    return 0;
}

/* ---- security state ---- */

enum { IDENTIFIER_DIGITS = 2 * SPH_IDENTITY_BYTES };
struct identity {
    char identifier[IDENTIFIER_DIGITS + 1];
};
static const struct sph_member identity_rows[] = {{.key = "deviceIdentifier",
                                                   .type = SPH_MEMBER_TEXT,
                                                   .min = IDENTIFIER_DIGITS,
                                                   .max = IDENTIFIER_DIGITS}};
static const struct sph_members identity_members = {identity_rows, 1};

/* An identity is made when it is first asked for, and stays. */
static unsigned make_identity(const struct sph_setting_request *request, struct identity *identity,
                              struct sph_buf *ret_value, struct sph_response *response) {
    uint8_t point[SPH_IDENTITY_BYTES];
    struct sph_err err = SPH_ERR_NULL;
    struct sph_json_out out;
    if (sph_identity_new(point, &err) < 0)
        return sph_response_refuse(response, request->call->is_own, 500, (uint32_t)-err.code, "%s",
                                   err.text);
    sph_bytes_to_hex(point, sizeof(point), identity->identifier);
    sph_json_begin(&out, ret_value);
    sph_json_object(&out);
    sph_members_write(&out, &identity_members, identity, false);
    sph_json_object_end(&out);
    return 0;
}

/* The key is given as X.509 has it, so that other programs can read it: what is in front of the
 * point says "on P-256, uncompressed". */
unsigned sph_security_state(const struct sph_setting_request *request, struct sph_buf *ret_value,
                            struct sph_response *response) {
    static const char key_head[] = "3059301306072a8648ce3d020106082a8648ce3d03010703420004";
    struct identity identity = {{0}};
    struct sph_json_value object;
    const struct sph_member *wrong;
    uint32_t present = 0;
    uint8_t point[SPH_IDENTITY_BYTES];
    struct sph_json_out out;
    unsigned status = sph_setting_object(request, SPH_SETTING_IDENTITY, &object, response);
    if (status)
        return status;
    if (sph_members_read(&object, &identity_members, &identity, &present, &wrong) < 0)
        return sph_setting_refuse(request, SPH_SETTING_IDENTITY, response);
    if (!present)
        status = make_identity(request, &identity, ret_value, response);
    if (status)
        return status;
    if (sph_hex_to_bytes(identity.identifier, sizeof(point), point) < 0)
        return sph_setting_refuse(request, SPH_SETTING_IDENTITY, response);
    char key[sizeof(key_head) + IDENTIFIER_DIGITS];
    memcpy(key, key_head, sizeof(key_head) - 1);
    memcpy(key + sizeof(key_head) - 1, identity.identifier, sizeof(identity.identifier));
    sph_json_begin(&out, &response->body);
    sph_json_object(&out);
    sph_json_key_string(&out, "securityState", "SECURE");
    sph_json_key_string(&out, "deviceIdentifier", identity.identifier);
    sph_json_key_string(&out, "deviceIdentityPublicKey", key);
    sph_json_object_end(&out);
    return 0;
}
