/* image show: the metadata of an image of the catalog, as image-package show has them. */
#include "base/text.h"
#include "cli/commands/commands.h"
#include "cli/frame/cli.h"
#include "cli/image/package_text.h"
#include "cli/image_options.h"

static int run(struct sph_cli *cli) {
    struct sph_err err = SPH_ERR_NULL;
    sph_autocatalog struct sph_catalog catalog = SPH_CATALOG_NULL;
    sph_autobuf struct sph_buf bytes = SPH_BUF_LIMIT(SPH_CATALOG_IMAGE_BYTES_MAX);
    sph_autobuf struct sph_buf human = SPH_BUF_NULL;
    sph_autobuf struct sph_buf json = SPH_BUF_NULL;
    struct sph_guid id;
    struct sph_image image;
    struct sph_fs fs;
    char text[SPH_GUID_TEXT], path[PATH_MAX];
    if (sph_image_id_read(cli, &id, &err) < 0)
        return sph_say_failure(&err);
    if (sph_image_catalog_open(&id, &catalog, &err) < 0 ||
        sph_catalog_read(&catalog, &id, &bytes, &image, &err) < 0)
        return sph_say_failure(&err);
    sph_catalog_image_path(&catalog, sph_guid_format(&id, text), path);
    if (sph_fs_check(image.body, image.body_bytes, &fs, &err) < 0) {
        sph_err_prefix(&err, "%s", path);
        return sph_say_failure(&err);
    }
    sph_package_text_metadata(&image, "", &human);
    sph_buf_printf(&human, "Size in flash:          %zu bytes\nFile:                   %s\n",
                   image.size, path);
    sph_package_text_json(&image, &fs, &json);
    return sph_cli_answer(cli, &(struct sph_answer){.human = &human, .json = &json});
}

const struct sph_command sph_cmd_image_show = {
    .path = "image show",
    .summary = "Show an image package of the catalog",
    .options = sph_image_id_options,
    .run = run,
};
