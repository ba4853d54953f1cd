/* Pins by number only: names like $BUTTON belong to a package's hardware definition, which is
 * not on the device any more. The bounds are checked here too, before a device is looked for: a
 * typing error is a wrong command line (2), not a device's refusal (1). */
#include "cli/gpio.h"

#include <errno.h>

#include "base/text.h"

enum { PIN_MAX = 75 }; /* of the MT3620; the agent knows the same pins and no more */

const struct sph_column sph_gpio_columns[] = {
    {"Pin", "pin"},   {"Value", "value"},         {"Use", "use"},
    {"Mode", "mode"}, {"Held by", "componentId"}, {.title = NULL},
};

int sph_gpio_parse_pin(const char *text, unsigned *ret_pin, struct sph_err *err) {
    uint64_t pin;
    if (sph_text_to_u64(text, PIN_MAX, &pin) < 0)
        return SPH_FAIL(err, -EINVAL, "'%s' is no pin: they have the numbers 0 to %d", text,
                        PIN_MAX);
    *ret_pin = (unsigned)pin;
    return 0;
}

/* An absent member is absent in every form: null, not "". */
static void add_text(const struct sph_json_value *pin, const char *key, struct sph_table *table) {
    char text[64];
    sph_answer_text(pin, key, text, sizeof(text));
    sph_table_add(table, *text ? text : NULL);
}

void sph_gpio_add_row(const struct sph_json_value *pin, struct sph_table *table) {
    sph_table_add_number(table, sph_answer_u64(pin, "pin"));
    sph_table_add_number(table, sph_answer_u64(pin, "value"));
    add_text(pin, "use", table);
    add_text(pin, "mode", table);
    add_text(pin, "componentId", table);
}
