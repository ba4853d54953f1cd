/* A command line is read in two steps, both by getopt_long with options made from the table:
 * first the words of the command with global options between them, then everything that belongs
 * to the command found. getopt's own messages are off: it says less than the table knows.
 *
 * getopt permutes argv, which is why it may be reordered, and keeps state in globals, which is
 * why only one line is parsed at a time. An own parser was rejected: abbreviations, clusters of
 * letters and "--" have to behave as in every other program, and glibc's do. */
#include "cli/syntax/args.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/syntax/spelling.h"
#include "cli/syntax/suggest.h"

enum {
    OPTIONS_MAX = 40,     /* global ones and those of one command, aliases counted */
    OPTION_VALUE = 0x100, /* getopt value of options[0]: above any letter */
};

/* Options in the form of getopt, and the table's row of each. */
struct option_set {
    struct option longs[OPTIONS_MAX + 1];
    const struct sph_option *rows[OPTIONS_MAX];
    unsigned count;
    char shorts[3 + 2 * OPTIONS_MAX];
};

/* getopt hands back the position in the set, so that an alias leads to the same row as the name. */
static void set_add_long(struct option_set *set, const struct sph_option *row, const char *name) {
    assert(set->count < OPTIONS_MAX);
    set->longs[set->count] = (struct option){.name = name,
                                             .has_arg = row->value_optional ? optional_argument
                                                        : row->value        ? required_argument
                                                                            : no_argument,
                                             .val = OPTION_VALUE + (int)set->count};
    set->rows[set->count++] = row;
}

static void set_add(struct option_set *set, const struct sph_option *rows) {
    for (; rows && rows->name; rows++) {
        set_add_long(set, rows, rows->name);
        if (rows->alias)
            set_add_long(set, rows, rows->alias);
        if (rows->letter) {
            size_t len = strlen(set->shorts);
            (void)snprintf(set->shorts + len, sizeof(set->shorts) - len, "%c%s", rows->letter,
                           rows->value ? ":" : "");
        }
    }
}

/* What Azure's tools say of accounts, catalogs and their own messages: taken, and nothing to us. */
static const struct sph_option az_options[] = {
    {.name = "resource-group", .letter = 'g', .value = "NAME"},
    {.name = "catalog", .letter = 'c', .value = "NAME"},
    {.name = "subscription", .value = "NAME"},
    {.name = "only-show-errors"},
    {.name = "debug"},
    {.name = NULL},
};

/* `in_order`: the first word that is no option ends the options. Where a command has an option of
 * the same name as one of Azure's, it is the command's. */
static void set_init(struct option_set *set, const char *program, const struct sph_command *command,
                     bool in_order) {
    memset(set, 0, sizeof(*set));
    strcpy(set->shorts, in_order ? "+:" : ":");
    set_add(set, sph_global_options);
    if (command)
        set_add(set, command->options);
    if (sph_spelling_is_az(program))
        set_add(set, az_options);
}

/* The row behind getopt's value: a position for long names, the letter itself for short ones. */
static const struct sph_option *set_row(const struct option_set *set, int value) {
    if (value >= OPTION_VALUE)
        return set->rows[value - OPTION_VALUE];
    for (unsigned i = 0; i < set->count; i++)
        if (set->rows[i]->letter == value)
            return set->rows[i];
    return NULL;
}

/* There is room: `hits` has one place for every letter of the line. */
static void add_hit(struct sph_args *args, const struct sph_option *option, const char *value) {
    args->hits[args->n_hits++] =
        (struct sph_args_hit){.option = option, .value = value ? value : ""};
}

/* getopt says the same of an unknown name and of an ambiguous beginning; the sentence tells them
 * apart. */
static int fail_unknown_long(const struct option_set *set, const char *word, struct sph_err *err) {
    char name[64];
    (void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(word + 2, "="), word + 2);
    struct sph_suggest suggest;
    sph_suggest_start(&suggest, name);
    unsigned beginnings = 0;
    for (unsigned i = 0; i < set->count; i++) {
        beginnings += strncmp(set->longs[i].name, name, strlen(name)) == 0;
        sph_suggest_offer(&suggest, set->longs[i].name);
    }
    if (beginnings > 1)
        return SPH_FAIL(err, -EINVAL, "option '--%s' is the beginning of several options", name);
    if (suggest.best)
        return SPH_FAIL(err, -EINVAL, "unknown option '--%s'; did you mean '--%s'?", name,
                        suggest.best);
    return SPH_FAIL(err, -EINVAL, "unknown option '--%s'", name);
}

