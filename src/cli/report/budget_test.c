/* Budgets, baselines, verdicts and texts: tables of files that are right and wrong, and of figures
 * on both sides of every border. */
#include "cli/report/budget.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "cli/report/budget_text.h"
#include "cli/report/check_measure.h"

/* ---- parsing ---- */

static void test_a_whole_budget(void **state) {
    static const char text[] =
        "{\"heap\":{\"curl\":{\"growth\":\"5%\"},\"App + Static Libraries\":20000},"
        "\"flash\":\"1M\",\"peakUser\":{\"limit\":\"64K\",\"growth\":4096},\"user\":0}";
    static const struct sph_budget_rule wanted[] = {
        {SPH_FIGURE_PEAK_USER, "", true, 65536, SPH_GROWTH_BYTES, 4096},
        {SPH_FIGURE_USER, "", true, 0, SPH_GROWTH_ANY, 0},
        {SPH_FIGURE_FLASH, "", true, 1048576, SPH_GROWTH_ANY, 0},
        {SPH_FIGURE_LIBRARY, "App + Static Libraries", true, 20000, SPH_GROWTH_ANY, 0},
        {SPH_FIGURE_LIBRARY, "curl", false, 0, SPH_GROWTH_PERCENT, 5},
    };
    static struct sph_budget budget;
    (void)state;
    assert_int_equal(sph_budget_parse(text, sizeof(text) - 1, &budget, NULL), 0);
    assert_int_equal(budget.count, SPH_ARRAY_SIZE(wanted));
    for (size_t i = 0; i < SPH_ARRAY_SIZE(wanted); i++) {
        assert_int_equal(budget.rules[i].figure, wanted[i].figure);
        assert_string_equal(budget.rules[i].library, wanted[i].library);
        assert_int_equal(budget.rules[i].has_limit, wanted[i].has_limit);
        assert_int_equal(budget.rules[i].limit_bytes, wanted[i].limit_bytes);
        assert_int_equal(budget.rules[i].growth, wanted[i].growth);
        assert_int_equal(budget.rules[i].growth_most, wanted[i].growth_most);
    }
    assert_true(sph_budget_names_heap(&budget));
    assert_true(sph_budget_limits_growth(&budget));
}

#define KNOWN "there are peakUser, user, total, flash, heapPeak and heap"
#define SIZE "not a size; write bytes, or \"64K\", or \"1M\", up to 1024G"

static const struct {
    const char *text, *sentence;
} bad_budgets[] = {
    {"", "line 1, column 1: "},
    {"[]", "line 1, column 1: a budget is a JSON object"},
    {"{}", "the budget limits nothing; 'spherule check --init' makes one"},
    {"{\"heap\":{}}", "the budget limits nothing; 'spherule check --init' makes one"},
    {"{\n \"peekUser\":1}", "line 2, column 13: 'peekUser' is no figure; " KNOWN},
    {"{\"user\":1,\"user\":2}", "line 1, column 18: user: is there twice"},
    {"{\"us\\u0065r\":1,\"user\":2}", "line 1, column 23: user: is there twice"},
    {"{\"heap\":{\"a\":1},\"heap\":{\"b\":1}}", "line 1, column 24: heap: is there twice"},
    {"{\"heap\":{\"a\":1,\"a\":1}}", "line 1, column 20: a: is there twice"},
    {"{\"heap\":7}", "line 1, column 9: heap: not an object of callers such as \"curl\""},
    {"{\"heap\":{\"\":1}}", "line 1, column 13: a caller's name has 1 to 63 bytes"},
    {"{\"heap\":{\"a\\u001b\":1}}", "line 1, column 20: a caller's name has no control characters"},
    {"{\"user\":-1}", "line 1, column 9: limit: " SIZE},
    {"{\"user\":1.5}", "line 1, column 9: limit: " SIZE},
    {"{\"user\":null}", "line 1, column 9: limit: " SIZE},
    {"{\"user\":\"64X\"}", "line 1, column 9: limit: " SIZE},
    {"{\"user\":1099511627777}", "line 1, column 9: limit: " SIZE},
    {"{\"user\":\"5%\"}", "line 1, column 9: limit: " SIZE},
    {"{\"user\":{}}", "line 1, column 9: a rule has a limit, a growth or both"},
    {"{\"user\":{\"max\":1}}",
     "line 1, column 9: 'max' is no part of a rule; there are limit and growth"},
    {"{\"user\":{\"limit\":1,\"limit\":1}}", "line 1, column 9: limit: is there twice"},
    {"{\"user\":{\"growth\":1,\"growth\":1}}", "line 1, column 9: growth: is there twice"},
    {"{\"user\":{\"growth\":\"%\"}}",
     "line 1, column 9: growth: percents are whole, from \"0%\" to \"10000%\""},
    {"{\"user\":{\"growth\":\"10001%\"}}",
     "line 1, column 9: growth: percents are whole, from \"0%\" to \"10000%\""},
    {"{\"user\":{\"growth\":[]}}", "line 1, column 9: growth: " SIZE},
};

