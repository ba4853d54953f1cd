/* device app show-kills: how applications ended: the list, or one report whole.
 *
 * The device lists oldest first, each report under its own number, which is also what `run` and
 * the events name. "last" is resolved by the list and not by the device, so that it goes
 * together with --component-id. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "cli/commands/commands.h"
#include "cli/device/target.h"
#include "cli/frame/cli.h"
#include "cli/report/heap_symbols.h"
#include "cli/report/report.h"

static const struct sph_option options[] = {
    {.name = "component-id", .letter = 'i', .value = "ID", .help = "only of this application"},
    {.name = "delete", .help = "remove the reports from the device"},
    SPH_HEAP_SYMBOLS_OPTION,
    {.name = NULL},
};

static const struct sph_positional positionals[] = {
    {.name = "NUMBER", .help = "show this report whole ('last': the newest)"},
    {.name = NULL},
};

static const struct sph_column columns[] = {
    {"Number", "id"},        {"Ended", "time"},       {"Name", "name"},
    {"Why", "why"},          {"User", "userBytes"},   {"Peak", "peakUserBytes"},
    {"Total", "totalBytes"}, {"Limit", "limitBytes"}, {"Component ID", "componentId"},
    {.title = NULL},
};

/* A report has the members of a list's row and more, so one function serves both. */
static void add_row(const struct sph_json_value *row, struct sph_table *table) {
    char text[96];
    char when[SPH_CLOCK_TEXT];
    sph_table_add_number(table, sph_answer_u64(row, "id"));
    sph_table_add(table, sph_clock_format(sph_answer_u64(row, "timeMs"), when));
    sph_table_add(table, sph_answer_text(row, "name", text, sizeof(text)));
    sph_table_add(table, sph_answer_text(row, "why", text, sizeof(text)));
    sph_table_add_number(table, sph_answer_u64(row, "userBytes"));
    sph_table_add_number(table, sph_answer_u64(row, "peakUserBytes"));
    sph_table_add_number(table, sph_answer_u64(row, "totalBytes"));
    sph_table_add_number(table, sph_answer_u64(row, "limitBytes"));
    sph_table_add(table, sph_answer_text(row, "componentId", text, sizeof(text)));
}

/* GET /kills with its filter; rows into the table, the newest number into *ret_last (0: none). */
static int read_list(struct sph_target *target, const char *path, struct sph_table *table,
                     uint64_t *ret_last, struct sph_err *err) {
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    struct sph_json_value top, row;
    struct sph_json_iter iter;
    int r = sph_target_ask(target, "GET", path, NULL, &text, &top, err);
    if (r < 0)
        return r;
    *ret_last = 0;
    if (!sph_answer_array(&top, "reports", &iter))
        return 0;
    while (sph_json_next(&iter, NULL, &row)) {
        add_row(&row, table);
        *ret_last = sph_answer_u64(&row, "id");
    }
    return 0;
}

/* As table, its row; as JSON, the device's whole report. */
static int show_one(struct sph_cli *cli, struct sph_target *target, uint64_t number) {
    struct sph_err err = SPH_ERR_NULL;
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    sph_autobuf struct sph_buf human = SPH_BUF_NULL;
    struct sph_json_value top;
    char path[64];
    (void)snprintf(path, sizeof(path), "/spherule/v1/kills/%llu", (unsigned long long)number);
    if (sph_target_ask(target, "GET", path, NULL, &text, &top, &err) < 0)
        return sph_say_failure(&err);
    sph_autofree struct sph_heap *heap = sph_report_heap(&top);
    if (heap && cli->output == SPH_OUTPUT_TABLE)
        sph_heap_find_symbols(cli, NULL, heap);
    sph_report_write_with(&top, heap, &human);
    sph_autotable struct sph_table table;
    sph_table_init(&table, columns);
    add_row(&top, &table);
    return sph_cli_answer(cli,
                          &(struct sph_answer){.table = &table, .human = &human, .json = &text});
}

/* All, or all of one application: `path` has the filter. */
static int delete_all(struct sph_cli *cli, struct sph_target *target, const char *path) {
    struct sph_err err = SPH_ERR_NULL;
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    struct sph_json_value top;
    if (sph_target_ask(target, "DELETE", path, NULL, &text, &top, &err) < 0)
        return sph_say_failure(&err);
    sph_say(cli, "%llu reports deleted.", (unsigned long long)sph_answer_u64(&top, "count"));
    return SPH_EXIT_OK;
}

/* The list, or the newest of it. The table is filled in both cases and drawn in one: a device keeps
 * some dozens of reports at most. */
static int show_list(struct sph_cli *cli, struct sph_target *target, const char *path,
                     const char *number) {
    struct sph_err err = SPH_ERR_NULL;
    sph_autotable struct sph_table table;
    uint64_t last;
    sph_table_init(&table, columns);
    if (read_list(target, path, &table, &last, &err) < 0)
        return sph_say_failure(&err);
    if (!number)
        return sph_cli_answer(cli, &(struct sph_answer){.table = &table, .style = SPH_TABLE_PLAIN});
    if (last == 0) {
        sph_say_error("device '%s' has no reports", target->name);
        return SPH_EXIT_NOT_FOUND;
    }
    return show_one(cli, target, last);
}

static int run(struct sph_cli *cli) {
    struct sph_err err = SPH_ERR_NULL;
    sph_autotarget struct sph_target target = SPH_TARGET_NULL;
    const char *number = sph_args_positional(&cli->args, 0);
    char id[SPH_GUID_TEXT] = "";
    char path[96];
    uint64_t wanted = 0;
    bool last = number && strcmp(number, "last") == 0;
    if (sph_target_component(cli, id, &err) < 0)
        return sph_say_failure(&err);
    if (number && !last && sph_text_to_u64(number, UINT64_MAX, &wanted) < 0)
        return sph_say_usage("'%s' is no report: give its number, or 'last'", number);
    /* the device has no deletion of one: passing the number over would delete all the others too */
    if (number && sph_args_flag(&cli->args, "delete"))
        return sph_say_usage("--delete removes all reports: it takes no number");
    (void)snprintf(path, sizeof(path), "/spherule/v1/kills%s%s", *id ? "?component=" : "", id);
    if (sph_target_open(cli, NULL, &target, &err) < 0)
        return sph_say_failure(&err);
    if (sph_args_flag(&cli->args, "delete"))
        return delete_all(cli, &target, path);
    return number && !last ? show_one(cli, &target, wanted) : show_list(cli, &target, path, number);
}

const struct sph_command sph_cmd_device_app_show_kills = {
    .path = "device app show-kills",
    .summary = "Show how applications ended, and what held their memory",
    .options = options,
    .positionals = positionals,
    .run = run,
};
