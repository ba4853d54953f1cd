/* gpio: the simulated pins of the device, one file each, set by the user and by the app that holds
 * them. */
#ifndef SPH_AGENT_DEVICE_GPIO_H
#define SPH_AGENT_DEVICE_GPIO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/guid.h"
#include "wire/msg_peripheral.h"

struct sph_device;
struct sph_gpio;

/* One pin as the user sees it. Its level is the last that was set, by whoever may set it; high
 * before that. */
struct sph_gpio_pin {
    unsigned number;
    unsigned level; /* 0 or 1 */
    enum sph_gpio_use use;
    unsigned mode;          /* of an output, as the app opened it */
    struct sph_guid holder; /* of a pin that is not free */
};

/* state/gpio/<pin>: one byte at offset 0, or none: nobody has set it, high. Levels are kept across
 * restarts of the agent. */
int sph_gpio_new(struct sph_device *device, struct sph_gpio **ret_gpio, struct sph_err *err);
struct sph_gpio *sph_gpio_free(struct sph_gpio *gpio);

/* For an app: a descriptor that holds the pin as long as any copy of it is open, or negative errno:
 * -ENODEV no such pin, -EBUSY held already, -EINVAL level or mode. `output`: pwrite of one byte
 * sets it. */
int sph_gpio_open_input(struct sph_gpio *gpio, const struct sph_guid *component, unsigned pin,
                        struct sph_err *err);
int sph_gpio_open_output(struct sph_gpio *gpio, const struct sph_guid *component, unsigned pin,
                         unsigned mode, unsigned level, struct sph_err *err);

/* For the user. -ENODEV no such pin; set: -EBUSY with a sentence when an app drives it. */
/* Levels survive; holders do not: an app that ends lets go of its pins, and an output keeps its
 * level. */
int sph_gpio_get(struct sph_gpio *gpio, unsigned pin, struct sph_gpio_pin *ret_pin,
                 struct sph_err *err);
int sph_gpio_set(struct sph_gpio *gpio, unsigned pin, unsigned level,
                 struct sph_err *err) SPH_MUST_USE;

static inline void sph_gpio_freep(struct sph_gpio **gpio) {
    *gpio = sph_gpio_free(*gpio);
}

#endif
