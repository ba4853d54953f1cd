/* A pin is a file of one byte that the agent opens and locks for us. Its access mode is the pin's
 * direction, so the kernel refuses a write to an input by itself. Reading and setting go straight
 * to the file: an application that polls a pin each millisecond must not ask the agent each time.
 */
#include <applibs/gpio.h>

#include <errno.h>
#include <stddef.h>
#include <sys/types.h>
#include <unistd.h>

#include "channel.h"

/* The descriptor is the application's own from here on: it closes it with close(), which also gives
 * the pin back. */
static int open_pin(const struct sph_app_request *request) {
    int fd = -1;
    return sph_channel_result(sph_channel_open(request, &fd), EIO) < 0 ? -1 : fd;
}

/* Which pins exist, and which ones the manifest grants, is the agent's to know. */
int GPIO_OpenAsInput(GPIO_Id gpioId) {
    const struct sph_app_request request = {.version = SPH_APP_CHANNEL_VERSION,
                                            .op = SPH_APP_GPIO_OPEN_INPUT,
                                            .args = {(uint32_t)gpioId}};
    return open_pin(&request);
}

int GPIO_OpenAsOutput(GPIO_Id gpioId, GPIO_OutputMode_Type outputMode,
                      GPIO_Value_Type initialValue) {
    if (outputMode > GPIO_OutputMode_OpenSource || initialValue > GPIO_Value_High) {
        errno = EINVAL;
        return -1;
    }
    const struct sph_app_request request = {.version = SPH_APP_CHANNEL_VERSION,
                                            .op = SPH_APP_GPIO_OPEN_OUTPUT,
                                            .args = {(uint32_t)gpioId, outputMode, initialValue}};
    return open_pin(&request);
}

/* A descriptor that is not seekable is not a pin. */
static int not_a_pin(void) {
    if (errno == ESPIPE)
        errno = EBADF;
    return -1;
}

/* At offset 0 each time: descriptors may be shared, and a shared position would move. */
int GPIO_GetValue(int gpioFd, GPIO_Value_Type *outValue) {
    if (outValue == NULL) {
        errno = EFAULT;
        return -1;
    }
    unsigned char level = 1; /* a file that is still empty is a pin that nobody has set: high */
    if (pread(gpioFd, &level, 1, 0) < 0)
        return not_a_pin();
    *outValue = level != 0 ? GPIO_Value_High : GPIO_Value_Low;
    return 0;
}

int GPIO_SetValue(int gpioFd, GPIO_Value_Type value) {
    if (value > GPIO_Value_High) {
        errno = EINVAL;
        return -1;
    }
    if (pwrite(gpioFd, &value, 1, 0) < 0)
        return not_a_pin();
    return 0;
}