static void test_bad_budgets(void **state) {
    static struct sph_budget budget;
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(bad_budgets); i++) {
        struct sph_err err = SPH_ERR_NULL;
        const char *text = bad_budgets[i].text;
        budget.count = 77;
        assert_int_equal(sph_budget_parse(text, strlen(text), &budget, &err), -EBADMSG);
        assert_int_equal(err.code, -EBADMSG);
        if (strncmp(err.text, bad_budgets[i].sentence, strlen(bad_budgets[i].sentence)) != 0)
            fail_msg("%s: %s", text, err.text);
        assert_int_equal(budget.count, 77);
    }
}

static void test_too_many_callers(void **state) {
    static struct sph_budget budget;
    struct sph_err err = SPH_ERR_NULL;
    (void)state;
    for (unsigned count = 64; count <= 65; count++) {
        sph_autobuf struct sph_buf text = SPH_BUF_NULL;
        for (unsigned i = 0; i < count; i++)
            sph_buf_printf(&text, "%s\"n%u\":1", i ? "," : "{\"heap\":{", i);
        sph_buf_puts(&text, "}}");
        int r = sph_budget_parse(text.data, text.len, &budget, &err);
        assert_int_equal(r, count == 64 ? 0 : -EBADMSG);
    }
    assert_int_equal(budget.count, 64);
    assert_non_null(strstr(err.text, "heap: more than 64 callers"));
}

static const struct {
    const char *text, *sentence; /* NULL: it is right */
} baselines[] = {
    {"{}", NULL},
    {"{\"user\":1,\"heap\":{\"c\":2},\"inexact\":[\"Total\"]}", NULL},
    {"{\"user\":{\"limit\":1}}", "line 1, column 9: a figure: " SIZE},
    {"{\"used\":1}", "line 1, column 9: 'used' is no figure; " KNOWN ", and inexact"},
    {"{\"heap\":{\"c\":2,\"c\":2}}", "line 1, column 20: c: is there twice"},
    {"{\"inexact\":1}", "line 1, column 12: inexact: not a list of figures' names"},
    {"{\"inexact\":[1]}", "line 1, column 12: inexact: not a list of figures' names"},
};

static void test_baselines(void **state) {
    static struct sph_measure measure;
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(baselines); i++) {
        struct sph_err err = SPH_ERR_NULL;
        const char *text = baselines[i].text;
        int r = sph_baseline_parse(text, strlen(text), &measure, &err);
        assert_int_equal(r, baselines[i].sentence ? -EBADMSG : 0);
        if (baselines[i].sentence)
            assert_string_equal(err.text, baselines[i].sentence);
    }
}

/* ---- verdicts ---- */

