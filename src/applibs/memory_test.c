/* The watch as an app uses it: an agent gives a descriptor with a count in it. */
#include <spherule/memory.h>

#include <sys/stat.h>

#include "check.h"
#include "fake_agent.h"

static void test_what_is_asked(void) {
    struct fake_agent agent = FAKE_AGENT_OK;
    agent.file = "count";
    fake_agent_start(&agent);
    int fd = Spherule_Memory_OpenWatch(80);
    CHECK(fd >= 0);
    (void)close(fd);
    struct sph_app_request request = fake_agent_finish(&agent);
    CHECK(request.op == SPH_APP_MEMORY_WATCH && request.args[0] == 80);
    (void)unlink("count");
}

static void test_what_fails(void) {
    struct fake_agent agent = FAKE_AGENT_OK;
    CHECK_FAILS(Spherule_Memory_OpenWatch(0), -1, EINVAL);
    CHECK_FAILS(Spherule_Memory_OpenWatch(100), -1, EINVAL);
    CHECK_FAILS(Spherule_Memory_OpenWatch(50), -1, EAGAIN); /* no agent */
    agent.reply.error = ENOSPC;
    fake_agent_start(&agent);
    CHECK_FAILS(Spherule_Memory_OpenWatch(50), -1, ENOSPC);
    (void)fake_agent_finish(&agent);
}

struct calls {
    unsigned count, percent;
    uint64_t crossings;
    Spherule_MemoryWatch *watch;
};

static void on_warning(EventLoop *el, unsigned percent, uint64_t crossings, void *context) {
    struct calls *calls = context;
    calls->count++;
    calls->percent = percent;
    calls->crossings = crossings;
    CHECK(Spherule_Memory_Unwatch(el, calls->watch) == 0);
}

/* A FIFO that holds 8 bytes stands in for an eventfd with a count. */
static void test_in_a_loop(void) {
    struct fake_agent agent = FAKE_AGENT_OK;
    struct calls calls = {0};
    const uint64_t crossings = 3;
    EventLoop *el = EventLoop_Create();
    CHECK(mkfifo("fifo", 0600) == 0);
    int fd = open("fifo", O_RDWR | O_CLOEXEC);
    CHECK(write(fd, &crossings, sizeof(crossings)) == sizeof(crossings));
    agent.file = "fifo";
    fake_agent_start(&agent);
    calls.watch = Spherule_Memory_Watch(el, 75, on_warning, &calls);
    CHECK(calls.watch != NULL);
    (void)fake_agent_finish(&agent);
    CHECK(EventLoop_Run(el, 0, true) == EventLoop_Run_Finished);
    CHECK(calls.count == 1 && calls.percent == 75 && calls.crossings == 3);
    EventLoop_Close(el);
    (void)close(fd);
    (void)unlink("fifo");
}

static void test_a_loop_that_cannot_take_it(void) {
    EventLoop *el = EventLoop_Create();
    struct fake_agent agent = FAKE_AGENT_OK;
    CHECK_FAILS(Spherule_Memory_Watch(NULL, 50, on_warning, NULL), NULL, EFAULT);
    CHECK_FAILS(Spherule_Memory_Watch(el, 50, NULL, NULL), NULL, EFAULT);
    CHECK_FAILS(Spherule_Memory_Watch(el, 0, on_warning, NULL), NULL, EINVAL);
    CHECK(Spherule_Memory_Unwatch(NULL, NULL) == 0);
    agent.file = "regular"; /* which no loop can wait for */
    fake_agent_start(&agent);
    CHECK_FAILS(Spherule_Memory_Watch(el, 50, on_warning, NULL), NULL, EPERM);
    (void)fake_agent_finish(&agent);
    (void)unlink("regular");
    EventLoop_Close(el);
}

int main(void) {
    char scratch[32];
    check_enter_scratch(scratch);
    test_what_is_asked();
    test_what_fails();
    test_in_a_loop();
    test_a_loop_that_cannot_take_it();
    CHECK(rmdir(scratch) == 0);
    return check_done();
}
