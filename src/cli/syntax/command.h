/* command: the one table from which parsing, help, suggestions and shell completion are made. */
#ifndef SPH_CLI_SYNTAX_COMMAND_H
#define SPH_CLI_SYNTAX_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

struct sph_call;
struct sph_cli;

/* What a value is, for completion. */
enum sph_value_kind {
    SPH_VALUE_TEXT,
    SPH_VALUE_FILE,
    SPH_VALUE_DIR,
    SPH_VALUE_DEVICE,
    SPH_VALUE_CHOICE, /* one of `choices` */
};

/* All rows are static and never change. Names are of ASCII letters and '-', so that they need no
 * quotes in any shell. */
struct sph_option {
    const char *name;           /* long name without dashes; NULL ends a list */
    const char *alias;          /* a second long name, or NULL */
    char letter;                /* short name, or 0 */
    const char *value;          /* word for the value in the help; NULL for a flag */
    const char *help;           /* one line */
    const char *const *choices; /* ends with NULL; only for SPH_VALUE_CHOICE */
    enum sph_value_kind kind;
    bool required;
    bool value_optional; /* a number, behind '=' or as the next word; no letter */
    bool repeated;       /* may be given more than once; else the last one holds */
};

/* Required ones stand before the others, and `rest` only last: a test looks at every row. */
struct sph_positional {
    const char *name; /* word in the help; NULL ends a list */
    const char *help;
    const char *const *choices;
    enum sph_value_kind kind;
    bool required;
    bool rest; /* takes all that follows, options included */
};

/* Returns an exit status, with its error said. Runs once a process, in a test many times: what it
 * opens it gives back. */
typedef int sph_command_fn(struct sph_cli *cli);

/* A command, or (run == NULL) a group of commands. */
struct sph_command {
    const char *path;    /* "device app start"; "" is the program itself */
    const char *alias;   /* another name for the last word of path, or NULL */
    const char *summary; /* one line, no full stop */
    const char *details; /* more lines for the help, or NULL */
    const struct sph_option *options;
    const struct sph_positional *positionals;
    sph_command_fn *run;
    int usage_status;            /* exit status for a wrong command line; 0: SPH_EXIT_USAGE */
    const struct sph_call *call; /* what sph_call_run() is to do (call.h), or NULL */
};

/* All rows; groups stand before what is in them. Ends with NULL. */
extern const struct sph_command *const sph_commands[];
/* Options that every command takes. Ends with a NULL name. */
extern const struct sph_option sph_global_options[];
/* Values of --output. Ends with NULL. */
extern const char *const sph_output_choices[];

/* Row with exactly that path, or NULL. */
const struct sph_command *sph_command_find(const char *path);
/* Child of a group by its word or alias, or NULL. */
const struct sph_command *sph_command_child(const struct sph_command *group, const char *word);
/* The next direct child after `previous` (NULL: the first), or NULL. */
const struct sph_command *sph_command_next_child(const struct sph_command *group,
                                                 const struct sph_command *previous);
/* Last word of the path, "" for the program; points into it. */
const char *sph_command_word(const struct sph_command *command);

#endif
