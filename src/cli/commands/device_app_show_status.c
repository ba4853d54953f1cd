/* device app show-status: running, stopped, debugging or notPresent. The line "App state: …" is
 * the original's, and programs take it apart; how the app last ended, and when it is started
 * again, stands in lines of their own behind it, which begin with blanks. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/app_list.h"
#include "cli/app_why.h"
#include "cli/commands/commands.h"
#include "cli/frame/cli.h"

static const struct sph_option options[] = {
    {.name = "component-id",
     .letter = 'i',
     .value = "ID",
     .help = "only this application; else every one on the device"},
    {.name = "why", .help = "say in a sentence why it runs or does not"},
    {.name = NULL},
};

/* One id may be asked for without being installed: the device has a state for that too. */
static void keep_one(struct sph_app_list *list, const char *id) {
    const struct sph_app_row *found = sph_app_list_find(list, id);
    struct sph_app_row row = {.state = "notPresent"};
    (void)snprintf(row.id, sizeof(row.id), "%s", id);
    if (found)
        row = *found;
    list->rows[0] = row;
    list->count = 1;
}

static void write_human(const struct sph_app_row *row, struct sph_buf *human) {
    sph_buf_printf(human, "%s: App state: %s\n", row->id, row->state);
    if (row->last_report) {
        sph_buf_puts(human, "  Last end: ");
        sph_app_row_write_end(row, human);
        sph_buf_puts(human, "\n");
    }
    if (row->next_start_ms)
        sph_buf_printf(human, "  Starts again in %" PRIu64 " ms\n", row->next_start_ms);
}

static void write_row(const struct sph_app_row *row, struct sph_table *table) {
    sph_table_add(table, row->id);
    sph_table_add(table, row->state);
    sph_table_add(table, row->last_report ? row->last_why : NULL);
    if (row->last_report) {
        sph_table_add_number(table, row->last_exit_code);
        sph_table_add_number(table, row->last_signal);
    } else {
        sph_table_add(table, NULL);
        sph_table_add(table, NULL);
    }
    if (row->next_start_ms)
        sph_table_add_number(table, row->next_start_ms);
    else
        sph_table_add(table, NULL);
}

/* The debugger is listed with the rest: showing changes nothing. */
static int run(struct sph_cli *cli) {
    static const struct sph_column columns[] = {{"Component ID", "componentId"},
                                                {"State", "state"},
                                                {"Last end", "lastWhy"},
                                                {"Exit code", "lastExitCode"},
                                                {"Signal", "lastSignal"},
                                                {"Starts in (ms)", "nextStartMs"},
                                                {.title = NULL}};
    struct sph_err err = SPH_ERR_NULL;
    sph_autotarget struct sph_target target = SPH_TARGET_NULL;
    struct sph_app_list list;
    char id[SPH_GUID_TEXT];
    if (sph_args_flag(&cli->args, "why"))
        return sph_app_why_run(cli);
    int given = sph_target_component(cli, id, &err);
    if (given < 0 || sph_target_open(cli, NULL, &target, &err) < 0 ||
        sph_app_list_read(&target, &list, &err) < 0)
        return sph_say_failure(&err);
    if (given)
        keep_one(&list, id);
    sph_autotable struct sph_table table;
    sph_autobuf struct sph_buf human = SPH_BUF_NULL;
    sph_table_init(&table, columns);
    for (unsigned i = 0; i < list.count; i++) {
        write_row(&list.rows[i], &table);
        write_human(&list.rows[i], &human);
    }
    if (list.count == 0)
        sph_say(cli, "No application is installed on device '%s'.", target.name);
    return sph_cli_answer(cli, &(struct sph_answer){.table = &table, .human = &human});
}

/* No rows are no failure here: that nothing is installed is an answer. */
const struct sph_command sph_cmd_device_app_show_status = {
    .path = "device app show-status",
    .summary = "Show whether the applications run",
    .options = options,
    .run = run,
};
