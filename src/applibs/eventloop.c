/* A loop is an epoll set with an eventfd for EventLoop_Stop. One event is fetched at a time: no
 * array of fetched events can then hold a registration that a callback has freed, and the kernel's
 * ready list keeps the order fair (a level-triggered descriptor goes to its end when it is
 * fetched).
 *
 * Everything but EventLoop_Stop belongs to one thread, so only what Stop touches is atomic. The
 * eventfd is made with the loop and not by the first Stop: a stop must not fail for want of a
 * descriptor, and in a process at its limit that is when somebody calls it. */
#include <applibs/eventloop.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

_Static_assert((int)EventLoop_Input == (int)EPOLLIN && (int)EventLoop_Output == (int)EPOLLOUT &&
                   (int)EventLoop_Error == (int)EPOLLERR,
               "the documented values are epoll's");

#define ALL_EVENTS ((EventLoop_IoEvents)(EventLoop_Input | EventLoop_Output | EventLoop_Error))

/* The kernel keeps the pointer to it as the event's data, from EPOLL_CTL_ADD to EPOLL_CTL_DEL or to
 * the last close() of the file. */
struct EventRegistration {
    struct EventRegistration *next;
    EventLoopIoCallback *callback;
    void *context;
    EventLoop_IoEvents mask; /* as asked; the kernel adds error and hang-up by itself */
    int fd; /* -1: closed without being unregistered, and its number is in use again */
};

/* All but the two atomics belong to the thread that runs the loop. */
struct EventLoop {
    struct EventRegistration *registrations; /* newest first */
    int epoll_fd; /* also what EventLoop_GetWaitDescriptor() gives: an epoll set can be polled */
    int stop_fd;  /* in the set with a NULL pointer; readable while a stop waits */
    atomic_bool is_running;
    atomic_bool is_stopping; /* the stop itself; the eventfd only wakes the loop for it */
    bool is_closing;         /* closed by a callback; freed when the run ends */
};

/* For a half-made loop too. */
static void loop_free(struct EventLoop *el) {
    while (el->registrations != NULL) {
        struct EventRegistration *next = el->registrations->next;
        free(el->registrations);
        el->registrations = next;
    }
    if (el->stop_fd >= 0)
        (void)close(el->stop_fd);
    if (el->epoll_fd >= 0)
        (void)close(el->epoll_fd);
    free(el);
}

/* errno is the failing call's; what was opened by then is loop_free()'s. */
static bool loop_open(struct EventLoop *el) {
    struct epoll_event stop = {.events = EPOLLIN, .data.ptr = NULL};
    el->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (el->epoll_fd < 0)
        return false;
    el->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return el->stop_fd >= 0 && epoll_ctl(el->epoll_fd, EPOLL_CTL_ADD, el->stop_fd, &stop) == 0;
}

EventLoop *EventLoop_Create(void) {
    struct EventLoop *el = malloc(sizeof(*el));
    if (el == NULL)
        return NULL;
    *el = (struct EventLoop){.epoll_fd = -1, .stop_fd = -1};
    if (loop_open(el))
        return el;
    int error = errno;
    loop_free(el);
    errno = error;
    return NULL;
}

/* In a callback the loop must live until its run is over, which then frees it. */
void EventLoop_Close(EventLoop *el) {
    if (el == NULL)
        return;
    if (atomic_load(&el->is_running))
        el->is_closing = true;
    else
        loop_free(el);
}

/* Was a stop asked for? Forgets it. */
static bool stop_take(struct EventLoop *el) {
    eventfd_t count;
    if (!atomic_exchange(&el->is_stopping, false))
        return false;
    (void)eventfd_read(el->stop_fd, &count);
    return true;
}

/* A hang-up has no bit in the documented set, but it must be told: it stays, and a callback that is
 * not called cannot unregister, so the loop would spin. */
static void dispatch(struct EventLoop *el, uint32_t ready, struct EventRegistration *reg) {
    EventLoop_IoEvents events = ready & ALL_EVENTS;
    if ((ready & EPOLLHUP) != 0)
        events |= (reg->mask & EventLoop_Input) != 0 ? EventLoop_Input : EventLoop_Error;
    reg->callback(el, reg->fd, events, reg->context);
}

/* Waits for one event and handles it. Returns 1 if a callback was called, 0 if not, -1 on failure.
 */
static int handle_one(struct EventLoop *el, int timeout_ms) {
    struct epoll_event event;
    int count = epoll_wait(el->epoll_fd, &event, 1, timeout_ms);
    if (count <= 0)
        return count;
    if (event.data.ptr != NULL) {
        dispatch(el, event.events, event.data.ptr);
        return 1;
    }
    /* A stop whose flag was already taken may ring late; the caller looks at the flag. */
    eventfd_t rings;
    if (!atomic_load(&el->is_stopping))
        (void)eventfd_read(el->stop_fd, &rings);
    return 0;
}

