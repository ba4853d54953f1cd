/* heap_list: the ledgers that one answer tells of, kept until it is sent. */
#ifndef SPH_AGENT_REQUESTS_HEAP_LIST_H
#define SPH_AGENT_REQUESTS_HEAP_LIST_H

#include "agent/app/lifecycle.h"
#include "agent/process/heap_report.h"

/* Of all that one frame tells. What does not fit it is left out and counted: the smallest sites of
 * a process, and processes whose callers do not fit. */
enum { SPH_HEAP_LIST_CALLERS = 128, SPH_HEAP_LIST_SITES = 320, SPH_HEAP_LIST_STACKS = 48 };

struct sph_heap_list {
    struct sph_heap_report *reports[SPH_HEAP_PROCESSES_MAX];
    struct sph_msg_heap heaps[SPH_HEAP_PROCESSES_MAX]; /* as the message wants them */
    size_t count;
    size_t callers, sites, stacks;
    uint32_t dropped; /* processes */
};
#define SPH_HEAP_LIST_NULL                                                                         \
    { .count = 0 }

/* Of type sph_lifecycle_heap_fn; the context is the list. */
void sph_heap_list_add(void *context, struct sph_heap_report *report);
void sph_heap_list_done(struct sph_heap_list *list);

#endif