static const struct {
    struct sph_budget_rule rule;
    struct sph_measured value;
    bool has_baseline;
    uint64_t baseline;
    enum sph_verdict verdict;
} verdicts[] = {
    {{.has_limit = true, .limit_bytes = 9}, {true, true, 9, ""}, false, 0, SPH_VERDICT_WITHIN},
    {{.has_limit = true, .limit_bytes = 9}, {true, true, 10, ""}, false, 0, SPH_VERDICT_OVER_LIMIT},
    {{.has_limit = true, .limit_bytes = 9},
     {true, false, 10, "x"},
     false,
     0,
     SPH_VERDICT_OVER_LIMIT},
    {{.has_limit = true, .limit_bytes = 9},
     {false, false, 0, ""},
     true,
     0,
     SPH_VERDICT_NOT_MEASURED},
    {{.growth = SPH_GROWTH_BYTES, .growth_most = 5},
     {true, true, 15, ""},
     true,
     10,
     SPH_VERDICT_WITHIN},
    {{.growth = SPH_GROWTH_BYTES, .growth_most = 5},
     {true, true, 16, ""},
     true,
     10,
     SPH_VERDICT_GREW},
    {{.growth = SPH_GROWTH_BYTES, .growth_most = 0},
     {true, true, 1, ""},
     true,
     10,
     SPH_VERDICT_WITHIN},
    {{.growth = SPH_GROWTH_BYTES}, {true, true, 1, ""}, false, 0, SPH_VERDICT_NO_BASELINE},
    {{.growth = SPH_GROWTH_PERCENT, .growth_most = 5},
     {true, true, 105, ""},
     true,
     100,
     SPH_VERDICT_WITHIN},
    {{.growth = SPH_GROWTH_PERCENT, .growth_most = 5},
     {true, true, 106, ""},
     true,
     100,
     SPH_VERDICT_GREW},
    {{.growth = SPH_GROWTH_PERCENT, .growth_most = 5},
     {true, true, 20, ""},
     true,
     19,
     SPH_VERDICT_GREW}, /* 5 % of 19 is no whole byte */
    {{.growth = SPH_GROWTH_PERCENT, .growth_most = SPH_BUDGET_PERCENT_MAX},
     {true, true, UINT64_MAX, ""},
     true,
     SPH_BUDGET_BYTES_MAX,
     SPH_VERDICT_GREW},
    {{.has_limit = true, .limit_bytes = 9, .growth = SPH_GROWTH_BYTES},
     {true, true, 10, ""},
     true,
     1,
     SPH_VERDICT_OVER_LIMIT}, /* the limit is told first */
};

static void test_verdicts(void **state) {
    static struct sph_budget budget = {.count = 1};
    static struct sph_measure measure, baseline;
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(verdicts); i++) {
        struct sph_check_row row;
        budget.rules[0] = verdicts[i].rule;
        measure.figures[SPH_FIGURE_PEAK_USER] = verdicts[i].value;
        baseline.figures[SPH_FIGURE_PEAK_USER] = (struct sph_measured){
            .is_known = true, .is_exact = true, .bytes = verdicts[i].baseline};
        sph_budget_compare(&budget, &measure, verdicts[i].has_baseline ? &baseline : NULL, &row);
        if (row.verdict != verdicts[i].verdict)
            fail_msg("row %zu: %d", i, row.verdict);
        assert_int_equal(row.has_baseline, verdicts[i].has_baseline);
    }
}

/* ---- what a run held ---- */

#define FIGURES(user, peak, total)                                                                 \
    "\"userBytes\":" user ",\"peakUserBytes\":" peak ",\"totalBytes\":" total
#define EXACT ",\"userExact\":true,\"kernelExact\":true"
#define CALLER(name, peak) "{\"name\":\"" name "\",\"peakBytes\":" peak "}"
#define PROCESS(peaks_exact, callers)                                                              \
    "{\"complete\":true,\"peaksExact\":" peaks_exact ",\"callers\":[" callers "]}"

static struct sph_json_value check(const char *json) {
    struct sph_json_value top;
    struct sph_err err = SPH_ERR_NULL;
    if (sph_json_check(json, strlen(json), &top, &err) < 0)
        fail_msg("%s: %s", json, err.text);
    return top;
}

