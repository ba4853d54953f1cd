/* device_error: the device's error numbers in words. */
#ifndef SPH_CLI_DEVICE_DEVICE_ERROR_H
#define SPH_CLI_DEVICE_DEVICE_ERROR_H

#include <stdint.h>

#define SPH_DEVICE_ERROR(category, id) (((uint32_t)(category) << 20) | (uint32_t)(id))

/* One row, static. */
struct sph_device_error {
    uint32_t number;  /* category << 20 | id */
    int code;         /* negative errno: decides the exit status (exit.h) */
    const char *text; /* the words that the original's client has for it, without a full stop */
};

/* Some forty rows: a linear search once per failed command. NULL for a number that is not in the
 * map. */
const struct sph_device_error *sph_device_error_find(uint32_t number);

#endif
