/* Requests about the simulated pins. */
#include <errno.h>

#include "agent/device/device.h"
#include "agent/device/gpio.h"
#include "agent/requests/handle.h"
#include "wire/msg_peripheral.h"

/* Field by field: the device's record may change without the protocol changing. */
static struct sph_msg_gpio describe(const struct sph_gpio_pin *pin) {
    return (struct sph_msg_gpio){.pin = pin->number,
                                 .value = pin->level,
                                 .use = pin->use,
                                 .mode = pin->mode,
                                 .holder = pin->holder};
}

/* Read again after a set: an app that reads the pin may have opened it meanwhile. */
static int reply_pin(struct sph_call *call, uint32_t number) {
    struct sph_gpio_pin pin;
    if (sph_gpio_get(call->device->gpio, number, &pin, &call->refusal.err) < 0)
        return sph_call_refuse_errno(call);
    struct sph_msg_gpio reply = describe(&pin);
    return sph_call_reply(call, &reply);
}

/* Pins that are free and high are left out: that is most of the 76. */
int sph_handle_gpio_list(struct sph_call *call) {
    struct sph_msg_gpio pins[SPH_GPIO_PINS];
    size_t count = 0;
    for (unsigned number = 0; number < SPH_GPIO_PINS; number++) {
        struct sph_gpio_pin pin;
        if (sph_gpio_get(call->device->gpio, number, &pin, &call->refusal.err) < 0)
            return sph_call_refuse_errno(call);
        if (pin.use != SPH_GPIO_FREE || !pin.level)
            pins[count++] = describe(&pin);
    }
    struct sph_msg_gpio_list_reply reply = {.pins = SPH_LIST(pins, count)};
    return sph_call_reply(call, &reply);
}

/* A pin that is out of range is refused by the pins themselves, with the device's own errno. */
int sph_handle_gpio_get(struct sph_call *call) {
    const struct sph_msg_gpio_pin *asked = call->request;
    return reply_pin(call, asked->pin);
}

/* Who drives a pin decides: one that an app holds as output is refused below. */
int sph_handle_gpio_set(struct sph_call *call) {
    const struct sph_msg_gpio_set *asked = call->request;
    if (asked->value > 1)
        return sph_refuse(&call->refusal, -EINVAL, SPH_DEVICE_ERROR(SPH_CATEGORY_LINUX, EINVAL),
                          "a pin is 0 or 1, not %u", asked->value);
    if (sph_gpio_set(call->device->gpio, asked->pin, asked->value, &call->refusal.err) < 0)
        return sph_call_refuse_errno(call);
    return reply_pin(call, asked->pin);
}
