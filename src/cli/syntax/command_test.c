/* Rules that every row of the table must keep, so that help, completion and parsing made from it
 * are right. */
#include "cli/syntax/command.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "cli/syntax/completion.h"
#include "cli/syntax/help.h"

enum { LINE_MAX_COLUMNS = 100 };

static const struct sph_command *parent_of(const struct sph_command *row) {
    char path[80];
    const char *blank = strrchr(row->path, ' ');
    (void)snprintf(path, sizeof(path), "%.*s", blank ? (int)(blank - row->path) : 0, row->path);
    return sph_command_find(path);
}

static void test_rows_form_a_tree(void **state) {
    (void)state;
    for (unsigned i = 0; sph_commands[i]; i++) {
        const struct sph_command *row = sph_commands[i];
        assert_ptr_equal(sph_command_find(row->path), row); /* no path twice */
        if (i == 0) {
            assert_string_equal(row->path, "");
            continue;
        }
        const struct sph_command *parent = parent_of(row);
        assert_non_null(parent);
        assert_null(parent->run);
        assert_ptr_equal(sph_command_child(parent, sph_command_word(row)), row);
        if (row->alias)
            assert_ptr_equal(sph_command_child(parent, row->alias), row);
    }
}

static void test_groups_have_children_and_commands_have_none(void **state) {
    (void)state;
    for (unsigned i = 0; sph_commands[i]; i++) {
        const struct sph_command *row = sph_commands[i];
        assert_int_equal(row->run == NULL, sph_command_next_child(row, NULL) != NULL);
    }
}

static bool has_letter(const struct sph_option *rows, char letter) {
    for (; rows && rows->name; rows++)
        if (rows->letter == letter)
            return true;
    return false;
}

static bool has_name(const struct sph_option *rows, const char *name) {
    for (; rows && rows->name; rows++)
        if (strcmp(rows->name, name) == 0 || (rows->alias && strcmp(rows->alias, name) == 0))
            return true;
    return false;
}

static void check_option(const struct sph_option *row) {
    assert_non_null(row->help);
    assert_true(islower(row->help[0]) || isupper(row->help[0]));
    assert_int_not_equal(row->help[strlen(row->help) - 1], '.');
    assert_int_equal(row->kind == SPH_VALUE_CHOICE, row->choices != NULL);
    if (row->required)
        assert_non_null(row->value);
    for (const char *c = row->name; *c; c++)
        assert_true(islower(*c) || *c == '-');
}

static void test_options_do_not_collide(void **state) {
    (void)state;
    for (const struct sph_option *row = sph_global_options; row->name; row++)
        check_option(row);
    for (unsigned i = 0; sph_commands[i]; i++) {
        for (const struct sph_option *row = sph_commands[i]->options; row && row->name; row++) {
            check_option(row);
            assert_false(has_name(sph_global_options, row->name));
            assert_false(has_name(row + 1, row->name));
            assert_false(row->alias && has_name(row + 1, row->alias));
            assert_false(row->letter && has_letter(sph_global_options, row->letter));
            assert_false(row->letter && has_letter(row + 1, row->letter));
        }
    }
}

static void test_positionals_are_in_order(void **state) {
    (void)state;
    for (unsigned i = 0; sph_commands[i]; i++) {
        bool optional_seen = false;
        const struct sph_positional *row = sph_commands[i]->positionals;
        for (; row && row->name; row++) {
            assert_non_null(row->help);
            assert_false(optional_seen && row->required);
            optional_seen |= !row->required;
            if (row->rest)
                assert_null(row[1].name);
        }
    }
}

static void check_lines(const char *path, const char *text) {
    for (const char *line = text; *line;) {
        size_t len = strcspn(line, "\n");
        if (len > LINE_MAX_COLUMNS)
            fail_msg("help of '%s' has a line of %zu columns: %.*s", path, len, (int)len, line);
        assert_false(len > 0 && line[len - 1] == ' ');
        line += len + 1;
    }
}

static void test_every_help_is_whole(void **state) {
    (void)state;
    for (unsigned i = 0; sph_commands[i]; i++) {
        const struct sph_command *row = sph_commands[i];
        sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
        sph_help_write("spherule", row, &buf);
        assert_int_equal(buf.error, 0);
        assert_ptr_equal(strstr(buf.data, "Usage:\n spherule"), buf.data);
        assert_non_null(strstr(buf.data, row->summary));
        assert_non_null(strstr(buf.data, "-h, --help"));
        for (const struct sph_option *option = row->options; option && option->name; option++)
            assert_non_null(strstr(buf.data, option->name));
        check_lines(row->path, buf.data);
    }
}

static void test_help_of_one_command(void **state) {
    static const char expected[] =
        "Usage:\n"
        " azsphere device gpio set [options] PIN LEVEL\n"
        "\n"
        "Set the level of a pin that no application drives.\n"
        "\n"
        "Arguments:\n"
        " PIN             0 to 75\n"
        " LEVEL           the level: 0, 1\n"
        "\n"
        "Options of every command:\n"
        " -d, --device NAME     the device (else $SPHERULE_DEVICE, 'default', or the only one)\n"
        " -o, --output FORMAT   how to print the answer: table, json, jsonc, yaml, tsv, none\n"
        "     --query JMESPATH  print only what the query makes of the answer\n"
        "     --verbose         say more about what is done, on standard error\n"
        " -h, --help            show this help\n";
    (void)state;
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    sph_help_write("azsphere", sph_command_find("device gpio set"), &buf);
    assert_string_equal(buf.data, expected);
}

static void test_synopsis(void **state) {
    static const struct {
        const char *path, *synopsis;
    } rows[] = {
        {"", "spherule COMMAND"},
        {"device", "spherule device COMMAND"},
        {"device list", "spherule device list [options]"},
        {"device start", "spherule device start [options] [NAME]"},
        {"run", "spherule run [options] PACKAGE-or-EXECUTABLE [ARGS...]"},
        {"device sideload deploy",
         "spherule device sideload deploy [options] --image-package PATH"},
    };
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
        sph_help_synopsis("spherule", sph_command_find(rows[i].path), &buf);
        assert_string_equal(buf.data, rows[i].synopsis);
    }
}

static void test_completion_knows_every_row(void **state) {
    (void)state;
    for (unsigned shell = SPH_SHELL_BASH; shell <= SPH_SHELL_FISH; shell++) {
        sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
        sph_completion_write((enum sph_shell)shell, &buf);
        assert_int_equal(buf.error, 0);
        for (unsigned i = 1; sph_commands[i]; i++)
            assert_non_null(strstr(buf.data, sph_commands[i]->path));
        for (const struct sph_option *row = sph_global_options; row->name; row++)
            assert_non_null(strstr(buf.data, row->name));
        assert_int_equal(buf.data[buf.len - 1], '\n');
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_form_a_tree),
        cmocka_unit_test(test_groups_have_children_and_commands_have_none),
        cmocka_unit_test(test_options_do_not_collide),
        cmocka_unit_test(test_positionals_are_in_order),
        cmocka_unit_test(test_every_help_is_whole),
        cmocka_unit_test(test_help_of_one_command),
        cmocka_unit_test(test_synopsis),
        cmocka_unit_test(test_completion_knows_every_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
