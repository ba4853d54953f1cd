/* Finding a device and reading its answers: what commands rely on, with answers of every shape. */
#include "cli/device/fake_gateway_test.h"

#include "cli/device/target.h"

static const struct {
    const char *json;
    uint64_t number;
    bool flag;
    const char *text;
} members[] = {
    {"{}", 0, false, ""},
    {"[]", 0, false, ""},
    {"7", 0, false, ""},
    {"null", 0, false, ""},
    {"{\"x\":7}", 7, false, ""},
    {"{\"x\":0}", 0, false, ""},
    {"{\"x\":-1}", 0, false, ""},
    {"{\"x\":1.5}", 0, false, ""},
    {"{\"x\":1e3}", 0, false, ""},
    {"{\"x\":18446744073709551615}", UINT64_MAX, false, ""},
    {"{\"x\":18446744073709551616}", 0, false, ""},
    {"{\"x\":true}", 0, true, ""},
    {"{\"x\":false}", 0, false, ""},
    {"{\"x\":\"true\"}", 0, false, "true"},
    {"{\"x\":\"7\"}", 0, false, "7"},
    {"{\"x\":null}", 0, false, ""},
    {"{\"x\":[]}", 0, false, ""},
    {"{\"x\":{\"x\":7}}", 0, false, ""},
    {"{\"X\":7}", 0, false, ""},
    {"{\"y\":{\"x\":7}}", 0, false, ""},
    {"{\"x\":1,\"x\":2}", 2, false, ""},     /* the last one holds */
    {"{\"\\u0078\":3}", 3, false, ""},       /* the same key, written otherwise */
    {"{\"x\":\"a\\u0000b\"}", 0, false, ""}, /* no text holds a NUL */
    {"{\"x\":\"a\\n\\t\\u001b[1m\"}", 0, false, "a???[1m"},
    {"{\"x\":\"\\u00e4\\u20ac\"}", 0, false, "\xc3\xa4\xe2\x82\xac"},
    {"{\"x\":\"\\u202e\"}", 0, false, "?"},
    {"{\"x\":\"0123456789abcdef0123456789\"}", 0, false, "0123456789abcdef012"},
    {"{\"x\":\"0123456789abcdef01\\u00e4\"}", 0, false, "0123456789abcdef01"}, /* no half one */
};

static void test_members(void **state) {
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(members); i++) {
        struct sph_json_value top;
        char text[20];
        memset(text, 'z', sizeof(text));
        assert_int_equal(sph_json_check(members[i].json, strlen(members[i].json), &top, NULL), 0);
        assert_true(sph_answer_u64(&top, "x") == members[i].number);
        assert_int_equal(sph_answer_bool(&top, "x"), members[i].flag);
        assert_ptr_equal(sph_answer_text(&top, "x", text, sizeof(text)), text);
        assert_string_equal(text, members[i].text);
    }
}

/* Room for one byte is room for the end of the text. */
static void test_text_in_no_room(void **state) {
    static const char json[] = "{\"x\":\"abc\"}";
    struct sph_json_value top;
    char text[2] = {'z', 'z'};
    (void)state;
    assert_int_equal(sph_json_check(json, strlen(json), &top, NULL), 0);
    assert_string_equal(sph_answer_text(&top, "x", text, 1), "");
    assert_int_equal(text[1], 'z');
}

static void ask_d(struct sph_err *err, int *ret_result, struct sph_json_value *ret_top,
                  struct sph_buf *text) {
    const struct sph_cli cli = {.program = "spherule"};
    sph_autotarget struct sph_target target = SPH_TARGET_NULL;
    assert_int_equal(sph_target_open(&cli, "d", &target, err), 0);
    *ret_result = sph_target_ask(&target, "GET", "/x", NULL, text, ret_top, err);
}

/* An answer cut at every byte is refused with a sentence that names the device, and only the whole
 * one is taken. */
static void test_answers_cut_anywhere(void **state) {
    static const char whole[] =
        "{\"apps\":[{\"name\":\"a\\u00e4\",\"n\":12,\"f\":true,\"z\":null}],\"last\":\"x\"}";
    for (size_t len = 0; len <= strlen(whole); len++) {
        char body[sizeof(whole)];
        (void)snprintf(body, sizeof(body), "%.*s", (int)len, whole);
        const struct fake_route routes[] = {{.request = "", .body = body}};
        struct sph_err err = SPH_ERR_NULL;
        struct sph_json_value top;
        sph_autobuf struct sph_buf text = SPH_BUF_NULL;
        int r;
        fake_start(*state, routes);
        ask_d(&err, &r, &top, &text);
        fake_stop(*state);
        if (len == strlen(whole)) {
            assert_int_equal(r, 0);
            assert_int_equal(top.type, SPH_JSON_OBJECT);
            return;
        }
        assert_int_equal(r, -EPROTO);
        assert_int_equal(err.code, -EPROTO);
        assert_memory_equal(err.text, "device 'd' gave an answer that is not JSON: line 1, ", 51);
    }
}

static const struct {
    const char *body, *sentence;
} no_objects[] = {
    {"[]", "device 'd' gave an answer that is no JSON object"},
    {"7", "device 'd' gave an answer that is no JSON object"},
    {"null", "device 'd' gave an answer that is no JSON object"},
    {"\"{}\"", "device 'd' gave an answer that is no JSON object"},
    {" [ { } ] ", "device 'd' gave an answer that is no JSON object"},
};

