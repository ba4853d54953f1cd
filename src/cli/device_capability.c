/* The original's capabilities are files that its cloud signs for one board. There is no cloud and
 * nothing to steal here: a file is a list of names, which whoever may use the device may write. */
#include "cli/device_capability.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "base/json_out.h"
#include "base/text.h"

static const struct {
    unsigned id;
    const char *name;
} names[] = {
    {SPH_DEVICE_CAPABILITY_DEVELOPMENT, "appDevelopment"},
    {12, "enableRFTestMode"},
    {13, "fieldServicing"},
};

const char *sph_device_capability_name(unsigned id) {
    for (size_t i = 0; i < SPH_ARRAY_SIZE(names); i++)
        if (names[i].id == id)
            return names[i].name;
    return NULL;
}

bool sph_device_capabilities_has(const struct sph_device_capabilities *set, unsigned id) {
    for (unsigned i = 0; i < set->count; i++)
        if (set->ids[i] == id)
            return true;
    return false;
}

int sph_device_capabilities_add(struct sph_device_capabilities *set, unsigned id,
                                struct sph_err *err) {
    if (sph_device_capabilities_has(set, id))
        return 0;
    if (set->count == SPH_DEVICE_CAPABILITIES_MAX)
        return SPH_FAIL(err, -EINVAL, "a device has at most %d capabilities",
                        SPH_DEVICE_CAPABILITIES_MAX);
    set->ids[set->count++] = id;
    return 0;
}

void sph_device_capabilities_remove(struct sph_device_capabilities *set, unsigned id) {
    unsigned kept = 0;
    for (unsigned i = 0; i < set->count; i++)
        if (set->ids[i] != id)
            set->ids[kept++] = set->ids[i];
    set->count = kept;
}

/* A name or a number: a device that is newer may have some that this table lacks. */
static int add_word(struct sph_device_capabilities *set, const char *word, struct sph_err *err) {
    char shown[64];
    uint64_t id = 0;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(names); i++)
        if (strcasecmp(names[i].name, word) == 0)
            id = names[i].id;
    if (id == 0 && (sph_text_to_u64(word, UINT32_MAX, &id) < 0 || id == 0))
        return SPH_FAIL(err, -EINVAL,
                        "'%s' is no capability; they are appDevelopment, enableRFTestMode and "
                        "fieldServicing",
                        sph_text_shown(word, shown, sizeof(shown)));
    return sph_device_capabilities_add(set, (unsigned)id, err);
}

int sph_device_capabilities_add_list(struct sph_device_capabilities *set, const char *text,
                                     struct sph_err *err) {
    while (*text) {
        char word[64];
        size_t len = strcspn(text, ", ");
        (void)snprintf(word, sizeof(word), "%.*s", (int)len, text);
        int r = len > 0 ? add_word(set, word, err) : 0;
        if (r < 0)
            return r;
        text += len;
        text += strspn(text, ", ");
    }
    return 0;
}

static int add_value(struct sph_device_capabilities *set, const struct sph_json_value *value,
                     struct sph_err *err) {
    char word[64];
    if (value->type == SPH_JSON_STRING && sph_json_to_text(value, word, sizeof(word)) == 0)
        return add_word(set, word, err);
    if (value->type == SPH_JSON_NUMBER && value->len < sizeof(word)) {
        (void)snprintf(word, sizeof(word), "%.*s", (int)value->len, value->text);
        return add_word(set, word, err);
    }
    return SPH_FAIL(err, -EINVAL, "a capability is a name or a number");
}

/* Read into a set of its own, so that a mistake changes nothing. */
int sph_device_capabilities_parse(const char *text, size_t len,
                                  struct sph_device_capabilities *ret_set, struct sph_err *err) {
    struct sph_device_capabilities set = {.count = 0};
    struct sph_json_value top, item;
    struct sph_json_iter iter;
    int r = sph_json_check(text, len, &top, err);
    if (r < 0)
        return r;
    if (top.type == SPH_JSON_OBJECT && !sph_json_get(&top, "device_capabilities", &top))
        return SPH_FAIL(err, -EBADMSG, "there is no \"device_capabilities\" in it");
    if (top.type != SPH_JSON_ARRAY)
        return SPH_FAIL(err, -EBADMSG, "capabilities are a JSON array of names or numbers");
    sph_json_iter_init(&iter, &top);
    while (r == 0 && sph_json_next(&iter, NULL, &item))
        r = add_value(&set, &item, err);
    if (r < 0) {
        if (err)
            err->code = -EBADMSG;
        return -EBADMSG;
    }
    *ret_set = set;
    return 0;
}

void sph_device_capabilities_write(const struct sph_device_capabilities *set, struct sph_buf *buf) {
    struct sph_json_out out;
    sph_json_begin(&out, buf);
    sph_json_object(&out);
    sph_json_key(&out, "device_capabilities");
    sph_json_array(&out);
    for (unsigned i = 0; i < set->count; i++)
        sph_json_u64(&out, set->ids[i]);
    sph_json_array_end(&out);
    sph_json_object_end(&out);
}

int sph_device_capabilities_get(struct sph_target *target, struct sph_device_capabilities *ret_set,
                                struct sph_err *err) {
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    struct sph_json_value top;
    struct sph_err reason = SPH_ERR_NULL;
    int r = sph_target_ask(target, "GET", "/device/capabilities", NULL, &text, &top, err);
    if (r < 0)
        return r;
    if (sph_device_capabilities_parse(text.data, text.len, ret_set, &reason) < 0)
        return SPH_FAIL(err, -EPROTO, "device '%s' gave an answer without its capabilities: %s",
                        target->name, reason.text);
    return 0;
}

int sph_device_capabilities_put(struct sph_target *target,
                                const struct sph_device_capabilities *set, struct sph_err *err) {
    sph_autobuf struct sph_buf body = SPH_BUF_NULL;
    sph_device_capabilities_write(set, &body);
    if (body.error)
        return SPH_FAIL_ERRNO(err, body.error, "cannot make the request");
    return sph_target_call(target, "PUT", "/spherule/v1/capabilities", body.data, err);
}
