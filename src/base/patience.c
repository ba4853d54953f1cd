/* Each step forward starts the time anew: slow is not stuck. One that was given up must catch up
 * before it is waited for again; else one that takes a byte now and then would hold up the others
 * for the whole time at each of them. */
#include "base/patience.h"

bool sph_patience_look(struct sph_patience *patience, uint64_t position, bool is_awaited,
                       uint64_t now_ms) {
    if (!is_awaited) {
        patience->is_waiting = patience->is_over = false;
        return true;
    }
    if (!patience->is_waiting || position != patience->position) {
        patience->is_waiting = true;
        patience->position = position;
        patience->since_ms = now_ms;
    }
    if (now_ms - patience->since_ms >= patience->limit_ms)
        patience->is_over = true;
    return !patience->is_over;
}
