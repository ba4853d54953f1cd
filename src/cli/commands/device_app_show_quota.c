/* device app show-quota: mutable storage used and allowed, in KB of 1024 bytes as the device's
 * interface has them (UsageKB, LimitKB), and what writing to it has cost the flash. All rows or
 * none: a table that lacks an application would look whole. */
#include <stdio.h>

#include "base/attr.h"
#include "cli/app_list.h"
#include "cli/app_options.h"
#include "cli/commands/commands.h"
#include "cli/frame/cli.h"

static const char *const wear[] = {"writes", "bytesWritten", "blocksErased", "idleWrites"};

/* A device that refuses to tell has cells without a figure; one that is gone has no table. */
static int add_wear(struct sph_target *target, const char *id, struct sph_table *table,
                    struct sph_err *err) {
    char path[80];
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    struct sph_json_value top;
    (void)snprintf(path, sizeof(path), "/spherule/v1/storage/%s", id);
    int r = sph_target_ask(target, "GET", path, NULL, &text, &top, err);
    if (r < 0 && sph_rest_last_error(target->rest) == 0)
        return r;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(wear); i++) {
        if (r == 0)
            sph_table_add_number(table, sph_answer_u64(&top, wear[i]));
        else
            sph_table_add(table, NULL);
    }
    return 0;
}

/* Requests for each: the device has no list of them. */
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
    return add_wear(target, id, table, err);
}

static int run(struct sph_cli *cli) {
    static const struct sph_column columns[] = {
        {"Component ID", "componentId"},   {"Usage (KB)", "UsageKB"},
        {"Limit (KB)", "LimitKB"},         {"Writes", "writes"},
        {"Bytes written", "bytesWritten"}, {"Blocks erased", "blocksErased"},
        {"Idle writes", "idleWrites"},     {.title = NULL}};
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
    .summary = "Show how much mutable storage the applications use, and its wear",
    .details = "Wear since the application was installed: each erase of a block shortens its life. "
               "Idle\nwrites changed nothing and could have been left out.",
    .options = sph_app_options,
    .run = run,
};
