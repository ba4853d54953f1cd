/* heap_decide: whether the heap of a run is tracked, and if not, for which reason. */
#ifndef SPH_AGENT_PROCESS_HEAP_DECIDE_H
#define SPH_AGENT_PROCESS_HEAP_DECIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/msg_heap.h"

/* The conditions of the original's document, and one of ours. */
struct sph_heap_question {
    bool has_capability;  /* HeapMemStats in the manifest */
    bool has_library;     /* libmalloc.so.0 at the package's root */
    bool is_asked;        /* by who starts it, for this run: needs neither of the two */
    bool is_development;  /* the device's mode */
    bool is_debugged;     /* under a debugger */
    uint32_t api_version; /* TargetApplicationRuntimeVersion; 0: the package does not say */
};

/* SPH_HEAP_TRACKED, or the first thing that is missing, in the order in which people would put it
 * right: the package first, then the device, then the way of starting. */
enum sph_heap_state sph_heap_decide(const struct sph_heap_question *question);

#endif
