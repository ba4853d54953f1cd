/* Most of a static program's memory is code that ran once: libc's start, the verification of a
 * package, the set-up of a sandbox. Its pages are clean: given back, they come from the page cache
 * again when they are needed, some microseconds for every 64 KiB that is used. Freed heap is kept
 * by malloc until it is asked. Together that is half of what the agent would hold (figures: make
 * bench).
 *
 * A timer that runs all the time was rejected: an idle device should not wake up. */
#include "agent/device/footprint.h"

#include <errno.h>
#include <link.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/device/device.h"
#include "agent/device/events.h"
#include "base/loop.h"

struct sph_footprint {
    struct sph_event_listener *listener;
    struct sph_watch *timer;
    bool is_armed;
};

/* What is added to the addresses in the program headers: 0 unless the program is a PIE. */
static uintptr_t load_bias(const ElfW(Phdr) * headers, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (headers[i].p_type == PT_PHDR)
            return (uintptr_t)headers - headers[i].p_vaddr;
    return 0;
}

/* Only segments that are never written (PF_W is not set): a written private page would be lost.
 * That includes what the loader relocates (RELRO), which belongs to a segment with PF_W. */
static void give_back_code(void) {
    const ElfW(Phdr) *headers = (const void *)getauxval(AT_PHDR);
    size_t count = getauxval(AT_PHNUM);
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), bias = load_bias(headers, count);
    for (size_t i = 0; i < count; i++) {
        if (headers[i].p_type != PT_LOAD || headers[i].p_flags & PF_W)
            continue;
        uintptr_t first = (bias + headers[i].p_vaddr) & ~(page - 1);
        uintptr_t end = bias + headers[i].p_vaddr + headers[i].p_filesz;
        (void)madvise((void *)first, end - first,
                      MADV_DONTNEED); /* saves memory or not, ignoring */
    }
}

static void on_rest(void *context) {
    struct sph_footprint *footprint = context;
    footprint->is_armed = false;
    (void)malloc_trim(0);
    give_back_code(); /* last: this function and the loop come back at once */
}

/* Once armed it stays so: an app that writes without end must not put it off for ever. */
void sph_footprint_touch(struct sph_footprint *footprint) {
    if (footprint && !footprint->is_armed)
        footprint->is_armed = sph_loop_arm_timer(footprint->timer, SPH_FOOTPRINT_REST_MS, 0) == 0;
}

static void on_event(void *context, uint64_t seq, const void *payload, size_t len) {
    (void)seq;
    (void)payload;
    (void)len;
    sph_footprint_touch(context);
}

int sph_footprint_new(struct sph_device *device, struct sph_footprint **ret_footprint,
                      struct sph_err *err) {
    struct sph_footprint *footprint = calloc(1, sizeof(*footprint));
    if (!footprint)
        return SPH_FAIL(err, -ENOMEM, "out of memory for the footprint's timer");
    int code = sph_events_listen(device->events, on_event, footprint, &footprint->listener, err);
    if (code == 0)
        code = sph_loop_add_timer(device->loop, SPH_FOOTPRINT_REST_MS, 0, on_rest, footprint,
                                  &footprint->timer, err);
    if (code < 0) {
        sph_footprint_free(footprint);
        return code;
    }
    footprint->is_armed = true; /* the start itself is what is given back first */
    *ret_footprint = footprint;
    return 0;
}

struct sph_footprint *sph_footprint_free(struct sph_footprint *footprint) {
    if (footprint) {
        sph_loop_remove(footprint->timer);
        sph_events_unlisten(footprint->listener);
        free(footprint);
    }
    return NULL;
}
