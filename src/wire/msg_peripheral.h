/* msg_peripheral: messages about the simulated pins. */
#ifndef SPH_WIRE_MSG_PERIPHERAL_H
#define SPH_WIRE_MSG_PERIPHERAL_H

#include "base/guid.h"
#include "wire/codec.h"

enum { SPH_GPIO_PINS = 76 }; /* 0 … 75 */

enum sph_gpio_use {
    SPH_GPIO_FREE = 0,
    SPH_GPIO_INPUT = 1, /* an app holds it */
    SPH_GPIO_OUTPUT = 2,
};

/* A pin as it is now. What an app drives and what a person sets is the same one level. */
struct sph_msg_gpio {
    uint32_t pin;
    uint32_t value;         /* 0 or 1 */
    uint32_t use;           /* enum sph_gpio_use */
    uint32_t mode;          /* of an output: 0 push-pull, 1 open drain, 2 open source */
    struct sph_guid holder; /* zero when free */
};

struct sph_msg_gpio_list_reply {
    struct sph_list
        pins; /* struct sph_msg_gpio: held, high or set since boot; the rest is free and 0 */
};

/* GPIO_GET. */
struct sph_msg_gpio_pin {
    uint32_t pin;
};

/* Refused for a pin that an app holds as output: it would drive against the app. */
struct sph_msg_gpio_set {
    uint32_t pin, value;
};

extern const struct sph_codec sph_msg_gpio_codec;
extern const struct sph_codec sph_msg_gpio_list_reply_codec;
extern const struct sph_codec sph_msg_gpio_pin_codec;
extern const struct sph_codec sph_msg_gpio_set_codec;

#endif
