/* What a query says of its mistakes, and its limits; what it answers is held against another
 * implementation by query_oracle_test.py. */
#include "cli/text/query.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"

static int run_query(const char *expression, const char *json, struct sph_buf *buf,
                     struct sph_err *err) {
    sph_autoquery struct sph_query *query = NULL;
    struct sph_json_value top;
    assert_int_equal(sph_json_check(json, strlen(json), &top, NULL), 0);
    int r = sph_query_parse(expression, &query, err);
    return r < 0 ? r : sph_query_run(query, &top, buf, err);
}

static void test_results(void **state) {
    static const struct {
        const char *expression, *json, *result;
    } rows[] = {
        {"memoryStats.user", "{\"memoryStats\":{\"user\":36864}}", "36864"},
        {"[?state=='running'].componentId | [0]",
         "[{\"componentId\":\"a\",\"state\":\"stopped\"},{\"componentId\":\"b\",\"state\":"
         "\"running\"}]",
         "\"b\""},
        {"[].{id:componentId,s:state}", "[{\"componentId\":\"a\",\"state\":\"x\"}]",
         "[{\"id\":\"a\",\"s\":\"x\"}]"},
        {"sum([].size)", "[{\"size\":9007199254740993},{\"size\":1}]", "9007199254740994"},
        {"avg(@)", "[1,2]", "1.5"},
        {"\"Azure Sphere SDK\"", "{\"Azure Sphere SDK\":\"0.1\"}", "\"0.1\""},
        {"a == `18446744073709551615`", "{\"a\":18446744073709551615}", "true"},
        {"@", "{\"a\":1,\"a\":2}", "{\"a\":1,\"a\":2}"},
        {"a", "{\"a\":1,\"a\":2}", "2"},
        {"a < b", "{\"a\":1,\"b\":\"x\"}", "null"},
        {"length(a)", "{\"a\":\"\\u00e9\\ud83d\\ude00\"}", "2"},
        {"missing", "{}", "null"},
    };
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(run_query(rows[i].expression, rows[i].json, &buf, &err), 0);
        assert_string_equal(buf.data, rows[i].result);
    }
}

static void test_mistakes_have_a_place(void **state) {
    static const struct {
        const char *expression, *sentence;
    } rows[] = {
        {"", "the query is wrong at column 1: something is missing here"},
        {"a.", "the query is wrong at column 3: a name, '*', '[' or '{' is expected after '.'"},
        {"a b", "the query is wrong at column 3: this cannot stand here"},
        {"a[x]", "the query is wrong at column 3: a number, ':' or '*' is expected here"},
        {"a = b", "the query is wrong at column 3: this character has no meaning here"},
        {"'a", "the query is wrong at column 1: this quote is not closed"},
        {"`[1,`", "the query is wrong at column 1: this is no JSON"},
        {"{a b}", "the query is wrong at column 4: ':' is expected here"},
        {"a[::0]", "the query is wrong at column 6: the step of a slice cannot be 0"},
        {"a[99999999999999999999]", "the query is wrong at column 3: this number is too large"},
        {"foo(a)", "the query calls 'foo', which is no function here"},
        {"length()", "length() of the query takes 1 argument, not 0"},
        {"sort_by(@,a)", "argument 2 of sort_by() in the query must be an expression with &"},
        {"length(&a)", "argument 1 of length() in the query cannot be an expression with &"},
        {"length(@)", "length() of the query takes a string or an array or an object, not this "
                      "number"},
        {"sum(`[\"a\"]`)", "sum() of the query takes an array of numbers, not this array"},
        {"sort_by(`[1,\"a\"]`,&@)",
         "sort_by() of the query orders numbers or strings, not both and nothing else"},
        {"keys(x)", "keys() of the query takes an object, not null"},
    };
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(run_query(rows[i].expression, "7", &buf, &err), -EINVAL);
        assert_string_equal(err.text, rows[i].sentence);
    }
}

/* `unit` again and again, with `tail` behind. */
static void repeat(const char *unit, unsigned count, const char *tail, struct sph_buf *buf) {
    for (unsigned i = 0; i < count; i++)
        sph_buf_puts(buf, unit);
    sph_buf_puts(buf, tail);
}

static void test_limits(void **state) {
    static const struct {
        const char *unit, *tail, *sentence;
        unsigned count;
        int code;
    } rows[] = {
        {"!", "a", "the query is wrong at column 65: it is nested too deep", 64, -EINVAL},
        {"a.", "a", "the query is wrong at column 514: it has too many parts", 300, -EINVAL},
        {"aaaaaaaa", "", "the query is longer than 4096 bytes", 513, -EINVAL},
        {"[@,@] | ", "@", "the query makes too much of this answer", 40, -EFBIG},
    };
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        sph_autobuf struct sph_buf text = SPH_BUF_NULL;
        sph_autobuf struct sph_buf buf = SPH_BUF_LIMIT((size_t)128 << 20);
        struct sph_err err = SPH_ERR_NULL;
        repeat(rows[i].unit, rows[i].count, rows[i].tail, &text);
        assert_int_equal(run_query(text.data, "7", &buf, &err), rows[i].code);
        assert_string_equal(err.text, rows[i].sentence);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_results),
        cmocka_unit_test(test_mistakes_have_a_place),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
