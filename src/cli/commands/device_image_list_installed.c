/* device image list-installed: in the words of the original, which other programs take apart.
 * The form is fixed to the blank; "Size" is only in the forms that came later (tsv, json). */
#include "cli/app_list.h"
#include "cli/commands/commands.h"
#include "cli/frame/cli.h"

static const struct sph_option options[] = {
    {.name = "full", .alias = "all", .help = "accepted; there are no system images to add"},
    {.name = NULL},
};

/* All images are applications here: a device has no system images of the original's kind to list.
 */
static int run(struct sph_cli *cli) {
    static const struct sph_column columns[] = {
        {"Name", "name"},        {"Image type", "imageType"}, {"Component ID", "componentId"},
        {"Image ID", "imageId"}, {"Size", "packageBytes"},    {.title = NULL}};
    struct sph_err err = SPH_ERR_NULL;
    sph_autotarget struct sph_target target = SPH_TARGET_NULL;
    struct sph_app_list list;
    if (sph_target_open(cli, NULL, &target, &err) < 0 ||
        sph_app_list_read(&target, &list, &err) < 0)
        return sph_say_failure(&err);
    sph_autotable struct sph_table table;
    sph_autobuf struct sph_buf human = SPH_BUF_NULL;
    sph_table_init(&table, columns);
    sph_buf_puts(&human, "Installed images:\n");
    for (unsigned i = 0; i < list.count; i++) {
        const struct sph_app_row *row = &list.rows[i];
        sph_table_add(&table, row->name);
        sph_table_add(&table, "Application");
        sph_table_add(&table, row->id);
        sph_table_add(&table, row->image_id);
        sph_table_add_number(&table, row->package_bytes);
        sph_buf_printf(&human,
                       " --> %s\n   --> Image type:   Application\n   --> Component ID: %s\n"
                       "   --> Image ID:     %s\n",
                       row->name, row->id, row->image_id);
    }
    return sph_cli_answer(cli, &(struct sph_answer){.table = &table, .human = &human});
}

const struct sph_command sph_cmd_device_image_list_installed = {
    .path = "device image list-installed",
    .summary = "List the images installed on a device",
    .options = options,
    .run = run,
};
