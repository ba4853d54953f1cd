/* Command lines and what becomes of them. */
#include "base/testing.h"

#include <errno.h>
#include <string.h>

#include "gateway/options.h"

enum { WORDS = 8 };

static int parse(const char *const words[WORDS], struct sph_options *ret_options,
                 struct sph_err *err) {
    char copies[WORDS + 1][64] = {"spheruled"};
    char *argv[WORDS + 2] = {copies[0]};
    int argc = 1;
    for (; words[argc - 1]; argc++) {
        (void)snprintf(copies[argc], sizeof(copies[argc]), "%s", words[argc - 1]);
        argv[argc] = copies[argc];
    }
    return sph_options_parse(argc, argv, ret_options, err);
}

static void everything_given(void **state) {
    (void)state;
    static char *argv[] = {"spheruled", "--device=/d", "--owner", "1000", "--agent",
                           "a.sock",    "--ready-fd",  "5",       NULL};
    struct sph_options options;
    assert_int_equal(sph_options_parse(8, argv, &options, NULL), 0);
    assert_string_equal(options.device, "/d");
    assert_string_equal(options.agent, "a.sock");
    assert_true(options.has_owner);
    assert_int_equal(options.owner, 1000);
    assert_int_equal(options.ready_fd, 5);
}

static void only_what_is_needed(void **state) {
    (void)state;
    static char *argv[] = {"spheruled", "--device", "/d", NULL};
    struct sph_options options;
    assert_int_equal(sph_options_parse(3, argv, &options, NULL), 0);
    assert_string_equal(options.agent, "agent.sock");
    assert_false(options.has_owner || options.wants_help || options.wants_version);
    assert_int_equal(options.ready_fd, -1);
}

static void wrong_lines_have_their_sentence(void **state) {
    (void)state;
    static const struct {
        const char *words[WORDS];
        const char *sentence;
    } cases[] = {
        {{NULL}, "--device DIR is missing; see --help"},
        {{"--device", "", NULL}, "--device DIR is missing; see --help"},
        {{"--device", NULL}, "--device needs a value; see --help"},
        {{"--device", "d", "more", NULL}, "\"more\" is not expected; see --help"},
        {{"--devize", "d", NULL}, "there is no option --devize; see --help"},
        {{"-x", NULL}, "there is no option -x; see --help"},
        {{"--owner", "-1", NULL}, "--owner takes a user id, not \"-1\""},
        {{"--owner", "4294967295", NULL}, "--owner takes a user id, not \"4294967295\""},
        {{"--ready-fd", "2", NULL}, "--ready-fd takes a descriptor from 3 on, not \"2\""},
        {{"--ready-fd", "x", NULL}, "--ready-fd takes a descriptor from 3 on, not \"x\""},
        {{"--agent", "", NULL}, "--agent takes a name in the device's folder, not \"\""},
        {{"--agent", "/x", NULL}, "--agent takes a name in the device's folder, not \"/x\""},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        struct sph_options options;
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(parse(cases[i].words, &options, &err), -EINVAL);
        assert_err(&err, -EINVAL, cases[i].sentence);
    }
}

static void help_needs_no_device(void **state) {
    (void)state;
    static const char *const help[WORDS] = {"--help", NULL};
    static const char *const version[WORDS] = {"--version", NULL};
    struct sph_options options;
    assert_int_equal(parse(help, &options, NULL), 0);
    assert_true(options.wants_help);
    assert_int_equal(parse(version, &options, NULL), 0);
    assert_true(options.wants_version);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_given),
        cmocka_unit_test(only_what_is_needed),
        cmocka_unit_test(wrong_lines_have_their_sentence),
        cmocka_unit_test(help_needs_no_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
