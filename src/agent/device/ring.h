/* ring: records of bytes in one block of fixed size, where the oldest give way to new ones. */
#ifndef SPH_AGENT_DEVICE_RING_H
#define SPH_AGENT_DEVICE_RING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct sph_ring;

/* `bytes` is the memory that records and their heads (8 bytes each) share. */
int sph_ring_new(size_t bytes, struct sph_ring **ret_ring, struct sph_err *err);
struct sph_ring *sph_ring_free(struct sph_ring *ring);

/* Room for a record, 8-byte aligned and in one piece, to be filled by the caller. NULL when a
 * record of `len` bytes can never fit. */
void *sph_ring_append(struct sph_ring *ring, size_t len);

/* Oldest first: start with SPH_RING_ITER_NULL. False at the end. Data is valid until the next
 * append. */
struct sph_ring_iter {
    size_t seen;
    size_t offset;
};
#define SPH_RING_ITER_NULL                                                                         \
    { .seen = 0, .offset = 0 }
bool sph_ring_next(const struct sph_ring *ring, struct sph_ring_iter *iter, const void **ret_data,
                   size_t *ret_len);

#endif