/* What getopt's '?' or ':' meant. */
static int fail_option(const struct option_set *set, int result, const char *word,
                       struct sph_err *err) {
    if (optopt == 0)
        return fail_unknown_long(set, word, err);
    const struct sph_option *row = set_row(set, optopt);
    if (!row)
        return SPH_FAIL(err, -EINVAL, "unknown option '-%c'",
                        isprint((unsigned char)optopt) ? optopt : '?');
    if (result == ':')
        return SPH_FAIL(err, -EINVAL, "option '--%s' needs a value: %s", row->name, row->value);
    return SPH_FAIL(err, -EINVAL, "option '--%s' takes no value", row->name);
}

/* One run of getopt, to the first mistake or to the end of the options. optind - 1 is the word that
 * a long option's mistake was in; for letters it may be the word after, so their sentence does
 * without. */
static int take_options(const struct option_set *set, int argc, char **argv, struct sph_args *args,
                        struct sph_err *err) {
    int result;
    while ((result = getopt_long(argc, argv, set->shorts, set->longs, NULL)) != -1) {
        if (result == '?' || result == ':')
            return fail_option(set, result, argv[optind - 1], err);
        const struct sph_option *row = set_row(set, result);
        if (row->value_optional && !optarg && optind < argc &&
            isdigit((unsigned char)*argv[optind]))
            optarg = argv[optind++]; /* getopt itself takes such a value only behind '=' */
        add_hit(args, row, optarg);
    }
    return 0;
}

/* The nearest word of the group where one is near, else where to look. */
static int fail_unknown_word(const char *program, const struct sph_command *group, const char *word,
                             struct sph_err *err) {
    struct sph_suggest suggest;
    sph_suggest_start(&suggest, word);
    const struct sph_command *child = NULL;
    while ((child = sph_command_next_child(group, child)))
        sph_suggest_offer(&suggest, sph_command_word(child));
    const char *gap = *group->path ? " " : "";
    if (suggest.best)
        return SPH_FAIL(err, -EINVAL, "'%s%s%s' has no command '%s'; did you mean '%s'?", program,
                        gap, group->path, word, suggest.best);
    return SPH_FAIL(err, -EINVAL, "'%s%s%s' has no command '%s'; see '%s%s%s --help'", program, gap,
                    group->path, word, program, gap, group->path);
}

/* Walks the command words; *ret_at is where in argv the last one stands. */
static int find_command(const char *program, int argc, char **argv, struct sph_args *args,
                        int *ret_at, struct sph_err *err) {
    struct option_set set;
    set_init(&set, program, sph_command_find(""), true);
    args->command = sph_command_find("");
    optind = 0;
    *ret_at = 0;
    while (!args->command->run) {
        int r = take_options(&set, argc, argv, args, err);
        if (r < 0)
            return r;
        if (optind >= argc)
            break;
        const struct sph_command *child = sph_command_child(args->command, argv[optind]);
        if (!child)
            return fail_unknown_word(program, args->command, argv[optind], err);
        args->command = child;
        *ret_at = optind++;
    }
    return 0;
}

/* All values are in the sentence: there are never more than a handful. */
static int check_choice(const char *what, const char *const *choices, const char *value,
                        struct sph_err *err) {
    char list[160] = "";
    for (unsigned i = 0; choices[i]; i++) {
        if (strcmp(choices[i], value) == 0)
            return 0;
        size_t len = strlen(list);
        const char *join = i == 0 ? "" : choices[i + 1] ? ", " : " or ";
        (void)snprintf(list + len, sizeof(list) - len, "%s%s", join, choices[i]);
    }
    return SPH_FAIL(err, -EINVAL, "'%s' is no value for %s; use %s", value, what, list);
}

