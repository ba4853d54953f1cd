/* report: how an application ended, in words: why, the figures at that instant, the pages, the
 * stack. */
#ifndef SPH_CLI_REPORT_REPORT_H
#define SPH_CLI_REPORT_REPORT_H

#include "base/buf.h"
#include "base/json_in.h"
#include "cli/report/heap.h"

/* Appends the answer of GET /spherule/v1/kills/{n} as text: heading, figures and, unless the end
 * was a good one, pages, stacks and last lines. Pure. Any checked JSON value will do: what is
 * absent or of a wrong type is left out. Control characters of the device's texts become '?'. */
void sph_report_write(const struct sph_json_value *report, struct sph_buf *buf);
/* The same with its heap, whose call sites may have been named; NULL: it has none. */
void sph_report_write_with(const struct sph_json_value *report, const struct sph_heap *heap,
                           struct sph_buf *buf);
/* The heap of a report, to be freed; NULL when it has none. */
struct sph_heap *sph_report_heap(const struct sph_json_value *report);
/* Half a sentence, to follow a name: "it went over its ration of 262144 bytes". */
void sph_report_write_reason(const struct sph_json_value *report, struct sph_buf *buf);
/* Whether more than the figures is worth showing: everything but a good end. */
bool sph_report_is_failure(const struct sph_json_value *report);

#endif
