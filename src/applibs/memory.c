/* The agent keeps the count in an eventfd; here it is only asked for, and put into a loop. */
#include <spherule/memory.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "channel.h"

struct Spherule_MemoryWatch {
    EventRegistration *registration;
    int fd;
    unsigned percent;
    Spherule_MemoryCallback *callback;
    void *context;
};

int Spherule_Memory_OpenWatch(unsigned percent) {
    const struct sph_app_request request = {
        .version = SPH_APP_CHANNEL_VERSION, .op = SPH_APP_MEMORY_WATCH, .args = {percent}};
    int fd = -1;
    if (percent < 1 || percent > 99) {
        errno = EINVAL;
        return -1;
    }
    return sph_channel_result(sph_channel_open(&request, &fd), EAGAIN) < 0 ? -1 : fd;
}

/* Another watch of the same share may have taken the count: then there is nothing to tell. */
static void on_readable(EventLoop *el, int fd, EventLoop_IoEvents events, void *context) {
    const Spherule_MemoryWatch *watch = context;
    uint64_t crossings = 0;
    (void)events;
    if (read(fd, &crossings, sizeof(crossings)) == (ssize_t)sizeof(crossings))
        watch->callback(el, watch->percent, crossings, watch->context);
}

/* Frees what is left of a watch; errno stays the caller's. */
static void discard(Spherule_MemoryWatch *watch) {
    int error = errno;
    if (watch->fd >= 0)
        (void)close(watch->fd);
    free(watch);
    errno = error;
}

Spherule_MemoryWatch *Spherule_Memory_Watch(EventLoop *el, unsigned percent,
                                            Spherule_MemoryCallback *callback, void *context) {
    if (el == NULL || callback == NULL) {
        errno = EFAULT;
        return NULL;
    }
    Spherule_MemoryWatch *watch = malloc(sizeof(*watch));
    if (watch == NULL)
        return NULL;
    *watch = (Spherule_MemoryWatch){
        .percent = percent, .callback = callback, .context = context, .fd = -1};
    watch->fd = Spherule_Memory_OpenWatch(percent);
    if (watch->fd >= 0)
        watch->registration =
            EventLoop_RegisterIo(el, watch->fd, EventLoop_Input, on_readable, watch);
    if (watch->registration != NULL)
        return watch;
    discard(watch);
    return NULL;
}

int Spherule_Memory_Unwatch(EventLoop *el, Spherule_MemoryWatch *watch) {
    if (watch == NULL)
        return 0;
    if (EventLoop_UnregisterIo(el, watch->registration) < 0)
        return -1;
    discard(watch);
    return 0;
}
