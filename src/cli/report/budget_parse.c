/* The files are written by people and by merges: whatever is not understood is refused with its
 * place, since a rule that is passed over looks like one that is kept.
 *
 * A budget's member is a figure with a rule, a baseline's a figure with its bytes; both keep
 * callers' heaps in an object "heap". One walk over the figures serves both, and what differs is
 * the function that reads a value. */
#include "cli/report/budget.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/json_in.h"
#include "base/text.h"
#include "cli/image/package_file.h"

static const struct {
    const char *key, *name;
} figures[SPH_FIGURE_LIBRARY] = {
    [SPH_FIGURE_PEAK_USER] = {"peakUser", "Peak User"},
    [SPH_FIGURE_USER] = {"user", "User"},
    [SPH_FIGURE_TOTAL] = {"total", "Total"},
    [SPH_FIGURE_FLASH] = {"flash", "Flash"},
    [SPH_FIGURE_HEAP_PEAK] = {"heapPeak", "Heap Peak"},
};

const char *sph_figure_key(enum sph_figure figure) {
    return figures[figure].key;
}

const char *sph_figure_name(enum sph_figure figure) {
    return figures[figure].name;
}

/* A figure with its value, as it stands in a file. */
struct member {
    enum sph_figure figure;
    char library[SPH_BUDGET_NAME];
    struct sph_json_value value;
};

typedef int member_fn(void *context, const struct member *member, struct sph_err *err);

struct walk {
    const char *text;
    member_fn *fn;
    void *context;
    bool has[SPH_FIGURE_LIBRARY];
    bool has_heap;
};

static const char *show(const struct sph_json_value *key, char *shown, size_t size) {
    sph_text_printable(key->text, key->len, shown, size);
    return shown;
}

/* A name is shown in tables and in XML, so it has no control characters. */
static int read_name(const struct sph_json_value *key, char *name, struct sph_err *err) {
    char printable[SPH_BUDGET_NAME];
    if (sph_json_to_text(key, name, SPH_BUDGET_NAME) < 0 || *name == '\0')
        return SPH_FAIL(err, -EBADMSG, "a caller's name has 1 to %d bytes", SPH_BUDGET_NAME - 1);
    sph_text_printable(name, strlen(name), printable, sizeof(printable));
    if (strcmp(name, printable) != 0)
        return SPH_FAIL(err, -EBADMSG, "a caller's name has no control characters");
    return 0;
}

static int walk_heap(struct walk *walk, const struct sph_json_value *heap, struct sph_err *err) {
    struct sph_json_iter iter;
    struct sph_json_value key;
    struct member member = {.figure = SPH_FIGURE_LIBRARY};
    if (heap->type != SPH_JSON_OBJECT) {
        SPH_FAIL(err, -EBADMSG, "heap: not an object of callers such as \"curl\"");
        return sph_input_fail_at(walk->text, heap->offset, err);
    }
    sph_json_iter_init(&iter, heap);
    while (sph_json_next(&iter, &key, &member.value)) {
        int r = read_name(&key, member.library, err);
        if (r == 0)
            r = walk->fn(walk->context, &member, err);
        if (r < 0)
            return sph_input_fail_at(walk->text, member.value.offset, err);
    }
    return 0;
}

static int fail_unknown(const struct sph_json_value *key, const char *more, struct sph_err *err) {
    char shown[64];
    return SPH_FAIL(err, -EBADMSG,
                    "'%s' is no figure; there are peakUser, user, total, flash, heapPeak and "
                    "heap%s",
                    show(key, shown, sizeof(shown)), more);
}

static int walk_member(struct walk *walk, const struct sph_json_value *key,
                       const struct sph_json_value *value, const char *more, struct sph_err *err) {
    bool *has = sph_json_is(key, "heap") ? &walk->has_heap : NULL;
    struct member member = {.value = *value};
    for (size_t i = 0; !has && i < SPH_FIGURE_LIBRARY; i++)
        if (sph_json_is(key, figures[i].key)) {
            member.figure = (enum sph_figure)i;
            has = &walk->has[i];
        }
    int r = 0;
    char shown[64];
    if (!has)
        r = fail_unknown(key, more, err);
    else if (*has)
        r = SPH_FAIL(err, -EBADMSG, "%s: is there twice", show(key, shown, sizeof(shown)));
    else if (has == &walk->has_heap)
        r = 0;
    else
        r = walk->fn(walk->context, &member, err);
    if (r < 0)
        return sph_input_fail_at(walk->text, value->offset, err);
    *has = true;
    return has == &walk->has_heap ? walk_heap(walk, value, err) : 0;
}

