/* check: an application run on a ration and held to a budget file.
 *
 * States: the files are read before anything runs, so that a mistake in one costs no run; then the
 * run, as of `spherule run` (run_job.c); then the verdict and the files that are written from it.
 * An application that failed is told as that whatever its figures are: they are not those of the
 * run that the budget is about. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/commands/commands.h"
#include "cli/device/interrupt.h"
#include "cli/frame/cli.h"
#include "cli/image/package_file.h"
#include "cli/report/budget_text.h"
#include "cli/report/check_measure.h"
#include "cli/report/report.h"
#include "cli/run_job.h"

enum {
    FILE_BYTES_MAX = 256 << 10, /* 69 rules are some 8 KiB */
    PATH_BYTES = 4096,
    SECONDS_MAX = 86400,
};

static const struct sph_option options[] = {
    {.name = "budget",
     .value = "FILE",
     .help = "the budget (memory-budget.json beside the package)",
     .kind = SPH_VALUE_FILE},
    {.name = "baseline",
     .value = "FILE",
     .help = "what growth is measured from (memory-baseline.json beside the budget)",
     .kind = SPH_VALUE_FILE},
    {.name = "update-baseline", .help = "store this run's figures as the baseline"},
    {.name = "allow-inexact", .help = "store also figures that are not exact"},
    {.name = "init", .help = "write a budget from this run, with a tenth of headroom"},
    {.name = "seconds", .value = "N", .help = "stop it after so long (else it runs to its end)"},
    {.name = "heap", .help = "track the heap also when the budget names no figure of it"},
    {.name = "summary",
     .value = "FILE",
     .help = "write the result as Markdown",
     .kind = SPH_VALUE_FILE},
    {.name = "junit",
     .value = "FILE",
     .help = "write the result as JUnit XML",
     .kind = SPH_VALUE_FILE},
    SPH_RUN_JOB_OPTIONS,
    {.name = NULL},
};

/* One check, from its files to its verdict. */
struct check {
    const struct sph_cli *cli;
    char budget_path[PATH_BYTES];
    char baseline_path[PATH_BYTES];
    struct sph_budget budget; /* empty with --init, until the run has made it */
    struct sph_measure baseline;
    bool has_baseline;
    bool with_heap;
    uint64_t run_ms;
    /* of the run */
    const char *id;
    struct sph_buf memory_text, heap_text;
    struct sph_json_value memory, heap;
    bool has_memory, has_heap;
    struct sph_measure measure;
    struct sph_check_row rows[SPH_BUDGET_RULES_MAX];
};

static bool flag(const struct check *check, const char *name) {
    return sph_args_flag(&check->cli->args, name);
}

/* ---- before the run ---- */

/* `name` in the folder of `beside`. */
static int choose_path(const char *given, const char *beside, const char *name, char *ret_path,
                       struct sph_err *err) {
    const char *slash = strrchr(beside, '/');
    int len = given ? snprintf(ret_path, PATH_BYTES, "%s", given)
                    : snprintf(ret_path, PATH_BYTES, "%.*s%s",
                               slash ? (int)(slash - beside) + 1 : 0, beside, name);
    if (len >= PATH_BYTES)
        return SPH_FAIL(err, -ENAMETOOLONG, "the path of '%s' is too long", name);
    return 0;
}

