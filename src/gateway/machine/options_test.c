/* Command lines and what becomes of them. */
#include "base/testing.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "gateway/machine/options.h"

enum { WORDS = 8 };

static int parse(const char *const words[WORDS], struct sph_options *ret_options,
                 struct sph_err *err) {
    static char copies[WORDS + 1][64] = {"spheruled"}; /* options point into it */
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
        {{"-xy", NULL}, "there is no option -x; see --help"},
        {{"--device", "d", "-yx", NULL}, "there is no option -y; see --help"},
        {{"-d", "d", NULL}, "there is no option -d; see --help"},
        {{"--help=yes", NULL}, "--help=yes: this option takes no value; see --help"},
        {{"--version=1", NULL}, "--version=1: this option takes no value; see --help"},
        {{"--devize=d", NULL}, "there is no option --devize=d; see --help"},
        {{"--device", "d", "--owner", NULL}, "--owner needs a value; see --help"},
        {{"--ready-fd", NULL}, "--ready-fd needs a value; see --help"},
        {{"--agent", NULL}, "--agent needs a value; see --help"},
        {{"--device=", NULL}, "--device DIR is missing; see --help"},
        {{"--device", "d", "--", "-x", NULL}, "\"-x\" is not expected; see --help"},
        {{"first", "--device", "d", NULL}, "\"first\" is not expected; see --help"},
        {{"--device", "d", "-", NULL}, "\"-\" is not expected; see --help"},
        {{"--owner", "", NULL}, "--owner takes a user id, not \"\""},
        {{"--owner", "root", NULL}, "--owner takes a user id, not \"root\""},
        {{"--owner", "1 ", NULL}, "--owner takes a user id, not \"1 \""},
        {{"--owner", "18446744073709551616", NULL},
         "--owner takes a user id, not \"18446744073709551616\""},
        {{"--ready-fd", "0", NULL}, "--ready-fd takes a descriptor from 3 on, not \"0\""},
        {{"--ready-fd", "-1", NULL}, "--ready-fd takes a descriptor from 3 on, not \"-1\""},
        {{"--ready-fd", "2147483648", NULL},
         "--ready-fd takes a descriptor from 3 on, not \"2147483648\""},
        {{"--agent", "a/b", NULL}, "--agent takes a name in the device's folder, not \"a/b\""},
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

/* The ends of what is allowed, and which of two counts. */
static void edges(void **state) {
    (void)state;
    static const struct {
        const char *words[WORDS];
        uid_t owner;
        int ready_fd;
        const char *device;
    } cases[] = {
        {{"--device", "d", "--owner", "0", "--ready-fd", "3", NULL}, 0, 3, "d"},
        {{"--device", "d", "--owner", "4294967294", NULL}, 4294967294u, -1, "d"},
        {{"--device", "d", "--ready-fd", "2147483647", NULL}, 0, INT_MAX, "d"},
        {{"--device", "d", "--device", "e", NULL}, 0, -1, "e"},
        {{"--owner", "7", "--device", "d", "--owner", "8", NULL}, 8, -1, "d"},
        {{"--dev", "d", "--own=5", NULL}, 5, -1, "d"}, /* shortened as far as it is clear */
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        struct sph_options options;
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(parse(cases[i].words, &options, &err), 0);
        assert_int_equal(err.code, 0);
        assert_int_equal(options.owner, cases[i].owner);
        assert_int_equal(options.ready_fd, cases[i].ready_fd);
        assert_string_equal(options.device, cases[i].device);
    }
}

/* Every option that the table of getopt knows stands in the help, and the other way round. */
static void help_tells_all(void **state) {
    (void)state;
    static const char *const names[] = {"--device DIR", "--owner UID", "--agent NAME",
                                        "--ready-fd N", "--help",      "--version"};
    size_t dashes = 0;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(names); i++)
        assert_non_null(strstr(sph_options_help, names[i]));
    for (const char *at = sph_options_help; (at = strstr(at, "--")); at += 2)
        dashes++;
    assert_int_equal(dashes, 4 + 6); /* the line of usage has no --help, --version */
    assert_int_equal(sph_options_help[strlen(sph_options_help) - 1], '\n');
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
        cmocka_unit_test(edges),
        cmocka_unit_test(help_tells_all),
        cmocka_unit_test(help_needs_no_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
