/* Rows of calls against command lines and answers, good and hostile: what goes out and what is
 * shown. */
#include "base/testing.h"

#include <errno.h>
#include <string.h>

#include "base/attr.h"
#include "cli/call.h"

static const char *const kinds[] = {"client", "rootca", NULL};
static const char *const device_kinds[] = {"Client", "RootCA", NULL};
static const struct sph_option options[] = {
    {.name = "id", .value = "ID", .help = "x"},
    {.name = "text", .value = "T", .help = "x"},
    {.name = "kind", .value = "K", .help = "x", .choices = kinds, .kind = SPH_VALUE_CHOICE},
    {.name = "number", .value = "N", .help = "x"},
    {.name = "list", .value = "L", .help = "x"},
    {.name = "file", .value = "F", .help = "key", .kind = SPH_VALUE_FILE},
    {.name = "on", .help = "x"},
    {.name = "off", .help = "x"},
    {.name = NULL},
};
static const struct sph_command command = {.path = "x", .options = options};

static const struct sph_call_member members[] = {
    {.key = "text", .option = "text"},
    {.key = "kind", .option = "kind", .values = device_kinds},
    {.key = "number", .option = "number", .kind = SPH_CALL_NUMBER},
    {.key = "list", .option = "list", .kind = SPH_CALL_LIST},
    {.key = "file", .option = "file", .kind = SPH_CALL_FILE},
    {.key = "up", .option = "on", .json = "true", .kind = SPH_CALL_FIXED},
    {.key = "up", .option = "off", .json = "false", .kind = SPH_CALL_FIXED},
    {.key = "always", .json = "[1]", .kind = SPH_CALL_FIXED},
    {.key = NULL},
};

static const struct {
    const char *option, *value;
    const char *body; /* or the sentence */
    int result;
} bodies[] = {
    {"id", "7", "{\"always\":[1]}", 0},
    {"text", "", "{\"text\":\"\",\"always\":[1]}", 0},
    {"text", "a\"b\n", "{\"text\":\"a\\\"b\\n\",\"always\":[1]}", 0},
    {"kind", "rootca", "{\"kind\":\"RootCA\",\"always\":[1]}", 0},
    {"number", "4294967295", "{\"number\":4294967295,\"always\":[1]}", 0},
    {"number", "4294967296", "'4294967296' is no value for --number: it is a number", -EINVAL},
    {"number", "-1", "'-1' is no value for --number: it is a number", -EINVAL},
    {"number", "", "'' is no value for --number: it is a number", -EINVAL},
    {"list", "", "{\"list\":[],\"always\":[1]}", 0},
    {"list", ", a,b  c,", "{\"list\":[\"a\",\"b\",\"c\"],\"always\":[1]}", 0},
    {"on", "", "{\"up\":true,\"always\":[1]}", 0},
    {"off", "", "{\"up\":false,\"always\":[1]}", 0},
    {"file", "/nowhere", "cannot open the key '/nowhere': No such file or directory", -EBADMSG},
    {"file", "/", "the key '/' is not a file", -EBADMSG},
    {"file", "/dev/zero", "the key '/dev/zero' is not a file", -EBADMSG},
};

static const struct sph_option *option_of(const char *name) {
    const struct sph_option *row = options;
    while (strcmp(row->name, name) != 0)
        row++;
    return row;
}

static void test_bodies(void **state) {
    static const struct sph_call call = {.members = members};
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(bodies); i++) {
        sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
        struct sph_err err = SPH_ERR_NULL;
        struct sph_args_hit hit = {option_of(bodies[i].option), bodies[i].value};
        const struct sph_args args = {.command = &command, .hits = &hit, .n_hits = 1};
        int r = sph_call_body(&call, &args, &buf, &err);
        assert_int_equal(r, bodies[i].result);
        assert_string_equal(r < 0 ? err.text : buf.data, bodies[i].body);
        assert_int_equal(err.code, bodies[i].result);
    }
}

/* A body that does not fit is no body. */
static void test_a_body_that_is_lost(void **state) {
    static const struct sph_call call = {.members = members};
    (void)state;
    for (size_t limit = 1; limit < 14; limit++) {
        sph_autobuf struct sph_buf buf = SPH_BUF_LIMIT(limit);
        struct sph_err err = SPH_ERR_NULL;
        const struct sph_args args = {.command = &command};
        assert_int_equal(sph_call_body(&call, &args, &buf, &err), -EFBIG);
        assert_string_equal(err.text, "cannot make the request: File too large");
    }
}

static void test_a_file_of_the_largest_size(void **state) {
    static const struct sph_call call = {.members = &members[4]};
    const struct sph_scratch *scratch = *state;
    static char bytes[(16 << 10) + 1];
    char path[128];
    memset(bytes, 'x', sizeof(bytes));
    (void)snprintf(path, sizeof(path), "%s/key", scratch->path);
    struct sph_args_hit hit = {option_of("file"), path};
    const struct sph_args args = {.command = &command, .hits = &hit, .n_hits = 1};
    for (size_t more = 0; more < 2; more++) {
        sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(
            sph_file_replace(scratch->fd, "key", bytes, sizeof(bytes) - 1 + more, 0600, NULL), 0);
        assert_int_equal(sph_call_body(&call, &args, &buf, &err), more ? -EBADMSG : 0);
        if (more)
            assert_non_null(strstr(err.text, "is larger than 16384 bytes"));
    }
}

