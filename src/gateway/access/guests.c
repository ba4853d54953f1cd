/* Who cannot name the token can still connect, and say nothing, or a byte now and then. A hundred
 * or two of them would be all there is room for; so strangers are given little time when the room
 * is full, and those that are known are the last to go.
 *
 * Rejected: a limit for each address (on loopback all have the same, and behind a router too), and
 * the library's own time-out alone (a byte every half minute holds a place for ever). */
#include "gateway/access/guests.h"

#include <stdlib.h>

static const uint64_t NONE = UINT64_MAX;

struct sph_guest *sph_guests_add(struct sph_guests *guests, int fd, uint64_t now_ms) {
    struct sph_guest *guest = calloc(1, sizeof(*guest));
    if (!guest)
        return NULL;
    *guest = (struct sph_guest){
        .fd = fd, .since_ms = now_ms, .deadline_ms = now_ms + SPH_GUESTS_PATIENCE_MS};
    guest->next = guests->first;
    if (guests->first)
        guests->first->previous = guest;
    guests->first = guest;
    guests->count++;
    guests->newcomers++;
    return guest;
}

void sph_guests_remove(struct sph_guests *guests, struct sph_guest *guest) {
    if (!guest)
        return;
    if (guest->previous)
        guest->previous->next = guest->next;
    else
        guests->first = guest->next;
    if (guest->next)
        guest->next->previous = guest->previous;
    guests->count--;
    guests->newcomers -= !guest->has_asked;
    free(guest);
}

void sph_guest_asks(struct sph_guests *guests, struct sph_guest *guest) {
    guests->newcomers -= !guest->has_asked;
    guest->has_asked = true;
}

void sph_guest_let_in(struct sph_guest *guest) {
    if (guest)
        guest->is_known = true;
}

static uint64_t time_for(uint64_t bytes) {
    return bytes / SPH_GUESTS_RATE * 1000 + bytes % SPH_GUESTS_RATE * 1000 / SPH_GUESTS_RATE;
}

void sph_guest_took(struct sph_guest *guest, uint64_t bytes) {
    if (!guest)
        return;
    guest->since_ms += time_for(bytes);
    if (guest->deadline_ms != NONE)
        guest->deadline_ms += time_for(bytes);
}

void sph_guest_pause(struct sph_guest *guest, uint64_t now_ms) {
    if (!guest || guest->is_paused)
        return;
    guest->is_paused = true;
    guest->paused_ms = now_ms;
}

void sph_guest_resume(struct sph_guest *guest, uint64_t now_ms) {
    if (!guest || !guest->is_paused)
        return;
    guest->is_paused = false;
    guest->since_ms += now_ms - guest->paused_ms;
    if (guest->deadline_ms != NONE)
        guest->deadline_ms += now_ms - guest->paused_ms;
}

void sph_guest_sends(struct sph_guest *guest, uint64_t bytes, uint64_t now_ms) {
    if (!guest)
        return;
    guest->is_sent_to = true;
    guest->since_ms = now_ms + (bytes == NONE ? 0 : time_for(bytes));
    guest->deadline_ms = bytes == NONE ? NONE : guest->since_ms + SPH_GUESTS_PATIENCE_MS;
}

void sph_guest_waits(struct sph_guest *guest, uint64_t now_ms) {
    if (!guest)
        return;
    guest->is_sent_to = false;
    guest->is_paused = false;
    guest->since_ms = now_ms;
    guest->deadline_ms = now_ms + SPH_GUESTS_PATIENCE_MS;
}

static void drop(struct sph_guests *guests, struct sph_guest *guest) {
    guest->is_dropped = true;
    guests->drop(guest->fd);
}

static bool may_be_hurried(const struct sph_guest *guest) {
    return !guest->is_dropped && !guest->is_paused;
}

/* All strangers that have had their chance: how many wait outside is not known. Only when there is
 * none, the one of the others that has been silent, or has not taken its answer, for longest. True
 * when somebody went. */
static bool make_room(struct sph_guests *guests, uint64_t now_ms) {
    struct sph_guest *silent = NULL;
    bool has_room = false;
    for (struct sph_guest *at = guests->first; at; at = at->next) {
        if (!may_be_hurried(at) || at->deadline_ms == NONE)
            continue;
        if (at->is_known || at->is_sent_to) {
            silent = !silent || at->since_ms < silent->since_ms ? at : silent;
        } else if (at->since_ms + SPH_GUESTS_GRACE_MS <= now_ms) {
            drop(guests, at);
            has_room = true;
        }
    }
    if (has_room || !silent || silent->since_ms + SPH_GUESTS_IDLE_MS > now_ms)
        return has_room;
    drop(guests, silent);
    return true;
}

uint64_t sph_guests_hurry(struct sph_guests *guests, uint64_t now_ms) {
    uint64_t next_ms = NONE;
    bool is_full = guests->count >= SPH_GUESTS_MAX;
    for (struct sph_guest *at = guests->first; at; at = at->next) {
        if (!may_be_hurried(at))
            continue;
        if (at->deadline_ms <= now_ms) {
            drop(guests, at);
            is_full = false;
        } else if (at->deadline_ms < next_ms) {
            next_ms = at->deadline_ms;
        }
    }
    if (is_full && !make_room(guests, now_ms))
        return SPH_GUESTS_GRACE_MS / 5; /* looks again soon: somebody may wait outside */
    return next_ms == NONE ? 0 : next_ms - now_ms;
}