static int read_budget(struct check *check, struct sph_err *err) {
    sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(FILE_BYTES_MAX);
    const char *path = check->budget_path;
    if (flag(check, "init")) {
        if (faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
            return SPH_FAIL(err, -EEXIST, "there is a budget '%s' already; remove it first", path);
        return 0;
    }
    int r = sph_input_read("budget", path, &text, err);
    if (r == -ENOENT)
        return SPH_FAIL(err, r, "there is no budget '%s'; 'spherule check --init' makes one", path);
    if (r < 0)
        return r;
    r = sph_budget_parse(text.data ? text.data : "", text.len, &check->budget, err);
    if (r < 0)
        sph_err_prefix(err, "%s", path);
    return r;
}

/* That there is none is an error only where one is asked for, or needed. */
static int read_baseline(struct check *check, struct sph_err *err) {
    sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(FILE_BYTES_MAX);
    const char *path = check->baseline_path;
    int r = sph_input_read("baseline", path, &text, err);
    if (r == -ENOENT && !flag(check, "update-baseline") &&
        (flag(check, "baseline") || sph_budget_limits_growth(&check->budget)))
        return SPH_FAIL(
            err, r, "there is no baseline '%s'; run once with --update-baseline to make it", path);
    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return r;
    r = sph_baseline_parse(text.data ? text.data : "", text.len, &check->baseline, err);
    if (r < 0)
        sph_err_prefix(err, "%s", path);
    check->has_baseline = r == 0;
    return r;
}

static int read_options(struct check *check, struct sph_err *err) {
    const char *seconds = sph_args_value(&check->cli->args, "seconds");
    uint64_t number = 0;
    if (seconds && (sph_text_to_u64(seconds, SECONDS_MAX, &number) < 0 || number == 0))
        return SPH_FAIL(err, -EINVAL, "--seconds must be from 1 to %d, not '%s'", SECONDS_MAX,
                        seconds);
    check->run_ms = number * 1000;
    if (flag(check, "init") && (flag(check, "update-baseline") || flag(check, "baseline")))
        return SPH_FAIL(err, -EINVAL, "--init makes a budget only; record a baseline afterwards");
    if (flag(check, "allow-inexact") && !flag(check, "update-baseline"))
        return SPH_FAIL(err, -EINVAL, "--allow-inexact goes with --update-baseline");
    return 0;
}

static int read_files(struct check *check, struct sph_err *err) {
    const struct sph_args *args = &check->cli->args;
    int r = read_options(check, err);
    if (r == 0)
        r = choose_path(sph_args_value(args, "budget"), args->positionals[0], "memory-budget.json",
                        check->budget_path, err);
    if (r == 0)
        r = choose_path(sph_args_value(args, "baseline"), check->budget_path,
                        "memory-baseline.json", check->baseline_path, err);
    if (r == 0)
        r = read_budget(check, err);
    if (r == 0 && !flag(check, "init"))
        r = read_baseline(check, err);
    check->with_heap = flag(check, "heap") || sph_budget_names_heap(&check->budget);
    return r;
}

/* ---- the run ---- */

/* What cannot be had here is not known afterwards, and told as that. */
static void look(struct sph_target *target, void *context) {
    struct check *check = context;
    char path[96];
    check->has_memory = sph_target_ask(target, "GET", "/spherule/v1/memory", NULL,
                                       &check->memory_text, &check->memory, NULL) == 0;
    if (!check->with_heap)
        return;
    (void)snprintf(path, sizeof(path), "/spherule/v1/heap/%s", check->id);
    check->has_heap =
        sph_target_ask(target, "GET", path, NULL, &check->heap_text, &check->heap, NULL) == 0;
}

/* ---- the verdict ---- */

/* One that was asked to stop need not have known how to; one that ended by itself ends with 0. */
static enum sph_check_end sort_end(const struct sph_json_value *report) {
    char why[24];
    sph_answer_text(report, "why", why, sizeof(why));
    if (strcmp(why, "ration") == 0)
        return SPH_CHECK_WENT_OVER;
    if (strcmp(why, "sigtermIgnored") == 0)
        return SPH_CHECK_ENDED_WELL;
    return sph_report_is_failure(report) ? SPH_CHECK_FAILED : SPH_CHECK_ENDED_WELL;
}

static int write_file(const char *path, const struct sph_buf *text, struct sph_err *err) {
    if (text->error)
        return SPH_FAIL_ERRNO(err, text->error, "cannot write '%s'", path);
    return sph_file_replace(AT_FDCWD, path, text->data, text->len, 0644, err);
}

static int write_outputs(const struct check *check, const struct sph_check_result *result,
                         struct sph_err *err) {
    static const struct {
        const char *option;
        void (*write)(const struct sph_check_result *result, struct sph_buf *buf);
    } rows[] = {{"summary", sph_check_write_markdown}, {"junit", sph_check_write_junit}};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        const char *path = sph_args_value(&check->cli->args, rows[i].option);
        sph_autobuf struct sph_buf text = SPH_BUF_NULL;
        if (!path)
            continue;
        rows[i].write(result, &text);
        int r = write_file(path, &text, err);
        if (r < 0)
            return r;
    }
    return 0;
}