static const struct {
    const char *report, *memory, *heap;
    const char *baseline; /* what would be stored of all figures and the caller "c" */
} runs[] = {
    /* it ended by itself: all is the report's, whatever was seen before */
    {"{\"why\":\"exit\"," FIGURES("1", "2", "3") EXACT "}", "{" FIGURES("7", "8", "9") EXACT "}",
     NULL, "{\n  \"peakUser\": 2,\n  \"user\": 1,\n  \"total\": 3,\n  \"flash\": 5\n}\n"},
    /* it was stopped: what was held is of before, the peak of the end */
    {"{\"why\":\"stopped\"," FIGURES("1", "12", "3") EXACT "}",
     "{" FIGURES("7", "8", "9") EXACT "}", NULL,
     "{\n  \"peakUser\": 12,\n  \"user\": 7,\n  \"total\": 9,\n  \"flash\": 5\n}\n"},
    {"{\"why\":\"exit\"," FIGURES("1", "2", "3") ",\"userExact\":true,\"kernelHow\":\"slab\"}",
     NULL, NULL,
     "{\n  \"peakUser\": 2,\n  \"user\": 1,\n  \"total\": 3,\n  \"flash\": 5,\n"
     "  \"inexact\": [\"Total\"]\n}\n"},
    /* neither exact nor from anywhere: not known */
    {"{\"why\":\"exit\"," FIGURES("1", "2", "3") "}", NULL, NULL, "{\n  \"flash\": 5\n}\n"},
    {"{\"userBytes\":\"x\",\"userExact\":true}", NULL, NULL, "{\n  \"flash\": 5\n}\n"},
    /* one caller's peak is the heap's */
    {"{\"why\":\"exit\",\"heap\":" PROCESS("true", CALLER("c", "40")) "}", NULL, NULL,
     "{\n  \"flash\": 5,\n  \"heapPeak\": 40,\n  \"heap\": {\n    \"c\": 40\n  }\n}\n"},
    {"{\"why\":\"exit\",\"heap\":" PROCESS("true", CALLER("c", "40") "," CALLER("a", "2")) "}",
     NULL, NULL,
     "{\n  \"flash\": 5,\n  \"heapPeak\": 42,\n  \"heap\": {\n    \"c\": 40\n  },\n"
     "  \"inexact\": [\"Heap Peak\"]\n}\n"},
    {"{\"why\":\"exit\",\"heap\":" PROCESS("false", CALLER("c", "40")) "}", NULL, NULL,
     "{\n  \"flash\": 5,\n  \"heapPeak\": 40,\n  \"heap\": {\n    \"c\": 40\n  },\n"
     "  \"inexact\": [\"Heap Peak\", \"Heap: c\"]\n}\n"},
    /* two processes: the report has but one of them */
    {"{\"why\":\"stopped\",\"heap\":" PROCESS("true", CALLER("c", "40")) "}", NULL,
     "{\"processes\":[" PROCESS("true", CALLER("c", "40")) "," PROCESS("true",
                                                                       CALLER("c", "9")) "]}",
     "{\n  \"flash\": 5,\n  \"heapPeak\": 49,\n  \"heap\": {\n    \"c\": 49\n  },\n"
     "  \"inexact\": [\"Heap: c\"]\n}\n"},
    /* a caller that a tracked heap does not have */
    {"{\"why\":\"exit\",\"heap\":" PROCESS("true", CALLER("a", "7")) "}", NULL, NULL,
     "{\n  \"flash\": 5,\n  \"heapPeak\": 7,\n  \"heap\": {\n    \"c\": 0\n  }\n}\n"},
    /* a peak that is not told, or that nobody can hold, is not exact */
    {"{\"why\":\"exit\",\"heap\":" PROCESS("true", "{\"name\":\"c\"}") "}", NULL, NULL,
     "{\n  \"flash\": 5,\n  \"heapPeak\": 0,\n  \"heap\": {\n    \"c\": 0\n  },\n"
     "  \"inexact\": [\"Heap Peak\", \"Heap: c\"]\n}\n"},
    {"{\"why\":\"exit\",\"heap\":" PROCESS("true",
                                           CALLER("c", "1099511627776") "," CALLER("", "1")) "}",
     NULL, NULL,
     "{\n  \"flash\": 5,\n  \"heapPeak\": 1099511627776,\n  \"heap\": {\n    \"c\": 1099511627776\n"
     "  },\n  \"inexact\": [\"Heap Peak\"]\n}\n"},
    {"{\"why\":\"exit\",\"userBytes\":1099511627777,\"userExact\":true}", NULL, NULL,
     "{\n  \"flash\": 5\n}\n"},
    {"[]", "[]", "[]", "{\n  \"flash\": 5\n}\n"},
};

static const char everything[] =
    "{\"peakUser\":1,\"user\":1,\"total\":1,\"flash\":1,\"heapPeak\":1,\"heap\":{\"c\":1}}";

