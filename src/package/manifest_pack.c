/* The packed manifest is the developer's text without its white space: copied byte for byte rather
 * than written anew, so that numbers, escapes, order and unknown keys stay exactly as they were.
 * Only "$NAME" strings are exchanged, which are found by their place in the text. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json_out.h"
#include "base/text.h"
#include "package/hardware.h"
#include "package/manifest_reader.h"

#define RUNTIME_KEY "TargetApplicationRuntimeVersion"
enum {
    LISTS = 6,   /* the capabilities whose entries may be "$NAME" */
    ID_GPIO = 10 /* the device's number for a wrong Gpio, category 2 */
};

/* The lists that "$NAME" may stand in, each with the peripheral type that it needs. */
struct reference_list {
    const struct sph_manifest_list *list;
    enum sph_capability capability;
};

/* Made when it is needed, since it points into one record. */
static void reference_lists(const struct sph_manifest *manifest,
                            struct reference_list ret_lists[LISTS]) {
    const struct reference_list lists[LISTS] = {
        {&manifest->gpio_entries, SPH_CAP_GPIO},
        {&manifest->i2c_master, SPH_CAP_I2C_MASTER},
        {&manifest->spi_master, SPH_CAP_SPI_MASTER},
        {&manifest->uart, SPH_CAP_UART},
        {&manifest->adc, SPH_CAP_ADC},
        {&manifest->pwm, SPH_CAP_PWM},
    };
    memcpy(ret_lists, lists, sizeof(lists));
}

/* One packing. `reader` is a reader of nothing: it lends its way of making sentences. */
struct packer {
    const struct sph_manifest *manifest;
    const struct sph_hardware *hardware;
    struct sph_manifest_reader reader;
    struct sph_buf *out;
};

/* The list that the string at `text` is an entry of; NULL when it is none. The place tells, since
 * the same string may stand elsewhere with another meaning. */
static const struct reference_list *list_of(const struct reference_list lists[LISTS],
                                            const char *text) {
    for (unsigned i = 0; i < LISTS; i++) {
        const struct sph_json_value *array = &lists[i].list->array;
        if (lists[i].list->count > 0 && text > array->text && text < array->text + array->len)
            return &lists[i];
    }
    return NULL;
}

/* Pins are numbers in a manifest, whichever way the definition wrote them. */
static int write_pin(struct packer *packer, const struct sph_json_value *at, const char *field,
                     const struct sph_json_value *value) {
    char text[16];
    uint64_t pin;
    int r = sph_json_to_u64(value, UINT16_MAX, &pin);
    if (r < 0 && sph_json_to_text(value, text, sizeof(text)) == 0)
        r = sph_text_to_u64(text, UINT16_MAX, &pin);
    if (r < 0)
        return sph_manifest_fail(&packer->reader, at, field, ID_GPIO,
                                 "the hardware definition gives no pin number for this");
    sph_buf_printf(packer->out, "%u", (unsigned)pin);
    return 0;
}

/* The sentence of a name that cannot be resolved carries its place in the developer's manifest. */
static int write_reference(struct packer *packer, const struct reference_list *place,
                           const struct sph_json_value *reference) {
    const char *type = sph_capability_name(place->capability);
    char field[SPH_MANIFEST_FIELD_SIZE], name[128], shown[61];
    (void)snprintf(field, sizeof(field), "Capabilities.%s", type);
    if (sph_json_to_text(reference, name, sizeof(name)) < 0)
        return sph_manifest_fail(&packer->reader, reference, field, 0,
                                 "this name is too long or holds U+0000");
    if (!packer->hardware)
        return sph_manifest_fail(&packer->reader, reference, field, 0,
                                 "'%s' needs a hardware definition, and none was given",
                                 sph_text_shown(name, shown, sizeof(shown)));
    struct sph_json_value value;
    struct sph_err cause = SPH_ERR_NULL;
    if (sph_hardware_resolve(packer->hardware, name + 1, type, &value, &cause) < 0)
        return sph_manifest_fail(&packer->reader, reference, field, 0, "%s", cause.text);
    if (place->capability == SPH_CAP_GPIO)
        return write_pin(packer, reference, field, &value);
    if (!sph_manifest_is_text(&value) || value.len == 0)
        return sph_manifest_fail(&packer->reader, reference, field, 0,
                                 "the hardware definition gives no peripheral's name for this");
    sph_buf_puts(packer->out, "\"");
    sph_buf_append(packer->out, value.text, value.len);
    sph_buf_puts(packer->out, "\"");
    return 0;
}

