/* clock: monotonic and wall time in plain integers.
 *
 * Intervals are measured with the first, what people read is made from the second: a device may set
 * its wall clock by hours when it finds the network. */
#ifndef SPH_BASE_CLOCK_H
#define SPH_BASE_CLOCK_H

#include <stdint.h>

/* Since boot, for intervals: never set back, does not count suspend. */
uint64_t sph_clock_monotonic_ns(void);
uint64_t sph_clock_monotonic_ms(void);
uint64_t sph_clock_wall_ms(void); /* since 1970, UTC */

/* Bytes with NUL: 25 until the year 9999, and room for the year of any uint64_t. */
enum { SPH_CLOCK_TEXT = 48 };
/* "2026-11-22T12:30:01.123Z"; returns ret_text. */
char *sph_clock_format(uint64_t wall_ms, char ret_text[SPH_CLOCK_TEXT]);

#endif
