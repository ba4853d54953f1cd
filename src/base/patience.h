/* patience: how long one that makes no progress is waited for.
 *
 * For readers of a stream that would hold up others: a position that stands still for too long ends
 * the waiting. Times come in from outside, so tests need no clock. */
#ifndef SPH_BASE_PATIENCE_H
#define SPH_BASE_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

struct sph_patience {
    uint64_t limit_ms; /* without progress */
    uint64_t position; /* where it was seen last; progress is any other place */
    uint64_t since_ms; /* seen there, and waited for, since then */
    bool is_waiting;
    bool is_over;
};
#define SPH_PATIENCE(ms)                                                                           \
    { .limit_ms = (ms) }

/* Pure. Where it is now, and whether somebody waits for it. True while that makes sense. Once
 * patience is over, it stays so until there was nothing to wait for. */
bool sph_patience_look(struct sph_patience *patience, uint64_t position, bool is_awaited,
                       uint64_t now_ms);

#endif
