/* guests: connections from the network, and how long each of them may take.
 *
 * A guest makes a request, takes its answer, and makes the next. What hurries it: a deadline, which
 * moves with the bytes that come or go; and, when there is room for no more guests, those behind
 * it. Pure but for the drop function: time and descriptors come from the caller. */
#ifndef SPH_GATEWAY_ACCESS_GUESTS_H
#define SPH_GATEWAY_ACCESS_GUESTS_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SPH_GUESTS_MAX = 128,           /* connections; more wait in the socket's queue */
    SPH_GUESTS_PATIENCE_MS = 30000, /* for a request, or an answer, of no length */
    SPH_GUESTS_RATE = 16384,        /* bytes that each further second is given for */
    /* With every place taken: who has not made a request that long goes. It is a few round trips
     * of a slow network. */
    SPH_GUESTS_GRACE_MS = 250,
    SPH_GUESTS_IDLE_MS = 1000, /* the same for one that is known, and for taking an answer */
};

struct sph_guest {
    struct sph_guest *next, *previous;
    int fd;               /* the library's */
    bool is_known;        /* has the token, or was answered before: strangers go before it */
    bool has_asked;       /* at least once */
    bool is_sent_to;      /* its answer is under way; else it is to make a request */
    bool is_paused;       /* waits for us: no time passes for it */
    bool is_dropped;      /* told to go; it is gone when the library notices */
    uint64_t since_ms;    /* it is waited for; bytes are as good as time, so it may lie ahead */
    uint64_t deadline_ms; /* UINT64_MAX: none */
    uint64_t paused_ms;   /* when that began */
};

struct sph_guests {
    struct sph_guest *first;
    unsigned count;
    unsigned newcomers;   /* of them have not asked yet */
    void (*drop)(int fd); /* ends the connection, at the latest when the library runs */
};

/* NULL without memory: then the connection must not be served. */
struct sph_guest *sph_guests_add(struct sph_guests *guests, int fd, uint64_t now_ms);
/* Takes NULL. */
void sph_guests_remove(struct sph_guests *guests, struct sph_guest *guest);

/* What happens to a guest's request. All but the first take NULL, which stands for the user's own
 * socket. asks: its line and headers are here, as far as they have been looked at. let_in: it is no
 * stranger. took: bytes of its body have come. pause, resume: for as long as it waits for us.
 * sends: the answer of that length begins; UINT64_MAX for one without end. waits: the answer is
 * out. */
void sph_guest_asks(struct sph_guests *guests, struct sph_guest *guest);
void sph_guest_let_in(struct sph_guest *guest);
void sph_guest_took(struct sph_guest *guest, uint64_t bytes);
void sph_guest_pause(struct sph_guest *guest, uint64_t now_ms);
void sph_guest_resume(struct sph_guest *guest, uint64_t now_ms);
void sph_guest_sends(struct sph_guest *guest, uint64_t bytes, uint64_t now_ms);
void sph_guest_waits(struct sph_guest *guest, uint64_t now_ms);

/* Drops those whose time is over. Milliseconds until the next one's may be, or 0 when none has a
 * time. */
uint64_t sph_guests_hurry(struct sph_guests *guests, uint64_t now_ms);

#endif
