/* Any bytes as a budget, as a baseline and as a device's answer: what is taken is written again as
 * a file that is taken, and no text has a control character. */
#include <stdint.h>
#include <string.h>

#include "cli/report/budget_text.h"
#include "cli/report/check_measure.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_for_control(const struct sph_buf *buf) {
    for (size_t i = 0; i < buf->len; i++)
        if ((unsigned char)buf->data[i] < 32 && buf->data[i] != '\n')
            __builtin_trap();
}

static void show(const struct sph_budget *budget, const struct sph_measure *measure) {
    static struct sph_check_row rows[SPH_BUDGET_RULES_MAX];
    static struct sph_measure again;
    sph_budget_compare(budget, measure, measure, rows);
    const struct sph_check_result result = {
        .name = "app", .end_text = "it ended", .rows = rows, .count = budget->count};
    sph_autobuf struct sph_buf markdown = SPH_BUF_NULL;
    sph_autobuf struct sph_buf junit = SPH_BUF_NULL;
    sph_check_write_markdown(&result, &markdown);
    sph_check_write_junit(&result, &junit);
    look_for_control(&markdown);
    look_for_control(&junit);
    sph_autobuf struct sph_buf baseline = SPH_BUF_NULL;
    sph_baseline_write(rows, budget->count, &baseline);
    if (sph_baseline_parse(baseline.data, baseline.len, &again, NULL) < 0)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct sph_budget budget, proposed;
    static struct sph_measure measure;
    const char *text = (const char *)data;
    struct sph_json_value top;
    memset(&measure, 0, sizeof(measure));
    bool is_budget = sph_budget_parse(text, size, &budget, NULL) == 0;
    if (is_budget)
        show(&budget, &measure);
    if (sph_baseline_parse(text, size, &measure, NULL) == 0 && is_budget)
        show(&budget, &measure);
    if (sph_json_check(text, size, &top, NULL) < 0)
        return 0;
    const struct sph_check_sight sight = {&top, &top};
    sph_check_measure(&top, &sight, size, true, &measure);
    sph_budget_propose(&measure, &proposed);
    show(&proposed, &measure);
    return 0;
}
