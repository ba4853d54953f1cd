/* report: how an application ended, in words: why, the figures at that instant, the pages, the
 * stack. */
#ifndef SPH_CLI_REPORT_H
#define SPH_CLI_REPORT_H

#include "base/buf.h"
#include "base/json_in.h"

/* The answer of GET /spherule/v1/kills/{n} as text. Pure. */
void sph_report_write(const struct sph_json_value *report, struct sph_buf *buf);
/* One sentence: "it went over its ration of 262144 bytes". */
void sph_report_write_reason(const struct sph_json_value *report, struct sph_buf *buf);
/* Whether more than the figures is worth showing: everything but a good end. */
bool sph_report_is_failure(const struct sph_json_value *report);

#endif