static void test_measures(void **state) {
    static struct sph_budget budget;
    static struct sph_measure measure;
    static struct sph_check_row rows[SPH_BUDGET_RULES_MAX];
    (void)state;
    assert_int_equal(sph_budget_parse(everything, sizeof(everything) - 1, &budget, NULL), 0);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(runs); i++) {
        struct sph_json_value report = check(runs[i].report);
        struct sph_json_value memory = check(runs[i].memory ? runs[i].memory : "{}");
        struct sph_json_value heap = check(runs[i].heap ? runs[i].heap : "{}");
        const struct sph_check_sight sight = {runs[i].memory ? &memory : NULL,
                                              runs[i].heap ? &heap : NULL};
        sph_autobuf struct sph_buf text = SPH_BUF_NULL;
        sph_check_measure(&report, &sight, 5, true, &measure);
        sph_budget_compare(&budget, &measure, NULL, rows);
        sph_baseline_write(rows, budget.count, &text);
        if (strcmp(text.data, runs[i].baseline) != 0)
            print_error("row %zu\n", i);
        assert_string_equal(text.data, runs[i].baseline);
        /* what is written is what is read */
        assert_int_equal(sph_baseline_parse(text.data, text.len, &measure, NULL), 0);
    }
}

static const struct {
    const char *report, *heap, *how;
} misses[] = {
    {"{}", NULL, "the heap was not tracked (the device does not say why)"},
    {"{\"heapState\":\"static\"}", NULL, "the heap was not tracked (static)"},
    {"{\"why\":\"stopped\"}", "{\"state\":\"noLibrary\",\"reason\":\"It has no library.\"}",
     "It has no library"},
};

static void test_why_there_is_no_heap(void **state) {
    static struct sph_measure measure;
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(misses); i++) {
        struct sph_json_value report = check(misses[i].report);
        struct sph_json_value heap = check(misses[i].heap ? misses[i].heap : "{}");
        const struct sph_check_sight sight = {NULL, misses[i].heap ? &heap : NULL};
        sph_check_measure(&report, &sight, 5, true, &measure);
        assert_false(measure.figures[SPH_FIGURE_HEAP_PEAK].is_known);
        assert_string_equal(measure.figures[SPH_FIGURE_HEAP_PEAK].how, misses[i].how);
    }
}

static void test_a_proposal(void **state) {
    static struct sph_budget budget, again;
    static struct sph_measure measure;
    struct sph_json_value report = check(
        "{\"why\":\"exit\"," FIGURES("4096", "36864", "65536") EXACT
        ",\"heap\":" PROCESS("true", CALLER("curl", "1000") "," CALLER("App \\\"", "256")) "}");
    const struct sph_check_sight sight = {NULL, NULL};
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    (void)state;
    sph_check_measure(&report, &sight, 16384, true, &measure);
    sph_budget_propose(&measure, &budget);
    sph_budget_write(&budget, &text);
    assert_string_equal(text.data,
                        "{\n  \"peakUser\": 40960,\n  \"user\": 8192,\n  \"total\": 73728,\n"
                        "  \"flash\": 20480,\n  \"heapPeak\": 1536,\n  \"heap\": {\n"
                        "    \"App \\\"\": 512,\n    \"curl\": 1280\n  }\n}\n");
    assert_int_equal(sph_budget_parse(text.data, text.len, &again, NULL), 0);
    assert_memory_equal(&again, &budget, sizeof(budget));
}

/* ---- texts ---- */

static const struct sph_budget_rule shown_rules[] = {
    {.figure = SPH_FIGURE_PEAK_USER, .has_limit = true, .limit_bytes = 9},
    {.figure = SPH_FIGURE_TOTAL, .has_limit = true, .limit_bytes = 99},
    {.figure = SPH_FIGURE_LIBRARY,
     .library = "a|<b>",
     .growth = SPH_GROWTH_PERCENT,
     .growth_most = 5},
    {.figure = SPH_FIGURE_HEAP_PEAK, .has_limit = true, .limit_bytes = 1},
};
static const struct sph_check_row shown_rows[] = {
    {&shown_rules[0], {true, true, 10, ""}, true, 12, SPH_VERDICT_OVER_LIMIT},
    {&shown_rules[1], {true, false, 20, "taken from slab"}, false, 0, SPH_VERDICT_WITHIN},
    {&shown_rules[2], {true, true, 30, ""}, true, 20, SPH_VERDICT_GREW},
    {&shown_rules[3], {false, false, 0, "it is \"static\""}, false, 0, SPH_VERDICT_NOT_MEASURED},
};
static const struct sph_check_result shown = {.name = "a*b&",
                                              .end = SPH_CHECK_WENT_OVER,
                                              .end_text = "it went over <9>",
                                              .rows = shown_rows,
                                              .count = SPH_ARRAY_SIZE(shown_rows)};

