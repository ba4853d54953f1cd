/* One epoll set; a timer is a timerfd and a signal a signalfd, so that every source is a descriptor
 * and wakes the loop the same way. A heap of timers in user space was rejected: there are ten at
 * most.
 *
 * A watch removed in a callback may still stand later in the same round's events. So removal marks
 * it and the memory goes when the outermost round has ended. */
#include "base/loop.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/cleanup.h"

enum { EVENTS_PER_ROUND = 32 /* more than an agent has descriptors; the rest waits a round */ };

enum watch_kind { WATCH_FD, WATCH_TIMER, WATCH_SIGNAL };

struct sph_watch {
    struct sph_loop *loop;
    struct sph_watch *next; /* in the loop's live list, or in its list of removed ones */
    struct sph_watch *previous;
    enum watch_kind kind;
    int fd; /* the caller's for WATCH_FD, else our own */
    uint32_t events;
    bool removed;
    union {
        sph_loop_fd_fn *on_fd;
        sph_loop_timer_fn *on_timer;
        sph_loop_signal_fn *on_signal;
    } fn;
    void *context;
};

/* Lists are linked through the watches: adding one allocates once, removing never fails. */
struct sph_loop {
    int epoll_fd;
    int status;
    bool stopped;
    unsigned rounds; /* nested sph_loop_step() calls now running */
    struct sph_watch *live;
    struct sph_watch *removed;
};

int sph_loop_new(struct sph_loop **ret_loop, struct sph_err *err) {
    sph_autoclose int fd = epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot make an epoll set");
    struct sph_loop *loop = calloc(1, sizeof(*loop));
    if (!loop)
        return SPH_FAIL(err, -ENOMEM, "out of memory for the event loop");
    loop->epoll_fd = SPH_STEAL_FD(fd);
    *ret_loop = loop;
    return 0;
}

static void free_removed(struct sph_loop *loop) {
    while (loop->removed) {
        struct sph_watch *watch = loop->removed;
        loop->removed = watch->next;
        free(watch);
    }
}

struct sph_loop *sph_loop_free(struct sph_loop *loop) {
    if (!loop)
        return NULL;
    assert(loop->rounds == 0);
    while (loop->live)
        sph_loop_remove(loop->live);
    free_removed(loop);
    (void)close(loop->epoll_fd);
    free(loop);
    return NULL;
}

static void link_watch(struct sph_loop *loop, struct sph_watch *watch) {
    watch->next = loop->live;
    if (loop->live)
        loop->live->previous = watch;
    loop->live = watch;
}

static void unlink_watch(struct sph_loop *loop, struct sph_watch *watch) {
    if (watch->previous)
        watch->previous->next = watch->next;
    else
        loop->live = watch->next;
    if (watch->next)
        watch->next->previous = watch->previous;
}

/* The epoll event carries the watch, not the descriptor: a number may be closed and used again
 * within a round. Registers a copy of `made`; its descriptor is the caller's to close on failure.
 */
static int add_watch(struct sph_loop *loop, const struct sph_watch *made,
                     struct sph_watch **ret_watch, struct sph_err *err) {
    sph_autofree struct sph_watch *watch = malloc(sizeof(*watch));
    if (!watch)
        return SPH_FAIL(err, -ENOMEM, "out of memory for a watch");
    *watch = *made;
    watch->loop = loop;
    struct epoll_event event = {.events = watch->events, .data = {.ptr = watch}};
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, watch->fd, &event) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot watch descriptor %d", watch->fd);
    link_watch(loop, watch);
    if (ret_watch)
        *ret_watch = watch;
    (void)SPH_STEAL_PTR(watch);
    return 0;
}

int sph_loop_add_fd(struct sph_loop *loop, int fd, uint32_t epoll_events, sph_loop_fd_fn *fn,
                    void *context, struct sph_watch **ret_watch, struct sph_err *err) {
    struct sph_watch watch = {.kind = WATCH_FD, .fd = fd, .events = epoll_events};
    watch.fn.on_fd = fn;
    watch.context = context;
    return add_watch(loop, &watch, ret_watch, err);
}

int sph_loop_modify_fd(struct sph_watch *watch, uint32_t epoll_events) {
    assert(watch->kind == WATCH_FD && !watch->removed);
    struct epoll_event event = {.events = epoll_events, .data = {.ptr = watch}};
    if (epoll_ctl(watch->loop->epoll_fd, EPOLL_CTL_MOD, watch->fd, &event) < 0)
        return -errno;
    watch->events = epoll_events;
    return 0;
}