/* The string whose opening quote is at `pos` of checked text. */
/* Checked text has an end to every string, so no bound is looked at. */
static struct sph_json_value string_at(const struct sph_manifest *manifest, size_t pos) {
    size_t end = pos + 1;
    while (manifest->text[end] != '"')
        end += manifest->text[end] == '\\' ? 2 : 1;
    return (struct sph_json_value){
        .type = SPH_JSON_STRING,
        .text = manifest->text + pos + 1,
        .len = end - pos - 1,
        .offset = pos,
    };
}

/* Strings are copied whole, so that blanks inside them stay; outside of strings a blank can only be
 * between tokens, as the text was checked when it was parsed. */
static int write_packed(struct packer *packer) {
    const struct sph_manifest *manifest = packer->manifest;
    struct reference_list lists[LISTS];
    reference_lists(manifest, lists);
    for (size_t pos = 0; pos < manifest->text_bytes;) {
        char byte = manifest->text[pos];
        if (byte != '"') {
            if (byte != ' ' && byte != '\t' && byte != '\r' && byte != '\n')
                sph_buf_append(packer->out, &byte, 1);
            pos++;
            continue;
        }
        struct sph_json_value string = string_at(manifest, pos);
        const struct reference_list *place = NULL;
        if (string.len > 0 && string.text[0] == '$')
            place = list_of(lists, string.text);
        int r = 0;
        if (place)
            r = write_reference(packer, place, &string);
        else
            sph_buf_append(packer->out, string.text - 1, string.len + 2);
        if (r < 0)
            return r;
        pos += string.len + 2;
    }
    return 0;
}

/* The last key, which only packing may write. */
static int write_runtime(struct packer *packer, uint32_t application_runtime) {
    const struct sph_manifest *manifest = packer->manifest;
    struct sph_json_value top, there;
    if (sph_json_check(manifest->text, manifest->text_bytes, &top, NULL) < 0)
        return -EBADMSG;
    if (sph_json_get(&top, RUNTIME_KEY, &there)) {
        if (manifest->application_runtime == application_runtime)
            return 0;
        return sph_manifest_fail(&packer->reader, &there, RUNTIME_KEY, 0,
                                 "this says %u, but the package is made for %u; remove the key, "
                                 "packing writes it",
                                 manifest->application_runtime, application_runtime);
    }
    if (packer->out->error == 0)
        packer->out->data[--packer->out->len] = '\0';
    sph_buf_printf(packer->out, ",\"" RUNTIME_KEY "\":%u}", application_runtime);
    return 0;
}

/* Of the parsed record only lists are used; the bytes come from the text, so that nothing can be
 * lost on the way through a record that knows fewer keys than the text has. */
int sph_manifest_pack(const struct sph_manifest *manifest, const struct sph_hardware *hardware,
                      uint32_t application_runtime, struct sph_buf *ret_text,
                      struct sph_manifest_notes *notes, struct sph_err *err) {
    struct sph_manifest_notes unread = {0};
    struct sph_manifest shown = *manifest;
    struct packer packer = {
        .manifest = manifest,
        .hardware = hardware,
        .reader = {.manifest = &shown, .notes = notes ? notes : &unread, .err = err},
        .out = ret_text,
    };
    if (manifest->type == SPH_APP_REAL_TIME_CAPABLE) {
        sph_buf_append(ret_text, manifest->text, manifest->text_bytes);
    } else {
        int r = write_packed(&packer);
        if (r == 0)
            r = write_runtime(&packer, application_runtime);
        if (r < 0)
            return r;
    }
    if (ret_text->error < 0)
        return SPH_FAIL_ERRNO(err, ret_text->error, "no room for the packed manifest");
    return 0;
}
