/* args: a command line taken apart by the command table. */
#ifndef SPH_CLI_SYNTAX_ARGS_H
#define SPH_CLI_SYNTAX_ARGS_H

#include "base/attr.h"
#include "base/err.h"
#include "cli/syntax/command.h"

/* One option as it was given. Both pointers are borrowed: from the table and from argv. */
struct sph_args_hit {
    const struct sph_option *option;
    const char *value; /* "" for a flag */
};

/* A whole line. `hits` is owned; positionals point into argv, which must outlive it. */
struct sph_args {
    const struct sph_command *command; /* the row found; a group when no command was named */
    struct sph_args_hit *hits;         /* options in the order given */
    unsigned n_hits;
    char **positionals;
    unsigned n_positionals;
};

#define SPH_ARGS_NULL                                                                              \
    { .command = NULL, .hits = NULL, .n_hits = 0 }

/* `program` is the name to use in sentences. argv may be reordered. With --help nothing else is
 * checked, so that help can be had in the middle of a line that is not right yet.
 *
 * 0; -EINVAL with a sentence for any mistake; -ENOMEM. *ret_args is filled in every case and is to
 * be given back: after a mistake `command` is the row reached so far, for the hint at its help, and
 * the options read so far hold (--output decides how even an error is shown). Not to be called by
 * two threads at once: getopt keeps its place in globals. */
int sph_args_parse(const char *program, int argc, char **argv, struct sph_args *ret_args,
                   struct sph_err *err);
/* May be called twice, and on SPH_ARGS_NULL. */
void sph_args_done(struct sph_args *args);

/* The last value of an option, NULL when it was not given, "" for a flag. By its first name,
 * whatever name or letter was typed. The name must be in the table. */
const char *sph_args_value(const struct sph_args *args, const char *option);
bool sph_args_flag(const struct sph_args *args, const char *option);
/* The n-th positional, or NULL. */
const char *sph_args_positional(const struct sph_args *args, unsigned n);

#define sph_autoargs SPH_CLEANUP(sph_args_done)

#endif
