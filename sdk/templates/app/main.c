/* my_app: blinks the LED and logs. Start your app here. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include <applibs/gpio.h>
#include <applibs/log.h>
#include <hw/sample_appliance.h>

int main(void) {
    const struct timespec half_a_second = {.tv_nsec = 500000000};
    int led = GPIO_OpenAsOutput(SAMPLE_LED, GPIO_OutputMode_PushPull, GPIO_Value_High);
    if (led < 0) {
        Log_Debug("The LED cannot be opened: %s\n", strerror(errno));
        return 1;
    }
    for (bool is_lit = true;; is_lit = !is_lit) {
        Log_Debug("%s\n", is_lit ? "on" : "off");
        (void)GPIO_SetValue(led, is_lit ? GPIO_Value_Low : GPIO_Value_High);
        nanosleep(&half_a_second, NULL);
    }
}
