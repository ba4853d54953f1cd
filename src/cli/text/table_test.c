/* The document's table to the character, and the other styles. */
#include "cli/text/table.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json_in.h"
#include "cli/text/json_pretty.h"

static const struct sph_column memory_columns[] = {
    {"Name", "name"}, {"Usage (bytes)", "usageInBytes"}, {.title = NULL}};

static void fill_memory(struct sph_table *table) {
    sph_table_init(table, memory_columns);
    sph_table_add(table, "Total (Kernel + User Mode)");
    sph_table_add_number(table, 65536);
    sph_table_add(table, "User Mode");
    sph_table_add_number(table, 36864);
    sph_table_add(table, "Peak User Mode");
    sph_table_add_number(table, 36864);
}

/* The sample of the original's document, with every blank it has. */
static void test_the_documents_table(void **state) {
    static const char expected[] = " -------------------------- -------------\n"
                                   " Name                       Usage (bytes)\n"
                                   " ========================================\n"
                                   " Total (Kernel + User Mode) 65536\n"
                                   " -------------------------- -------------\n"
                                   " User Mode                  36864\n"
                                   " -------------------------- -------------\n"
                                   " Peak User Mode             36864\n"
                                   " -------------------------- -------------\n";
    (void)state;
    sph_autotable struct sph_table table;
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    fill_memory(&table);
    sph_table_draw(&table, SPH_TABLE_RULED, &buf);
    assert_string_equal(buf.data, expected);
}

static void test_a_longer_name_widens_the_rules(void **state) {
    static const char expected[] = " ------------------------------ -------------\n"
                                   " Name                           Usage (bytes)\n"
                                   " ============================================\n"
                                   " Heap: App + Static Libraries x 1\n"
                                   " ------------------------------ -------------\n";
    (void)state;
    sph_autotable struct sph_table table;
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    sph_table_init(&table, memory_columns);
    sph_table_add(&table, "Heap: App + Static Libraries x");
    sph_table_add_number(&table, 1);
    sph_table_draw(&table, SPH_TABLE_RULED, &buf);
    assert_string_equal(buf.data, expected);
}

static const struct sph_column mixed_columns[] = {
    {"Name", "name"}, {"On", "isOn"}, {"Size", "sizeBytes"}, {"Note", "note"}, {.title = NULL}};

static void fill_mixed(struct sph_table *table) {
    sph_table_init(table, mixed_columns);
    sph_table_add(table, "ä \"q\"");
    sph_table_add_bool(table, true);
    sph_table_add_number(table, UINT64_MAX);
    sph_table_add(table, NULL);
    sph_table_add(table, "tab\there\nline");
    sph_table_add_bool(table, false);
    sph_table_add_number(table, 0);
    sph_table_add(table, "");
}

static const struct {
    enum sph_table_style style;
    const char *expected;
} styles[] = {
    {SPH_TABLE_TSV, "ä \"q\"\ttrue\t18446744073709551615\t\ntab here line\tfalse\t0\t\n"},
    {SPH_TABLE_JSON, "[{\"name\":\"ä \\\"q\\\"\",\"isOn\":true,\"sizeBytes\":18446744073709551615,"
                     "\"note\":null},{\"name\":\"tab\\there\\nline\",\"isOn\":false,"
                     "\"sizeBytes\":0,\"note\":\"\"}]"},
};

static void test_styles_for_programs(void **state) {
    (void)state;
    sph_autotable struct sph_table table;
    fill_mixed(&table);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(styles); i++) {
        sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
        sph_table_draw(&table, styles[i].style, &buf);
        assert_string_equal(buf.data, styles[i].expected);
    }
}

/* Widths count characters, not bytes. */
static void test_plain(void **state) {
    (void)state;
    sph_autotable struct sph_table table;
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    sph_table_init(&table, memory_columns);
    sph_table_add(&table, "äöü");
    sph_table_add(&table, "x");
    sph_table_add(&table, "abcdef");
    sph_table_add(&table, "y");
    sph_table_draw(&table, SPH_TABLE_PLAIN, &buf);
    assert_string_equal(buf.data, "Name    Usage (bytes)\näöü     x\nabcdef  y\n");
}

