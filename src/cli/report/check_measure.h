/* check_measure: the figures of a run, out of what the device says of it. */
#ifndef SPH_CLI_REPORT_CHECK_MEASURE_H
#define SPH_CLI_REPORT_CHECK_MEASURE_H

#include <stdbool.h>

#include "base/json_in.h"
#include "cli/report/budget.h"

/* What was read while it still ran, right before it was asked to stop; each may be NULL. */
struct sph_check_sight {
    const struct sph_json_value *memory; /* GET /spherule/v1/memory */
    const struct sph_json_value *heap;   /* GET /spherule/v1/heap/{id} */
};

/* Whether the application ended because it was asked to: what it held is then what `sight` says,
 * not what was left at the end of its tidying up. */
bool sph_check_was_stopped(const struct sph_json_value *report);

/* Pure; any checked JSON will do: a figure that is not there is not known. Callers are sorted by
 * name. `with_heap`: heap figures were asked for. */
void sph_check_measure(const struct sph_json_value *report, const struct sph_check_sight *sight,
                       uint64_t package_bytes, bool with_heap, struct sph_measure *ret_measure);

#endif
