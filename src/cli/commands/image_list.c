/* image list: what is in the catalog, with the files, which can be deployed. */
#include <errno.h>

#include "base/cleanup.h"
#include "cli/catalog.h"
#include "cli/commands/commands.h"
#include "cli/frame/cli.h"
#include "cli/image/package_text.h"

static const struct sph_option options[] = {
    {.name = "tenant", .letter = 't', .value = "ID", .help = "accepted; there are no tenants"},
    {.name = NULL},
};

static int run(struct sph_cli *cli) {
    static const struct sph_column columns[] = {
        {"Name", "name"},         {"Component ID", "componentId"},  {"Image ID", "imageId"},
        {"Size", "packageBytes"}, {"Built on (UTC)", "builtOnUtc"}, {"File", "path"},
        {.title = NULL}};
    struct sph_err err = SPH_ERR_NULL;
    sph_autocatalog struct sph_catalog catalog = SPH_CATALOG_NULL;
    sph_autofree struct sph_catalog_row *rows = NULL;
    unsigned count = 0;
    int r = sph_catalog_open(false, &catalog, &err);
    if (r == 0)
        r = sph_catalog_list(&catalog, &rows, &count, &err);
    if (r < 0 && r != -ENOENT) /* no folder yet: no images, which is an answer */
        return sph_say_failure(&err);
    sph_autotable struct sph_table table;
    sph_table_init(&table, columns);
    for (unsigned i = 0; i < count; i++) {
        char built[64], path[PATH_MAX];
        sph_table_add(&table, rows[i].name);
        sph_table_add(&table, rows[i].component_id);
        sph_table_add(&table, rows[i].id);
        sph_table_add_number(&table, rows[i].bytes);
        sph_package_text_time(rows[i].build_time_s, built, sizeof(built));
        sph_table_add(&table, built);
        sph_catalog_image_path(&catalog, rows[i].id, path);
        sph_table_add(&table, path);
    }
    return sph_cli_answer(cli, &(struct sph_answer){.table = &table, .style = SPH_TABLE_PLAIN});
}

const struct sph_command sph_cmd_image_list = {
    .path = "image list",
    .summary = "List the image packages of the catalog",
    .options = options,
    .run = run,
};
