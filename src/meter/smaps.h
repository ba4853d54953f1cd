/* smaps: what the page tables say a process holds, for checking the meter.
 *
 * /proc/PID/status has the same figures from the counters that the meter is fed from, so they could
 * not prove it right; statm even lags behind them. */
#ifndef SPH_METER_SMAPS_H
#define SPH_METER_SMAPS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"

/* Bytes, by walking the page tables: no counter is involved. */
struct sph_smaps {
    uint64_t rss;       /* all that is resident, of files too */
    uint64_t anonymous; /* private pages that were written */
    uint64_t shmem; /* resident pages of shared memory that are not anonymous; 0 from a rollup */
    uint64_t swap;
};

/* Pure: the text of smaps_rollup. 0 or -EBADMSG. */
int sph_smaps_parse_rollup(const char *text, size_t len, struct sph_smaps *ret_sums) SPH_MUST_USE;

/* 0; -ESRCH when the process is gone or has no memory any more. */
int sph_smaps_read_rollup(pid_t pid, struct sph_smaps *ret_sums, struct sph_err *err);
/* As the rollup, and the shared memory by mapping (slower: the whole of smaps is read). */
int sph_smaps_read(pid_t pid, struct sph_smaps *ret_sums, struct sph_err *err);

#endif
