/* Comparing is arithmetic on bounded numbers, without a device: a budget, a run and a baseline
 * give one verdict a rule. A limit is looked at first, since it holds whatever was stored. A figure
 * that is not known is never within. */
#include "cli/report/budget.h"

#include <stdio.h>
#include <string.h>

enum { HEADROOM_PERCENT = 10, PAGE_UNIT = 4096, HEAP_UNIT = 256 };

bool sph_budget_names_heap(const struct sph_budget *budget) {
    for (unsigned i = 0; i < budget->count; i++)
        if (budget->rules[i].figure >= SPH_FIGURE_HEAP_PEAK)
            return true;
    return false;
}

bool sph_budget_limits_growth(const struct sph_budget *budget) {
    for (unsigned i = 0; i < budget->count; i++)
        if (budget->rules[i].growth != SPH_GROWTH_ANY)
            return true;
    return false;
}

static const struct sph_measured *find_library(const struct sph_measure *measure,
                                               const char *name) {
    for (unsigned i = 0; i < measure->n_libraries; i++)
        if (strcmp(measure->libraries[i].name, name) == 0)
            return &measure->libraries[i].peak;
    return NULL;
}

struct sph_measured sph_measure_find(const struct sph_measure *measure,
                                     const struct sph_budget_rule *rule) {
    if (rule->figure != SPH_FIGURE_LIBRARY)
        return measure->figures[rule->figure];
    const struct sph_measured *found = find_library(measure, rule->library);
    if (found)
        return *found;
    struct sph_measured none = measure->figures[SPH_FIGURE_HEAP_PEAK];
    none.bytes = 0;
    return none;
}

/* What the baseline allows; no sum here passes 2^64 (SPH_BUDGET_BYTES_MAX). */
static uint64_t most_after(const struct sph_budget_rule *rule, uint64_t baseline) {
    if (rule->growth == SPH_GROWTH_PERCENT)
        return baseline + baseline * rule->growth_most / 100;
    return baseline + rule->growth_most;
}

static enum sph_verdict judge(const struct sph_check_row *row) {
    const struct sph_budget_rule *rule = row->rule;
    if (!row->value.is_known)
        return SPH_VERDICT_NOT_MEASURED;
    if (rule->has_limit && row->value.bytes > rule->limit_bytes)
        return SPH_VERDICT_OVER_LIMIT;
    if (rule->growth == SPH_GROWTH_ANY)
        return SPH_VERDICT_WITHIN;
    if (!row->has_baseline)
        return SPH_VERDICT_NO_BASELINE;
    return row->value.bytes > most_after(rule, row->baseline_bytes) ? SPH_VERDICT_GREW
                                                                    : SPH_VERDICT_WITHIN;
}

/* A caller that the baseline does not have is new, not of 0 bytes. */
static void look_back(const struct sph_measure *baseline, struct sph_check_row *row) {
    const struct sph_measured *before = row->rule->figure == SPH_FIGURE_LIBRARY
                                            ? find_library(baseline, row->rule->library)
                                            : &baseline->figures[row->rule->figure];
    row->has_baseline = before && before->is_known;
    row->baseline_bytes = row->has_baseline ? before->bytes : 0;
}

void sph_budget_compare(const struct sph_budget *budget, const struct sph_measure *measure,
                        const struct sph_measure *baseline, struct sph_check_row *rows) {
    for (unsigned i = 0; i < budget->count; i++) {
        struct sph_check_row row = {.rule = &budget->rules[i]};
        row.value = sph_measure_find(measure, row.rule);
        if (baseline)
            look_back(baseline, &row);
        row.verdict = judge(&row);
        rows[i] = row;
    }
}

static void propose(const struct sph_measured *value, struct sph_budget_rule rule, uint64_t unit,
                    struct sph_budget *budget) {
    if (!value->is_known || value->bytes > SPH_BUDGET_BYTES_MAX / 2)
        return;
    uint64_t most = value->bytes + value->bytes * HEADROOM_PERCENT / 100;
    rule.has_limit = true;
    rule.limit_bytes = (most + unit - 1) / unit * unit;
    budget->rules[budget->count++] = rule;
}

void sph_budget_propose(const struct sph_measure *measure, struct sph_budget *ret_budget) {
    ret_budget->count = 0;
    for (unsigned i = 0; i < SPH_FIGURE_LIBRARY; i++) {
        const struct sph_budget_rule rule = {.figure = (enum sph_figure)i};
        propose(&measure->figures[i], rule, i == SPH_FIGURE_HEAP_PEAK ? HEAP_UNIT : PAGE_UNIT,
                ret_budget);
    }
    for (unsigned i = 0; i < measure->n_libraries; i++) {
        struct sph_budget_rule rule = {.figure = SPH_FIGURE_LIBRARY};
        (void)snprintf(rule.library, sizeof(rule.library), "%s", measure->libraries[i].name);
        propose(&measure->libraries[i].peak, rule, HEAP_UNIT, ret_budget);
    }
}
