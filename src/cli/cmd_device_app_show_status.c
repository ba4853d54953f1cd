/* device app show-status: running, stopped, debugging or notPresent. The line "App state: …" is
 * the original's, and programs take it apart. */
#include <stdio.h>
#include <string.h>

#include "cli/app_list.h"
#include "cli/app_why.h"
#include "cli/cli.h"
#include "cli/commands.h"

static const struct sph_option options[] = {
    {.name = "component-id",
     .letter = 'i',
     .value = "ID",
     .help = "only this application; else every one on the device"},
    {.name = "why", .help = "say in a sentence why it runs or does not"},
    {.name = NULL},
};

/* One id may be asked for without being installed: the device has a state for that too. */
static int read_one(struct sph_target *target, const char *id, struct sph_app_list *list,
                    struct sph_err *err) {
    char path[80];
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    struct sph_json_value top;
    (void)snprintf(path, sizeof(path), "/app/status/%s", id);
    int r = sph_target_ask(target, "GET", path, NULL, &text, &top, err);
    if (r < 0)
        return r;
    struct sph_app_row *row = &list->rows[0];
    memset(row, 0, sizeof(*row));
    (void)snprintf(row->id, sizeof(row->id), "%s", id);
    sph_answer_text(&top, "state", row->state, sizeof(row->state));
    list->count = 1;
    return 0;
}

/* The debugger is listed with the rest: showing changes nothing. */
static int run(struct sph_cli *cli) {
    static const struct sph_column columns[] = {
        {"Component ID", "componentId"}, {"State", "state"}, {.title = NULL}};
    struct sph_err err = SPH_ERR_NULL;
    sph_autotarget struct sph_target target = SPH_TARGET_NULL;
    struct sph_app_list list;
    char id[SPH_GUID_TEXT];
    if (sph_args_flag(&cli->args, "why"))
        return sph_app_why_run(cli);
    int given = sph_target_component(cli, id, &err);
    if (given < 0 || sph_target_open(cli, NULL, &target, &err) < 0)
        return sph_say_failure(&err);
    int r = given ? read_one(&target, id, &list, &err) : sph_app_list_read(&target, &list, &err);
    if (r < 0)
        return sph_say_failure(&err);
    sph_autotable struct sph_table table;
    sph_autobuf struct sph_buf human = SPH_BUF_NULL;
    sph_table_init(&table, columns);
    for (unsigned i = 0; i < list.count; i++) {
        sph_table_add(&table, list.rows[i].id);
        sph_table_add(&table, list.rows[i].state);
        sph_buf_printf(&human, "%s: App state: %s\n", list.rows[i].id, list.rows[i].state);
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
