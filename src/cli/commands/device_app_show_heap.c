/* device app show-heap: who asked for memory, live, by caller and by call site; or in one sentence
 * why nobody knows.
 *
 * That an application is not tracked is an answer and no failure: it is what --why asks for, and
 * "state" in JSON. Rates are differences of two readings, since the device keeps no history. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/app_list.h"
#include "cli/commands/commands.h"
#include "cli/frame/cli.h"
#include "cli/report/heap_symbols.h"
#include "cli/report/heap_text.h"

enum {
    SITES_DEFAULT = 10,
    INTERVAL_MAX_S = 3600,
};

static const struct sph_option options[] = {
    {.name = "component-id",
     .letter = 'i',
     .value = "ID",
     .help = "only this application; else every one on the device"},
    {.name = "sites", .value = "N", .help = "how many call sites to list (10)"},
    SPH_HEAP_SYMBOLS_OPTION,
    {.name = "interval",
     .value = "SECONDS",
     .help = "read twice, this far apart, and show allocations per second"},
    {.name = "why", .help = "say only whether, and why not, the heap is tracked"},
    {.name = NULL},
};

static const struct sph_column columns[] = {
    {"Component ID", "componentId"},
    {"Process", "pid"},
    {"Caller", "name"},
    {"Live", "liveBytes"},
    {"Resident", "residentBytes"},
    {"Peak", "peakBytes"},
    {"Blocks", "liveBlocks"},
    {"Allocations", "allocations"},
    {.title = NULL},
};

/* One application's two readings. */
struct reading {
    struct sph_buf before, now;
    struct sph_json_value before_top, now_top;
};

struct wish {
    uint64_t sites, interval_s;
    bool why;
};

/* What is written by. */
struct out {
    struct sph_cli *cli;
    const struct wish *wish;
    struct sph_table table;
    struct sph_buf human, json;
};

/* The process of that number in an earlier reading; NULL: there was none. */
static struct sph_heap *earlier(const struct reading *reading, uint64_t pid) {
    struct sph_json_value process;
    struct sph_json_iter iter;
    if (reading->before.len == 0 || !sph_answer_array(&reading->before_top, "processes", &iter))
        return NULL;
    while (sph_json_next(&iter, NULL, &process))
        if (sph_answer_u64(&process, "pid") == pid)
            return sph_heap_parse(&process);
    return NULL;
}

static void add_rows(const char *id, uint64_t pid, const struct sph_heap *heap,
                     struct sph_table *table) {
    for (unsigned i = 0; i < heap->n_callers; i++) {
        const struct sph_heap_caller *caller = &heap->callers[i];
        sph_table_add(table, id);
        sph_table_add_number(table, pid);
        sph_table_add(table, caller->name);
        sph_table_add_number(table, caller->live_bytes);
        sph_table_add_number(table, caller->resident_bytes);
        sph_table_add_number(table, caller->peak_bytes);
        sph_table_add_number(table, caller->live_blocks);
        sph_table_add_number(table, caller->allocations);
    }
}

/* The device's own sentence, where it has one. */
static void write_reason(const struct sph_json_value *object, struct sph_buf *buf) {
    char state[24];
    char reason[320];
    sph_answer_text(object, "state", state, sizeof(state));
    sph_answer_text(object, "reason", reason, sizeof(reason));
    if (strcmp(state, "tracked") == 0)
        sph_buf_puts(buf, "Its heap is tracked.\n");
    else if (*reason)
        sph_buf_printf(buf, "%s%s\n", reason, reason[strlen(reason) - 1] == '.' ? "" : ".");
    else
        sph_buf_printf(buf, "%s.\n", sph_heap_reason(state));
}

static bool is_tracked(const struct sph_json_value *object) {
    struct sph_json_value state;
    return sph_json_get(object, "state", &state) && sph_json_is(&state, "tracked");
}

static void write_process(struct out *out, const struct reading *reading, const char *id,
                          const struct sph_json_value *process) {
    uint64_t pid = sph_answer_u64(process, "pid");
    sph_autofree struct sph_heap *heap = sph_heap_parse(process);
    sph_autofree struct sph_heap *before = earlier(reading, pid);
    sph_buf_printf(&out->human, "Process %" PRIu64 ": ", pid);
    if (!heap || !is_tracked(process)) {
        write_reason(process, &out->human);
        return;
    }
    add_rows(id, pid, heap, &out->table);
    if (out->cli->output == SPH_OUTPUT_TABLE && out->wish->sites > 0)
        sph_heap_find_symbols(out->cli, NULL, heap);
    sph_buf_printf(&out->human, "%" PRIu64 " bytes live in %" PRIu64 " block%s\n", heap->live_bytes,
                   heap->live_blocks, heap->live_blocks == 1 ? "" : "s");
    sph_heap_write_callers(heap, before, &out->human);
    if (heap->n_sites > 0 && out->wish->sites > 0) {
        sph_buf_puts(&out->human, "\n");
        sph_heap_write_sites(heap, (unsigned)out->wish->sites, &out->human);
    }
}

/* What the device's answer had no place for. */
static void write_dropped(struct out *out, const struct sph_app_row *app,
                          const struct sph_json_value *top) {
    uint64_t dropped = sph_answer_u64(top, "processesDropped");
    if (dropped == 0)
        return;
    sph_buf_printf(&out->human, "(%" PRIu64 " further process%s with a heap %s not listed)\n",
                   dropped, dropped == 1 ? "" : "es", dropped == 1 ? "is" : "are");
    if (out->cli->output == SPH_OUTPUT_TSV) /* rows alone cannot say it */
        sph_say_warn("%s: %" PRIu64 " further process%s with a heap %s not listed", app->name,
                     dropped, dropped == 1 ? "" : "es", dropped == 1 ? "is" : "are");
}