/* A baseline that is not exact makes every later verdict on growth a guess. */
static int update_baseline(const struct check *check, struct sph_err *err) {
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    sph_autobuf struct sph_buf names = SPH_BUF_NULL;
    for (unsigned i = 0; i < check->budget.count; i++) {
        const struct sph_measured *value = &check->rows[i].value;
        char name[80];
        if (value->is_exact || (value->is_known && flag(check, "allow-inexact")))
            continue;
        sph_buf_printf(&names, "%s%s", names.len ? ", " : "",
                       sph_budget_rule_name(check->rows[i].rule, name, sizeof(name)));
    }
    if (names.len)
        return SPH_FAIL(err, -EDOM,
                        "the baseline is not changed: not exact in this run: %s; --allow-inexact "
                        "stores what was measured at all",
                        names.data);
    sph_baseline_write(check->rows, check->budget.count, &text);
    return write_file(check->baseline_path, &text, err);
}

/* A caller that nobody knows is a misspelt one more often than one that asked for nothing. */
static void warn_of_strangers(const struct check *check) {
    for (unsigned i = 0; i < check->budget.count; i++) {
        const struct sph_budget_rule *rule = &check->budget.rules[i];
        bool is_known = rule->figure != SPH_FIGURE_LIBRARY || !check->rows[i].value.is_known;
        for (unsigned k = 0; !is_known && k < check->measure.n_libraries; k++)
            is_known = strcmp(check->measure.libraries[k].name, rule->library) == 0;
        if (!is_known)
            sph_say_warn("no caller '%s' asked for memory; 'check --init --heap' lists those that "
                         "did",
                         rule->library);
    }
}

static int say_result(const struct check *check, const struct sph_check_result *result) {
    sph_autotable struct sph_table table;
    sph_autobuf struct sph_buf notes = SPH_BUF_NULL;
    sph_table_init(&table, sph_check_columns);
    sph_check_fill(result, &table);
    const struct sph_answer answer = {.table = &table, .style = SPH_TABLE_PLAIN};
    int status = sph_cli_answer(check->cli, &answer);
    sph_check_write_notes(result, "warn: ", &notes);
    (void)fprintf(stderr, "%s", notes.data ? notes.data : "");
    warn_of_strangers(check);
    return status == SPH_EXIT_OK ? SPH_EXIT_OK : SPH_CHECK_IMPOSSIBLE;
}

static int judge(const struct sph_check_result *result) {
    if (result->end == SPH_CHECK_FAILED) {
        sph_say_error("the application failed: %s", result->end_text);
        return SPH_CHECK_APP_FAILED;
    }
    if (result->end == SPH_CHECK_WENT_OVER) {
        sph_say_error("over budget: %s", result->end_text);
        return SPH_CHECK_OVER;
    }
    if (sph_check_is_over(result)) {
        sph_say_error("over budget: the figures whose verdict is not 'within' are too large");
        return SPH_CHECK_OVER;
    }
    if (sph_check_is_undecided(result)) {
        sph_say_error("the budget has figures that could not be judged; the lines above say why");
        return SPH_CHECK_IMPOSSIBLE;
    }
    return SPH_EXIT_OK;
}

static int finish_init(struct check *check, const struct sph_check_result *result) {
    struct sph_err err = SPH_ERR_NULL;
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    if (result->end != SPH_CHECK_ENDED_WELL)
        return judge(result);
    sph_budget_propose(&check->measure, &check->budget);
    sph_budget_write(&check->budget, &text);
    if (write_file(check->budget_path, &text, &err) < 0)
        return sph_say_failure_as(SPH_CHECK_IMPOSSIBLE, &err);
    sph_say(check->cli, "Budget '%s' written: %u figures.", check->budget_path,
            check->budget.count);
    return SPH_EXIT_OK;
}

/* Growth that is limited needs no baseline in the run that makes one. */
static void compare(struct check *check) {
    const struct sph_measure *baseline = check->has_baseline ? &check->baseline : NULL;
    if (flag(check, "update-baseline"))
        baseline = &check->measure;
    sph_budget_compare(&check->budget, &check->measure, baseline, check->rows);
}

