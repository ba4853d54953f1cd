/* The heap is empty: the calls that need it say ENOMEM and leave nothing behind. On the host only,
 * where the linker puts __wrap_malloc in the place of malloc. */
#include <applibs/eventloop.h>
#include <applibs/storage.h>

#include <sys/eventfd.h>

#include "fake_agent.h"

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

static bool is_heap_empty;

void *__wrap_malloc(size_t size) {
    if (!is_heap_empty)
        return __real_malloc(size);
    errno = ENOMEM;
    return NULL;
}

static void on_event(EventLoop *el, int fd, EventLoop_IoEvents events, void *context) {
    (void)el;
    (void)fd;
    (void)events;
    (void)context;
}

static void test_event_loop(void) {
    int fd = eventfd(0, EFD_CLOEXEC);
    is_heap_empty = true;
    CHECK_FAILS(EventLoop_Create(), NULL, ENOMEM);
    is_heap_empty = false;
    EventLoop *el = EventLoop_Create();
    is_heap_empty = true;
    CHECK_FAILS(EventLoop_RegisterIo(el, fd, EventLoop_Input, on_event, NULL), NULL, ENOMEM);
    is_heap_empty = false;
    CHECK(EventLoop_RegisterIo(el, fd, EventLoop_Input, on_event, NULL) != NULL);
    EventLoop_Close(el);
    CHECK(close(fd) == 0);
}

static void test_storage(void) {
    struct fake_agent agent = FAKE_AGENT_OK;
    strcpy(agent.reply.text, "/mnt/apps/x");
    fake_agent_start(&agent);
    is_heap_empty = true;
    CHECK_FAILS(Storage_GetAbsolutePathInImagePackage("a"), NULL, ENOMEM);
    is_heap_empty = false;
    (void)fake_agent_finish(&agent);
}

int main(void) {
    char scratch[32];
    int before = check_open_fds();
    check_enter_scratch(scratch);
    test_event_loop();
    test_storage();
    CHECK(check_open_fds() == before);
    CHECK(rmdir(scratch) == 0);
    return check_done();
}