/* Monotonic: setting the clock must not lengthen a run. */
static int64_t now_ns(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Rounded up to epoll's milliseconds: rounding down would spin through the last one. */
static int ms_until(int64_t deadline_ns) {
    int64_t left = deadline_ns - now_ns();
    return left <= 0 ? 0 : (int)((left + 999999) / 1000000);
}

/* The timeout is the duration as given at first: 0 looks once, below 0 waits for ever. Above 0 it
 * is then what is left, and 0 at the end. */
static EventLoop_Run_Result run(struct EventLoop *el, int duration_ms, bool process_one_event) {
    int64_t deadline_ns = duration_ms > 0 ? now_ns() + (int64_t)duration_ms * 1000000 : 0;
    bool is_handled = false;
    int timeout_ms = duration_ms;
    while (!stop_take(el)) {
        int count = handle_one(el, timeout_ms);
        if (count < 0)
            return EventLoop_Run_Failed;
        is_handled = is_handled || count > 0;
        if (duration_ms > 0)
            timeout_ms = ms_until(deadline_ns);
        if (timeout_ms == 0 || el->is_closing || (is_handled && process_one_event)) {
            (void)stop_take(el); /* it asked this run to end, and it ends */
            break;
        }
    }
    return is_handled ? EventLoop_Run_Finished : EventLoop_Run_FinishedEmpty;
}

/* A callback that runs its own loop again gets EBUSY: what it waits for could not end the outer
 * run. */
EventLoop_Run_Result EventLoop_Run(EventLoop *el, int duration_in_milliseconds,
                                   bool process_one_event) {
    if (el == NULL) {
        errno = EFAULT;
        return EventLoop_Run_Failed;
    }
    if (atomic_exchange(&el->is_running, true)) {
        errno = EBUSY;
        return EventLoop_Run_Failed;
    }
    /* errno is run()'s, since what follows succeeds or is not asked. */
    EventLoop_Run_Result result = run(el, duration_in_milliseconds, process_one_event);
    if (el->is_closing)
        loop_free(el);
    else
        atomic_store(&el->is_running, false);
    return result;
}

int EventLoop_GetWaitDescriptor(EventLoop *el) {
    if (el == NULL) {
        errno = EFAULT;
        return -1;
    }
    return el->epoll_fd;
}

/* From any thread, and from a signal handler: an atomic store and one write. */
int EventLoop_Stop(EventLoop *el) {
    if (el == NULL) {
        errno = EFAULT;
        return -1;
    }
    /* The flag before the ring: a loop that wakes must find it. */
    atomic_store(&el->is_stopping, true);
    return eventfd_write(el->stop_fd, 1);
}

/* The registrations of a loop that closed descriptors leave behind hold a number that may come back
 * for another file; they must not take that file out of the set later. */
static void forget_older(struct EventLoop *el, int fd) {
    for (struct EventRegistration *reg = el->registrations; reg != NULL; reg = reg->next)
        if (reg->fd == fd)
            reg->fd = -1;
}

EventRegistration *EventLoop_RegisterIo(EventLoop *el, int fd, EventLoop_IoEvents eventBitmask,
                                        EventLoopIoCallback *callback, void *context) {
    if (el == NULL || callback == NULL) {
        errno = EFAULT;
        return NULL;
    }
    if ((eventBitmask & ~ALL_EVENTS) != 0) {
        errno = EINVAL;
        return NULL;
    }
    struct EventRegistration *reg = malloc(sizeof(*reg));
    if (reg == NULL)
        return NULL;
    /* EBADF, EEXIST and EPERM are epoll's own words for what is documented. */
    struct epoll_event event = {.events = eventBitmask, .data.ptr = reg};
    if (epoll_ctl(el->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
        int error = errno;
        free(reg);
        errno = error;
        return NULL;
    }
    forget_older(el, fd);
    *reg = (struct EventRegistration){.next = el->registrations,
                                      .callback = callback,
                                      .context = context,
                                      .mask = eventBitmask,
                                      .fd = fd};
    el->registrations = reg;
    return reg;
}

/* The link that points at a registration, or at NULL when the loop has no such registration: so a
 * registration of another loop, or one that is gone, is told from the loop's own without being
 * read. */
static struct EventRegistration **find_link(struct EventLoop *el, const EventRegistration *reg) {
    struct EventRegistration **link = &el->registrations;
    while (*link != NULL && *link != reg)
        link = &(*link)->next;
    return link;
}

int EventLoop_ModifyIoEvents(EventLoop *el, EventRegistration *reg,
                             EventLoop_IoEvents eventBitmask) {
    if (el == NULL || reg == NULL) {
        errno = EFAULT;
        return -1;
    }
    if ((eventBitmask & ~ALL_EVENTS) != 0 || *find_link(el, reg) == NULL) {
        errno = EINVAL;
        return -1;
    }
    struct epoll_event event = {.events = eventBitmask, .data.ptr = reg};
    if (epoll_ctl(el->epoll_fd, EPOLL_CTL_MOD, reg->fd, &event) < 0)
        return -1;
    reg->mask = eventBitmask;
    return 0;
}

int EventLoop_UnregisterIo(EventLoop *el, EventRegistration *reg) {
    if (reg == NULL)
        return 0;
    if (el == NULL) {
        errno = EFAULT;
        return -1;
    }
    struct EventRegistration **link = find_link(el, reg);
    if (*link == NULL) {
        errno = EINVAL;
        return -1;
    }
    *link = reg->next;
    /* A descriptor that was closed first has left the set by itself: nothing to take out then. */
    if (reg->fd >= 0)
        (void)epoll_ctl(el->epoll_fd, EPOLL_CTL_DEL, reg->fd, NULL);
    free(reg);
    return 0;
}
