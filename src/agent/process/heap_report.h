/* heap_report: a ledger's content as people get it: callers and call sites, in order. */
#ifndef SPH_AGENT_PROCESS_HEAP_REPORT_H
#define SPH_AGENT_PROCESS_HEAP_REPORT_H

#include <sys/types.h>

#include "agent/process/heap.h"

/* What the message points to is owned by this: about 600 KiB while it lives. */
struct sph_heap_report {
    struct sph_msg_heap heap;
    struct sph_msg_heap_caller callers[SPH_HEAP_CALLERS_MAX];
    struct sph_msg_heap_site sites[SPH_HEAP_SITES_MAX];
    uint64_t stacks[SPH_HEAP_STACKS_MAX][SPH_LEDGER_STACK_DEPTH];
    struct sph_ledger_summary summary;
    uint8_t caller_of[SPH_LEDGER_OWNERS]; /* index into callers, by owner */
};

struct sph_heap_report_plan {
    pid_t pid;
    pid_t reader;       /* a thread of it that has its memory yet; 0: resident bytes are not told */
    unsigned sites_max; /* at most SPH_HEAP_SITES_MAX; 0: callers only */
    uint64_t uptime_ms;
};

/* Always gives a report, of a process without a ledger one with the reason. NULL: no memory. */
struct sph_heap_report *sph_heap_report_make(struct sph_heap *heap,
                                             const struct sph_heap_report_plan *plan);
void sph_heap_report_free(struct sph_heap_report *report); /* takes NULL */
/* The same from a region; no I/O but the look at the process's pages. */
void sph_heap_report_fill(const struct sph_ledger_view *view,
                          const struct sph_heap_report_plan *plan, struct sph_heap_report *report);
/* The block that an address lies in, if there is one: the one whose page was refused. */
void sph_heap_report_crossing(const struct sph_ledger_view *view, uint64_t address,
                              struct sph_heap_report *report);

#endif
