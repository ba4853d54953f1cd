/* The program's frame: parse, answer help, run the command, write the answer in the form asked
 * for.
 *
 * A command makes its whole answer before a byte is written. So a failure in the middle prints
 * an error and no half of a table, and a reader of standard output gets everything or nothing.
 * The price is memory for the largest answer, some MiB; streams (log, run) pass by this frame. */
#include "cli/frame/cli.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/syntax/help.h"
#include "cli/syntax/spelling.h"
#include "cli/text/query.h"

/* Called before the line is known to be right, so that even its error could be silenced: an unknown
 * word counts as the default here and is refused by the parser. */
static enum sph_output output_of(const char *program, const char *word) {
    for (unsigned i = 0; word && sph_output_choices[i]; i++)
        if (strcmp(sph_output_choices[i], word) == 0)
            return (enum sph_output)i; /* same order as enum sph_output */
    return sph_spelling_is_az(program) ? SPH_OUTPUT_JSON : SPH_OUTPUT_TABLE;
}

/* Asked for, so it is data: standard output, status 0. */
static int show_help(const struct sph_cli *cli) {
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    sph_help_write(cli->program, cli->args.command, &buf);
    return sph_cli_write_out(&buf);
}

/* A group named without a command: its help, on standard error, is the mistake's explanation. */
static int show_group(const struct sph_cli *cli) {
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    sph_help_write(cli->program, cli->args.command, &buf);
    const char *path = cli->args.command->path;
    sph_say_error("'%s%s%s' needs a command", cli->program, *path ? " " : "", path);
    (void)fprintf(stderr, "\n%s", buf.data ? buf.data : "");
    return SPH_EXIT_USAGE;
}

/* The sentence, and where to read more, unless no command was reached. */
static int show_usage_error(const struct sph_cli *cli, const struct sph_err *err) {
    sph_say_error("%s", err->text);
    const struct sph_command *command = cli->args.command;
    if (command->run)
        (void)fprintf(stderr, "See '%s %s --help'.\n", cli->program, command->path);
    return command->usage_status ? command->usage_status : SPH_EXIT_USAGE;
}

/* Before the command runs, so that a mistake in the query is found before anything is done. */
static int read_query(struct sph_cli *cli, struct sph_err *err) {
    const char *expression = sph_args_value(&cli->args, "query");
    return expression ? sph_query_parse(expression, &cli->query, err) : 0;
}

/* The one way in; returns instead of exiting, so that everything is given back. */
int sph_cli_main(int argc, char **argv) {
    struct sph_spelling spelling;
    struct sph_err err = SPH_ERR_NULL;
    if (sph_spelling_read(argc, argv, &spelling, &err) < 0)
        return sph_say_usage("%s", err.text);
    struct sph_cli cli = {.program = spelling.program};
    (void)signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of write, with its own status */
    int status;
    int r =
        sph_args_parse(cli.program, argc - spelling.skip, argv + spelling.skip, &cli.args, &err);
    cli.output = output_of(cli.program, sph_args_value(&cli.args, "output"));
    cli.verbose = sph_args_flag(&cli.args, "verbose");
    if (r == 0)
        r = read_query(&cli, &err);
    if (r < 0)
        status = r == -EINVAL ? show_usage_error(&cli, &err) : sph_say_failure(&err);
    else if (sph_args_flag(&cli.args, "help"))
        status = show_help(&cli);
    else if (sph_args_flag(&cli.args, "version"))
        status = sph_command_find("version")->run(&cli);
    else if (!cli.args.command->run)
        status = show_group(&cli);
    else
        status = cli.args.command->run(&cli);
    cli.query = sph_query_free(cli.query);
    sph_args_done(&cli.args);
    return status;
}