static const struct {
    const char *path, *id, *result;
} paths[] = {
    {"/a", NULL, "/a"},
    {"/a/*", NULL, "/a"},
    {"/a/*", "wlan0", "/a/wlan0"},
    {"/a/*/b", "x-._~9", "/a/x-._~9/b"},
    {"/a/*", "../b?c=d#e f%\n\xc3\xa4", "/a/..%2Fb%3Fc%3Dd%23e%20f%25%0A%C3%A4"},
};

static void test_paths(void **state) {
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(paths); i++) {
        const struct sph_call call = {.path = paths[i].path};
        sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
        sph_call_path(&call, paths[i].id, &buf);
        assert_string_equal(buf.data, paths[i].result);
    }
}

static const struct sph_column two[] = {{"A", "a"}, {"B", "b"}, {.title = NULL}};
static const struct sph_column one[] = {{"A", "a"}, {.title = NULL}};
static const struct sph_call plain = {.columns = two};
static const struct sph_call listed = {.columns = two, .list = "l", .id = "id"};
static const struct sph_call words = {.columns = one, .list = "l"};
static const struct sph_call nested = {.columns = two, .list = "l", .inner = "r"};

static const struct {
    const struct sph_call *call;
    bool has_id;
    const char *json;
    const char *json_out; /* of the table; NULL: no such list */
} answers[] = {
    {&plain, false, "{}", "[{\"a\":null,\"b\":null}]"},
    {&plain, false, "{\"b\":7,\"a\":true,\"c\":1}", "[{\"a\":true,\"b\":7}]"},
    {&plain, false, "{\"a\":\"7\",\"b\":null}", "[{\"a\":\"7\",\"b\":null}]"},
    {&plain, false, "{\"a\":-7,\"b\":1.5}", "[{\"a\":\"-7\",\"b\":\"1.5\"}]"},
    {&plain, false, "{\"a\":[],\"b\":[\"x\",1,[2,3]]}", "[{\"a\":\"\",\"b\":\"x, 1, 2, 3\"}]"},
    {&plain, false, "{\"a\":{\"min\":1,\"max\":2},\"b\":{}}", "[{\"a\":\"1-2\",\"b\":\"\"}]"},
    {&plain, false, "{\"a\":\"\\u001b[31m\",\"b\":\"x\\ny\"}", "[{\"a\":\"?[31m\",\"b\":\"x?y\"}]"},
    {&plain, false, "{\"a\":\"\\u0000\",\"b\":99999999999999999999}",
     "[{\"a\":\"?\",\"b\":\"99999999999999999999\"}]"},
    {&listed, false, "{}", NULL},
    {&listed, false, "{\"l\":{}}", NULL},
    {&listed, false, "{\"l\":[]}", "[]"},
    {&listed, false, "{\"l\":[{\"a\":1},7,{\"b\":2}]}",
     "[{\"a\":1,\"b\":null},{\"a\":null,\"b\":null},{\"a\":null,\"b\":2}]"},
    {&listed, true, "{\"a\":1,\"b\":2}", "[{\"a\":1,\"b\":2}]"},
    {&words, false, "{\"l\":[\"x\",7,\"\",[]]}",
     "[{\"a\":\"x\"},{\"a\":7},{\"a\":\"\"},{\"a\":\"\"}]"},
    {&words, false, "{\"l\":[{\"a\":\"x\"}]}", "[{\"a\":\"x\"}]"},
    {&nested, false,
     "{\"l\":[{\"a\":\"in\",\"r\":[{\"b\":1},{\"b\":2,\"a\":3}]},{\"a\":1},{\"r\":7}]}",
     "[{\"a\":\"in\",\"b\":1},{\"a\":3,\"b\":2}]"},
};

static void test_answers(void **state) {
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(answers); i++) {
        sph_autotable struct sph_table table;
        sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
        struct sph_json_value top;
        assert_int_equal(sph_json_check(answers[i].json, strlen(answers[i].json), &top, NULL), 0);
        sph_table_init(&table, answers[i].call->columns);
        assert_int_equal(sph_call_fill(answers[i].call, answers[i].has_id, &top, &table),
                         answers[i].json_out != NULL);
        sph_table_draw(&table, SPH_TABLE_JSON, &buf);
        assert_string_equal(buf.data, answers[i].json_out ? answers[i].json_out : "[]");
    }
}

/* Of a device that says too much, people get the beginning. */
static void test_a_long_text_is_cut(void **state) {
    static const struct sph_call call = {.columns = one};
    sph_autobuf struct sph_buf json = SPH_BUF_NULL;
    sph_autotable struct sph_table table;
    struct sph_json_value top;
    (void)state;
    sph_buf_puts(&json, "{\"a\":\"");
    for (unsigned i = 0; i < 4096; i++)
        sph_buf_puts(&json, "x");
    sph_buf_puts(&json, "\"}");
    assert_int_equal(sph_json_check(json.data, json.len, &top, NULL), 0);
    sph_table_init(&table, one);
    assert_true(sph_call_fill(&call, false, &top, &table));
    assert_int_equal(strlen(table.cells[0].text), 1023);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_a_body_that_is_lost),
        cmocka_unit_test_setup_teardown(test_a_file_of_the_largest_size, sph_scratch_make,
                                        sph_scratch_remove),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_a_long_text_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