/* Choices of what was given, then what is missing; the first mistake is the one told. */
static int check_options(const struct sph_args *args, struct sph_err *err) {
    for (unsigned i = 0; i < args->n_hits; i++) {
        const struct sph_option *row = args->hits[i].option;
        char what[80];
        (void)snprintf(what, sizeof(what), "--%s", row->name);
        int r = row->choices ? check_choice(what, row->choices, args->hits[i].value, err) : 0;
        if (r < 0)
            return r;
    }
    for (const struct sph_option *row = args->command->options; row && row->name; row++)
        if (row->required && !sph_args_value(args, row->name))
            return SPH_FAIL(err, -EINVAL, "option '--%s %s' is missing", row->name, row->value);
    return 0;
}

/* Missing and surplus arguments. A `rest` argument takes whatever follows, options included. */
static int check_positionals(const struct sph_args *args, struct sph_err *err) {
    unsigned n = 0;
    for (const struct sph_positional *row = args->command->positionals; row && row->name; row++) {
        if (row->rest)
            return 0;
        if (n >= args->n_positionals) {
            if (row->required)
                return SPH_FAIL(err, -EINVAL, "argument %s is missing", row->name);
            return 0;
        }
        const char *value = args->positionals[n++];
        int r = row->choices ? check_choice(row->name, row->choices, value, err) : 0;
        if (r < 0)
            return r;
    }
    if (n < args->n_positionals)
        return SPH_FAIL(err, -EINVAL, "unexpected argument '%s'", args->positionals[n]);
    return 0;
}

/* Such a command ends its own options at the first word that is none: the rest is another
 * program's. */
static bool has_rest(const struct sph_command *command) {
    for (const struct sph_positional *row = command->positionals; row && row->name; row++)
        if (row->rest)
            return true;
    return false;
}

/* Two passes with fresh getopt state (optind = 0 resets glibc's), the second on the tail that
 * begins with the command's last word, which stands where getopt expects the program's name. */
int sph_args_parse(const char *program, int argc, char **argv, struct sph_args *ret_args,
                   struct sph_err *err) {
    opterr = 0;
    *ret_args = (struct sph_args)SPH_ARGS_NULL;
    ret_args->command = sph_command_find("");
    size_t letters = 0; /* "-abc" is three options, so this is the most there can be */
    for (int i = 0; i < argc; i++)
        letters += strlen(argv[i]);
    ret_args->hits = calloc(letters + 1, sizeof(*ret_args->hits));
    if (!ret_args->hits)
        return SPH_FAIL_ERRNO(err, -ENOMEM, "reading the arguments");
    int at;
    int r = find_command(program, argc, argv, ret_args, &at, err);
    if (r < 0 || !ret_args->command->run)
        return r;
    struct option_set set;
    set_init(&set, program, ret_args->command, has_rest(ret_args->command));
    optind = 0;
    r = take_options(&set, argc - at, argv + at, ret_args, err);
    if (r < 0)
        return r;
    ret_args->positionals = argv + at + optind;
    ret_args->n_positionals = (unsigned)(argc - at - optind);
    if (sph_args_flag(ret_args, "help"))
        return 0;
    r = check_options(ret_args, err);
    return r < 0 ? r : check_positionals(ret_args, err);
}

void sph_args_done(struct sph_args *args) {
    free(args->hits);
    *args = (struct sph_args)SPH_ARGS_NULL;
}

/* Searched by name: a line has a handful of options, and the table's rows stay private to the
 * parser. */
const char *sph_args_value(const struct sph_args *args, const char *option) {
    const char *value = NULL;
    for (unsigned i = 0; i < args->n_hits; i++)
        if (strcmp(args->hits[i].option->name, option) == 0)
            value = args->hits[i].value;
    return value;
}

bool sph_args_flag(const struct sph_args *args, const char *option) {
    return sph_args_value(args, option) != NULL;
}

/* Past the end is no mistake: that is how a command asks whether there is one. */
const char *sph_args_positional(const struct sph_args *args, unsigned n) {
    return n < args->n_positionals ? args->positionals[n] : NULL;
}
