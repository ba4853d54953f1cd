/* crossing: the address at which a thread asked for the page that the ration refused. */
#ifndef SPH_AGENT_TRACE_CROSSING_H
#define SPH_AGENT_TRACE_CROSSING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/trace/fault_address.h"

/* The page is there at the thread's exit stop, and still all zero unless the kernel has written to
 * it: an instruction that was killed has not. */

enum { SPH_CROSSING_E_UNKNOWN = 1 };

/* What is known of one page that the thread may have asked for. */
struct sph_crossing_page {
    uint64_t address; /* the first byte in it that was to be touched */
    bool is_counted;  /* it is there, and of the kind that grew */
    bool is_zero;
    bool is_written; /* by the first of the instruction's ranges */
};
/* Pure: the one of an instruction's pages that it died at; NULL when it cannot be told. */
const struct sph_crossing_page *sph_crossing_choose(const struct sph_crossing_page *pages,
                                                    size_t n_pages);

struct sph_crossing_question {
    pid_t tid;           /* stopped at its exit */
    bool shared;         /* shared memory grew, not anonymous */
    uint64_t more_bytes; /* that User grew after the crossing, by this thread */
};
/* 0, SPH_CROSSING_E_UNKNOWN, or a negative errno when the thread cannot be looked at. */
int sph_crossing_find(const struct sph_crossing_question *question, uint64_t *ret_address);

#endif