static int open_object(const char *text, size_t len, const char *what, struct sph_json_iter *iter,
                       struct sph_err *err) {
    struct sph_json_value top;
    int r = sph_json_check(text, len, &top, err);
    if (r < 0)
        return -EBADMSG;
    if (top.type != SPH_JSON_OBJECT) {
        SPH_FAIL(err, -EBADMSG, "%s is a JSON object", what);
        return sph_input_fail_at(text, top.offset, err);
    }
    sph_json_iter_init(iter, &top);
    return 0;
}

/* ---- budget ---- */

/* Bytes as a number, or as with --ram. */
static int read_bytes(const struct sph_json_value *value, const char *what, uint64_t *ret_bytes,
                      struct sph_err *err) {
    char text[32];
    if (sph_json_to_u64(value, SPH_BUDGET_BYTES_MAX, ret_bytes) == 0)
        return 0;
    if (sph_json_to_text(value, text, sizeof(text)) == 0 &&
        sph_text_to_bytes(text, SPH_BUDGET_BYTES_MAX, ret_bytes) == 0)
        return 0;
    return SPH_FAIL(err, -EBADMSG,
                    "%s: not a size; write bytes, or \"64K\", or \"1M\", up to 1024G", what);
}

static int read_growth(const struct sph_json_value *value, struct sph_budget_rule *rule,
                       struct sph_err *err) {
    char text[32];
    size_t len = sph_json_to_text(value, text, sizeof(text)) == 0 ? strlen(text) : 0;
    if (len == 0 || text[len - 1] != '%') {
        rule->growth = SPH_GROWTH_BYTES;
        return read_bytes(value, "growth", &rule->growth_most, err);
    }
    text[len - 1] = '\0';
    rule->growth = SPH_GROWTH_PERCENT;
    if (sph_text_to_u64(text, SPH_BUDGET_PERCENT_MAX, &rule->growth_most) < 0)
        return SPH_FAIL(err, -EBADMSG, "growth: percents are whole, from \"0%%\" to \"%d%%\"",
                        SPH_BUDGET_PERCENT_MAX);
    return 0;
}

static int read_rule_member(const struct sph_json_value *key, const struct sph_json_value *value,
                            struct sph_budget_rule *rule, struct sph_err *err) {
    char shown[64];
    if (sph_json_is(key, "limit")) {
        if (rule->has_limit)
            return SPH_FAIL(err, -EBADMSG, "limit: is there twice");
        rule->has_limit = true;
        return read_bytes(value, "limit", &rule->limit_bytes, err);
    }
    if (sph_json_is(key, "growth")) {
        if (rule->growth != SPH_GROWTH_ANY)
            return SPH_FAIL(err, -EBADMSG, "growth: is there twice");
        return read_growth(value, rule, err);
    }
    return SPH_FAIL(err, -EBADMSG, "'%s' is no part of a rule; there are limit and growth",
                    show(key, shown, sizeof(shown)));
}

/* A size alone is a limit. */
static int read_rule(const struct sph_json_value *value, struct sph_budget_rule *rule,
                     struct sph_err *err) {
    struct sph_json_iter iter;
    struct sph_json_value key, part;
    if (value->type != SPH_JSON_OBJECT) {
        rule->has_limit = true;
        return read_bytes(value, "limit", &rule->limit_bytes, err);
    }
    sph_json_iter_init(&iter, value);
    while (sph_json_next(&iter, &key, &part)) {
        int r = read_rule_member(&key, &part, rule, err);
        if (r < 0)
            return r;
    }
    if (!rule->has_limit && rule->growth == SPH_GROWTH_ANY)
        return SPH_FAIL(err, -EBADMSG, "a rule has a limit, a growth or both");
    return 0;
}

