/* report: the story of how an app ended, put together from what was seen at its last moment. */
#ifndef SPH_AGENT_APP_REPORT_H
#define SPH_AGENT_APP_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/app/lifecycle.h"
#include "agent/process/heap_report.h"
#include "agent/process/mapping.h"
#include "agent/trace/tracer.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/guid.h"
#include "meter/meter.h"
#include "wire/msg_report.h"

/* What decides why an app ended. */
struct sph_end_signs {
    int status;         /* of its first process, as for waitpid */
    bool start_failed;  /* it never ran; status says nothing */
    bool stop_asked;    /* SIGTERM was sent by the agent */
    bool grace_over;    /* and SIGKILL after it */
    bool debugged;      /* a debugger held it: no signal of it was seen, only its end */
    bool debugger_died; /* by a signal: registers and breakpoints of the app were left anyhow */
    bool over_ration;   /* the meter killed one of its processes, or told the agent to */
    bool has_fault;     /* a signal was delivered that could end it; the last one is `fault` */
    struct sph_fault fault;
};

/* One of the two numbers has a meaning, by the reason; the other is 0. */
struct sph_end_verdict {
    enum sph_end_why why;
    uint32_t exit_code; /* of a process that exited */
    uint32_t signal;    /* that ended it; 0 = none */
};

/* The ration goes before all else, then what the agent itself has done, then what the app has done
 * to itself. */
void sph_report_judge(const struct sph_end_signs *signs, struct sph_end_verdict *ret_verdict);
/* True when the device starts such an app again: it ended, and nobody had asked it to. */
bool sph_report_is_unexpected(enum sph_end_why why);

/* One growth of User with the stack that did it. */
struct sph_growth {
    bool is_known;
    uint64_t user_bytes;   /* of the group, with this growth */
    uint64_t growth_bytes; /* of this one change */
    uint64_t time_ns;      /* monotonic */
    pid_t tgid, tid;
    bool shared; /* shared memory grew, not anonymous */
    unsigned n_stack;
    uint64_t stack[SPH_METER_STACK_MAX];
};
void sph_growth_take(struct sph_growth *growth, const struct sph_meter_event *event);
/* Of one that crossed the limit: user_bytes is then what stands against it. */
void sph_growth_take_crossing(struct sph_growth *growth, const struct sph_meter_event *event);

/* Beside a heap there is room for fewer rows: all of a report fits one frame. */
enum { SPH_REPORT_MAPPINGS_WITH_HEAP = 128 };

/* A row of the page map that outlives the process. */
struct sph_kept_row {
    struct sph_msg_mapping row; /* its path points to `path` once the array stands still */
    char path[SPH_MAPPING_PATH];
};

/* All that is known of one end. Filled at three moments: identity at the start, growth and faults
 * while it runs, figures and rows at the exit stop, the rest when it is over. Pointers without
 * 'owned' belong to the session. */
struct sph_report_facts {
    uint64_t number; /* that the kill store gives it */
    struct sph_guid component, image;
    const char *name;
    uint64_t wall_ms, uptime_ms, run_ms;
    uint64_t device_start_ns; /* monotonic: growth times are told as uptime */
    pid_t pid;
    bool will_restart;
    struct sph_end_signs signs;
    struct sph_end_verdict verdict;
    uint64_t limit_bytes;
    bool has_figures; /* false when the process could not be looked at before it was gone */
    struct sph_memory_figures figures;
    bool has_own;
    struct sph_memory_figures own; /* of the figures what this app held; user and total alone */
    const char *user_how;          /* static storage */
    struct sph_growth crossing, last_growth;
    bool has_crossing_address;
    uint64_t crossing_address; /* that the thread asked the refused page for */
    struct sph_kept_row *rows; /* SPH_REPORT_MAPPINGS_MAX at most; owned */
    size_t n_rows;
    unsigned rows_dropped;
    const char *pages_how; /* static storage; NULL when there is no page map */
    enum sph_heap_state heap_state;
    struct sph_heap_report *heap; /* of the process that ended; NULL: not tracked; owned */
};

/* Pure: the message's bytes, appended to `out`. `log` are the app's last lines. */
int sph_report_encode(struct sph_report_facts *facts, struct sph_slice log, struct sph_buf *out,
                      struct sph_err *err);
void sph_report_facts_done(struct sph_report_facts *facts);

#endif
