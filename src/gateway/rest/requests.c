/* A body is checked as a whole before anything is asked of the agent; which member is wrong is
 * said. The JSON is read in place, and the message is encoded while the body still stands: nothing
 * is copied but what has escapes.
 *
 * What the agent alone can judge (is there such an app, is this a good key) is left to it. */
#include "gateway/rest/requests.h"

#include <errno.h>
#include <string.h>

#include "base/json_in.h"
#include "base/le.h"
#include "base/text.h"
#include "gateway/access/listen.h"
#include "gateway/rest/body.h"
#include "wire/message.h"

/* ---- what all of them do ---- */

/* Cannot fail for what fits a body of 8 KiB, but for memory. */
static unsigned put(const struct sph_codec *codec, const void *message, struct sph_buf *ret_payload,
                    const struct sph_call *call, struct sph_response *response) {
    struct sph_err err = SPH_ERR_NULL;
    if (sph_codec_encode(codec, message, ret_payload, &err) == 0)
        return 0;
    return sph_response_refuse(response, call->is_own, 413, SPH_DEVERR_REQUEST_TOO_LARGE,
                               "the request is too large: %.200s", err.text);
}

/* The body's object; without a body an empty one. */
static unsigned read_object(const struct sph_call *call, const char *body, size_t len,
                            struct sph_json_value *ret_object, struct sph_response *response) {
    *ret_object = (struct sph_json_value){.type = SPH_JSON_OBJECT};
    return body ? sph_body_object(call, body, len, ret_object, response) : 0;
}

/* False without a body too: its object has no text. */
static bool get_member(const struct sph_json_value *object, const char *key,
                       struct sph_json_value *ret_value) {
    return object->text && sph_json_get(object, key, ret_value);
}

/* ---- applications ---- */

/* Also for lists of kill reports, whose request has the same one field: message kills. */
unsigned sph_build_component(const struct sph_call *call, const char *body, size_t len,
                             struct sph_buf *ret_payload, struct sph_response *response) {
    (void)body, (void)len;
    struct sph_msg_component message = {.component = call->component};
    return put(&sph_msg_component_codec, &message, ret_payload, call, response);
}

/* Absent is false. */
static unsigned get_flag(const struct sph_call *call, const struct sph_json_value *object,
                         const char *key, bool *ret_flag, struct sph_response *response) {
    struct sph_json_value value;
    if (get_member(object, key, &value) && sph_json_to_bool(&value, ret_flag) < 0)
        return sph_body_refuse_member(call, key, "true or false", response);
    return 0;
}

static unsigned get_heap_flags(const struct sph_call *call, const struct sph_json_value *object,
                               struct sph_msg_app_control *message, struct sph_response *response) {
    unsigned status = get_flag(call, object, "heap", &message->heap, response);
    return status ? status : get_flag(call, object, "heapStacks", &message->heap_stacks, response);
}

/* A word that is no trigger has a number of its own on devices; what is no word at all has not. */
unsigned sph_build_trigger(const struct sph_call *call, const char *body, size_t len,
                           struct sph_buf *ret_payload, struct sph_response *response) {
    static const struct {
        const char *word;
        uint32_t trigger;
    } triggers[] = {{"start", SPH_TRIGGER_START},
                    {"stop", SPH_TRIGGER_STOP},
                    {"startDebug", SPH_TRIGGER_START_DEBUG}};
    struct sph_json_value object, value;
    unsigned status = read_object(call, body, len, &object, response);
    if (status)
        return status;
    if (!get_member(&object, "trigger", &value) || value.type != SPH_JSON_STRING)
        return sph_body_refuse_member(call, "trigger", "a string", response);
    struct sph_msg_app_control message = {.component = call->component};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(triggers); i++) {
        if (sph_json_is(&value, triggers[i].word))
            message.trigger = triggers[i].trigger;
    }
    if (!message.trigger)
        return sph_response_refuse(response, call->is_own, 400, SPH_DEVERR_TRIGGER_DOES_NOT_EXIST,
                                   "the trigger must be start, startDebug or stop");
    status = get_heap_flags(call, &object, &message, response);
    return status ? status : put(&sph_msg_app_control_codec, &message, ret_payload, call, response);
}