static void test_answers_that_are_no_objects(void **state) {
    for (size_t i = 0; i < SPH_ARRAY_SIZE(no_objects); i++) {
        const struct fake_route routes[] = {{.request = "", .body = no_objects[i].body}};
        struct sph_err err = SPH_ERR_NULL;
        struct sph_json_value top;
        sph_autobuf struct sph_buf text = SPH_BUF_NULL;
        int r;
        fake_start(*state, routes);
        ask_d(&err, &r, &top, &text);
        fake_stop(*state);
        assert_int_equal(r, -EPROTO);
        assert_string_equal(err.text, no_objects[i].sentence);
    }
}

/* Nesting without end must not end in a stack without end. */
static void test_an_answer_nested_deeply(void **state) {
    char body[2000];
    struct sph_err err = SPH_ERR_NULL;
    struct sph_json_value top;
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    int r;
    memset(body, '[', sizeof(body));
    body[sizeof(body) - 1] = '\0';
    const struct fake_route routes[] = {{.request = "", .body = body}};
    fake_start(*state, routes);
    ask_d(&err, &r, &top, &text);
    fake_stop(*state);
    assert_int_equal(r, -EPROTO);
    assert_memory_equal(err.text, "device 'd' gave an answer that is not JSON: ", 44);
}

/* Nothing stays open of a target that could not be had. */
static void test_opening_what_is_not_there(void **state) {
    static const struct {
        const char *name;
        int code;
    } rows[] = {
        {"nobody", -ENOENT}, {"", -EINVAL}, {"..", -EINVAL}, {"a/b", -EINVAL}, {"-d", -EINVAL}};
    const struct sph_cli cli = {.program = "spherule"};
    (void)state;
    int lowest = dup(0);
    (void)close(lowest);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_err err = SPH_ERR_NULL;
        struct sph_target target = SPH_TARGET_NULL;
        assert_int_equal(sph_target_open(&cli, rows[i].name, &target, &err), rows[i].code);
        assert_int_equal(target.device_fd, -1);
        assert_int_equal(target.home_fd, -1);
        assert_null(target.rest);
        sph_target_done(&target); /* of one that never was: nothing happens */
    }
    int again = dup(0);
    (void)close(again);
    assert_int_equal(again, lowest);
}

/* Over the limit of the caller's buffer: a sentence, and nothing that looks like an answer. */
static void test_an_answer_over_the_limit(void **state) {
    static const struct fake_route routes[] = {{.request = "", .body = "{\"a\":\"0123456789\"}"}};
    struct sph_err err = SPH_ERR_NULL;
    struct sph_json_value top;
    sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(8);
    int r;
    fake_start(*state, routes);
    ask_d(&err, &r, &top, &text);
    fake_stop(*state);
    assert_int_equal(r, -EFBIG);
    assert_string_equal(err.text, "the answer of device 'd' is too large");
}

/* --component-id in every form that tools write, and what is none. */
static void test_component_ids(void **state) {
    static const struct {
        const char *given; /* NULL: no option */
        int result;
        const char *id;
    } rows[] = {
        {NULL, 0, NULL},
        {"2f074b0f-d99d-4692-82d9-ef93a7d6463c", 1, "2f074b0f-d99d-4692-82d9-ef93a7d6463c"},
        {"2F074B0F-D99D-4692-82D9-EF93A7D6463C", 1, "2f074b0f-d99d-4692-82d9-ef93a7d6463c"},
        {"{2f074b0f-d99d-4692-82d9-ef93a7d6463c}", 1, "2f074b0f-d99d-4692-82d9-ef93a7d6463c"},
        {"{2f074b0f-d99d-4692-82d9-ef93a7d6463c", -EINVAL, NULL},
        {"2f074b0f-d99d-4692-82d9-ef93a7d6463", -EINVAL, NULL},
        {"2f074b0fd99d469282d9ef93a7d6463c", -EINVAL, NULL},
        {"2f074b0f-d99d-4692-82d9-ef93a7d6463g", -EINVAL, NULL},
        {"", -EINVAL, NULL},
        {"all", -EINVAL, NULL},
    };
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        char words[5][48] = {"spherule", "device", "app", "stop", "-i"};
        char value[48];
        char *argv[] = {words[0], words[1], words[2], words[3], words[4], value, NULL};
        char id[SPH_GUID_TEXT] = "";
        struct sph_cli cli = {.program = "spherule"};
        struct sph_err err = SPH_ERR_NULL;
        (void)snprintf(value, sizeof(value), "%s", rows[i].given ? rows[i].given : "");
        assert_int_equal(sph_args_parse("spherule", rows[i].given ? 6 : 4, argv, &cli.args, &err),
                         0);
        assert_int_equal(sph_target_component(&cli, id, &err), rows[i].result);
        assert_string_equal(id, rows[i].id ? rows[i].id : "");
        assert_int_equal(err.text[0] != '\0', rows[i].result < 0);
        sph_args_done(&cli.args);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_text_in_no_room),
        cmocka_unit_test(test_component_ids),
        WITH_DEVICE(test_answers_cut_anywhere),
        WITH_DEVICE(test_answers_that_are_no_objects),
        WITH_DEVICE(test_an_answer_nested_deeply),
        WITH_DEVICE(test_opening_what_is_not_there),
        WITH_DEVICE(test_an_answer_over_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
