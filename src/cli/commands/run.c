/* run: an application on a ration, from one command line: a device for it, its output, the
 * report.
 *
 * Everything in here ends with a status of its own table (docs/spec/cli-exit.md, section 2): 0
 * to 99 are the application's, 120 and above are ours, so that a script can tell a program that
 * failed from a ration that was crossed. What it shares with `check` is in run_job.c. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/commands/commands.h"
#include "cli/device/interrupt.h"
#include "cli/frame/cli.h"
#include "cli/report/heap_symbols.h"
#include "cli/report/report.h"
#include "cli/run_job.h"
#include "profile/object.h"

/* Options stand before the program's name: what follows it is the program's, as with env and sudo.
 */
static const struct sph_option options[] = {
    SPH_RUN_JOB_OPTIONS,
    {.name = "heap", .help = "track its heap: who asked for memory, and what was not given back"},
    {.name = "heap-stacks", .help = "the same, with the stack that made most of each call site's"},
    SPH_HEAP_SYMBOLS_OPTION,
    {.name = NULL},
};

/* What was run is known, so that it needs no build id to be the app; a package is none of ELF. */
static void write_report(const struct sph_cli *cli, const struct sph_json_value *report,
                         struct sph_buf *text) {
    struct sph_object object;
    sph_autofree struct sph_heap *heap = sph_report_heap(report);
    const char *path = cli->args.positionals[0];
    if (heap)
        sph_heap_find_symbols(cli, sph_object_read(AT_FDCWD, path, &object) == 0 ? path : NULL,
                              heap);
    sph_report_write_with(report, heap, text);
}

/* The report goes to standard error: standard output is the application's. */
static void show_report(const struct sph_cli *cli, const struct sph_json_value *report,
                        const struct sph_buf *json) {
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    if (cli->output == SPH_OUTPUT_NONE)
        return;
    struct sph_err err = SPH_ERR_NULL;
    bool is_data = cli->query || cli->output == SPH_OUTPUT_JSON ||
                   cli->output == SPH_OUTPUT_JSONC || cli->output == SPH_OUTPUT_YAML;
    if (is_data && sph_cli_format(cli, json, &text, &err) < 0)
        sph_say_warn("%s", err.text);
    else if (!is_data)
        write_report(cli, report, &text);
    (void)fprintf(stderr, "%s", text.data ? text.data : "");
}

/* Without a report there is no honest status to give. */
static int conclude(const struct sph_cli *cli, const struct sph_run_end *end) {
    struct sph_json_value report;
    char note[160];
    if (end->report.len == 0 ||
        sph_json_check(end->report.data, end->report.len, &report, NULL) < 0) {
        sph_say_error("the device made no report of the application's end");
        return SPH_RUN_FAILED;
    }
    show_report(cli, &report, &end->report);
    int status = sph_run_status(&report, note, sizeof(note));
    if (*note)
        sph_say_warn("%s", note);
    return status;
}

/* Runs on a device that is there. */
static int run_on(const struct sph_cli *cli, struct sph_target *target,
                  const struct sph_run_job *job, void *context) {
    (void)context;
    struct sph_err err = SPH_ERR_NULL;
    struct sph_run_end end = {.report = SPH_BUF_LIMIT(1 << 20)};
    const struct sph_run_app app = {.id = job->id,
                                    .package = job->package.data,
                                    .package_len = job->package.len,
                                    .out_fd = STDOUT_FILENO,
                                    .track_heap = job->track_heap,
                                    .keep_stacks = job->keep_stacks};
    int signal_number, status;
    int r = sph_run_job_app(target, &app, &end, &signal_number, &err);
    if (signal_number)
        status = SPH_RUN_SIGNAL + signal_number;
    else
        status = r < 0 ? sph_say_failure_as(SPH_RUN_FAILED, &err) : conclude(cli, &end);
    sph_buf_done(&end.report);
    return status;
}

/* From here on a signal only sets a flag, so that what was made is removed on the way out. */
static int run(struct sph_cli *cli) {
    struct sph_run_job job = SPH_RUN_JOB_NULL;
    sph_interrupt_catch();
    int status = sph_run_job_prepare(cli, &job);
    if (status == SPH_EXIT_OK)
        status = sph_run_job_run(cli, &job, run_on, NULL);
    sph_run_job_done(&job);
    return status;
}

const struct sph_command sph_cmd_run = {
    .path = "run",
    .summary = "Run an application on a ration and report how it ended",
    .details =
        "A device is made for it and removed afterwards, unless --device names one: a virtual one\n"
        "for a program for 32-bit ARM, a native one for a program of this machine. What the\n"
        "application writes is passed through; the report is written to standard error.\n\n"
        "Exit status: the application's own up to 99; 120 killed for going over its ration;\n"
        "121 crashed; 122 killed otherwise; 125 it could not be run.",
    .options = options,
    .positionals = sph_run_job_positionals,
    .run = run,
    .usage_status = SPH_RUN_FAILED,
};