static void test_empty(void **state) {
    static const char *const expected[] = {
        [SPH_TABLE_RULED] = " ---- -------------\n Name Usage (bytes)\n ==================\n",
        [SPH_TABLE_PLAIN] = "Name  Usage (bytes)\n",
        [SPH_TABLE_RECORDS] = "",
        [SPH_TABLE_JSON] = "[]",
        [SPH_TABLE_TSV] = "",
    };
    (void)state;
    sph_autotable struct sph_table table;
    sph_table_init(&table, memory_columns);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(expected); i++) {
        sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
        sph_table_draw(&table, (enum sph_table_style)i, &buf);
        assert_string_equal(buf.data ? buf.data : "", expected[i]);
    }
}

/* The original's lines: the title, blanks, and a colon with a blank on each side. */
static void test_records(void **state) {
    static const struct sph_column columns[] = {
        {"ID", "id"}, {"L\xc3\xa4nge", "l"}, {.title = NULL}};
    (void)state;
    sph_autotable struct sph_table table;
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    sph_table_init(&table, columns);
    sph_table_add_number(&table, 0);
    sph_table_add(&table, "");
    sph_table_add_number(&table, 1);
    sph_table_add(&table, NULL);
    sph_table_draw(&table, SPH_TABLE_RECORDS, &buf);
    assert_string_equal(buf.data, "ID    : 0\nL\xc3\xa4nge :\n\nID    : 1\n");
}

static void test_many_rows(void **state) {
    (void)state;
    sph_autotable struct sph_table table;
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    sph_table_init(&table, memory_columns);
    for (unsigned i = 0; i < 1000; i++) {
        sph_table_add(&table, "row");
        sph_table_add_number(&table, i);
    }
    assert_int_equal(table.n_cells, 2000);
    sph_table_draw(&table, SPH_TABLE_TSV, &buf);
    assert_non_null(strstr(buf.data, "row\t999\n"));
}

/* An error while filling is the drawing's error: no half table is ever shown. */
static void test_error_is_passed_on(void **state) {
    (void)state;
    sph_autotable struct sph_table table;
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    fill_memory(&table);
    table.error = -ENOMEM;
    sph_table_add(&table, "more");
    assert_int_equal(table.n_cells, 6);
    sph_table_draw(&table, SPH_TABLE_RULED, &buf);
    assert_int_equal(buf.error, -ENOMEM);
    assert_int_equal(buf.len, 0);
}

static const struct {
    const char *json, *pretty;
} pretties[] = {
    {"{}", "{}\n"},
    {"[]", "[]\n"},
    {"{\"a\":1}", "{\n  \"a\": 1\n}\n"},
    {"[1,2]", "[\n  1,\n  2\n]\n"},
    {" [ ] ", "[]\n"},
    {"{\"a\":{\"b\":[{},[]]}}",
     "{\n  \"a\": {\n    \"b\": [\n      {},\n      []\n    ]\n  }\n}\n"},
    {"{\"a,]\":\"x:\\\"}{\"}", "{\n  \"a,]\": \"x:\\\"}{\"\n}\n"},
    {"{ \"a\" : true , \"b\" : null }", "{\n  \"a\": true,\n  \"b\": null\n}\n"},
    {"\"text\"", "\"text\"\n"},
};

static void test_pretty(void **state) {
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(pretties); i++) {
        sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
        sph_json_pretty(pretties[i].json, strlen(pretties[i].json), false, &buf);
        assert_string_equal(buf.data, pretties[i].pretty);
    }
}

static void test_pretty_in_colour(void **state) {
    static const char json[] = "{\"a\":\"b\",\"c\":1}";
    (void)state;
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    sph_json_pretty(json, strlen(json), true, &buf);
    assert_string_equal(buf.data, "{\n  \033[34m\"a\"\033[0m: \033[32m\"b\"\033[0m,\n  "
                                  "\033[34m\"c\"\033[0m: \033[36m1\033[0m\n}\n");
}

/* Cut anywhere, it neither crashes nor hangs. */
static void test_pretty_of_cut_text(void **state) {
    static const char json[] = "{\"a\":[1,\"b\\\"c\",{\"d\":null}],\"e\":\"\\u00e4\"}";
    (void)state;
    for (size_t len = 0; len < sizeof(json); len++) {
        sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
        char *copy = len ? malloc(len) : NULL; /* exact size: a sanitizer sees every byte too far */
        if (copy)
            memcpy(copy, json, len);
        sph_json_pretty(copy ? copy : "", len, len % 2, &buf);
        assert_int_equal(buf.error, 0);
        free(copy);
    }
}

