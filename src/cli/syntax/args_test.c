/* Command lines against the real table: what is found, and the sentence for each mistake. */
#include "cli/syntax/args.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WORDS_MAX = 24 };

/* A line cut at blanks; "%" stands for an empty word. */
struct line {
    char text[512];
    char *words[WORDS_MAX];
    int count;
};

static void cut(struct line *line, const char *text) {
    static char empty[1] = "";
    line->count = 0;
    (void)snprintf(line->text, sizeof(line->text), "spherule %s", text);
    char *save = NULL;
    for (char *word = strtok_r(line->text, " ", &save); word; word = strtok_r(NULL, " ", &save))
        line->words[line->count++] = strcmp(word, "%") == 0 ? empty : word;
    line->words[line->count] = NULL;
}

static int parse(struct line *line, const char *text, struct sph_args *args, struct sph_err *err) {
    cut(line, text);
    return sph_args_parse("spherule", line->count, line->words, args, err);
}

static const struct {
    const char *line, *sentence;
} mistakes[] = {
    {"devise", "'spherule' has no command 'devise'; did you mean 'device'?"},
    {"xyzzy", "'spherule' has no command 'xyzzy'; see 'spherule --help'"},
    {"device ap show-status", "'spherule device' has no command 'ap'; did you mean 'app'?"},
    {"device app show-memory", "'spherule device app' has no command 'show-memory'; did you mean "
                               "'show-memory-stats'?"},
    {"device app strat", "'spherule device app' has no command 'strat'; did you mean 'start'?"},
    {"trust addd", "'spherule trust' has no command 'addd'; did you mean 'add'?"},
    {"--outptu json device list", "unknown option '--outptu'; did you mean '--output'?"},
    {"device list --outptu=json", "unknown option '--outptu'; did you mean '--output'?"},
    {"device list --nonsense", "unknown option '--nonsense'"},
    {"device list -x", "unknown option '-x'"},
    {"device list -o", "option '--output' needs a value: FORMAT"},
    {"device list --output", "option '--output' needs a value: FORMAT"},
    {"device list --output xml",
     "'xml' is no value for --output; use table, json, jsonc, yaml, tsv or none"},
    {"device list -o %", "'' is no value for --output; use table, json, jsonc, yaml, tsv or none"},
    {"device list --verbose=yes", "option '--verbose' takes no value"},
    {"device list extra", "unexpected argument 'extra'"},
    {"device create a b", "unexpected argument 'b'"},
    {"device sideload deploy", "option '--image-package PATH' is missing"},
    {"device sideload deploy -p", "option '--image-package' needs a value: PATH"},
    {"device sideload deploy -p x --manual-strat",
     "unknown option '--manual-strat'; did you mean '--manual-start'?"},
    {"device gpio get", "argument PIN is missing"},
    {"device gpio set 12", "argument LEVEL is missing"},
    {"device gpio set 12 2", "'2' is no value for LEVEL; use 0 or 1"},
    {"completion", "argument SHELL is missing"},
    {"completion tcsh", "'tcsh' is no value for SHELL; use bash, zsh or fish"},
    {"run", "argument PACKAGE-or-EXECUTABLE is missing"},
    {"run --ram", "option '--ram' needs a value: SIZE"},
    {"run --rma 64K x", "unknown option '--rma'; did you mean '--ram'?"},
    {"image-package pack-application", "option '--package-directory DIR' is missing"},
    {"image-package pack-application --package-directory d",
     "option '--destination FILE' is missing"},
    {"image-package pack-application --ta x", "option '--ta' is the beginning of several options"},
};

static void test_each_mistake_has_its_sentence(void **state) {
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(mistakes); i++) {
        struct sph_err err = SPH_ERR_NULL;
        struct sph_args args;
        struct line line;
        int r = parse(&line, mistakes[i].line, &args, &err);
        if (strcmp(err.text, mistakes[i].sentence) != 0)
            print_error("%s\n", mistakes[i].line);
        assert_string_equal(err.text, mistakes[i].sentence);
        assert_int_equal(r, -EINVAL);
        assert_non_null(args.command);
        sph_args_done(&args);
    }
}

/* What Azure's tools have, and only in their spelling. */
static void test_options_of_az(void **state) {
    static const struct {
        const char *program, *line, *sentence;
    } rows[] = {
        {"az sphere", "device list -g x -c y --subscription z --only-show-errors --debug", ""},
        {"az sphere", "--resource-group x device app show-status --catalog y", ""},
        {"az sphere", "device list -g", "option '--resource-group' needs a value: NAME"},
        {"spherule", "device list -g x", "unknown option '-g'"},
        {"spherule", "device list --catalog x", "unknown option '--catalog'"},
    };
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_err err = SPH_ERR_NULL;
        struct sph_args args;
        struct line line;
        cut(&line, rows[i].line);
        int r = sph_args_parse(rows[i].program, line.count, line.words, &args, &err);
        assert_string_equal(err.text, rows[i].sentence);
        assert_int_equal(r, *rows[i].sentence ? -EINVAL : 0);
        sph_args_done(&args);
    }
}

