/* early-warning: an app that uses what memory there is, and gives it back when it is warned. Its
 * cache grows by a page each 20 ms; at 80 % of the ration the device calls on_warning(), which
 * empties it. The watch is armed again by that, so the next rise is told as well.
 *
 * Pages come from mmap() and go by munmap(): memory that is freed inside malloc's own pages stays
 * with the app, and would neither help nor arm the watch. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <applibs/eventloop.h>
#include <applibs/log.h>
#include <spherule/memory.h>

enum {
    PAGE_BYTES = 4096,
    TICK_NS = 20000000,
    /* Of 64 pages: what comes in until the warning is answered must fit above it. It is answered
     * within a few ms, but 13 ticks of room cost nothing. */
    WARN_PERCENT = 80,
    EXIT_SETUP = 1,
    EXIT_LOOP = 2,
};

/* One page. */
struct entry {
    struct entry *next;
    char payload[PAGE_BYTES - sizeof(struct entry *)];
};

static struct entry *cache; /* newest first */
static unsigned cache_pages;
static volatile sig_atomic_t is_terminating;

static void add_entry(void) {
    struct entry *entry =
        mmap(NULL, sizeof(*entry), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (entry == MAP_FAILED)
        return;
    memset(entry->payload, 'e', sizeof(entry->payload));
    entry->next = cache;
    cache = entry;
    cache_pages++;
}

static void on_warning(EventLoop *el, unsigned percent, uint64_t crossings, void *context) {
    unsigned pages = cache_pages;
    (void)el;
    (void)crossings; /* several rises that were told at once need no more than one */
    (void)context;
    while (cache != NULL) {
        struct entry *next = cache->next;
        (void)munmap(cache, sizeof(*cache));
        cache = next;
    }
    cache_pages = 0;
    Log_Debug("Warned at %u %%: gave %u pages back\n", percent, pages);
}

static void on_timer(EventLoop *el, int fd, EventLoop_IoEvents events, void *context) {
    unsigned long long ticks; /* read, or the timer stays ready; several late ones count as one */
    (void)el;
    (void)events;
    (void)context;
    if (read(fd, &ticks, sizeof(ticks)) == (ssize_t)sizeof(ticks))
        add_entry();
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
    if (sigaction(SIGTERM, &terminate, NULL) < 0 || el == NULL ||
        Spherule_Memory_Watch(el, WARN_PERCENT, on_warning, NULL) == NULL || start_timer(el) < 0) {
        Log_Debug("Set-up failed: %s\n", strerror(errno));
        return EXIT_SETUP;
    }
    Log_Debug("Filling a cache until warned at %d %% of the ration\n", WARN_PERCENT);
    while (!is_terminating) {
        if (EventLoop_Run(el, -1, true) == EventLoop_Run_Failed && errno != EINTR) {
            Log_Debug("The event loop failed: %s\n", strerror(errno));
            return EXIT_LOOP;
        }
    }
    Log_Debug("Asked to end\n");
    return 0;
}