unsigned sph_build_run_once(const struct sph_call *call, const char *body, size_t len,
                            struct sph_buf *ret_payload, struct sph_response *response) {
    struct sph_json_value object;
    unsigned status = read_object(call, body, len, &object, response);
    if (status)
        return status;
    struct sph_msg_app_control message = {
        .component = call->component, .trigger = SPH_TRIGGER_START, .run_once = true};
    status = get_heap_flags(call, &object, &message, response);
    return status ? status : put(&sph_msg_app_control_codec, &message, ret_payload, call, response);
}

/* Without a body the app is started, as the device does it. */
unsigned sph_build_install(const struct sph_call *call, const char *body, size_t len,
                           struct sph_buf *ret_payload, struct sph_response *response) {
    struct sph_json_value object, value;
    unsigned status = read_object(call, body, len, &object, response);
    if (status)
        return status;
    struct sph_msg_install message = {.manual = false};
    if (get_member(&object, "appControlMode", &value)) {
        message.manual = sph_json_is(&value, "Manual");
        if (!message.manual && !sph_json_is(&value, "Auto"))
            return sph_body_refuse_member(call, "appControlMode", "\"Manual\" or \"Auto\"",
                                          response);
    }
    return put(&sph_msg_install_codec, &message, ret_payload, call, response);
}

/* ---- reading ---- */

/* `first` is below 2^32: the query was checked for it. */
unsigned sph_build_pages(const struct sph_call *call, const char *body, size_t len,
                         struct sph_buf *ret_payload, struct sph_response *response) {
    (void)body, (void)len;
    struct sph_msg_pages message = {.component = call->component, .first = (uint32_t)call->first};
    return put(&sph_msg_pages_codec, &message, ret_payload, call, response);
}

/* No max_bytes: the agent's own measure, a chunk, is right for a connection that others share. */
unsigned sph_build_log(const struct sph_call *call, const char *body, size_t len,
                       struct sph_buf *ret_payload, struct sph_response *response) {
    (void)body, (void)len;
    struct sph_msg_log message = {
        .cursor = call->cursor, .wait_ms = (uint32_t)call->wait_ms, .reader = call->reader};
    return put(&sph_msg_log_codec, &message, ret_payload, call, response);
}

unsigned sph_build_report_id(const struct sph_call *call, const char *body, size_t len,
                             struct sph_buf *ret_payload, struct sph_response *response) {
    (void)body, (void)len;
    struct sph_msg_report_id message = {.id = call->number};
    return put(&sph_msg_report_id_codec, &message, ret_payload, call, response);
}

/* ---- capabilities ---- */

/* An empty list is one too: it locks the device. Which numbers there are the agent knows. */
unsigned sph_build_capabilities(const struct sph_call *call, const char *body, size_t len,
                                struct sph_buf *ret_payload, struct sph_response *response) {
    static const char key[] = "device_capabilities", wanted[] = "a list of at most 8 numbers";
    struct sph_json_value object, list, item;
    struct sph_json_iter iter;
    uint8_t ids[SPH_DEVCAPS_MAX * sizeof(uint32_t)];
    size_t used = 0;
    unsigned status = read_object(call, body, len, &object, response);
    if (status)
        return status;
    if (!get_member(&object, key, &list) || list.type != SPH_JSON_ARRAY)
        return sph_body_refuse_member(call, key, wanted, response);
    for (sph_json_iter_init(&iter, &list); sph_json_next(&iter, NULL, &item);) {
        uint64_t id;
        if (used == sizeof(ids) || sph_json_to_u64(&item, UINT32_MAX, &id) < 0)
            return sph_body_refuse_member(call, key, wanted, response);
        sph_le32_put(ids + used, (uint32_t)id);
        used += sizeof(uint32_t);
    }
    struct sph_msg_capabilities message = {.ids = sph_slice(ids, used)};
    return put(&sph_msg_capabilities_codec, &message, ret_payload, call, response);
}

/* ---- trust ---- */

/* A string of exactly 2 * size hexadecimal digits. */
static bool read_hex(const struct sph_json_value *object, const char *key, uint8_t *ret_bytes,
                     size_t size) {
    struct sph_json_value value;
    char text[2 * SPH_TRUST_POINT + 2];
    if (!get_member(object, key, &value) || sph_json_to_text(&value, text, sizeof(text)) < 0)
        return false;
    return strlen(text) == 2 * size && sph_hex_to_bytes(text, size, ret_bytes) == 0;
}