/* Cells of any bytes: the JSON is JSON, with as many rows and the same text where it is UTF-8; the
 * tab-separated form has exactly one line a row and one tab between two cells. */
static void test_any_bytes(void **state) {
    static const struct sph_column columns[] = {
        {"A", "a"}, {"B", "b"}, {"C", "c"}, {.title = NULL}};
    unsigned seed = 11;
    (void)state;
    print_message("seed %u\n", seed);
    for (int round = 0; round < 300; round++) {
        sph_autotable struct sph_table table;
        sph_autobuf struct sph_buf json = SPH_BUF_NULL;
        sph_autobuf struct sph_buf tsv = SPH_BUF_NULL;
        char text[16];
        unsigned n_rows = (unsigned)rand_r(&seed) % 5;
        sph_table_init(&table, columns);
        for (unsigned i = 0; i < n_rows; i++) {
            int len = rand_r(&seed) % 15;
            for (int k = 0; k < len; k++)
                text[k] = (char)(1 + rand_r(&seed) % 255);
            text[len] = '\0';
            sph_table_add(&table, text);
            sph_table_add_number(&table, (uint64_t)rand_r(&seed) << 40);
            sph_table_add(&table, NULL);
        }
        sph_table_draw(&table, SPH_TABLE_JSON, &json);
        sph_table_draw(&table, SPH_TABLE_TSV, &tsv);
        struct sph_json_value top, row, value;
        struct sph_json_iter iter;
        unsigned rows = 0, tabs = 0, ends = 0;
        assert_int_equal(sph_json_check(json.data, json.len, &top, NULL), 0);
        sph_json_iter_init(&iter, &top);
        for (; sph_json_next(&iter, NULL, &row); rows++) {
            uint64_t number;
            assert_true(sph_json_get(&row, "b", &value));
            assert_int_equal(sph_json_to_u64(&value, UINT64_MAX, &number), 0);
            assert_true(sph_json_get(&row, "c", &value));
            assert_int_equal(value.type, SPH_JSON_NULL);
        }
        for (size_t i = 0; i < tsv.len; i++) {
            tabs += tsv.data[i] == '\t';
            ends += tsv.data[i] == '\n';
        }
        assert_int_equal(rows, n_rows);
        assert_int_equal(tabs, 2 * n_rows);
        assert_int_equal(ends, n_rows);
    }
}

/* Widths are counted in characters: an umlaut takes two bytes and one place. */
static void test_widths_of_characters(void **state) {
    static const struct sph_column columns[] = {{"A", "a"}, {"B", "b"}, {.title = NULL}};
    (void)state;
    sph_autotable struct sph_table table;
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    sph_table_init(&table, columns);
    sph_table_add(&table, "\xc3\xa4\xe2\x82\xac");
    sph_table_add(&table, "x");
    sph_table_add(&table, "abc");
    sph_table_add(&table, "y");
    sph_table_draw(&table, SPH_TABLE_PLAIN, &buf);
    assert_string_equal(buf.data, "A    B\n\xc3\xa4\xe2\x82\xac   x\nabc  y\n");
}

/* Over its limit the text is lost with an error, in every style. */
static void test_every_style_at_every_limit(void **state) {
    static const enum sph_table_style all[] = {SPH_TABLE_RULED, SPH_TABLE_PLAIN, SPH_TABLE_RECORDS,
                                               SPH_TABLE_JSON, SPH_TABLE_TSV};
    (void)state;
    sph_autotable struct sph_table table;
    fill_memory(&table);
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        sph_autobuf struct sph_buf whole = SPH_BUF_NULL;
        sph_table_draw(&table, all[i], &whole);
        for (size_t limit = 1; limit < whole.len; limit++) {
            sph_autobuf struct sph_buf buf = SPH_BUF_LIMIT(limit);
            sph_table_draw(&table, all[i], &buf);
            assert_int_equal(buf.error, -EFBIG);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_documents_table),
        cmocka_unit_test(test_a_longer_name_widens_the_rules),
        cmocka_unit_test(test_styles_for_programs),
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_many_rows),
        cmocka_unit_test(test_error_is_passed_on),
        cmocka_unit_test(test_any_bytes),
        cmocka_unit_test(test_widths_of_characters),
        cmocka_unit_test(test_every_style_at_every_limit),
        cmocka_unit_test(test_pretty),
        cmocka_unit_test(test_pretty_in_colour),
        cmocka_unit_test(test_pretty_of_cut_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
