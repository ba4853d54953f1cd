/* pagemap_source: resident pages of an open /proc/PID/pagemap, as ranges, by the kernel's two ways.
 */
#ifndef SPH_METER_PAGEMAP_SOURCE_H
#define SPH_METER_PAGEMAP_SOURCE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "meter/pagemap.h"

/* Resident, not the page of zeroes; is_file: of a file or of shared memory. Ascending. */
typedef void sph_pagemap_fn(void *context, uint64_t start, uint64_t end, bool is_file);

/* PAGEMAP_SCAN over the whole address space. -ENOTTY where the kernel has it not, -ESRCH. */
int sph_pagemap_scan(int pagemap_fd, sph_pagemap_fn *fn, void *context);
/* The frame of the kernel's page of zeroes, as one that the caller only reads is given it; 0 when
 * frames are hidden from the caller (all but root). */
uint64_t sph_pagemap_zero_frame(void);
/* Word by word over [start, end). Without the zero frame, pages of zeroes come as anonymous. */
int sph_pagemap_words(int pagemap_fd, uint64_t zero_frame, uint64_t start, uint64_t end,
                      sph_pagemap_fn *fn, void *context);

/* sph_pagemap_read() by a stated way; with SCAN, -ENOTTY where the kernel has it not. */
enum sph_pagemap_method { SPH_PAGEMAP_BY_ANY, SPH_PAGEMAP_BY_SCAN, SPH_PAGEMAP_BY_WORDS };
int sph_pagemap_read_by(pid_t pid, enum sph_pagemap_method method, struct sph_pagemap *ret_map,
                        struct sph_err *err);
/* Files a range into the reader's mappings (context is the reader). */
sph_pagemap_fn sph_pagemap_add;

#endif
