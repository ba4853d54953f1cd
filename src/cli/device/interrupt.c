/* No SA_RESTART: a system call that waits must return, or the flag is seen too late. The handler
 * only stores; a self-pipe was rejected, since every wait here has a limit of its own (100 ms
 * while a transfer runs) and looks at the flag then. */
#include "cli/device/interrupt.h"

#include <signal.h>
#include <stddef.h>

static int came; /* written by the handler only while 0; an aligned int is written in one step */

static void on_signal(int signal_number) {
    *(volatile int *)&came = signal_number;
}

/* Left as it is to the end of the process: what tidies up must not be killed half-way by a second
 * Ctrl+C, and every wait in it has a limit. */
void sph_interrupt_catch(void) {
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

int sph_interrupt_signal(void) {
    return *(volatile int *)&came;
}

const int *sph_interrupt_flag(void) {
    return &came;
}

void sph_interrupt_clear(void) {
    *(volatile int *)&came = 0;
}
