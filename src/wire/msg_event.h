/* msg_event: what the device tells without being asked, to those that subscribed.
 *
 * One flat record for all kinds: absent fields cost nothing on the wire, and a client reads an
 * event of a kind it does not know as far as it can. A record per kind was rejected: each new kind
 * would need a new message at both ends. */
#ifndef SPH_WIRE_MSG_EVENT_H
#define SPH_WIRE_MSG_EVENT_H

#include "base/guid.h"
#include "wire/codec.h"

/* What happened; in brackets the fields that an event of that kind has over the common ones. */
enum sph_event_kind {
    SPH_EVENT_APP_INSTALLED = 1,
    SPH_EVENT_STARTED = 2,  /* pid, restarts */
    SPH_EVENT_OUTPUT = 3,   /* stream, text */
    SPH_EVENT_NEW_PEAK = 4, /* figures */
    SPH_EVENT_ENDED = 5,    /* why, exit_code, signal, report_id, figures; every end */
    SPH_EVENT_STOPPED = 6,  /* after an end: the app is not started again */
    SPH_EVENT_DELETED = 7,
    SPH_EVENT_GPIO = 8,           /* pin, value */
    SPH_EVENT_AGENT_STOPPING = 9, /* the last one of this boot */
    SPH_EVENT_STORAGE_WEAR = 10,  /* writes to blocks_erased; text: the warning, if it is one */
};

/* Of SPH_EVENT_OUTPUT: which descriptor of the app, and how much goes into one event. */
enum {
    SPH_EVENT_STDOUT = 1,
    SPH_EVENT_STDERR = 2,
    SPH_EVENT_TEXT_MAX =
        4096, /* bytes of output in one event: PIPE_BUF, what a pipe keeps together */
};

/* Fields that a kind does not have are zero and not on the wire. */
struct sph_msg_event {
    uint64_t seq;          /* 1, 2, … within one boot, without gaps: a gap was lost on the way */
    uint64_t wall_ms;      /* since 1970, UTC; jumps when the clock is set */
    uint64_t monotonic_ns; /* CLOCK_MONOTONIC of the agent's machine: for differences */
    uint32_t kind;         /* enum sph_event_kind */
    struct sph_guid component; /* zero for events of the device as a whole */
    struct sph_slice name;     /* of that app */
    uint32_t pid;              /* of its first process, as the device sees it */
    uint32_t stream;           /* SPH_EVENT_STDOUT or SPH_EVENT_STDERR */
    struct sph_slice text;     /* any bytes: an app may write half a character */
    uint64_t user_bytes, peak_user_bytes, total_bytes, limit_bytes; /* of the group */
    uint64_t report_id;         /* of the report of this end; 0 = none was kept */
    uint32_t why;               /* enum sph_end_why */
    uint32_t exit_code, signal; /* as in sph_msg_report */
    uint32_t restarts;          /* by the device, since a person or a boot started the app */
    uint64_t restart_delay_ms;  /* of an end: when it is started again; with will_restart */
    bool will_restart;
    uint32_t pin, value; /* the level after the change, 0 or 1 */
    uint64_t writes, idle_writes, bytes_written, blocks_erased; /* as in sph_msg_quota_reply */
};

/* Events after this one are sent again as far as the device keeps them, then every new one, as
 * event frames with the id of this request. A second subscription on a connection replaces the
 * first. */
struct sph_msg_events {
    bool has_after; /* without it: new ones only */
    uint64_t after_seq;
    bool hold; /* apps wait with their output while this client owes acknowledgements of some
                  events, but not for ever when it acknowledges nothing */
};

/* The client has done with all events up to this one. Older ones than said before change nothing:
 * acknowledgements may overtake one another. */
struct sph_msg_events_ack {
    uint64_t seq; /* of this boot */
};

/* Tells a client whether anything lies between what it asked for and what it can still get. */
struct sph_msg_events_reply {
    uint64_t last_seq;   /* the newest there is; 0 = none yet */
    uint64_t oldest_seq; /* the oldest that is kept */
};

extern const struct sph_codec sph_msg_event_codec;
extern const struct sph_codec sph_msg_events_codec;
extern const struct sph_codec sph_msg_events_ack_codec;
extern const struct sph_codec sph_msg_events_reply_codec;

#endif
