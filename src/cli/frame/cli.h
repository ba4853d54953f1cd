/* cli: what every command gets: its arguments, where to speak, and how to give its answer. */
#ifndef SPH_CLI_FRAME_CLI_H
#define SPH_CLI_FRAME_CLI_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "cli/syntax/args.h"
#include "cli/syntax/exit.h"
#include "cli/text/table.h"

enum sph_output {
    SPH_OUTPUT_TABLE, /* for people: a table or sentences, as the command has it */
    SPH_OUTPUT_JSON,
    SPH_OUTPUT_JSONC,
    SPH_OUTPUT_YAML,
    SPH_OUTPUT_TSV,
    SPH_OUTPUT_NONE,
};

struct sph_query;

/* What a command gets, read-only but for its own calls. Lives as long as the program runs. */
struct sph_cli {
    const char *program; /* as it was called: struct sph_spelling (spelling.h) */
    struct sph_args args;
    enum sph_output output;
    bool verbose;
    struct sph_query *query; /* owned by the frame; NULL without --query */
};

/* The whole program: parses, runs, returns the exit status. Ignores SIGPIPE for the process and
 * leaves all else as it was, so that a test can call it many times. */
int sph_cli_main(int argc, char **argv);

/* Lines on standard error, prefixed "error: ", "warn: ", "verbose: " (the last only with
 * --verbose). */
void sph_say_error(const char *fmt, ...) SPH_PRINTF(1, 2);
void sph_say_warn(const char *fmt, ...) SPH_PRINTF(1, 2);
void sph_say_verbose(const struct sph_cli *cli, const char *fmt, ...) SPH_PRINTF(2, 3);
/* A line of progress or success for people, on standard error without prefix; not with --output
 * none. */
void sph_say(const struct sph_cli *cli, const char *fmt, ...) SPH_PRINTF(2, 3);
/* Says err's text and returns the exit status of its code. */
int sph_say_failure(const struct sph_err *err);
/* The same with a status that the caller knows better. */
int sph_say_failure_as(int status, const struct sph_err *err);
int sph_say_usage(const char *fmt, ...) SPH_PRINTF(1, 2); /* returns SPH_EXIT_USAGE */

/* An answer in every form; all parts are borrowed for the call. Without a table there are no tab
 * separated values. `human` replaces the drawn table where a command has sentences;
 * `json` replaces the table's JSON where the answer has more depth than rows. */
struct sph_answer {
    const struct sph_table *table;
    enum sph_table_style style; /* SPH_TABLE_RULED or SPH_TABLE_PLAIN */
    const struct sph_buf *human;
    const struct sph_buf *json;
};
/* Prints to standard output, whole or not at all; returns the exit status: SPH_EXIT_IO, with its
 * sentence said, when it cannot be written or a part of it was lost (buf.error, table.error);
 * SPH_EXIT_USAGE when --query does not fit the answer. */
int sph_cli_answer(const struct sph_cli *cli, const struct sph_answer *answer);
/* The query's result on that JSON, or all of it, appended in the form asked for; negative errno as
 * of sph_query_run() and sph_json_table_draw(). */
int sph_cli_format(const struct sph_cli *cli, const struct sph_buf *json, struct sph_buf *buf,
                   struct sph_err *err);
/* Writes to standard output; returns the exit status, with its sentence said. */
int sph_cli_write_out(const struct sph_buf *buf);

#endif
