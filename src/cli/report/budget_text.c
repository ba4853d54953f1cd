/* Every text has the rows in the budget's order and no time in it, so that a summary can be
 * compared with the last one byte by byte. Names come from files and devices: what Markdown or XML
 * would read as its own is escaped here, and nowhere else. */
#include "cli/report/budget_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json_out.h"

const struct sph_column sph_check_columns[] = {
    {"Figure", "figure"},
    {"Bytes", "bytes"},
    {"Exact", "exact"},
    {"Limit", "limitBytes"},
    {"Baseline", "baselineBytes"},
    {"Growth", "growth"},
    {"Allowed", "allowedGrowth"},
    {"Verdict", "verdict"},
    {.title = NULL},
};

static const char *const verdicts[] = {
    [SPH_VERDICT_WITHIN] = "within",
    [SPH_VERDICT_OVER_LIMIT] = "over the limit",
    [SPH_VERDICT_GREW] = "grew too much",
    [SPH_VERDICT_NO_BASELINE] = "no baseline",
    [SPH_VERDICT_NOT_MEASURED] = "not measured",
};

const char *sph_budget_rule_name(const struct sph_budget_rule *rule, char *ret_name, size_t size) {
    if (rule->figure == SPH_FIGURE_LIBRARY)
        (void)snprintf(ret_name, size, "Heap: %s", rule->library);
    else
        (void)snprintf(ret_name, size, "%s", sph_figure_name(rule->figure));
    return ret_name;
}

static bool is_over(const struct sph_check_row *row) {
    return row->verdict == SPH_VERDICT_OVER_LIMIT || row->verdict == SPH_VERDICT_GREW;
}

bool sph_check_is_over(const struct sph_check_result *result) {
    for (unsigned i = 0; i < result->count; i++)
        if (is_over(&result->rows[i]))
            return true;
    return result->end == SPH_CHECK_WENT_OVER;
}

bool sph_check_is_undecided(const struct sph_check_result *result) {
    for (unsigned i = 0; i < result->count; i++)
        if (result->rows[i].verdict > SPH_VERDICT_GREW)
            return true;
    return false;
}

/* Cells of one row as text; "" for what is not there. */
struct cells {
    char name[80], bytes[24], limit[24], baseline[24], growth[48], allowed[24];
    const char *verdict;
};

static void write_growth(const struct sph_check_row *row, char *text, size_t size) {
    uint64_t now = row->value.bytes;
    uint64_t before = row->baseline_bytes;
    bool shrank = now < before;
    (void)snprintf(text, size, "%s%" PRIu64,
                   now == before ? ""
                   : shrank      ? "-"
                                 : "+",
                   shrank ? before - now : now - before);
}

static struct cells make_cells(const struct sph_check_row *row) {
    struct cells cells = {.verdict = verdicts[row->verdict]};
    const struct sph_budget_rule *rule = row->rule;
    sph_budget_rule_name(rule, cells.name, sizeof(cells.name));
    if (row->value.is_known)
        (void)snprintf(cells.bytes, sizeof(cells.bytes), "%" PRIu64, row->value.bytes);
    if (rule->has_limit)
        (void)snprintf(cells.limit, sizeof(cells.limit), "%" PRIu64, rule->limit_bytes);
    if (row->has_baseline)
        (void)snprintf(cells.baseline, sizeof(cells.baseline), "%" PRIu64, row->baseline_bytes);
    if (row->has_baseline && row->value.is_known)
        write_growth(row, cells.growth, sizeof(cells.growth));
    if (rule->growth != SPH_GROWTH_ANY)
        (void)snprintf(cells.allowed, sizeof(cells.allowed), "%" PRIu64 "%s", rule->growth_most,
                       rule->growth == SPH_GROWTH_PERCENT ? "%" : "");
    return cells;
}

static void add_number(struct sph_table *table, bool is_there, uint64_t number) {
    if (is_there)
        sph_table_add_number(table, number);
    else
        sph_table_add(table, NULL);
}

void sph_check_fill(const struct sph_check_result *result, struct sph_table *table) {
    for (unsigned i = 0; i < result->count; i++) {
        const struct sph_check_row *row = &result->rows[i];
        struct cells cells = make_cells(row);
        sph_table_add(table, cells.name);
        add_number(table, row->value.is_known, row->value.bytes);
        sph_table_add_bool(table, row->value.is_known && row->value.is_exact);
        add_number(table, row->rule->has_limit, row->rule->limit_bytes);
        add_number(table, row->has_baseline, row->baseline_bytes);
        sph_table_add(table, *cells.growth ? cells.growth : NULL);
        sph_table_add(table, *cells.allowed ? cells.allowed : NULL);
        sph_table_add(table, cells.verdict);
    }
}

