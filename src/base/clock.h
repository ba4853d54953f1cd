/* clock: monotonic and wall time in plain integers. */
#ifndef SPH_BASE_CLOCK_H
#define SPH_BASE_CLOCK_H

#include <stdint.h>

/* Since boot, for intervals: never set back, does not count suspend. */
uint64_t sph_clock_monotonic_ns(void);
uint64_t sph_clock_monotonic_ms(void);
uint64_t sph_clock_wall_ms(void); /* since 1970, UTC */

enum { SPH_CLOCK_TEXT = 48 };
/* "2026-11-22T12:30:01.123Z"; returns ret_text. */
char *sph_clock_format(uint64_t wall_ms, char ret_text[SPH_CLOCK_TEXT]);

#endif