static int add_rule(void *context, const struct member *member, struct sph_err *err) {
    struct sph_budget *budget = context;
    unsigned libraries = 0;
    for (unsigned i = 0; i < budget->count; i++) {
        if (budget->rules[i].figure != SPH_FIGURE_LIBRARY)
            continue;
        libraries++;
        if (strcmp(budget->rules[i].library, member->library) == 0)
            return SPH_FAIL(err, -EBADMSG, "%s: is there twice", member->library);
    }
    if (member->figure == SPH_FIGURE_LIBRARY && libraries == SPH_BUDGET_LIBRARIES_MAX)
        return SPH_FAIL(err, -EBADMSG, "heap: more than %d callers", SPH_BUDGET_LIBRARIES_MAX);
    struct sph_budget_rule rule = {.figure = member->figure};
    memcpy(rule.library, member->library, sizeof(rule.library));
    int r = read_rule(&member->value, &rule, err);
    if (r == 0)
        budget->rules[budget->count++] = rule;
    return r;
}

static int compare_rules(const void *a, const void *b) {
    const struct sph_budget_rule *x = a;
    const struct sph_budget_rule *y = b;
    if (x->figure != y->figure)
        return x->figure < y->figure ? -1 : 1;
    return strcmp(x->library, y->library);
}

int sph_budget_parse(const char *text, size_t len, struct sph_budget *ret_budget,
                     struct sph_err *err) {
    struct sph_budget budget = {.count = 0};
    struct walk walk = {.text = text, .fn = add_rule, .context = &budget};
    struct sph_json_iter iter;
    struct sph_json_value key, value;
    int r = open_object(text, len, "a budget", &iter, err);
    while (r == 0 && sph_json_next(&iter, &key, &value))
        r = walk_member(&walk, &key, &value, "", err);
    if (r == 0 && budget.count == 0)
        r = SPH_FAIL(err, -EBADMSG, "the budget limits nothing; 'spherule check --init' makes one");
    if (r < 0)
        return r;
    qsort(budget.rules, budget.count, sizeof(budget.rules[0]), compare_rules);
    *ret_budget = budget;
    return 0;
}

/* ---- baseline ---- */

static int add_measured(void *context, const struct member *member, struct sph_err *err) {
    struct sph_measure *baseline = context;
    struct sph_measured measured = {.is_known = true, .is_exact = true};
    int r = read_bytes(&member->value, "a figure", &measured.bytes, err);
    if (r < 0)
        return r;
    if (member->figure != SPH_FIGURE_LIBRARY) {
        baseline->figures[member->figure] = measured;
        return 0;
    }
    for (unsigned i = 0; i < baseline->n_libraries; i++)
        if (strcmp(baseline->libraries[i].name, member->library) == 0)
            return SPH_FAIL(err, -EBADMSG, "%s: is there twice", member->library);
    if (baseline->n_libraries == SPH_BUDGET_LIBRARIES_MAX)
        return SPH_FAIL(err, -EBADMSG, "heap: more than %d callers", SPH_BUDGET_LIBRARIES_MAX);
    struct sph_measured_library *library = &baseline->libraries[baseline->n_libraries++];
    memcpy(library->name, member->library, sizeof(library->name));
    library->peak = measured;
    return 0;
}

/* For people who read the file: which figures it was told to record although they are not exact. */
static int check_inexact(const struct sph_json_value *value, struct sph_err *err) {
    struct sph_json_iter iter;
    struct sph_json_value name;
    if (value->type == SPH_JSON_ARRAY) {
        sph_json_iter_init(&iter, value);
        while (sph_json_next(&iter, NULL, &name))
            if (name.type != SPH_JSON_STRING)
                return SPH_FAIL(err, -EBADMSG, "inexact: not a list of figures' names");
        return 0;
    }
    return SPH_FAIL(err, -EBADMSG, "inexact: not a list of figures' names");
}

int sph_baseline_parse(const char *text, size_t len, struct sph_measure *ret_baseline,
                       struct sph_err *err) {
    struct sph_measure baseline = {.n_libraries = 0};
    struct walk walk = {.text = text, .fn = add_measured, .context = &baseline};
    struct sph_json_iter iter;
    struct sph_json_value key, value;
    int r = open_object(text, len, "a baseline", &iter, err);
    while (r == 0 && sph_json_next(&iter, &key, &value)) {
        if (!sph_json_is(&key, "inexact"))
            r = walk_member(&walk, &key, &value, ", and inexact", err);
        else if (check_inexact(&value, err) < 0)
            r = sph_input_fail_at(text, value.offset, err);
    }
    if (r == 0)
        *ret_baseline = baseline;
    return r;
}
