/* ring: each record is a header word (length, and two flags in its top bits), a second word that
 * the kernel uses, then the data, all padded to eight bytes. Positions only grow; a record whose
 * busy flag is set is still being written, and ends the reading. */
#include "meter/ring.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

enum { HEADER_BYTES = 8 };
#define FLAG_BUSY (1u << 31)
#define FLAG_DISCARDED (1u << 30)

/* The consumer's page is the only one that this side may write to: the kernel insists on two
 * mappings. */
int sph_ring_open(struct sph_ring *ret_ring, int map_fd, size_t size, struct sph_err *err) {
    struct sph_ring ring = {.size = size, .page = (size_t)sysconf(_SC_PAGESIZE)};
    void *consumer = mmap(NULL, ring.page, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
    if (consumer == MAP_FAILED)
        return SPH_FAIL_ERRNO(err, -errno, "cannot map the meter's event ring");
    void *rest = mmap(NULL, ring.page + 2 * size, PROT_READ, MAP_SHARED, map_fd, (off_t)ring.page);
    if (rest == MAP_FAILED) {
        int code = -errno;
        (void)munmap(consumer, ring.page);
        return SPH_FAIL_ERRNO(err, code, "cannot map the meter's event ring");
    }
    ring.consumer = consumer;
    ring.producer = rest;
    ring.data = (const uint8_t *)rest + ring.page;
    *ret_ring = ring;
    return 0;
}

/* The producer's mapping is const here, but munmap() takes no such pointer. */
void sph_ring_close(struct sph_ring *ring) {
    if (!ring->consumer)
        return;
    (void)munmap(ring->consumer, ring->page);
    (void)munmap((void *)(uintptr_t)ring->producer, ring->page + 2 * ring->size);
    *ring = (struct sph_ring)SPH_RING_NULL;
}

/* `unsigned long` in the kernel: on a 32-bit host only the low half of the word is written. */
static unsigned long position(const uint64_t *word) {
    return __atomic_load_n((const unsigned long *)(const void *)word, __ATOMIC_ACQUIRE);
}

/* Each record is given back as soon as it is read, so that a slow reader does not hold up the
 * whole ring. */
int sph_ring_drain(struct sph_ring *ring, sph_ring_fn *fn, void *context) {
    unsigned long at = position(ring->consumer);
    int records = 0;
    while (at != position(ring->producer)) {
        const uint8_t *header = ring->data + (at & (ring->size - 1));
        uint32_t word = __atomic_load_n((const uint32_t *)(const void *)header, __ATOMIC_ACQUIRE);
        if (word & FLAG_BUSY)
            break;
        uint32_t len = word & ~(FLAG_BUSY | FLAG_DISCARDED);
        if (!(word & FLAG_DISCARDED)) {
            fn(context, header + HEADER_BYTES, len);
            records++;
        }
        at += (len + HEADER_BYTES + 7u) & ~7u;
        __atomic_store_n((unsigned long *)(void *)ring->consumer, at, __ATOMIC_RELEASE);
    }
    return records;
}