/* "" where there is nothing to say. */
static void write_note(const struct sph_check_row *row, char *note, size_t size) {
    char name[80];
    const char *how = *row->value.how ? row->value.how : "the device does not say why";
    sph_budget_rule_name(row->rule, name, sizeof(name));
    *note = '\0';
    if (!row->value.is_known)
        (void)snprintf(note, size, "%s was not measured: %s", name, how);
    else if (row->verdict == SPH_VERDICT_NO_BASELINE)
        (void)snprintf(note, size,
                       "%s has no baseline to grow from: run with --update-baseline once", name);
    else if (!row->value.is_exact)
        (void)snprintf(note, size, "%s is not exact%s: %s", name,
                       row->rule->has_limit ? ", and so neither is the verdict on its limit" : "",
                       how);
}

/* What Markdown gives a meaning to, in a table's cell or beside it. */
static void write_markdown_text(const char *text, struct sph_buf *buf) {
    for (; *text; text++) {
        if (strchr("\\`*_[]<>|#&", *text))
            sph_buf_puts(buf, "\\");
        sph_buf_append(buf, text, 1);
    }
}

void sph_check_write_notes(const struct sph_check_result *result, const char *lead,
                           struct sph_buf *buf) {
    for (unsigned i = 0; i < result->count; i++) {
        char note[400];
        write_note(&result->rows[i], note, sizeof(note));
        if (*note)
            sph_buf_printf(buf, "%s%s.\n", lead, note);
    }
}

static const char *headline(const struct sph_check_result *result) {
    if (result->end == SPH_CHECK_FAILED)
        return "the application failed";
    if (sph_check_is_over(result))
        return "over budget";
    return sph_check_is_undecided(result) ? "could not be judged" : "within budget";
}

void sph_check_write_markdown(const struct sph_check_result *result, struct sph_buf *buf) {
    sph_buf_puts(buf, "### Memory of ");
    write_markdown_text(result->name, buf);
    sph_buf_printf(buf, ": %s\n\n", headline(result));
    sph_buf_puts(buf, "| Figure | Bytes | Limit | Baseline | Growth | Allowed | Verdict |\n"
                      "|:--|--:|--:|--:|--:|--:|:--|\n");
    for (unsigned i = 0; i < result->count; i++) {
        struct cells cells = make_cells(&result->rows[i]);
        sph_buf_puts(buf, "| ");
        write_markdown_text(cells.name, buf);
        sph_buf_printf(buf, " | %s | %s | %s | %s | %s | %s%s%s |\n", cells.bytes, cells.limit,
                       cells.baseline, cells.growth, cells.allowed,
                       is_over(&result->rows[i]) ? "**" : "", cells.verdict,
                       is_over(&result->rows[i]) ? "**" : "");
    }
    sph_buf_puts(buf, "\nThe end: ");
    write_markdown_text(result->end_text, buf);
    sph_buf_puts(buf, ".\n");
    for (unsigned i = 0; i < result->count; i++) {
        char note[400];
        write_note(&result->rows[i], note, sizeof(note));
        if (!*note)
            continue;
        sph_buf_puts(buf, "\n- ");
        write_markdown_text(note, buf);
        sph_buf_puts(buf, ".");
    }
    if (buf->len && buf->data[buf->len - 1] != '\n')
        sph_buf_puts(buf, "\n");
}

