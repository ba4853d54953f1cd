/* image delete: an image out of the catalog; what is on devices stays. */
#include "cli/commands/commands.h"
#include "cli/frame/cli.h"
#include "cli/image_options.h"

static int run(struct sph_cli *cli) {
    struct sph_err err = SPH_ERR_NULL;
    sph_autocatalog struct sph_catalog catalog = SPH_CATALOG_NULL;
    struct sph_guid id;
    char text[SPH_GUID_TEXT];
    if (sph_image_id_read(cli, &id, &err) < 0 || sph_image_catalog_open(&id, &catalog, &err) < 0 ||
        sph_catalog_delete(&catalog, &id, &err) < 0)
        return sph_say_failure(&err);
    sph_say(cli, "Image '%s' deleted.", sph_guid_format(&id, text));
    return SPH_EXIT_OK;
}

const struct sph_command sph_cmd_image_delete = {
    .path = "image delete",
    .summary = "Take an image package out of the catalog",
    .options = sph_image_id_options,
    .run = run,
};