static int finish(struct check *check, const struct sph_check_result *result) {
    struct sph_err err = SPH_ERR_NULL;
    int written = say_result(check, result);
    if (written == SPH_EXIT_OK && write_outputs(check, result, &err) < 0)
        written = sph_say_failure_as(SPH_CHECK_IMPOSSIBLE, &err);
    int status = judge(result);
    if (status != SPH_EXIT_OK || written != SPH_EXIT_OK)
        return status != SPH_EXIT_OK ? status : written;
    if (flag(check, "update-baseline") && update_baseline(check, &err) < 0)
        return sph_say_failure_as(SPH_CHECK_IMPOSSIBLE, &err);
    return SPH_EXIT_OK;
}

static int conclude(struct check *check, const struct sph_run_job *job,
                    const struct sph_run_end *end) {
    struct sph_json_value report;
    char name[64];
    sph_autobuf struct sph_buf reason = SPH_BUF_NULL;
    if (end->report.len == 0 ||
        sph_json_check(end->report.data, end->report.len, &report, NULL) < 0) {
        sph_say_error("the device made no report of the application's end");
        return SPH_CHECK_IMPOSSIBLE;
    }
    const struct sph_check_sight sight = {.memory = check->has_memory ? &check->memory : NULL,
                                          .heap = check->has_heap ? &check->heap : NULL};
    sph_check_measure(&report, &sight, job->package.len, check->with_heap, &check->measure);
    compare(check);
    sph_report_write_reason(&report, &reason);
    const struct sph_check_result result = {
        .name = sph_answer_text(&report, "name", name, sizeof(name)),
        .end = sort_end(&report),
        .end_text = reason.data ? reason.data : "",
        .rows = check->rows,
        .count = check->budget.count};
    return flag(check, "init") ? finish_init(check, &result) : finish(check, &result);
}

/* The application's output goes to standard error, all of it: standard output is the answer's. */
static int run_on(const struct sph_cli *cli, struct sph_target *target,
                  const struct sph_run_job *job, void *context) {
    (void)cli;
    struct check *check = context;
    struct sph_err err = SPH_ERR_NULL;
    struct sph_run_end end = {.report = SPH_BUF_LIMIT(1 << 20)};
    check->id = job->id;
    const struct sph_run_app app = {.id = job->id,
                                    .package = job->package.data,
                                    .package_len = job->package.len,
                                    .out_fd = STDERR_FILENO,
                                    .track_heap = check->with_heap,
                                    .stop_after_ms = check->run_ms,
                                    .before_stop = look,
                                    .context = check};
    int signal_number, status;
    int r = sph_run_job_app(target, &app, &end, &signal_number, &err);
    if (signal_number)
        status = SPH_RUN_SIGNAL + signal_number;
    else
        status =
            r < 0 ? sph_say_failure_as(SPH_CHECK_IMPOSSIBLE, &err) : conclude(check, job, &end);
    sph_buf_done(&end.report);
    return status;
}

static int run(struct sph_cli *cli) {
    static struct check check; /* 30 KiB, and one command a process */
    struct sph_err err = SPH_ERR_NULL;
    struct sph_run_job job = SPH_RUN_JOB_NULL;
    check = (struct check){
        .cli = cli, .memory_text = SPH_BUF_NULL, .heap_text = SPH_BUF_LIMIT((size_t)4 << 20)};
    sph_interrupt_catch();
    if (read_files(&check, &err) < 0)
        return sph_say_failure_as(SPH_CHECK_IMPOSSIBLE, &err);
    int status = sph_run_job_prepare(cli, &job);
    if (status == SPH_EXIT_OK)
        status = sph_run_job_run(cli, &job, run_on, &check);
    sph_run_job_done(&job);
    sph_buf_done(&check.memory_text);
    sph_buf_done(&check.heap_text);
    return status;
}

const struct sph_command sph_cmd_check = {
    .path = "check",
    .summary = "Run an application and hold it to a memory budget",
    .details =
        "The budget is a JSON file: limits for peakUser, user, total, flash, heapPeak and, by\n"
        "caller, heap; each in bytes, or as largest growth against a baseline. The application\n"
        "runs as with 'spherule run', on a device of its own, its output on standard error.\n\n"
        "Exit status: 0 within budget; 120 over budget, or killed for going over its ration;\n"
        "121 the application failed; 125 a bad budget or baseline, or it could not be run.",
    .options = options,
    .positionals = sph_run_job_positionals,
    .run = run,
    .usage_status = SPH_CHECK_IMPOSSIBLE,
};
