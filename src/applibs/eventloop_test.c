/* The rules of eventloop.h, one function for each group of them. */
#include <applibs/eventloop.h>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>

#include "check.h"

/* What a callback saw, and what it is to do. */
struct probe {
    int calls;
    int fd;
    EventLoop_IoEvents events;
    int stop_at;                   /* call EventLoop_Stop in this call */
    EventRegistration *unregister; /* taken out in the first call */
    bool drain;                    /* read what is there, so that the event goes away */
    bool close;                    /* close the loop */
};

static void on_event(EventLoop *el, int fd, EventLoop_IoEvents events, void *context) {
    struct probe *probe = context;
    uint64_t count;
    probe->calls++;
    probe->fd = fd;
    probe->events = events;
    if (probe->drain)
        CHECK(read(fd, &count, sizeof(count)) > 0);
    if (probe->calls == probe->stop_at)
        CHECK(EventLoop_Stop(el) == 0);
    if (probe->unregister != NULL) {
        CHECK(EventLoop_UnregisterIo(el, probe->unregister) == 0);
        probe->unregister = NULL;
    }
    if (probe->close)
        EventLoop_Close(el);
}

static int64_t now_us(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* A descriptor that is always readable. */
static int ready_fd(void) {
    return eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
}

static void test_arguments(void) {
    struct probe probe = {0};
    EventLoop *el = EventLoop_Create();
    EventLoop *other = EventLoop_Create();
    int fd = ready_fd();
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    CHECK(el != NULL && other != NULL);

    CHECK_FAILS(EventLoop_Run(NULL, 0, true), EventLoop_Run_Failed, EFAULT);
    CHECK_FAILS(EventLoop_Stop(NULL), -1, EFAULT);
    CHECK_FAILS(EventLoop_GetWaitDescriptor(NULL), -1, EFAULT);
    CHECK_FAILS(EventLoop_RegisterIo(NULL, fd, EventLoop_Input, on_event, &probe), NULL, EFAULT);
    CHECK_FAILS(EventLoop_RegisterIo(el, fd, EventLoop_Input, NULL, &probe), NULL, EFAULT);
    CHECK_FAILS(EventLoop_RegisterIo(el, fd, 0x02, on_event, &probe), NULL, EINVAL);
    CHECK_FAILS(EventLoop_RegisterIo(el, fd, 0x80000001, on_event, &probe), NULL, EINVAL);
    CHECK_FAILS(EventLoop_RegisterIo(el, -1, EventLoop_Input, on_event, &probe), NULL, EBADF);
    CHECK_FAILS(EventLoop_RegisterIo(el, 999, EventLoop_Input, on_event, &probe), NULL, EBADF);
    CHECK_FAILS(EventLoop_RegisterIo(el, file, EventLoop_Input, on_event, &probe), NULL, EPERM);

    EventRegistration *reg = EventLoop_RegisterIo(el, fd, EventLoop_Input, on_event, &probe);
    CHECK(reg != NULL);
    CHECK_FAILS(EventLoop_RegisterIo(el, fd, EventLoop_Output, on_event, &probe), NULL, EEXIST);
    EventRegistration *elsewhere =
        EventLoop_RegisterIo(other, fd, EventLoop_Input, on_event, &probe);
    CHECK(elsewhere != NULL);

    CHECK_FAILS(EventLoop_ModifyIoEvents(NULL, reg, EventLoop_Input), -1, EFAULT);
    CHECK_FAILS(EventLoop_ModifyIoEvents(el, NULL, EventLoop_Input), -1, EFAULT);
    CHECK_FAILS(EventLoop_ModifyIoEvents(el, reg, 0x10), -1, EINVAL);
    CHECK_FAILS(EventLoop_ModifyIoEvents(el, elsewhere, EventLoop_Input), -1, EINVAL);
    CHECK_FAILS(EventLoop_UnregisterIo(NULL, reg), -1, EFAULT);
    CHECK_FAILS(EventLoop_UnregisterIo(el, elsewhere), -1, EINVAL);
    CHECK(EventLoop_UnregisterIo(NULL, NULL) == 0);
    CHECK(EventLoop_UnregisterIo(el, NULL) == 0);
    CHECK(EventLoop_UnregisterIo(el, reg) == 0);
    CHECK(EventLoop_RegisterIo(el, fd, EventLoop_Input, on_event, &probe) != NULL);

    CHECK(probe.calls == 0);
    EventLoop_Close(NULL);
    EventLoop_Close(el);
    EventLoop_Close(other);
    CHECK(close(fd) == 0 && close(file) == 0);
}

static void test_duration(void) {
    struct probe probe = {0}, tick = {.drain = true};
    EventLoop *el = EventLoop_Create();
    int first = ready_fd(), second = ready_fd();

    int64_t start = now_us();
    CHECK(EventLoop_Run(el, 0, false) == EventLoop_Run_FinishedEmpty);
    CHECK(EventLoop_Run(el, 60, false) == EventLoop_Run_FinishedEmpty);
    CHECK(now_us() - start >= 60000 && now_us() - start < 1000000);

    CHECK(EventLoop_RegisterIo(el, first, EventLoop_Input, on_event, &probe) != NULL);
    CHECK(EventLoop_RegisterIo(el, second, EventLoop_Input, on_event, &probe) != NULL);
    CHECK(EventLoop_Run(el, 0, false) == EventLoop_Run_Finished);
    CHECK(probe.calls == 1);
    CHECK(EventLoop_Run(el, 0, true) == EventLoop_Run_Finished);
    CHECK(probe.calls == 2);
    CHECK(EventLoop_Run(el, -1, true) == EventLoop_Run_Finished);
    CHECK(probe.calls == 3);
    CHECK(EventLoop_Run(el, 10000, true) == EventLoop_Run_Finished);
    CHECK(probe.calls == 4);
    EventLoop_Close(el);

    el = EventLoop_Create();
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    const struct itimerspec every_5_ms = {{0, 5000000}, {0, 5000000}};
    CHECK(timerfd_settime(timer, 0, &every_5_ms, NULL) == 0);
    CHECK(EventLoop_RegisterIo(el, timer, EventLoop_Input, on_event, &tick) != NULL);
    start = now_us();
    CHECK(EventLoop_Run(el, 100, false) == EventLoop_Run_Finished);
    CHECK(now_us() - start >= 100000 && now_us() - start < 1000000);
    CHECK(tick.calls >= 3 && tick.calls <= 21);
    EventLoop_Close(el);
    CHECK(close(first) == 0 && close(second) == 0 && close(timer) == 0);
}

static void on_event_run_again(EventLoop *el, int fd, EventLoop_IoEvents events, void *context) {
    (void)fd;
    (void)events;
    ++*(int *)context;
    CHECK_FAILS(EventLoop_Run(el, 0, true), EventLoop_Run_Failed, EBUSY);
    CHECK_FAILS(EventLoop_Run(el, -1, false), EventLoop_Run_Failed, EBUSY);
}

static void test_recursion(void) {
    int calls = 0;
    EventLoop *el = EventLoop_Create();
    int fd = ready_fd();
    CHECK(EventLoop_RegisterIo(el, fd, EventLoop_Input, on_event_run_again, &calls) != NULL);
    CHECK(EventLoop_Run(el, -1, true) == EventLoop_Run_Finished);
    CHECK(EventLoop_Run(el, 0, true) == EventLoop_Run_Finished);
    CHECK(calls == 2);
    EventLoop_Close(el);
    CHECK(close(fd) == 0);
}

static void test_stop_in_callback(void) {
    struct probe probe = {.stop_at = 3}, one = {.stop_at = 1};
    EventLoop *el = EventLoop_Create();
    int first = ready_fd(), second = ready_fd();
    CHECK(EventLoop_RegisterIo(el, first, EventLoop_Input, on_event, &probe) != NULL);
    CHECK(EventLoop_RegisterIo(el, second, EventLoop_Input, on_event, &probe) != NULL);
    CHECK(EventLoop_Run(el, -1, false) == EventLoop_Run_Finished);
    CHECK(probe.calls == 3);
    EventLoop_Close(el);

    /* A stop belongs to the run that it ends, also when that run would have ended by itself. */
    el = EventLoop_Create();
    CHECK(EventLoop_RegisterIo(el, first, EventLoop_Input, on_event, &one) != NULL);
    CHECK(EventLoop_Run(el, -1, true) == EventLoop_Run_Finished);
    CHECK(EventLoop_Run(el, 0, true) == EventLoop_Run_Finished);
    CHECK(one.calls == 2);
    EventLoop_Close(el);
    CHECK(close(first) == 0 && close(second) == 0);
}

static void test_stop_before_run(void) {
    struct probe probe = {0};
    EventLoop *el = EventLoop_Create();
    int fd = ready_fd();
    CHECK(EventLoop_RegisterIo(el, fd, EventLoop_Input, on_event, &probe) != NULL);
    CHECK(EventLoop_Stop(el) == 0);
    CHECK(EventLoop_Stop(el) == 0);
    CHECK(EventLoop_Run(el, -1, false) == EventLoop_Run_FinishedEmpty);
    CHECK(probe.calls == 0);
    CHECK(EventLoop_Run(el, -1, true) == EventLoop_Run_Finished);
    CHECK(probe.calls == 1);
    EventLoop_Close(el);
    CHECK(close(fd) == 0);
}

static void *stop_soon(void *el) {
    const struct timespec pause = {.tv_nsec = 20000000};
    (void)nanosleep(&pause, NULL);
    CHECK(EventLoop_Stop(el) == 0);
    return NULL;
}

/* Repeated: a stop that is lost leaves this test hanging, and its time limit tells. */
static void test_stop_from_thread(void) {
    struct probe probe = {0};
    EventLoop *el = EventLoop_Create();
    int fd = ready_fd();
    for (int round = 0; round < 10; round++) {
        pthread_t thread;
        bool is_busy = round % 2 == 1;
        EventRegistration *reg =
            is_busy ? EventLoop_RegisterIo(el, fd, EventLoop_Input, on_event, &probe) : NULL;
        CHECK(pthread_create(&thread, NULL, stop_soon, el) == 0);
        CHECK(EventLoop_Run(el, -1, false) ==
              (is_busy ? EventLoop_Run_Finished : EventLoop_Run_FinishedEmpty));
        CHECK(pthread_join(thread, NULL) == 0);
        CHECK(EventLoop_UnregisterIo(el, reg) == 0);
        CHECK(EventLoop_Run(el, 0, false) == EventLoop_Run_FinishedEmpty);
    }
    EventLoop_Close(el);
    CHECK(close(fd) == 0);
}

static void test_unregister_in_callback(void) {
    struct probe self = {0}, killer = {0}, victim = {0};
    EventLoop *el = EventLoop_Create();
    int fds[3] = {ready_fd(), ready_fd(), ready_fd()};

    self.unregister = EventLoop_RegisterIo(el, fds[0], EventLoop_Input, on_event, &self);
    CHECK(EventLoop_Run(el, 20, false) == EventLoop_Run_Finished);
    CHECK(self.calls == 1);
    CHECK(EventLoop_RegisterIo(el, fds[0], EventLoop_Input, on_event, &self) != NULL);
    CHECK(EventLoop_Run(el, 0, false) == EventLoop_Run_Finished);
    CHECK(self.calls == 2);
    EventLoop_Close(el);

    /* Both are ready when the first is handed out; the other must not be called afterwards. */
    el = EventLoop_Create();
    EventRegistration *first = EventLoop_RegisterIo(el, fds[1], EventLoop_Input, on_event, &killer);
    killer.unregister = EventLoop_RegisterIo(el, fds[2], EventLoop_Input, on_event, &victim);
    victim.unregister = first;
    CHECK(EventLoop_Run(el, 20, false) == EventLoop_Run_Finished);
    CHECK((killer.calls == 0) != (victim.calls == 0));
    EventLoop_Close(el);
    for (int i = 0; i < 3; i++)
        CHECK(close(fds[i]) == 0);
}

static void test_close_in_callback(void) {
    int before = check_open_fds();
    struct probe probe = {.close = true};
    EventLoop *el = EventLoop_Create();
    int fd = ready_fd();
    CHECK(EventLoop_RegisterIo(el, fd, EventLoop_Input, on_event, &probe) != NULL);
    CHECK(EventLoop_Run(el, -1, false) == EventLoop_Run_Finished);
    CHECK(probe.calls == 1);
    CHECK(close(fd) == 0);
    CHECK(check_open_fds() == before);
}

static void on_signal(int number) {
    (void)number;
}

static void test_signal(void) {
    const struct sigaction action = {.sa_handler = on_signal};
    /* Again and again: the first signal may come before the wait does. */
    const struct itimerval often = {{0, 20000}, {0, 20000}}, never = {{0, 0}, {0, 0}};
    EventLoop *el = EventLoop_Create();
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
    CHECK_FAILS(EventLoop_Run(el, -1, true), EventLoop_Run_Failed, EINTR);
    CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
    CHECK(EventLoop_Run(el, 0, true) == EventLoop_Run_FinishedEmpty);
    EventLoop_Close(el);
}

/* What is reported for a pair of sockets or a pipe, by mask and by what was done to the other end.
 */
struct mask_case {
    const char *name;
    EventLoop_IoEvents mask;
    bool is_pipe;     /* a pipe's write end rather than a socket */
    bool write_other; /* the other end has written */
    bool close_other; /* the other end is closed */
    EventLoop_IoEvents expected;
};

static const struct mask_case MASK_CASES[] = {
    {"input, nothing there", EventLoop_Input, false, false, false, EventLoop_None},
    {"input, data there", EventLoop_Input, false, true, false, EventLoop_Input},
    {"output", EventLoop_Output, false, false, false, EventLoop_Output},
    {"output, data there too", EventLoop_Output, false, true, false, EventLoop_Output},
    {"both", EventLoop_Input | EventLoop_Output, false, true, false, 0x05},
    {"none, data there", EventLoop_None, false, true, false, EventLoop_None},
    {"error asked for, all well", EventLoop_Error, false, true, false, EventLoop_None},
    {"input, hung up", EventLoop_Input, false, false, true, EventLoop_Input},
    {"none, hung up", EventLoop_None, false, false, true, EventLoop_Error},
    {"none, no reader left", EventLoop_None, true, false, true, EventLoop_Error},
    {"output, no reader left", EventLoop_Output, true, false, true, 0x0c},
};

static void test_masks(void) {
    for (size_t i = 0; i < sizeof(MASK_CASES) / sizeof(MASK_CASES[0]); i++) {
        const struct mask_case *row = &MASK_CASES[i];
        struct probe probe = {0};
        int ends[2];
        EventLoop *el = EventLoop_Create();
        CHECK((row->is_pipe ? pipe(ends) : socketpair(AF_UNIX, SOCK_STREAM, 0, ends)) == 0);
        CHECK(EventLoop_RegisterIo(el, ends[1], row->mask, on_event, &probe) != NULL);
        CHECK(!row->write_other || write(ends[0], "x", 1) == 1);
        CHECK(!row->close_other || close(ends[0]) == 0);
        (void)EventLoop_Run(el, 0, false);
        if (probe.events != row->expected || probe.calls != (row->expected != EventLoop_None))
            printf("%s: %d calls, events %#x\n", row->name, probe.calls, (unsigned)probe.events);
        CHECK(probe.events == row->expected && probe.calls == (row->expected != EventLoop_None));
        CHECK(probe.calls == 0 || probe.fd == ends[1]);
        EventLoop_Close(el);
        CHECK(row->close_other || close(ends[0]) == 0);
        CHECK(close(ends[1]) == 0);
    }
}

static void test_modify(void) {
    struct probe probe = {0};
    EventLoop *el = EventLoop_Create();
    int fd = ready_fd();
    EventRegistration *reg = EventLoop_RegisterIo(el, fd, EventLoop_None, on_event, &probe);
    CHECK(EventLoop_Run(el, 0, false) == EventLoop_Run_FinishedEmpty);
    CHECK(EventLoop_ModifyIoEvents(el, reg, EventLoop_Input) == 0);
    CHECK(EventLoop_Run(el, 0, false) == EventLoop_Run_Finished);
    CHECK(probe.events == EventLoop_Input);
    CHECK(EventLoop_ModifyIoEvents(el, reg, EventLoop_Input | EventLoop_Output) == 0);
    CHECK(EventLoop_Run(el, 0, false) == EventLoop_Run_Finished);
    CHECK(probe.events == (EventLoop_Input | EventLoop_Output));
    CHECK(EventLoop_ModifyIoEvents(el, reg, EventLoop_None) == 0);
    CHECK(EventLoop_Run(el, 0, false) == EventLoop_Run_FinishedEmpty);
    EventLoop_Close(el);
    CHECK(close(fd) == 0);

    /* How a hang-up is told follows the mask as changed, too. */
    int ends[2];
    el = EventLoop_Create();
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    reg = EventLoop_RegisterIo(el, ends[0], EventLoop_None, on_event, &probe);
    CHECK(EventLoop_ModifyIoEvents(el, reg, EventLoop_Input) == 0);
    CHECK(close(ends[1]) == 0);
    CHECK(EventLoop_Run(el, 0, false) == EventLoop_Run_Finished);
    CHECK(probe.events == EventLoop_Input);
    EventLoop_Close(el);
    CHECK(close(ends[0]) == 0);
}

static bool is_readable(int fd) {
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    return poll(&waiting, 1, 0) == 1 && (waiting.revents & POLLIN) != 0;
}

static void test_wait_descriptor(void) {
    struct probe probe = {.drain = true};
    EventLoop *el = EventLoop_Create();
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int wait_fd = EventLoop_GetWaitDescriptor(el);
    CHECK(wait_fd >= 0);
    CHECK(EventLoop_RegisterIo(el, fd, EventLoop_Input, on_event, &probe) != NULL);
    CHECK(!is_readable(wait_fd));
    CHECK(eventfd_write(fd, 1) == 0);
    CHECK(is_readable(wait_fd));
    CHECK(EventLoop_Run(el, 0, true) == EventLoop_Run_Finished);
    CHECK(!is_readable(wait_fd));
    CHECK(EventLoop_Stop(el) == 0);
    CHECK(is_readable(wait_fd));
    CHECK(EventLoop_Run(el, 0, true) == EventLoop_Run_FinishedEmpty);
    CHECK(!is_readable(wait_fd));
    EventLoop_Close(el);
    CHECK(close(fd) == 0);
}

/* Descriptors that are ready all the time are called equally often. */
static void test_many_and_fair(void) {
    enum { MANY = 40 };
    struct probe probes[MANY] = {0};
    int fds[MANY];
    int before = check_open_fds();
    EventLoop *el = EventLoop_Create();
    for (int i = 0; i < MANY; i++) {
        fds[i] = ready_fd();
        CHECK(EventLoop_RegisterIo(el, fds[i], EventLoop_Input, on_event, &probes[i]) != NULL);
    }
    for (int i = 0; i < 3 * MANY; i++)
        CHECK(EventLoop_Run(el, -1, true) == EventLoop_Run_Finished);
    for (int i = 0; i < MANY; i++)
        CHECK(probes[i].calls == 3 && probes[i].fd == fds[i]);
    EventLoop_Close(el);
    for (int i = 0; i < MANY; i++)
        CHECK(close(fds[i]) == 0);
    CHECK(check_open_fds() == before);
}

static void test_closed_before_unregistered(void) {
    struct probe old = {0}, young = {0};
    EventLoop *el = EventLoop_Create();
    int fd = ready_fd();
    EventRegistration *stale = EventLoop_RegisterIo(el, fd, EventLoop_Input, on_event, &old);
    CHECK(close(fd) == 0);
    CHECK(EventLoop_Run(el, 0, false) == EventLoop_Run_FinishedEmpty);
    CHECK(ready_fd() == fd);
    CHECK(EventLoop_RegisterIo(el, fd, EventLoop_Input, on_event, &young) != NULL);
    CHECK(EventLoop_UnregisterIo(el, stale) == 0);
    CHECK(EventLoop_Run(el, 0, false) == EventLoop_Run_Finished);
    CHECK(old.calls == 0 && young.calls == 1);
    EventLoop_Close(el);
    CHECK(close(fd) == 0);
}

/* The n-th descriptor cannot be had: the call fails with EMFILE and leaves nothing behind. */
static void test_no_descriptors(void) {
    struct rlimit limit, saved;
    CHECK(getrlimit(RLIMIT_NOFILE, &saved) == 0);
    int before = check_open_fds();
    int next = dup(STDOUT_FILENO); /* the lowest free one: the limit is set relative to it */
    CHECK(close(next) == 0);
    for (int spare = 0; spare < 2; spare++) {
        limit = saved;
        limit.rlim_cur = (rlim_t)next + (rlim_t)spare;
        CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
        CHECK_FAILS(EventLoop_Create(), NULL, EMFILE);
        CHECK(setrlimit(RLIMIT_NOFILE, &saved) == 0);
        CHECK(check_open_fds() == before);
    }
    EventLoop *el = EventLoop_Create();
    CHECK(el != NULL);
    EventLoop_Close(el);
    CHECK(check_open_fds() == before);
}

int main(void) {
    test_arguments();
    test_duration();
    test_recursion();
    test_stop_in_callback();
    test_stop_before_run();
    test_stop_from_thread();
    test_unregister_in_callback();
    test_close_in_callback();
    test_signal();
    test_masks();
    test_modify();
    test_wait_descriptor();
    test_many_and_fair();
    test_closed_before_unregistered();
    test_no_descriptors();
    return check_done();
}