/* Texts are printable UTF-8; beside the five, XML minds U+FFFE and U+FFFF alone. */
static void write_xml_text(const char *text, struct sph_buf *buf) {
    static const struct {
        char c;
        const char *entity;
    } rows[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&apos;"}};
    for (; *text; text++) {
        const char *entity = NULL;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
            if (rows[i].c == *text)
                entity = rows[i].entity;
        if (entity) {
            sph_buf_puts(buf, entity);
        } else if (strncmp(text, "\xef\xbf\xbe", 3) == 0 || strncmp(text, "\xef\xbf\xbf", 3) == 0) {
            sph_buf_puts(buf, "?");
            text += 2;
        } else {
            sph_buf_append(buf, text, 1);
        }
    }
}

static void write_attribute(const char *name, const char *value, struct sph_buf *buf) {
    sph_buf_printf(buf, " %s=\"", name);
    write_xml_text(value, buf);
    sph_buf_puts(buf, "\"");
}

static void begin_case(const struct sph_check_result *result, const char *name,
                       struct sph_buf *buf) {
    sph_buf_puts(buf, "    <testcase");
    write_attribute("classname", result->name, buf);
    write_attribute("name", name, buf);
    sph_buf_puts(buf, ">\n");
}

static void write_outcome(const char *kind, const char *type, const char *message,
                          struct sph_buf *buf) {
    sph_buf_printf(buf, "      <%s type=\"%s\"", kind, type);
    write_attribute("message", message, buf);
    sph_buf_puts(buf, "/>\n");
}

static void write_case(const struct sph_check_result *result, const struct sph_check_row *row,
                       struct sph_buf *buf) {
    struct cells cells = make_cells(row);
    char text[400];
    begin_case(result, cells.name, buf);
    if (row->verdict == SPH_VERDICT_OVER_LIMIT)
        (void)snprintf(text, sizeof(text), "%s bytes, %s allowed", cells.bytes, cells.limit);
    else if (row->verdict == SPH_VERDICT_GREW)
        (void)snprintf(text, sizeof(text), "%s bytes, grew by %s from %s, %s allowed", cells.bytes,
                       cells.growth, cells.baseline, cells.allowed);
    else
        write_note(row, text, sizeof(text));
    if (is_over(row))
        write_outcome("failure", row->verdict == SPH_VERDICT_GREW ? "growth" : "limit", text, buf);
    else if (row->verdict != SPH_VERDICT_WITHIN)
        write_outcome("error", "notJudged", text, buf);
    write_note(row, text, sizeof(text));
    sph_buf_printf(buf, "      <system-out>%s bytes%s", *cells.bytes ? cells.bytes : "unknown",
                   *text ? "; " : "");
    write_xml_text(text, buf);
    sph_buf_puts(buf, "</system-out>\n    </testcase>\n");
}

/* One case a figure, and one for the application's own end. */
void sph_check_write_junit(const struct sph_check_result *result, struct sph_buf *buf) {
    unsigned failures = result->end == SPH_CHECK_WENT_OVER;
    unsigned errors = result->end == SPH_CHECK_FAILED;
    for (unsigned i = 0; i < result->count; i++) {
        failures += is_over(&result->rows[i]);
        errors += result->rows[i].verdict > SPH_VERDICT_GREW;
    }
    sph_buf_puts(buf, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
                      "  <testsuite name=\"memory budget\"");
    sph_buf_printf(buf, " tests=\"%u\" failures=\"%u\" errors=\"%u\" skipped=\"0\">\n",
                   result->count + 1, failures, errors);
    for (unsigned i = 0; i < result->count; i++)
        write_case(result, &result->rows[i], buf);
    begin_case(result, "End", buf);
    if (result->end == SPH_CHECK_WENT_OVER)
        write_outcome("failure", "ration", result->end_text, buf);
    else if (result->end == SPH_CHECK_FAILED)
        write_outcome("error", "end", result->end_text, buf);
    sph_buf_puts(buf, "      <system-out>");
    write_xml_text(result->end_text, buf);
    sph_buf_puts(buf, "</system-out>\n    </testcase>\n  </testsuite>\n</testsuites>\n");
}

/* ---- the files ---- */

static void write_key(const char *indent, const char *key, struct sph_buf *buf) {
    struct sph_json_out out;
    sph_buf_puts(buf, indent);
    sph_json_begin(&out, buf);
    sph_json_string(&out, key);
    sph_buf_puts(buf, ": ");
}

/* Figures a line each, callers in an object "heap" of their own; both files have this shape. */
struct lines {
    struct sph_buf *buf;
    unsigned count;
    bool in_heap;
};

static void write_line(struct lines *lines, const struct sph_budget_rule *rule, uint64_t bytes) {
    bool is_library = rule->figure == SPH_FIGURE_LIBRARY;
    bool opens = is_library && !lines->in_heap;
    sph_buf_puts(lines->buf, lines->count++ ? ",\n" : "");
    if (opens)
        sph_buf_puts(lines->buf, "  \"heap\": {\n");
    lines->in_heap = is_library;
    write_key(is_library ? "    " : "  ", is_library ? rule->library : sph_figure_key(rule->figure),
              lines->buf);
    sph_buf_printf(lines->buf, "%" PRIu64, bytes);
}

static void end_heap(struct lines *lines) {
    if (lines->in_heap)
        sph_buf_puts(lines->buf, "\n  }");
}

static void write_inexact(const struct sph_check_row *rows, unsigned count, struct lines *lines) {
    unsigned found = 0;
    for (unsigned i = 0; i < count; i++) {
        char name[80];
        if (!rows[i].value.is_known || rows[i].value.is_exact)
            continue;
        struct sph_json_out out;
        sph_buf_puts(lines->buf, found++          ? ", "
                                 : lines->count++ ? ",\n  \"inexact\": ["
                                                  : "  \"inexact\": [");
        sph_json_begin(&out, lines->buf);
        sph_json_string(&out, sph_budget_rule_name(rows[i].rule, name, sizeof(name)));
    }
    if (found)
        sph_buf_puts(lines->buf, "]");
}

void sph_baseline_write(const struct sph_check_row *rows, unsigned count, struct sph_buf *buf) {
    struct lines lines = {.buf = buf};
    sph_buf_puts(buf, "{\n");
    for (unsigned i = 0; i < count; i++)
        if (rows[i].value.is_known)
            write_line(&lines, rows[i].rule, rows[i].value.bytes);
    end_heap(&lines);
    write_inexact(rows, count, &lines);
    sph_buf_puts(buf, "\n}\n");
}

void sph_budget_write(const struct sph_budget *budget, struct sph_buf *buf) {
    struct lines lines = {.buf = buf};
    sph_buf_puts(buf, "{\n");
    for (unsigned i = 0; i < budget->count; i++)
        write_line(&lines, &budget->rules[i], budget->rules[i].limit_bytes);
    end_heap(&lines);
    sph_buf_puts(buf, "\n}\n");
}
