/* The scripts as the shells see them: whole by their own check, and right about what comes next. */
#include "base/testing.h"

#include <string.h>
#include <sys/wait.h>

#include "base/attr.h"
#include "base/cleanup.h"
#include "cli/syntax/command.h"
#include "cli/syntax/completion.h"

/* Runs a shell on a script file; its output goes to `text`. -1 when there is no such shell. */
static int run_shell(const char *command, char *text, size_t size) {
    FILE *pipe_from = popen(command, "r");
    assert_non_null(pipe_from);
    size_t len = fread(text, 1, size - 1, pipe_from);
    text[len] = '\0';
    int status = pclose(pipe_from);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void write_script(const struct sph_scratch *scratch, enum sph_shell shell) {
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    sph_completion_write(shell, &buf);
    assert_int_equal(buf.error, 0);
    assert_int_equal(sph_file_replace(scratch->fd, "script", buf.data, buf.len, 0644, NULL), 0);
}

static const struct {
    enum sph_shell shell;
    const char *name;
} shells[] = {{SPH_SHELL_BASH, "bash"}, {SPH_SHELL_ZSH, "zsh"}, {SPH_SHELL_FISH, "fish"}};

/* Each shell that this machine has reads its script without executing it. */
static void test_syntax(void **state) {
    const struct sph_scratch *scratch = *state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(shells); i++) {
        char command[200], text[4096];
        (void)snprintf(command, sizeof(command), "command -v %s >/dev/null 2>&1", shells[i].name);
        if (run_shell(command, text, sizeof(text)) != 0) {
            print_message("%s is not here to judge its script\n", shells[i].name);
            continue;
        }
        write_script(scratch, shells[i].shell);
        (void)snprintf(command, sizeof(command), "%s -n %s/script 2>&1", shells[i].name,
                       scratch->path);
        int status = run_shell(command, text, sizeof(text));
        assert_string_equal(text, "");
        assert_int_equal(status, 0);
    }
}

/* Words so far, and what bash is to offer for the last of them (sorted, joined by blanks). */
static const struct {
    const char *words, *offers;
} lines[] = {
    {"spherule dev", "device"},
    {"spherule device app s",
     "show-heap show-kills show-memory-stats show-quota show-status start stop"},
    {"spherule dev app sto", "stop"},
    {"spherule device --output j", "json jsonc"},
    {"spherule -o t", "table tsv"},
    {"spherule -o json device gpio s", "set"},
    {"spherule completion ", "bash fish zsh"},
    {"spherule device sideload deploy --man", "--manual-start"},
    {"spherule device list --nothing", ""},
    {"azsphere image-package pa", "pack-application"},
};

/* The function that the script registers is called as bash calls it, with COMP_WORDS set. */
static void test_what_bash_offers(void **state) {
    const struct sph_scratch *scratch = *state;
    char text[4096];
    if (run_shell("command -v bash >/dev/null 2>&1", text, sizeof(text)) != 0)
        skip();
    write_script(scratch, SPH_SHELL_BASH);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(lines); i++) {
        char command[1024];
        size_t len = strlen(lines[i].words);
        bool begins = lines[i].words[len - 1] == ' '; /* a new word, still empty */
        (void)snprintf(command, sizeof(command),
                       "bash -c 'source %s/script; set -- $(complete -p spherule); "
                       "while [ \"$1\" != -F ]; do shift; done; f=$2; COMP_WORDS=(%s %s); "
                       "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMPREPLY=(); "
                       "\"$f\" spherule \"${COMP_WORDS[COMP_CWORD]}\" x; "
                       "printf \"%%s\\n\" \"${COMPREPLY[@]}\" | sed \"s/ *$//\" | LC_ALL=C sort | "
                       "paste -sd\" \"' 2>&1",
                       scratch->path, lines[i].words, begins ? "\"\"" : "");
        assert_int_equal(run_shell(command, text, sizeof(text)), 0);
        text[strcspn(text, "\n")] = '\0';
        if (strcmp(text, lines[i].offers) != 0)
            print_error("%s\n", lines[i].words);
        assert_string_equal(text, lines[i].offers);
    }
}

/* No byte of the table can end a quote or a line of the scripts: a check of the table, for a row
 * that is yet to be written. */
static void check_text(const char *text) {
    for (; text && *text; text++)
        assert_true((unsigned char)*text >= 32 && *text != '\\' && *text != '`');
}

static void test_texts_that_scripts_can_hold(void **state) {
    (void)state;
    for (unsigned i = 0; sph_commands[i]; i++) {
        const struct sph_command *row = sph_commands[i];
        check_text(row->path);
        check_text(row->summary);
        for (const struct sph_option *option = row->options; option && option->name; option++) {
            check_text(option->name);
            check_text(option->help);
        }
    }
}

/* Over its limit a script is lost with an error, at every limit: half a script must not be sourced.
 */
static void test_every_limit(void **state) {
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(shells); i++) {
        sph_autobuf struct sph_buf whole = SPH_BUF_NULL;
        sph_completion_write(shells[i].shell, &whole);
        for (size_t limit = 1; limit < whole.len; limit += 997) {
            sph_autobuf struct sph_buf buf = SPH_BUF_LIMIT(limit);
            sph_completion_write(shells[i].shell, &buf);
            assert_true(buf.error < 0);
        }
    }
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, sph_scratch_make, sph_scratch_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(test_syntax),
        IN_SCRATCH(test_what_bash_offers),
        cmocka_unit_test(test_texts_that_scripts_can_hold),
        cmocka_unit_test(test_every_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
