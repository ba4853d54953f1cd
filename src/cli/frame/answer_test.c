/* One JSON value in every form, with and without a query. */
#include "cli/frame/cli.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "cli/text/query.h"

static int format(enum sph_output output, const char *query, const char *json, struct sph_buf *buf,
                  struct sph_err *err) {
    struct sph_cli cli = {.program = "spherule", .output = output};
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    sph_buf_puts(&text, json);
    if (query)
        assert_int_equal(sph_query_parse(query, &cli.query, err), 0);
    int r = sph_cli_format(&cli, &text, buf, err);
    cli.query = sph_query_free(cli.query);
    sph_buf_puts(buf, "");
    return r;
}

#define APPS                                                                                       \
    "[{\"id\":\"a\",\"size\":4096,\"ok\":true,\"tags\":[1,2]},{\"id\":\"b\\tc\",\"more\":null}]"

static void test_forms(void **state) {
    static const struct {
        enum sph_output output;
        const char *query, *json, *text;
    } rows[] = {
        {SPH_OUTPUT_TABLE, "@", APPS,
         "Id   Size  Ok    More\na    4096  true  \nb?c              \n"},
        {SPH_OUTPUT_TABLE, "[].[id,size]", APPS, "Column1  Column2\na        4096\nb?c      \n"},
        {SPH_OUTPUT_TABLE, "[].id", APPS, "Result\na\nb?c\n"},
        {SPH_OUTPUT_TABLE, "[0]", APPS, "Id  Size  Ok\na   4096  true\n"},
        {SPH_OUTPUT_TABLE, "[0].size", APPS, "Result\n4096\n"},
        {SPH_OUTPUT_TABLE, "[0].{t:tags}", APPS, "Result\n{\"t\":[1,2]}\n"},
        {SPH_OUTPUT_TABLE, "nothing", APPS, ""},
        {SPH_OUTPUT_TABLE, "[?id=='x']", APPS, ""},
        {SPH_OUTPUT_TSV, "@", APPS, "a\t4096\ttrue\t2\nb c\t\n"},
        {SPH_OUTPUT_TSV, "[].id", APPS, "a\nb c\n"},
        {SPH_OUTPUT_TSV, "[0].size", APPS, "4096\n"},
        {SPH_OUTPUT_TSV, "nothing", APPS, ""},
        {SPH_OUTPUT_JSON, "[0].id", APPS, "\"a\"\n"},
        {SPH_OUTPUT_JSON, "nothing", APPS, "null\n"},
        {SPH_OUTPUT_JSON, "[].id", APPS, "[\n  \"a\",\n  \"b\\tc\"\n]\n"},
        {SPH_OUTPUT_NONE, "@", APPS, ""},
        {SPH_OUTPUT_YAML, NULL, APPS,
         "- id: a\n  size: 4096\n  ok: true\n  tags:\n  - 1\n  - 2\n- id: \"b\\tc\"\n  more: "
         "null\n"},
        {SPH_OUTPUT_YAML, "[0].id", APPS, "a\n"},
        {SPH_OUTPUT_YAML, NULL, "[]", "[]\n"},
        {SPH_OUTPUT_YAML, NULL, "{\"a\":{},\"b\":[],\"c\":[[1,[2]],{\"d\":{\"e\":\"\"}}]}",
         "a: {}\nb: []\nc:\n- - 1\n  - - 2\n- d:\n    e: \"\"\n"},
        {SPH_OUTPUT_YAML, NULL,
         "[\"true\",\"No\",\"1\",\"1e5\",\"a: b\",\"- a\",\"#\",\"a b \",\"/mnt/apps\",\"Heap: x\","
         "\"2f074b0f-d99d-4692-82d9-ef93a7d6463c\",\"2026-11-29\",\"\\u0007\\u2028\\u0085\\\"\"]",
         "- \"true\"\n- \"No\"\n- \"1\"\n- \"1e5\"\n- \"a: b\"\n- \"- a\"\n- \"#\"\n- \"a b \"\n"
         "- /mnt/apps\n- \"Heap: x\"\n- 2f074b0f-d99d-4692-82d9-ef93a7d6463c\n- \"2026-11-29\"\n"
         "- \"\\x07\\u2028\\x85\\\"\"\n"},
        {SPH_OUTPUT_YAML, NULL, "{\"Azure Sphere SDK\":\"0.1\"}", "Azure Sphere SDK: \"0.1\"\n"},
    };
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(format(rows[i].output, rows[i].query, rows[i].json, &buf, &err), 0);
        assert_string_equal(buf.data, rows[i].text);
    }
}

static void test_what_has_no_form(void **state) {
    sph_autobuf struct sph_buf deep = SPH_BUF_NULL;
    for (unsigned i = 0; i < 40; i++)
        sph_buf_puts(&deep, "[@] | ");
    sph_buf_puts(&deep, "@");
    const struct {
        enum sph_output output;
        const char *query, *json, *sentence;
        int code;
    } rows[] = {
        {SPH_OUTPUT_TABLE, "[@,@,@,@,@] | [[@[],@[],@[],@[]][]]", "1",
         "the query's result has more than 16 columns; use --output json", -E2BIG},
        {SPH_OUTPUT_JSON, deep.data, "1",
         "the query's result: line 1, column 33: expected at most 32 levels of objects and arrays",
         -EBADMSG},
        {SPH_OUTPUT_JSON, "length(@)", "1",
         "length() of the query takes a string or an array or an object, not this number", -EINVAL},
        {SPH_OUTPUT_JSON, NULL, "{",
         "line 1, column 2: expected a key in double quotes, but found "
         "the end of the text",
         -EBADMSG},
    };
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(format(rows[i].output, rows[i].query, rows[i].json, &buf, &err),
                         rows[i].code);
        assert_string_equal(err.text, rows[i].sentence);
        assert_string_equal(buf.data, "");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_what_has_no_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