static struct timespec from_ms(uint64_t ms) {
    return (struct timespec){.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
}

/* A zero first expiry disarms a timerfd, whatever the period. */
static int arm(int fd, uint64_t first_ms, uint64_t period_ms) {
    struct itimerspec when = {.it_value = from_ms(first_ms), .it_interval = from_ms(period_ms)};
    if (first_ms == 0 && period_ms > 0)
        when.it_value.tv_nsec = 1; /* at once; zero would disarm */
    return timerfd_settime(fd, 0, &when, NULL) < 0 ? -errno : 0;
}

int sph_loop_add_timer(struct sph_loop *loop, uint64_t first_ms, uint64_t period_ms,
                       sph_loop_timer_fn *fn, void *context, struct sph_watch **ret_watch,
                       struct sph_err *err) {
    sph_autoclose int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    int result = fd < 0 ? -errno : arm(fd, first_ms, period_ms);
    if (result < 0)
        return SPH_FAIL_ERRNO(err, result, "cannot make a timer");
    struct sph_watch watch = {.kind = WATCH_TIMER, .fd = fd, .events = EPOLLIN};
    watch.fn.on_timer = fn;
    watch.context = context;
    result = add_watch(loop, &watch, ret_watch, err);
    if (result == 0)
        (void)SPH_STEAL_FD(fd);
    return result;
}

int sph_loop_arm_timer(struct sph_watch *watch, uint64_t first_ms, uint64_t period_ms) {
    assert(watch->kind == WATCH_TIMER && !watch->removed);
    return arm(watch->fd, first_ms, period_ms);
}

int sph_loop_add_signal(struct sph_loop *loop, int signal_number, sph_loop_signal_fn *fn,
                        void *context, struct sph_watch **ret_watch, struct sph_err *err) {
    sigset_t set;
    sigemptyset(&set);
    if (sigaddset(&set, signal_number) < 0 || sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot block signal %d", signal_number);
    sph_autoclose int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot watch signal %d", signal_number);
    struct sph_watch watch = {.kind = WATCH_SIGNAL, .fd = fd, .events = EPOLLIN};
    watch.fn.on_signal = fn;
    watch.context = context;
    int result = add_watch(loop, &watch, ret_watch, err);
    if (result == 0)
        (void)SPH_STEAL_FD(fd);
    return result;
}

struct sph_watch *sph_loop_remove(struct sph_watch *watch) {
    if (!watch)
        return NULL;
    assert(!watch->removed);
    struct sph_loop *loop = watch->loop;
    unlink_watch(loop, watch);
    (void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    if (watch->kind != WATCH_FD)
        (void)close(watch->fd);
    watch->removed = true;
    watch->next = loop->removed;
    loop->removed = watch;
    if (loop->rounds == 0)
        free_removed(loop);
    return NULL;
}

static int run_fd(struct sph_watch *watch, uint32_t events) {
    /* Of what was asked for when the round began, only what is still asked for. */
    events &= watch->events | EPOLLERR | EPOLLHUP;
    if (events == 0)
        return 0;
    watch->fn.on_fd(watch->context, watch->fd, events);
    return 1;
}

static int run_timer(struct sph_watch *watch) {
    uint64_t expired;
    if (read(watch->fd, &expired, sizeof(expired)) != sizeof(expired))
        return 0; /* armed anew by an earlier callback of this round */
    watch->fn.on_timer(watch->context);
    return 1;
}

/* Signals that come while one waits are merged by the kernel, as ever: a handler looks at
 * everything that its signal may mean. */
static int run_signal(struct sph_watch *watch) {
    struct signalfd_siginfo info;
    if (read(watch->fd, &info, sizeof(info)) != sizeof(info))
        return 0;
    watch->fn.on_signal(watch->context, (int)info.ssi_signo);
    return 1;
}

/* Number of callbacks made: 0 or 1. */
static int run_watch(struct sph_watch *watch, uint32_t events) {
    if (watch->removed)
        return 0;
    switch (watch->kind) {
    case WATCH_FD:
        return run_fd(watch, events);
    case WATCH_TIMER:
        return run_timer(watch);
    case WATCH_SIGNAL:
        return run_signal(watch);
    }
    return 0;
}

/* Nested steps share the list of removed watches: the inner one must not free what the outer one's
 * events still point at. */
int sph_loop_step(struct sph_loop *loop, int timeout_ms) {
    struct epoll_event events[EVENTS_PER_ROUND];
    int count = epoll_wait(loop->epoll_fd, events, EVENTS_PER_ROUND, timeout_ms);
    if (count < 0)
        return errno == EINTR ? 0 : -errno;
    int ran = 0;
    loop->rounds++;
    for (int i = 0; i < count; i++)
        ran += run_watch(events[i].data.ptr, events[i].events);
    if (--loop->rounds == 0)
        free_removed(loop);
    return ran;
}

int sph_loop_run(struct sph_loop *loop, struct sph_err *err) {
    while (!loop->stopped) {
        int result = sph_loop_step(loop, -1);
        if (result < 0)
            return SPH_FAIL_ERRNO(err, result, "the event loop cannot wait");
    }
    loop->stopped = false;
    return loop->status;
}

void sph_loop_stop(struct sph_loop *loop, int status) {
    loop->stopped = true;
    loop->status = status;
}
