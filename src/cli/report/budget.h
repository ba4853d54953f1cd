/* budget: what an application may hold, figure by figure, and how a measured run compares. */
#ifndef SPH_CLI_REPORT_BUDGET_H
#define SPH_CLI_REPORT_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* In the order in which they are shown and written. */
enum sph_figure {
    SPH_FIGURE_PEAK_USER,
    SPH_FIGURE_USER,
    SPH_FIGURE_TOTAL,
    SPH_FIGURE_FLASH,
    SPH_FIGURE_HEAP_PEAK,
    SPH_FIGURE_LIBRARY, /* of a caller's heap, by its name */
};

enum {
    SPH_BUDGET_LIBRARIES_MAX = 64, /* the device tells no more callers */
    SPH_BUDGET_RULES_MAX = SPH_FIGURE_LIBRARY + SPH_BUDGET_LIBRARIES_MAX,
    SPH_BUDGET_NAME = 64, /* bytes of a caller's name, NUL included */
};
#define SPH_BUDGET_BYTES_MAX ((uint64_t)1 << 40) /* sums and percents of it stay below 2^64 */
#define SPH_BUDGET_PERCENT_MAX 10000

enum sph_growth { SPH_GROWTH_ANY, SPH_GROWTH_BYTES, SPH_GROWTH_PERCENT };

struct sph_budget_rule {
    enum sph_figure figure;
    char library[SPH_BUDGET_NAME]; /* "" unless the figure is one's */
    bool has_limit;
    uint64_t limit_bytes;
    enum sph_growth growth;
    uint64_t growth_most; /* bytes or percent */
};

/* In the order of enum sph_figure, callers by name: whatever the file's order was. */
struct sph_budget {
    unsigned count;
    struct sph_budget_rule rules[SPH_BUDGET_RULES_MAX];
};

/* One figure of a run, or of a baseline. */
struct sph_measured {
    bool is_known;
    bool is_exact;
    uint64_t bytes;
    char how[160]; /* when not exact: where it is from; when not known: why not */
};

struct sph_measured_library {
    char name[SPH_BUDGET_NAME];
    struct sph_measured peak;
};

struct sph_measure {
    struct sph_measured figures[SPH_FIGURE_LIBRARY];
    unsigned n_libraries;
    struct sph_measured_library libraries[SPH_BUDGET_LIBRARIES_MAX];
};

enum sph_verdict {
    SPH_VERDICT_WITHIN,
    SPH_VERDICT_OVER_LIMIT,
    SPH_VERDICT_GREW,        /* more than the baseline allows */
    SPH_VERDICT_NO_BASELINE, /* growth is limited, and there is nothing to compare with */
    SPH_VERDICT_NOT_MEASURED,
};

struct sph_check_row {
    const struct sph_budget_rule *rule;
    struct sph_measured value;
    bool has_baseline;
    uint64_t baseline_bytes;
    enum sph_verdict verdict;
};

/* *ret_budget changes on success only. -EBADMSG with place and reason. Pure. */
int sph_budget_parse(const char *text, size_t len, struct sph_budget *ret_budget,
                     struct sph_err *err);
/* A stored baseline; its figures are all exact unless it says so of one. */
int sph_baseline_parse(const char *text, size_t len, struct sph_measure *ret_baseline,
                       struct sph_err *err);
bool sph_budget_names_heap(const struct sph_budget *budget);
bool sph_budget_limits_growth(const struct sph_budget *budget);

/* `baseline` may be NULL. `rows` has room for budget->count. */
void sph_budget_compare(const struct sph_budget *budget, const struct sph_measure *measure,
                        const struct sph_measure *baseline, struct sph_check_row *rows);
/* The figure of a rule; a caller that a tracked heap does not have holds nothing. */
struct sph_measured sph_measure_find(const struct sph_measure *measure,
                                     const struct sph_budget_rule *rule);
/* A budget that this run keeps, with headroom: a tenth, and up to whole pages (callers' heaps: to
 * 256 bytes). Figures that are not known get no rule. */
void sph_budget_propose(const struct sph_measure *measure, struct sph_budget *ret_budget);

/* Its key in the files ("peakUser"), and its name for people ("Peak User"). Not of a caller. */
const char *sph_figure_key(enum sph_figure figure);
const char *sph_figure_name(enum sph_figure figure);

#endif
