#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/app/orders.h"
#include "base/attr.h"

static const struct sph_guid component = {.bytes = {0x0f, 0x4b, 0x07, 0x2f, 0x9d, 0xd9, 0x92, 0x46,
                                                    0x82, 0xd9, 0xef, 0x93, 0xa7, 0xd6, 0x46,
                                                    0x3c}};
#define FOLDER "/mnt/apps/2f074b0f-d99d-4692-82d9-ef93a7d6463c"

static int parse(const char *args, const char *capabilities, char *const *extra,
                 struct sph_orders *ret_orders, struct sph_err *err) {
    char text[1024];
    (void)snprintf(text, sizeof(text),
                   "{\"SchemaVersion\":1,\"Name\":\"x\","
                   "\"ComponentId\":\"2f074b0f-d99d-4692-82d9-ef93a7d6463c\","
                   "\"EntryPoint\":\"/bin/app\",\"CmdArgs\":[%s],\"Capabilities\":{%s}}",
                   args, capabilities);
    return sph_orders_parse(text, strlen(text), &component, extra, ret_orders, err);
}

static void expect_argv(const char *args, char *const *extra, const char *const *wanted) {
    struct sph_orders orders;
    struct sph_err err = SPH_ERR_NULL;
    if (parse(args, "", extra, &orders, &err) < 0)
        fail_msg("%s", err.text);
    size_t i = 0;
    for (; wanted[i]; i++)
        assert_string_equal(orders.argv[i], wanted[i]);
    assert_null(orders.argv[i]);
    sph_orders_done(&orders);
}

static void test_argv(void **state) {
    (void)state;
    static const char app[] = FOLDER "/bin/app";
    expect_argv("", NULL, (const char *const[]){app, NULL});
    expect_argv("\"a\",\"\",\"b c\"", NULL, (const char *const[]){app, "a", "", "b c", NULL});
    expect_argv("\"\\u00e4\\n\"", NULL, (const char *const[]){app, "\xc3\xa4\n", NULL});
    expect_argv("\"a\"", (char *const[]){"x", "y", NULL},
                (const char *const[]){app, "a", "x", "y", NULL});
    expect_argv("", (char *const[]){"", NULL}, (const char *const[]){app, "", NULL});
}

static void test_places(void **state) {
    (void)state;
    struct sph_orders orders;
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(parse("", "\"Gpio\":[0,7,8,75]", NULL, &orders, &err), 0);
    assert_string_equal(orders.package_entry, "/bin/app");
    assert_string_equal(orders.folder, FOLDER);
    assert_string_equal(orders.entry, FOLDER "/bin/app");
    for (unsigned pin = 0; pin < SPH_GPIO_PINS; pin++)
        assert_int_equal(orders.pins[pin / 8] >> pin % 8 & 1,
                         pin == 0 || pin == 7 || pin == 8 || pin == 75);
    sph_orders_done(&orders);
}

static void test_network(void **state) {
    (void)state;
    static const struct {
        const char *capabilities;
        bool wants;
    } rows[] = {
        {"", false},
        {"\"Gpio\":[1]", false},
        {"\"AllowedConnections\":[]", false},
        {"\"AllowedConnections\":[\"example.com\"]", true},
        {"\"AllowedTcpServerPorts\":[80]", true},
        {"\"AllowedUdpServerPorts\":[53]", true},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_orders orders;
        struct sph_err err = SPH_ERR_NULL;
        if (parse("", rows[i].capabilities, NULL, &orders, &err) < 0)
            fail_msg("%s", err.text);
        assert_int_equal(orders.wants_network, rows[i].wants);
        sph_orders_done(&orders);
    }
}

/* A package that was installed under a larger profile still starts. */
static void test_large_storage(void **state) {
    (void)state;
    struct sph_orders orders;
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(parse("", "\"MutableStorage\":{\"SizeKB\":4096}", NULL, &orders, &err), 0);
    sph_orders_done(&orders);
}

static void test_broken_manifest(void **state) {
    (void)state;
    struct sph_orders orders;
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(sph_orders_parse("{", 1, &component, NULL, &orders, &err), -EBADMSG);
    assert_non_null(strstr(err.text, "app_manifest.json"));
}

static void test_arguments_copy(void **state) {
    (void)state;
    static const char *const list[] = {"one", "", NULL};
    assert_null(sph_arguments_copy(NULL));
    char **copy = sph_arguments_copy(list);
    assert_non_null(copy);
    assert_string_equal(copy[0], "one");
    assert_string_equal(copy[1], "");
    assert_null(copy[2]);
    sph_arguments_free(copy);
    sph_arguments_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_argv),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_network),
        cmocka_unit_test(test_large_storage),
        cmocka_unit_test(test_broken_manifest),
        cmocka_unit_test(test_arguments_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
