/* What may stand in a request and in the file, and what is said of the rest. */
#include "base/testing.h"

#include <errno.h>
#include <string.h>

#include "gateway/access/listen.h"

#define TOKEN "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void right_ones_come_out_again(void **state) {
    (void)state;
    static const struct {
        const char *text, *formatted;
        bool wants_new_token;
    } rows[] = {
        {"{\"address\":\"127.0.0.1:8443\"}", "{\"address\":\"127.0.0.1:8443\",\"trusted\":false}\n",
         false},
        {"{\"address\":\"[::1]:1\",\"trusted\":true,\"newToken\":true,\"other\":[]}",
         "{\"address\":\"[::1]:1\",\"trusted\":true}\n", true},
        {"{\"token\":\"" TOKEN "\",\"address\":\"0.0.0.0:0\",\"trusted\":false}",
         "{\"address\":\"0.0.0.0:0\",\"trusted\":false,\"token\":\"" TOKEN "\"}\n", false},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_listen listen;
        struct sph_err err = SPH_ERR_NULL;
        sph_autobuf struct sph_buf text = SPH_BUF_NULL;
        if (sph_listen_parse(rows[i].text, strlen(rows[i].text), &listen, &err) < 0)
            fail_msg("%s: %s", rows[i].text, err.text);
        assert_int_equal(listen.wants_new_token, rows[i].wants_new_token);
        sph_listen_format(&listen, &text);
        assert_string_equal(text.data, rows[i].formatted);
    }
}

static void wrong_ones_are_said(void **state) {
    (void)state;
    static const char address[] =
        "the member \"address\" must be a string such as \"127.0.0.1:8443\"";
    static const char token[] = "the member \"token\" must be 64 hexadecimal digits";
    static const struct {
        const char *text;
        int rc;
        const char *sentence;
    } rows[] = {
        {"", -EBADMSG, "line 1, column 1: expected a value, but found the end of the text"},
        {"[]", -EINVAL, "a JSON object was expected"},
        {"{}", -EINVAL, address},
        {"{\"address\":8443}", -EINVAL, address},
        {"{\"address\":null}", -EINVAL, address},
        {"{\"address\":\"127.0.0.1:8443\\u0000\"}", -EINVAL, address},
        {"{\"address\":\"here:1\"}", -EINVAL,
         "'here:1' is no address to listen on; write an IP address and a port, such as "
         "127.0.0.1:8443 or [::1]:8443"},
        {"{\"address\":\"127.0.0.1:8443\",\"trusted\":1}", -EINVAL,
         "the member \"trusted\" must be true or false"},
        {"{\"address\":\"127.0.0.1:8443\",\"newToken\":\"yes\"}", -EINVAL,
         "the member \"newToken\" must be true or false"},
        {"{\"address\":\"127.0.0.1:8443\",\"token\":\"\"}", -EINVAL, token},
        {"{\"address\":\"127.0.0.1:8443\",\"token\":\"" TOKEN "0\"}", -EINVAL, token},
        {"{\"address\":\"127.0.0.1:8443\",\"token\":7}", -EINVAL, token},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_listen listen = {.wants_new_token = true};
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(sph_listen_parse(rows[i].text, strlen(rows[i].text), &listen, &err),
                         rows[i].rc);
        assert_string_equal(err.text, rows[i].sentence);
        assert_true(listen.wants_new_token); /* untouched */
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_ones_come_out_again),
        cmocka_unit_test(wrong_ones_are_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
