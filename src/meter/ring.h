/* ring: the reading end of a BPF ring buffer.
 *
 * One reader, in one thread. Records are read where they are: what fn is given is the kernel's
 * memory, and gone when fn returns. */
#ifndef SPH_METER_RING_H
#define SPH_METER_RING_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct sph_ring {
    uint64_t *consumer;       /* page of its own, written here */
    const uint64_t *producer; /* page before the data */
    const uint8_t *data;      /* mapped twice in a row, so that no record is ever split */
    size_t size;              /* bytes, a power of two */
    size_t page;
};
#define SPH_RING_NULL                                                                              \
    { .consumer = NULL, .producer = NULL }

/* `size` is the map's max_entries, in bytes. The map stays the caller's, and must stay open. 0 or
 * negative errno. */
int sph_ring_open(struct sph_ring *ret_ring, int map_fd, size_t size, struct sph_err *err);
/* Takes a closed one, too. */
void sph_ring_close(struct sph_ring *ring);

typedef void sph_ring_fn(void *context, const void *record, size_t len);
/* Gives every complete record to fn, in order; the number of them. */
int sph_ring_drain(struct sph_ring *ring, sph_ring_fn *fn, void *context);

#endif
