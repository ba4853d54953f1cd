/* Pages of made-up commands, to the byte; cli_man_pages_test.py has the real ones read by man. */
#include "cli/syntax/man.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"

static int run(struct sph_cli *cli) {
    (void)cli;
    return 0;
}

static void test_a_page(void **state) {
    static const char *const choices[] = {"a", "b", NULL};
    static const struct sph_option options[] = {
        {.name = "odd-one", .letter = 'o', .alias = "odd", .value = "WAY", .help = "'quoted' – \\"},
        {.name = "watch", .value = "N", .value_optional = true, .help = "again"},
        {.name = NULL},
    };
    static const struct sph_positional positionals[] = {
        {.name = "WHAT",
         .help = "it",
         .choices = choices,
         .kind = SPH_VALUE_CHOICE,
         .required = true},
        {.name = NULL},
    };
    static const struct sph_command command = {.path = "group do-it",
                                               .alias = "di",
                                               .summary = "Do it",
                                               .details = ".begins\n'with   requests",
                                               .options = options,
                                               .positionals = positionals,
                                               .run = run};
    static const char start[] =
        ".\\\" Made from the command table; changes here are lost.\n"
        ".TH \"SPHERULE\\-GROUP\\-DO\\-IT\" 1 \"\" \"Spherule " SPH_VERSION "\" \"User Commands\"\n"
        ".SH NAME\nspherule\\-group\\-do\\-it \\- Do it\n"
        ".SH SYNOPSIS\n\\fBspherule group do\\-it\\fR [options] WHAT\n"
        ".SH DESCRIPTION\nDo it.\n"
        ".PP\n.nf\n\\&.begins\n\\&'with   requests\n.fi\n"
        ".PP\nAlso called \\fBdi\\fR.\n"
        ".SH ARGUMENTS\n.TP\n\\fIWHAT\\fR\nit: a, b\n"
        ".SH OPTIONS\n"
        ".TP\n\\fB\\-o\\fR, \\fB\\-\\-odd\\-one\\fR \\fIWAY\\fR\n"
        "\\&'quoted\\(aq \\[u2013] \\e (also \\-\\-odd)\n"
        ".TP\n\\fB\\-\\-watch\\fR [\\fIN\\fR]\nagain\n"
        ".SH OPTIONS OF EVERY COMMAND\n.TP\n\\fB\\-d\\fR, \\fB\\-\\-device\\fR \\fINAME\\fR\n";
    (void)state;
    sph_autobuf struct sph_buf page = SPH_BUF_NULL;
    sph_man_write(&command, &page);
    assert_int_equal(page.error, 0);
    assert_true(page.len > sizeof(start));
    page.data[sizeof(start) - 1] = '\0';
    assert_string_equal(page.data, start);
}

static void test_every_page_names_what_the_row_has(void **state) {
    (void)state;
    for (unsigned i = 0; sph_commands[i]; i++) {
        const struct sph_command *row = sph_commands[i];
        sph_autobuf struct sph_buf page = SPH_BUF_NULL;
        char name[SPH_MAN_NAME_SIZE];
        sph_man_name(row, name);
        assert_null(strchr(name, ' '));
        sph_man_write(row, &page);
        assert_int_equal(page.error, 0);
        assert_non_null(strstr(page.data, "\n.SH EXIT STATUS\n"));
        assert_int_equal(strstr(page.data, "\n.SH COMMANDS\n") != NULL, row->run == NULL);
        for (size_t k = 0; k < page.len; k++)
            assert_in_range((unsigned char)page.data[k], '\n', '~');
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_page),
        cmocka_unit_test(test_every_page_names_what_the_row_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
