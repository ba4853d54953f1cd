/* Records lie end to end in one block. A record never wraps, so that a reader gets it as one slice;
 * the unused end of the block is marked. */
#include "agent/device/ring.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct head {
    uint32_t len;
    uint32_t is_gap; /* nothing more until the end of the block */
};
enum { ALIGN = 8 };

/* Records fill [first, end), or [first, size) and [0, end) once it has wrapped. Everything else is
 * free. */
struct sph_ring {
    size_t size;  /* bytes of data[], a multiple of ALIGN */
    size_t first; /* offset of the oldest record, when count > 0 */
    size_t end;   /* offset behind the newest record */
    size_t count; /* records held */
    _Alignas(ALIGN) uint8_t data[];
};

/* Rounded up, so that the next head and every record's data are aligned to 8 bytes. */
static size_t record_size(size_t len) {
    return (sizeof(struct head) + len + ALIGN - 1) / ALIGN * ALIGN;
}

/* Zeroed memory that is not used yet costs nothing: the kernel gives pages when they are written.
 */
int sph_ring_new(size_t bytes, struct sph_ring **ret_ring, struct sph_err *err) {
    size_t size = bytes / ALIGN * ALIGN;
    struct sph_ring *ring = calloc(1, sizeof(*ring) + size);
    if (!ring)
        return SPH_FAIL(err, -ENOMEM, "out of memory for a ring of %zu bytes", bytes);
    ring->size = size;
    *ret_ring = ring;
    return 0;
}

struct sph_ring *sph_ring_free(struct sph_ring *ring) {
    free(ring);
    return NULL;
}

/* Offsets are always multiples of ALIGN, and data[] is aligned to it. */
static const struct head *head_at(const struct sph_ring *ring, size_t offset) {
    return (const struct head *)(const void *)(ring->data + offset);
}

/* Where the record behind the one at `offset` starts; only asked when there is one. */
static size_t next_offset(const struct sph_ring *ring, size_t offset) {
    offset += record_size(head_at(ring, offset)->len);
    return offset == ring->size || head_at(ring, offset)->is_gap ? 0 : offset;
}

/* Drops what lies in the `size` bytes from ring->end on. */
static void make_room(struct sph_ring *ring, size_t size) {
    while (ring->count && ring->first >= ring->end && ring->first < ring->end + size)
        if (--ring->count)
            ring->first = next_offset(ring, ring->first);
}

/* Moves ring->end to a place where `size` bytes are free in one piece. */
static void find_place(struct sph_ring *ring, size_t size) {
    size_t rest = ring->size - ring->end;
    if (size > rest) {
        make_room(ring, rest);
        if (rest) { /* a multiple of ALIGN: a head fits */
            struct head gap = {.is_gap = 1};
            memcpy(ring->data + ring->end, &gap, sizeof(gap));
        }
        ring->end = 0;
    }
    make_room(ring, size);
    if (!ring->count)
        ring->first = ring->end;
}

/* The head is written before the caller fills the record: between the two calls the record is
 * counted, so the caller must fill all of it before anything is read. */
void *sph_ring_append(struct sph_ring *ring, size_t len) {
    if (len > ring->size || record_size(len) > ring->size)
        return NULL;
    find_place(ring, record_size(len));
    uint8_t *place = ring->data + ring->end;
    struct head head = {.len = (uint32_t)len};
    memcpy(place, &head, sizeof(head));
    ring->end += record_size(len);
    ring->count++;
    assert(ring->end <= ring->size);
    return place + sizeof(head);
}

bool sph_ring_next(const struct sph_ring *ring, struct sph_ring_iter *iter, const void **ret_data,
                   size_t *ret_len) {
    if (iter->seen == ring->count)
        return false;
    iter->offset = iter->seen ? next_offset(ring, iter->offset) : ring->first;
    iter->seen++;
    *ret_data = head_at(ring, iter->offset) + 1;
    *ret_len = head_at(ring, iter->offset)->len;
    return true;
}
