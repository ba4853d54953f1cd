/* Tables only: a tag, once given, never changes its type or meaning; new fields get new tags.
 *
 * Pin 0 and level 0 are as real as any other, so both are required wherever they are meant. */
#include "wire/msg_peripheral.h"

#include "wire/table.h"

static const struct sph_field gpio_fields[] = {
    REQUIRED(sph_msg_gpio, 1, U32, pin),  REQUIRED(sph_msg_gpio, 2, U32, value),
    FIELD(sph_msg_gpio, 3, U32, use),     FIELD(sph_msg_gpio, 4, U32, mode),
    FIELD(sph_msg_gpio, 5, GUID, holder),
};
CODEC(sph_msg_gpio, "gpio", gpio_fields);

static const struct sph_field gpio_list_reply_fields[] = {
    LIST(sph_msg_gpio_list_reply, 1, pins, sph_msg_gpio_codec),
};
CODEC(sph_msg_gpio_list_reply, "gpio_list_reply", gpio_list_reply_fields);

static const struct sph_field gpio_pin_fields[] = {
    REQUIRED(sph_msg_gpio_pin, 1, U32, pin),
};
CODEC(sph_msg_gpio_pin, "gpio_pin", gpio_pin_fields);

static const struct sph_field gpio_set_fields[] = {
    REQUIRED(sph_msg_gpio_set, 1, U32, pin),
    REQUIRED(sph_msg_gpio_set, 2, U32, value),
};
CODEC(sph_msg_gpio_set, "gpio_set", gpio_set_fields);
