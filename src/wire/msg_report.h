/* msg_report: what an application's end leaves behind; also the form in which the device stores it.
 *
 * Since reports are kept over updates of the agent, the rule that a tag is for ever binds here even
 * where both ends of a connection are of one version. */
#ifndef SPH_WIRE_MSG_REPORT_H
#define SPH_WIRE_MSG_REPORT_H

#include "base/guid.h"
#include "wire/codec.h"

/* Why an app ended. Decided by the agent from what it did itself (ration, stop, grace time) and
 * from what the kernel says of the process. */
enum sph_end_why {
    SPH_END_UNKNOWN = 0,
    SPH_END_RATION = 1,          /* killed at the page that crosses the RAM limit */
    SPH_END_CRASH = 2,           /* by a signal of its own making: SIGSEGV, SIGABRT, … */
    SPH_END_KILLED = 3,          /* by a signal from elsewhere */
    SPH_END_EXIT = 4,            /* exit code is set; an app is not expected to exit */
    SPH_END_STOPPED = 5,         /* asked to by SIGTERM and obeyed */
    SPH_END_SIGTERM_IGNORED = 6, /* asked to, did not, SIGKILL after the grace time */
    SPH_END_START_FAILED = 7,    /* never reached its first instruction; `log` says why */
};

/* What a report may take: all of it fits one frame. */
enum {
    SPH_REPORT_STACK_MAX = 64,     /* addresses in a stack: deeper is recursion, the top says it */
    SPH_REPORT_MAPPINGS_MAX = 256, /* more are counted in mappings_dropped */
    SPH_REPORT_LOG_MAX = 4096,     /* bytes of last log lines */
};

/* A figure that could not be had has its `has_` false (or its `how` empty) and is 0. */
struct sph_msg_report {
    uint64_t id; /* 1, 2, … over the device's life */
    struct sph_guid component, image;
    struct sph_slice name;
    uint64_t wall_ms;   /* of the end, since 1970 */
    uint64_t uptime_ms; /* of the device, at the end */
    uint64_t run_ms;    /* how long the app had run */
    uint32_t pid;       /* of its first process */
    uint32_t why;       /* enum sph_end_why */
    uint32_t exit_code; /* of SPH_END_EXIT and SPH_END_STOPPED */
    uint32_t signal;    /* that ended it; 0 = none */
    bool will_restart;  /* the device meant to start it again, then */
    /* the three figures at that instant, without the page that crossed */
    uint64_t limit_bytes, user_bytes, peak_user_bytes, total_bytes, kernel_bytes;
    bool user_exact, kernel_exact;         /* as in sph_msg_memory_reply */
    struct sph_slice user_how, kernel_how; /* the sources, "kmem:rss_stat" */
    /* the growth that crossed the limit */
    bool has_crossing;
    uint64_t crossing_user_bytes; /* User with that page: over the limit */
    bool has_fault_address, has_pc;
    uint64_t fault_address, pc; /* of the crossing, or of a crash */
    struct sph_slice stack;     /* list of u64, innermost first */
    struct sph_slice stack_how; /* "registers at the signal"; empty without a stack */
    /* the last new peak before the end */
    bool has_growth;
    uint64_t growth_user_bytes; /* User after it */
    uint64_t growth_uptime_ms;
    struct sph_slice growth_stack; /* list of u64 */
    /* what the pages held */
    struct sph_list mappings;  /* struct sph_msg_mapping */
    uint32_t mappings_dropped; /* with resident pages, over the limit of the list */
    struct sph_slice pages_how;
    struct sph_slice log;  /* last lines, whole ones where they fit */
    uint32_t heap_state;   /* enum sph_heap_state */
    struct sph_list heaps; /* struct sph_msg_heap: of the process that ended; one at most */
    bool has_own;
    uint64_t own_user_bytes, own_total_bytes; /* of the figures above what this app held */
};

/* One row of KILLS_LIST: of a report what fits a line. Fields as in sph_msg_report. */
struct sph_msg_report_row {
    uint64_t id;
    struct sph_guid component;
    struct sph_slice name;
    uint64_t wall_ms;
    uint32_t why, exit_code, signal;
    uint64_t limit_bytes, user_bytes, peak_user_bytes, total_bytes;
};

/* KILLS_LIST and KILLS_CLEAR. */
struct sph_msg_kills {
    struct sph_guid component; /* zero = of every app */
};

/* As many rows as fit a frame; the store keeps fewer than that. */
struct sph_msg_kills_reply {
    struct sph_list reports; /* struct sph_msg_report_row, oldest first */
    uint64_t dropped;        /* older reports that gave way to newer ones */
};

/* KILL_GET. */
struct sph_msg_report_id {
    uint64_t id;
};

/* How many reports are gone. */
struct sph_msg_count_reply {
    uint64_t count;
};

extern const struct sph_codec sph_msg_report_codec;
extern const struct sph_codec sph_msg_report_row_codec;
extern const struct sph_codec sph_msg_kills_codec;
extern const struct sph_codec sph_msg_kills_reply_codec;
extern const struct sph_codec sph_msg_report_id_codec;
extern const struct sph_codec sph_msg_count_reply_codec;

#endif
