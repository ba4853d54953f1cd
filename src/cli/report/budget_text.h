/* budget_text: the result of a check as a table, as Markdown and as JUnit XML, and the files that a
 * check writes. */
#ifndef SPH_CLI_REPORT_BUDGET_TEXT_H
#define SPH_CLI_REPORT_BUDGET_TEXT_H

#include "base/buf.h"
#include "cli/report/budget.h"
#include "cli/text/table.h"

/* The application's end, as far as it says something about the budget. */
enum sph_check_end { SPH_CHECK_ENDED_WELL, SPH_CHECK_WENT_OVER, SPH_CHECK_FAILED };

/* Everything is borrowed. Nothing in it is of this run alone (no times, no ids): the texts of two
 * runs with the same figures are the same bytes. */
struct sph_check_result {
    const char *name; /* of the application; printable */
    enum sph_check_end end;
    const char *end_text; /* half a sentence: "it exited with status 0" */
    const struct sph_check_row *rows;
    unsigned count;
};

/* All append. */
void sph_check_fill(const struct sph_check_result *result, struct sph_table *table);
/* A line for each figure that is not exact, not known or without baseline: "NAME is not exact: …".
 */
void sph_check_write_notes(const struct sph_check_result *result, const char *lead,
                           struct sph_buf *buf);
void sph_check_write_markdown(const struct sph_check_result *result, struct sph_buf *buf);
void sph_check_write_junit(const struct sph_check_result *result, struct sph_buf *buf);

/* Stable bytes: the order is the budget's, one figure a line. */
void sph_baseline_write(const struct sph_check_row *rows, unsigned count, struct sph_buf *buf);
void sph_budget_write(const struct sph_budget *budget, struct sph_buf *buf);

/* The columns of sph_check_fill(). */
extern const struct sph_column sph_check_columns[];
/* "Peak User", "Heap: curl"; returns ret_name (80 bytes will do). */
const char *sph_budget_rule_name(const struct sph_budget_rule *rule, char *ret_name, size_t size);
/* Whether any row is over. */
bool sph_check_is_over(const struct sph_check_result *result);
/* Whether any row could not be judged. */
bool sph_check_is_undecided(const struct sph_check_result *result);

#endif