static const struct {
    const char *line, *path;
    unsigned n_positionals;
    const char *option, *value; /* NULL: not looked at */
} good[] = {
    {"", "", 0, NULL, NULL},
    {"device", "device", 0, NULL, NULL},
    {"--version", "", 0, "version", ""},
    {"device list", "device list", 0, "output", NULL},
    {"-o json device list", "device list", 0, "output", "json"},
    {"device -o json list", "device list", 0, "output", "json"},
    {"device list -ojson", "device list", 0, "output", "json"},
    {"device list --output=tsv", "device list", 0, "output", "tsv"},
    {"device app show-memory-stats --watch", "device app show-memory-stats", 0, "watch", ""},
    {"device app show-memory-stats --watch=5", "device app show-memory-stats", 0, "watch", "5"},
    {"device app show-memory-stats --watch 5 -o json", "device app show-memory-stats", 0, "watch",
     "5"},
    {"device app show-memory-stats --watch -o json", "device app show-memory-stats", 0, "watch",
     ""},
    {"device list --out tsv", "device list", 0, "output", "tsv"},
    {"-o json device list -o tsv", "device list", 0, "output", "tsv"},
    {"dev sl deploy -mp x", "device sideload deploy", 0, "image-package", "x"},
    {"device sideload deploy --imagepackage x -m", "device sideload deploy", 0, "image-package",
     "x"},
    {"device img list-installed --all", "device image list-installed", 0, "full", ""},
    {"show-version", "version", 0, NULL, NULL},
    {"device start a -d b", "device start", 1, "device", "b"},
    {"-d b device start", "device start", 0, "device", "b"},
    {"device gpio set 12 1", "device gpio set", 2, NULL, NULL},
    {"device gpio set -- 12 1", "device gpio set", 2, NULL, NULL},
    {"run x", "run", 1, NULL, NULL},
    {"run --ram 64K x --ram 1", "run", 3, "ram", "64K"},
    {"run x --help -o nothing", "run", 4, "output", NULL},
    {"run -- --x", "run", 1, NULL, NULL},
    {"device gpio get --help", "device gpio get", 0, "help", ""},
    {"device sideload deploy -h", "device sideload deploy", 0, "help", ""},
    {"ip pack-application --package-directory d --output-file f", "image-package pack-application",
     0, "destination", "f"},
};

static void test_good_lines(void **state) {
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(good); i++) {
        struct sph_err err = SPH_ERR_NULL;
        struct sph_args args;
        struct line line;
        int r = parse(&line, good[i].line, &args, &err);
        if (r != 0 || strcmp(args.command->path, good[i].path) != 0)
            print_error("%s: %s\n", good[i].line, err.text);
        assert_int_equal(r, 0);
        assert_string_equal(args.command->path, good[i].path);
        assert_int_equal(args.n_positionals, good[i].n_positionals);
        if (good[i].option && good[i].value)
            assert_string_equal(sph_args_value(&args, good[i].option), good[i].value);
        else if (good[i].option)
            assert_null(sph_args_value(&args, good[i].option));
        sph_args_done(&args);
    }
}

static void test_rest_keeps_order(void **state) {
    (void)state;
    struct sph_err err = SPH_ERR_NULL;
    struct sph_args args;
    struct line line;
    assert_int_equal(parse(&line, "run --keep prog -o json -- --keep % last", &args, &err), 0);
    static const char *const expected[] = {"prog", "-o", "json", "--", "--keep", "", "last"};
    assert_int_equal(args.n_positionals, SPH_ARRAY_SIZE(expected));
    for (unsigned i = 0; i < SPH_ARRAY_SIZE(expected); i++)
        assert_string_equal(sph_args_positional(&args, i), expected[i]);
    assert_null(sph_args_positional(&args, args.n_positionals));
    assert_true(sph_args_flag(&args, "keep"));
    sph_args_done(&args);
}

static void test_many_letters_fit(void **state) {
    (void)state;
    struct sph_err err = SPH_ERR_NULL;
    struct sph_args args;
    struct line line;
    assert_int_equal(
        parse(&line, "device sideload deploy -mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmp x", &args, &err),
        0);
    assert_int_equal(args.n_hits, 35);
    sph_args_done(&args);
    sph_args_done(&args); /* done twice is fine */
}

/* Any order of any words must end in a sentence or a command, never in a crash. */
static void test_random_words(void **state) {
    static const char *const words[] = {"device", "app",  "--output", "-o",    "json", "-",  "--",
                                        "run",    "-d",   "--help",   "start", "-h",   "-i", "gpio",
                                        "--",     "-p=x", "--=",      "---",   "%",    "-ox"};
    (void)state;
    unsigned seed = 20;
    print_message("seed %u\n", seed);
    for (int round = 0; round < 20000; round++) {
        char text[400] = "";
        for (int i = rand_r(&seed) % 9; i >= 0; i--) {
            (void)strcat(text, words[(unsigned)rand_r(&seed) % SPH_ARRAY_SIZE(words)]);
            (void)strcat(text, " ");
        }
        struct sph_err err = SPH_ERR_NULL;
        struct sph_args args;
        struct line line;
        int r = parse(&line, text, &args, &err);
        assert_true(r == 0 || (r == -EINVAL && err.text[0] != '\0'));
        sph_args_done(&args);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_mistake_has_its_sentence),
        cmocka_unit_test(test_options_of_az),
        cmocka_unit_test(test_good_lines),
        cmocka_unit_test(test_rest_keeps_order),
        cmocka_unit_test(test_many_letters_fit),
        cmocka_unit_test(test_random_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
