/* overuse-check: an app that knows of a leak it cannot mend, say in a library, and ends in time. It
 * reads its own memory each 100 ms; near the ration it saves its state and exits, and the device
 * starts it again with empty memory. A kill at the ration would come at any instruction and save
 * nothing.
 *
 * The state is the mode that button 1 chooses. It is written only if it differs from what is
 * stored: flash wears out by writing, and an app that restarts for its memory may do so often. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <applibs/applications.h>
#include <applibs/eventloop.h>
#include <applibs/gpio.h>
#include <applibs/log.h>
#include <applibs/storage.h>
#include <hw/sample_appliance.h>

enum {
    TICK_NS = 1000000,
    CHECK_TICKS = 100,
    LEAK_TICKS = 20,
    LEAK_BYTES = 4096,
    OVERUSE_KIB = 200, /* of 256: what is leaked between two checks (20 KiB) must fit above it */
    MODES = 3,
    EXIT_SETUP = 1,
    EXIT_LOOP = 2,
};

static unsigned char mode;        /* 0 to MODES - 1 */
static unsigned char stored_mode; /* what the mutable file holds */
static int button_fd = -1;
static GPIO_Value_Type button_level;
static bool is_over;
static volatile sig_atomic_t is_terminating;

/* A mode out of range is a file that another version left: it starts over. */
static void load_state(void) {
    int fd = Storage_OpenMutableFile();
    if (fd < 0 || pread(fd, &mode, 1, 0) != 1 || mode >= MODES)
        mode = 0;
    if (fd >= 0)
        (void)close(fd);
    stored_mode = mode;
}

/* fsync, since the power may go right after the app has. */
static void save_state(void) {
    if (mode == stored_mode) {
        Log_Debug("Mode %d is stored already\n", mode);
        return;
    }
    int fd = Storage_OpenMutableFile();
    if (fd < 0 || pwrite(fd, &mode, 1, 0) != 1 || fsync(fd) < 0)
        Log_Debug("Mode %d cannot be stored: %s\n", mode, strerror(errno));
    else
        Log_Debug("Stored mode %d\n", mode);
    if (fd >= 0)
        (void)close(fd);
}

/* The library with the leak. The block is written, since only written memory is used memory, and by
 * volatile stores, since the compiler drops a block that nobody reads. */
static void leak(void) {
    volatile char *lost = malloc(LEAK_BYTES);
    for (int i = 0; lost != NULL && i < LEAK_BYTES; i++)
        lost[i] = 'l';
}

/* The figure is that of all applications together, as the ration is. A figure that cannot be had is
 * no reason to end: the next check asks again. */
static void check_memory(void) {
    size_t user_kib = Applications_GetUserModeMemoryUsageInKB();
    if (user_kib == 0) {
        Log_Debug("The memory figure cannot be had: %s\n", strerror(errno));
        return;
    }
    is_over = user_kib >= OVERUSE_KIB;
    if (is_over)
        Log_Debug("%zu KiB in use (peak %zu, total %zu): ending in time\n", user_kib,
                  Applications_GetPeakUserModeMemoryUsageInKB(),
                  Applications_GetTotalMemoryUsageInKB());
}

static void poll_button(void) {
    GPIO_Value_Type level = button_level;
    (void)GPIO_GetValue(button_fd, &level);
    if (level == GPIO_Value_Low && button_level == GPIO_Value_High) {
        mode = (unsigned char)((mode + 1) % MODES);
        Log_Debug("Mode %d\n", mode);
    }
    button_level = level;
}

/* One timer drives everything: a second one would be a descriptor more, and kernel memory. */
static void on_timer(EventLoop *el, int fd, EventLoop_IoEvents events, void *context) {
    static unsigned ticks;
    unsigned long long expirations;
    (void)el;
    (void)events;
    (void)context;
    if (read(fd, &expirations, sizeof(expirations)) < 0)
        return;
    ticks++;
    poll_button();
    if (ticks % LEAK_TICKS == 0)
        leak();
    if (ticks % CHECK_TICKS == 0)
        check_memory();
}

static void on_sigterm(int number) {
    (void)number;
    is_terminating = 1;
}

static int start(EventLoop *el) {
    const struct sigaction terminate = {.sa_handler = on_sigterm};
    const struct itimerspec every_tick = {{0, TICK_NS}, {0, TICK_NS}};
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    button_fd = GPIO_OpenAsInput(SAMPLE_BUTTON_1);
    if (el == NULL || timer < 0 || button_fd < 0 || sigaction(SIGTERM, &terminate, NULL) < 0 ||
        GPIO_GetValue(button_fd, &button_level) < 0 ||
        timerfd_settime(timer, 0, &every_tick, NULL) < 0)
        return -1;
    return EventLoop_RegisterIo(el, timer, EventLoop_Input, on_timer, NULL) != NULL ? 0 : -1;
}

int main(void) {
    EventLoop *el = EventLoop_Create();
    if (start(el) < 0) {
        Log_Debug("Set-up failed: %s\n", strerror(errno));
        return EXIT_SETUP;
    }
    load_state();
    Log_Debug("Started in mode %d\n", mode);
    while (!is_terminating && !is_over) {
        if (EventLoop_Run(el, -1, true) == EventLoop_Run_Failed && errno != EINTR)
            return EXIT_LOOP;
    }
    save_state();
    return 0; /* any end makes the device start the app again, at once or after a pause */
}
