/* device image list-targeted: what a device is meant to have. The original asks its cloud, where
 * deployments say so; here it is the newest image of each component in the catalog. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/catalog.h"
#include "cli/commands/commands.h"
#include "cli/frame/cli.h"

static const struct sph_option options[] = {
    {.name = "full", .alias = "all", .help = "accepted; there are no system images to add"},
    {.name = NULL},
};

/* Whether `a` was built later; of the same second, the one that the list has first. */
static bool is_newer(const struct sph_catalog_row *a, const struct sph_catalog_row *b) {
    return a->build_time_s != b->build_time_s ? a->build_time_s > b->build_time_s : a < b;
}

/* All are looked at: a component that has changed its name stands in two places. */
static bool is_newest(const struct sph_catalog_row *rows, unsigned count,
                      const struct sph_catalog_row *row) {
    for (unsigned i = 0; i < count; i++)
        if (strcmp(rows[i].component_id, row->component_id) == 0 && is_newer(&rows[i], row))
            return false;
    return true;
}

static int run(struct sph_cli *cli) {
    static const struct sph_column columns[] = {
        {"Name", "name"},        {"Image type", "imageType"}, {"Component ID", "componentId"},
        {"Image ID", "imageId"}, {"Size", "packageBytes"},    {.title = NULL}};
    struct sph_err err = SPH_ERR_NULL;
    sph_autocatalog struct sph_catalog catalog = SPH_CATALOG_NULL;
    sph_autofree struct sph_catalog_row *rows = NULL;
    unsigned count = 0;
    int r = sph_catalog_open(false, &catalog, &err);
    if (r == 0)
        r = sph_catalog_list(&catalog, &rows, &count, &err);
    if (r < 0 && r != -ENOENT)
        return sph_say_failure(&err);
    sph_autotable struct sph_table table;
    sph_autobuf struct sph_buf human = SPH_BUF_NULL;
    sph_table_init(&table, columns);
    sph_buf_puts(&human, "Targeted images:\n");
    for (unsigned i = 0; i < count; i++) {
        if (!is_newest(rows, count, &rows[i]))
            continue;
        sph_table_add(&table, rows[i].name);
        sph_table_add(&table, "Application");
        sph_table_add(&table, rows[i].component_id);
        sph_table_add(&table, rows[i].id);
        sph_table_add_number(&table, rows[i].bytes);
        sph_buf_printf(&human,
                       " --> %s\n   --> Image type:   Application\n   --> Component ID: %s\n"
                       "   --> Image ID:     %s\n",
                       rows[i].name, rows[i].component_id, rows[i].id);
    }
    return sph_cli_answer(cli, &(struct sph_answer){.table = &table, .human = &human});
}

const struct sph_command sph_cmd_device_image_list_targeted = {
    .path = "device image list-targeted",
    .summary = "List what the catalog has for a device: the newest image of each component",
    .options = options,
    .run = run,
};
