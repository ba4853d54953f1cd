/* The program's frame: parse, answer help, run the command, write the answer in the form asked
 * for.
 *
 * A command makes its whole answer before a byte is written. So a failure in the middle prints
 * an error and no half of a table, and a reader of standard output gets everything or nothing.
 * The price is memory for the largest answer, some MiB; streams (log, run) pass by this frame. */
#include "cli/cli.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/help.h"
#include "cli/json_pretty.h"

/* Called before the line is known to be right, so that even its error could be silenced: an unknown
 * word counts as the default here and is refused by the parser. */
static enum sph_output output_of(const char *word) {
    for (unsigned i = 0; word && sph_output_choices[i]; i++)
        if (strcmp(sph_output_choices[i], word) == 0)
            return (enum sph_output)i; /* same order as enum sph_output */
    return SPH_OUTPUT_TABLE;
}

/* Everything that is data leaves through here, whole or not at all. */
static int write_out(const struct sph_buf *buf) {
    struct sph_err err = SPH_ERR_NULL;
    if (buf->error)
        SPH_FAIL_ERRNO(&err, buf->error, "cannot make the answer");
    int r = buf->error ? buf->error : sph_fd_write_full(STDOUT_FILENO, buf->data, buf->len);
    if (r == 0)
        return SPH_EXIT_OK;
    if (!err.code)
        SPH_FAIL_ERRNO(&err, r, "cannot write to standard output");
    return sph_say_failure_as(SPH_EXIT_IO, &err);
}

/* Sentences that lost a part are no answer: what is left of them would be read as all. */
static void write_human(const struct sph_answer *answer, struct sph_buf *buf) {
    if (!answer->human)
        sph_table_draw(answer->table, answer->style, buf);
    else if (answer->human->error)
        buf->error = answer->human->error;
    else
        sph_buf_append(buf, answer->human->data, answer->human->len);
}

/* Colour only for people: on a terminal, and not where NO_COLOR asks for none. */
static void write_json(const struct sph_cli *cli, const struct sph_answer *answer,
                       struct sph_buf *buf) {
    sph_autobuf struct sph_buf drawn = SPH_BUF_LIMIT((size_t)16 << 20);
    const struct sph_buf *json = answer->json;
    if (!json) {
        sph_table_draw(answer->table, SPH_TABLE_JSON, &drawn);
        json = &drawn;
    }
    if (json->error) {
        buf->error = json->error;
        return;
    }
    bool colour = cli->output == SPH_OUTPUT_JSONC && isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
    sph_json_pretty(json->data, json->len, colour, buf);
}

/* A command builds its answer once; this is the only place that knows the forms. */
int sph_cli_answer(const struct sph_cli *cli, const struct sph_answer *answer) {
    /* twice the limit of the JSON that is drawn, since indenting makes it longer */
    sph_autobuf struct sph_buf buf = SPH_BUF_LIMIT((size_t)32 << 20);
    switch (cli->output) {
    case SPH_OUTPUT_TABLE:
        write_human(answer, &buf);
        break;
    case SPH_OUTPUT_JSON:
    case SPH_OUTPUT_JSONC:
        write_json(cli, answer, &buf);
        break;
    case SPH_OUTPUT_TSV:
        if (answer->table)
            sph_table_draw(answer->table, SPH_TABLE_TSV, &buf);
        break;
    case SPH_OUTPUT_NONE:
        break;
    }
    return write_out(&buf);
}

/* Asked for, so it is data: standard output, status 0. */
static int show_help(const struct sph_cli *cli) {
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    sph_help_write(cli->program, cli->args.command, &buf);
    return write_out(&buf);
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

/* Any name but the original's is ours, a renamed copy's too. */
static const char *program_name(const char *called) {
    return strcmp(sph_text_file_name(called), "azsphere") == 0 ? "azsphere" : "spherule";
}

/* The one way in; returns instead of exiting, so that everything is given back. */
int sph_cli_main(int argc, char **argv) {
    struct sph_cli cli = {.program = program_name(argc > 0 ? argv[0] : "")};
    struct sph_err err = SPH_ERR_NULL;
    (void)signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of write, with its own status */
    int status;
    int r = sph_args_parse(cli.program, argc, argv, &cli.args, &err);
    cli.output = output_of(sph_args_value(&cli.args, "output"));
    cli.verbose = sph_args_flag(&cli.args, "verbose");
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
    sph_args_done(&cli.args);
    return status;
}
