/* heap-tracking: one leak among users of the heap that are in order. Each 100 ms a message is
 * copied and its copy is forgotten; the event loop (allocated by libapplibs) and a line of text
 * (allocated by the C library on our behalf) stay as they are. Heap tracking tells them apart. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <applibs/eventloop.h>
#include <applibs/log.h>

enum {
    TICK_NS = 100000000,
    MESSAGE_BYTES = 1000,
    EXIT_SETUP = 1,
    EXIT_LOOP = 2,
};

static char *volatile latest; /* the copy of the last message; volatile, or compilers drop it */
static unsigned message_count;
static volatile sig_atomic_t is_terminating;

static void keep_copy(const char *message) {
    char *copy = malloc(MESSAGE_BYTES);
    if (copy == NULL)
        return;
    memcpy(copy, message, MESSAGE_BYTES);
    latest = copy; /* and here is the leak: the copy before it is never freed */
}

static void on_timer(EventLoop *el, int fd, EventLoop_IoEvents events, void *context) {
    static char message[MESSAGE_BYTES];
    unsigned long long ticks;
    (void)el;
    (void)events;
    (void)context;
    if (read(fd, &ticks, sizeof(ticks)) < 0)
        return;
    memset(message, 'm', sizeof(message));
    keep_copy(message);
    message_count++;
    if (message_count % 10 == 0)
        Log_Debug("%u messages\n", message_count);
}

static void on_sigterm(int number) {
    (void)number;
    is_terminating = 1;
}

static int start_timer(EventLoop *el) {
    const struct itimerspec every_tick = {{0, TICK_NS}, {0, TICK_NS}};
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (fd < 0 || timerfd_settime(fd, 0, &every_tick, NULL) < 0)
        return -1;
    return EventLoop_RegisterIo(el, fd, EventLoop_Input, on_timer, NULL) != NULL ? 0 : -1;
}

int main(void) {
    const struct sigaction terminate = {.sa_handler = on_sigterm};
    EventLoop *el = EventLoop_Create();
    char *greeting = strdup("Keeping messages");
    if (sigaction(SIGTERM, &terminate, NULL) < 0 || el == NULL || greeting == NULL ||
        start_timer(el) < 0) {
        Log_Debug("Set-up failed: %s\n", strerror(errno));
        return EXIT_SETUP;
    }
    Log_Debug("%s of %d bytes\n", greeting, MESSAGE_BYTES);
    while (!is_terminating) {
        if (EventLoop_Run(el, -1, true) == EventLoop_Run_Failed && errno != EINTR) {
            Log_Debug("The event loop failed: %s\n", strerror(errno));
            return EXIT_LOOP;
        }
    }
    free(greeting);
    Log_Debug("Asked to end\n");
    return 0;
}
