/* device app show-quota: mutable storage used and allowed, in KB of 1024 bytes as the device's
 * interface has them (UsageKB, LimitKB). All rows or none: a table that lacks an application
 * would look whole. */
#include <stdio.h>

#include "cli/app_list.h"
#include "cli/app_options.h"
#include "cli/cli.h"
#include "cli/commands.h"

/* A request for each: the device has no list of them. */
static int add_quota(struct sph_target *target, const char *id, struct sph_table *table,
                     struct sph_err *err) {
    char path[80];
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    struct sph_json_value top;
    (void)snprintf(path, sizeof(path), "/app/quota/%s", id);
    int r = sph_target_ask(target, "GET", path, NULL, &text, &top, err);
    if (r < 0)
        return r;
    sph_table_add(table, id);
    sph_table_add_number(table, sph_answer_u64(&top, "UsageKB"));
    sph_table_add_number(table, sph_answer_u64(&top, "LimitKB"));
    return 0;
}

static int run(struct sph_cli *cli) {
    static const struct sph_column columns[] = {{"Component ID", "componentId"},
                                                {"Usage (KB)", "UsageKB"},
                                                {"Limit (KB)", "LimitKB"},
                                                {.title = NULL}};
    struct sph_err err = SPH_ERR_NULL;
    sph_autotarget struct sph_target target = SPH_TARGET_NULL;
    struct sph_app_list list;
    if (sph_target_open(cli, NULL, &target, &err) < 0 ||
        sph_app_list_choose(cli, &target, &list, &err) < 0)
        return sph_say_failure(&err);
    sph_autotable struct sph_table table;
    sph_table_init(&table, columns);
    for (unsigned i = 0; i < list.count; i++)
        if (add_quota(&target, list.rows[i].id, &table, &err) < 0)
            return sph_say_failure(&err);
    return sph_cli_answer(cli, &(struct sph_answer){.table = &table, .style = SPH_TABLE_RULED});
}

const struct sph_command sph_cmd_device_app_show_quota = {
    .path = "device app show-quota",
    .summary = "Show how much mutable storage the applications use",
    .options = sph_app_options,
    .run = run,
};