static void write_app(struct out *out, const struct sph_app_row *app,
                      const struct reading *reading) {
    struct sph_json_value process;
    struct sph_json_iter iter;
    sph_buf_puts(&out->json, out->json.len == 0 ? "[" : ",");
    sph_buf_append(&out->json, reading->now_top.text, reading->now_top.len);
    if (out->human.len > 0 && !out->wish->why)
        sph_buf_puts(&out->human, "\n");
    sph_buf_printf(&out->human, "%s (%s): ", app->name, app->id);
    write_reason(&reading->now_top, &out->human);
    if (out->wish->why || !sph_answer_array(&reading->now_top, "processes", &iter))
        return;
    while (sph_json_next(&iter, NULL, &process))
        write_process(out, reading, app->id, &process);
    write_dropped(out, app, &reading->now_top);
}

static int read_all(struct sph_target *target, const struct sph_app_list *list, bool is_first,
                    struct reading *readings, struct sph_err *err) {
    int r = 0;
    for (unsigned i = 0; r == 0 && i < list->count; i++) {
        struct reading *to = &readings[i];
        char path[80];
        (void)snprintf(path, sizeof(path), "/spherule/v1/heap/%s", list->rows[i].id);
        r = sph_target_ask(target, "GET", path, NULL, is_first ? &to->before : &to->now,
                           is_first ? &to->before_top : &to->now_top, err);
    }
    return r;
}

/* A status. The readings are all there before the first line: a table that lacks an application
 * would look whole. */
static int show(struct sph_cli *cli, const struct wish *wish, struct sph_target *target,
                const struct sph_app_list *list, struct reading *readings) {
    struct sph_err err = SPH_ERR_NULL;
    if (wish->interval_s > 0) {
        if (read_all(target, list, true, readings, &err) < 0)
            return sph_say_failure(&err);
        (void)sleep((unsigned)wish->interval_s); /* an interrupt ends it as it ends any command */
    }
    if (read_all(target, list, false, readings, &err) < 0)
        return sph_say_failure(&err);
    struct out out = {.cli = cli,
                      .wish = wish,
                      .human = SPH_BUF_LIMIT(16 << 20),
                      .json = SPH_BUF_LIMIT(64 << 20)};
    sph_table_init(&out.table, columns);
    for (unsigned i = 0; i < list->count; i++)
        write_app(&out, &list->rows[i], &readings[i]);
    sph_buf_puts(&out.json, "]");
    int status = sph_cli_answer(
        cli, &(struct sph_answer){.table = &out.table, .human = &out.human, .json = &out.json});
    sph_buf_done(&out.human);
    sph_buf_done(&out.json);
    sph_table_done(&out.table);
    return status;
}

/* 0, or the status of a wrong command line. */
static int read_wish(const struct sph_cli *cli, struct wish *ret_wish) {
    const char *sites = sph_args_value(&cli->args, "sites");
    const char *interval = sph_args_value(&cli->args, "interval");
    *ret_wish = (struct wish){.sites = SITES_DEFAULT, .why = sph_args_flag(&cli->args, "why")};
    if (sites && sph_text_to_u64(sites, SPH_HEAP_SITES_MAX, &ret_wish->sites) < 0)
        return sph_say_usage("--sites takes a number from 0 to %d, not '%s'", SPH_HEAP_SITES_MAX,
                             sites);
    if (interval && (sph_text_to_u64(interval, INTERVAL_MAX_S, &ret_wish->interval_s) < 0 ||
                     ret_wish->interval_s == 0))
        return sph_say_usage("--interval takes a number of seconds from 1 to %d, not '%s'",
                             INTERVAL_MAX_S, interval);
    return SPH_EXIT_OK;
}

static int run(struct sph_cli *cli) {
    struct sph_err err = SPH_ERR_NULL;
    sph_autotarget struct sph_target target = SPH_TARGET_NULL;
    struct sph_app_list list;
    struct wish wish;
    int status = read_wish(cli, &wish);
    if (status != SPH_EXIT_OK)
        return status;
    if (sph_target_open(cli, NULL, &target, &err) < 0 ||
        sph_app_list_choose(cli, &target, &list, &err) < 0)
        return sph_say_failure(&err);
    struct reading *readings = calloc(list.count, sizeof(*readings));
    if (!readings)
        return sph_say_failure_as(SPH_EXIT_IO, &(struct sph_err){.text = "no memory"});
    for (unsigned i = 0; i < list.count; i++)
        readings[i] = (struct reading){.before = SPH_BUF_NULL, .now = SPH_BUF_NULL};
    status = show(cli, &wish, &target, &list, readings);
    for (unsigned i = 0; i < list.count; i++) {
        sph_buf_done(&readings[i].before);
        sph_buf_done(&readings[i].now);
    }
    free(readings);
    return status;
}

const struct sph_command sph_cmd_device_app_show_heap = {
    .path = "device app show-heap",
    .summary = "Show who asked for an application's memory, by caller and call site",
    .details =
        "Live is what was asked for and not given back, Resident what of it stands in pages: a\n"
        "page counts against the ration once it is written. Functions and lines are found in\n"
        "files of the same build id: those of --symbols, builds below the current folder, the\n"
        "machine's debug files.",
    .options = options,
    .run = run,
};
