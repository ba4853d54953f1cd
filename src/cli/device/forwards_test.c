/* Forwards: each text that is one or is none, and the table full. */
#include "cli/device/forwards.h"

#include "base/testing.h"

#include <errno.h>
#include <stdio.h>

#include "base/attr.h"

#define NO_FORWARD(text)                                                                           \
    "'" text "' is no forward: write this machine's port and the device's, each from 1 to 65535, " \
    "as in 8080:80"

static const struct {
    const char *text, *sentence; /* NULL: good */
} rows[] = {
    {"8080:80", NULL},
    {"1:65535", NULL},
    {"65535:1", NULL},
    {"81:80", NULL}, /* two ways to one port of the device */
    {"8080:81", "port 8080 of this machine is forwarded twice"},
    {"", NO_FORWARD("")},
    {":", NO_FORWARD(":")},
    {"80", NO_FORWARD("80")},
    {"80:", NO_FORWARD("80:")},
    {":80", NO_FORWARD(":80")},
    {"0:80", NO_FORWARD("0:80")},
    {"80:0", NO_FORWARD("80:0")},
    {"65536:80", NO_FORWARD("65536:80")},
    {"80:65536", NO_FORWARD("80:65536")},
    {"80:18446744073709551617", NO_FORWARD("80:18446744073709551617")},
    {"-1:80", NO_FORWARD("-1:80")},
    {"+2:80", NO_FORWARD("+2:80")},
    {" 2:80", NO_FORWARD(" 2:80")},
    {"2:80 ", NO_FORWARD("2:80 ")},
    {"2:3:4", NO_FORWARD("2:3:4")},
    {"0x10:80", NO_FORWARD("0x10:80")},
    {"www:80", NO_FORWARD("www:80")},
};

static void test_texts(void **state) {
    struct sph_forwards forwards = {.count = 0};
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_err err = SPH_ERR_NULL;
        char text[SPH_FORWARD_TEXT];
        unsigned before = forwards.count;
        int r = sph_forwards_add(&forwards, rows[i].text, &err);
        assert_string_equal(err.text, rows[i].sentence ? rows[i].sentence : "");
        assert_int_equal(r, rows[i].sentence ? -EINVAL : 0);
        assert_int_equal(forwards.count, before + (r == 0));
        if (r == 0)
            assert_string_equal(sph_forwards_format(&forwards, before, text), rows[i].text);
    }
}

static void test_full(void **state) {
    struct sph_forwards forwards = {.count = 0};
    struct sph_err err = SPH_ERR_NULL;
    char text[SPH_FORWARD_TEXT];
    (void)state;
    for (unsigned i = 0; i < SPH_FORWARDS_MAX; i++) {
        (void)snprintf(text, sizeof(text), "%u:80", i + 1);
        assert_int_equal(sph_forwards_add(&forwards, text, &err), 0);
    }
    assert_int_equal(sph_forwards_add(&forwards, "17:80", &err), -EINVAL);
    assert_err(&err, -EINVAL, "a device has at most 16 forwards");
    assert_int_equal(forwards.count, SPH_FORWARDS_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_texts), cmocka_unit_test(test_full)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
