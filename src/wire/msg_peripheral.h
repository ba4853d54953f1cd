/* msg_peripheral: messages about the simulated pins.
 *
 * A pin is one level and whoever holds it. There is no electrical model: no pull-ups, no analogue
 * value, no interrupt; reading and setting levels is what apps of this kind do. */
#ifndef SPH_WIRE_MSG_PERIPHERAL_H
#define SPH_WIRE_MSG_PERIPHERAL_H

#include "base/guid.h"
#include "wire/codec.h"

enum { SPH_GPIO_PINS = 76 }; /* 0 … 75: as many as the MT3620 numbers */

/* Who has a pin. Held means: an app has it open, until it closes it or ends. */
enum sph_gpio_use {
    SPH_GPIO_FREE = 0,
    SPH_GPIO_INPUT = 1,  /* an app reads it; a person may set it */
    SPH_GPIO_OUTPUT = 2, /* an app drives it */
};

/* A pin as it is now. What an app drives and what a person sets is the same one level. */
struct sph_msg_gpio {
    uint32_t pin;           /* below SPH_GPIO_PINS */
    uint32_t value;         /* 0 or 1 */
    uint32_t use;           /* enum sph_gpio_use */
    uint32_t mode;          /* of an output: 0 push-pull, 1 open drain, 2 open source */
    struct sph_guid holder; /* zero when free */
};

/* Those that are held, high or were set since boot; the rest is free and 0. */
struct sph_msg_gpio_list_reply {
    struct sph_list pins; /* struct sph_msg_gpio, by number */
};

/* GPIO_GET. */
struct sph_msg_gpio_pin {
    uint32_t pin;
};

/* Answered by the pin as it is then. Refused for one that an app holds as output: it would drive
 * against the app. */
struct sph_msg_gpio_set {
    uint32_t pin, value;
};

extern const struct sph_codec sph_msg_gpio_codec;
extern const struct sph_codec sph_msg_gpio_list_reply_codec;
extern const struct sph_codec sph_msg_gpio_pin_codec;
extern const struct sph_codec sph_msg_gpio_set_codec;

#endif