static void test_table_and_notes(void **state) {
    sph_autotable struct sph_table table;
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    (void)state;
    sph_table_init(&table, sph_check_columns);
    sph_check_fill(&shown, &table);
    sph_table_draw(&table, SPH_TABLE_TSV, &text);
    assert_string_equal(text.data, "Peak User\t10\ttrue\t9\t12\t-2\t\tover the limit\n"
                                   "Total\t20\tfalse\t99\t\t\t\twithin\n"
                                   "Heap: a|<b>\t30\ttrue\t\t20\t+10\t5%\tgrew too much\n"
                                   "Heap Peak\t\tfalse\t1\t\t\t\tnot measured\n");
    sph_buf_done(&text);
    sph_check_write_notes(&shown, "warn: ", &text);
    assert_string_equal(text.data,
                        "warn: Total is not exact, and so neither is the verdict on its limit: "
                        "taken from slab.\n"
                        "warn: Heap Peak was not measured: it is \"static\".\n");
}

static void test_markdown(void **state) {
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    (void)state;
    sph_check_write_markdown(&shown, &text);
    assert_string_equal(
        text.data,
        "### Memory of a\\*b\\&: over budget\n\n"
        "| Figure | Bytes | Limit | Baseline | Growth | Allowed | Verdict |\n"
        "|:--|--:|--:|--:|--:|--:|:--|\n"
        "| Peak User | 10 | 9 | 12 | -2 |  | **over the limit** |\n"
        "| Total | 20 | 99 |  |  |  | within |\n"
        "| Heap: a\\|\\<b\\> | 30 |  | 20 | +10 | 5% | **grew too much** |\n"
        "| Heap Peak |  | 1 |  |  |  | not measured |\n"
        "\nThe end: it went over \\<9\\>.\n"
        "\n- Total is not exact, and so neither is the verdict on its limit: taken from slab.\n"
        "- Heap Peak was not measured: it is \"static\".\n");
}

static void test_junit(void **state) {
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    (void)state;
    sph_check_write_junit(&shown, &text);
    assert_string_equal(
        text.data,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
        "  <testsuite name=\"memory budget\" tests=\"5\" failures=\"3\" errors=\"1\" "
        "skipped=\"0\">\n"
        "    <testcase classname=\"a*b&amp;\" name=\"Peak User\">\n"
        "      <failure type=\"limit\" message=\"10 bytes, 9 allowed\"/>\n"
        "      <system-out>10 bytes</system-out>\n    </testcase>\n"
        "    <testcase classname=\"a*b&amp;\" name=\"Total\">\n"
        "      <system-out>20 bytes; Total is not exact, and so neither is the verdict on its "
        "limit: taken from slab</system-out>\n    </testcase>\n"
        "    <testcase classname=\"a*b&amp;\" name=\"Heap: a|&lt;b&gt;\">\n"
        "      <failure type=\"growth\" message=\"30 bytes, grew by +10 from 20, 5% allowed\"/>\n"
        "      <system-out>30 bytes</system-out>\n    </testcase>\n"
        "    <testcase classname=\"a*b&amp;\" name=\"Heap Peak\">\n"
        "      <error type=\"notJudged\" message=\"Heap Peak was not measured: it is "
        "&quot;static&quot;\"/>\n"
        "      <system-out>unknown bytes; Heap Peak was not measured: it is "
        "&quot;static&quot;</system-out>\n    </testcase>\n"
        "    <testcase classname=\"a*b&amp;\" name=\"End\">\n"
        "      <failure type=\"ration\" message=\"it went over &lt;9&gt;\"/>\n"
        "      <system-out>it went over &lt;9&gt;</system-out>\n    </testcase>\n"
        "  </testsuite>\n</testsuites>\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_whole_budget),
        cmocka_unit_test(test_bad_budgets),
        cmocka_unit_test(test_too_many_callers),
        cmocka_unit_test(test_baselines),
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_measures),
        cmocka_unit_test(test_why_there_is_no_heap),
        cmocka_unit_test(test_a_proposal),
        cmocka_unit_test(test_table_and_notes),
        cmocka_unit_test(test_markdown),
        cmocka_unit_test(test_junit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