/* A name may be left out; one that is too long is refused instead of cut, since people find the key
 * by it. */
unsigned sph_build_trust(const struct sph_call *call, const char *body, size_t len,
                         struct sph_buf *ret_payload, struct sph_response *response) {
    struct sph_json_value object, value;
    unsigned status = read_object(call, body, len, &object, response);
    if (status)
        return status;
    uint8_t thumbprint[SPH_TRUST_THUMBPRINT], point[SPH_TRUST_POINT];
    char name[129] = "";
    if (!read_hex(&object, "thumbprint", thumbprint, sizeof(thumbprint)))
        return sph_body_refuse_member(call, "thumbprint", "40 hexadecimal digits", response);
    if (!read_hex(&object, "point", point, sizeof(point)))
        return sph_body_refuse_member(call, "point", "130 hexadecimal digits", response);
    if (get_member(&object, "name", &value) && sph_json_to_text(&value, name, sizeof(name)) < 0)
        return sph_body_refuse_member(call, "name", "a string of at most 128 bytes", response);
    bool production = false;
    if (get_member(&object, "kind", &value)) {
        production = sph_json_is(&value, "production");
        if (!production && !sph_json_is(&value, "development"))
            return sph_body_refuse_member(call, "kind", "\"development\" or \"production\"",
                                          response);
    }
    struct sph_msg_trust message = {.production = production,
                                    .thumbprint = sph_slice(thumbprint, sizeof(thumbprint)),
                                    .point = sph_slice(point, sizeof(point)),
                                    .name = sph_slice_text(name)};
    return put(&sph_msg_trust_codec, &message, ret_payload, call, response);
}

unsigned sph_build_trust_remove(const struct sph_call *call, const char *body, size_t len,
                                struct sph_buf *ret_payload, struct sph_response *response) {
    (void)body, (void)len;
    struct sph_msg_trust_remove message = {
        .thumbprint = sph_slice(call->thumbprint, sizeof(call->thumbprint))};
    return put(&sph_msg_trust_remove_codec, &message, ret_payload, call, response);
}

/* ---- pins ---- */

/* Here, not by the agent: the number of the path has 64 bits and the one on the wire 32. */
static unsigned check_pin(const struct sph_call *call, struct sph_response *response) {
    if (call->number < SPH_GPIO_PINS)
        return 0;
    return sph_response_refuse(response, call->is_own, 404, ENODEV,
                               "there is no pin %llu; the device has pins 0 to %d",
                               (unsigned long long)call->number, SPH_GPIO_PINS - 1);
}

unsigned sph_build_pin(const struct sph_call *call, const char *body, size_t len,
                       struct sph_buf *ret_payload, struct sph_response *response) {
    (void)body, (void)len;
    unsigned status = check_pin(call, response);
    if (status)
        return status;
    struct sph_msg_gpio_pin message = {.pin = (uint32_t)call->number};
    return put(&sph_msg_gpio_pin_codec, &message, ret_payload, call, response);
}

unsigned sph_build_pin_set(const struct sph_call *call, const char *body, size_t len,
                           struct sph_buf *ret_payload, struct sph_response *response) {
    struct sph_json_value object, value;
    unsigned status = check_pin(call, response);
    if (!status)
        status = read_object(call, body, len, &object, response);
    if (status)
        return status;
    uint64_t level = 0;
    if (!get_member(&object, "value", &value) || sph_json_to_u64(&value, 1, &level) < 0)
        return sph_body_refuse_member(call, "value", "0 or 1", response);
    struct sph_msg_gpio_set message = {.pin = (uint32_t)call->number, .value = (uint32_t)level};
    return put(&sph_msg_gpio_set_codec, &message, ret_payload, call, response);
}

/* ---- HTTPS ---- */

/* Nothing goes to the agent: this is the check alone. */
unsigned sph_build_listen(const struct sph_call *call, const char *body, size_t len,
                          struct sph_buf *ret_payload, struct sph_response *response) {
    (void)ret_payload;
    struct sph_listen listen;
    struct sph_err err = SPH_ERR_NULL;
    if (sph_listen_parse(body ? body : "", len, &listen, &err) == 0)
        return 0;
    return sph_response_refuse(response, call->is_own, 400, SPH_DEVERR_INVALID_JSON, "the body: %s",
                               err.text);
}
