/* image add: a package into the catalog. "Uploading" is the original's word, whose catalog is a
 * service; scripts read the ids behind the arrows. */
#include <errno.h>
#include <string.h>

#include "base/json_out.h"
#include "base/text.h"
#include "cli/catalog.h"
#include "cli/commands/commands.h"
#include "cli/frame/cli.h"
#include "cli/image/package_file.h"

static const struct sph_option options[] = {
    {.name = "image",
     .alias = "image-path",
     .value = "PATH",
     .help = "the image package to add",
     .kind = SPH_VALUE_FILE,
     .required = true},
    {.name = "temporary", .help = "accepted; images stay until they are deleted"},
    {.name = "force", .help = "accepted; API sets are not judged"},
    {.name = "regional-data-boundary",
     .letter = 'r',
     .value = "REGION",
     .help = "accepted; the catalog is a folder of yours"},
    {.name = "tenant", .letter = 't', .value = "ID", .help = "accepted; there are no tenants"},
    {.name = NULL},
};

static void write_human(const char *path, const struct sph_image *image, bool is_new,
                        struct sph_buf *buf) {
    char id[SPH_GUID_TEXT], component[SPH_GUID_TEXT], name[64], shown[320];
    sph_guid_format(&image->image_id, id);
    sph_guid_format(&image->component_id, component);
    sph_text_printable(image->name, strnlen(image->name, sizeof(image->name)), name, sizeof(name));
    sph_buf_printf(buf,
                   "Uploading image from file '%s':\n"
                   " --> Image ID:       %s\n --> Component ID:   %s\n --> Component name: '%s'\n",
                   sph_text_shown(path, shown, sizeof(shown)), id, component, name);
    if (is_new)
        sph_buf_printf(buf,
                       "Successfully uploaded image with ID '%s' and name '%s' to component with "
                       "ID '%s'.\n",
                       id, name, component);
    else
        sph_buf_puts(buf, "The image is in the catalog already.\n");
}

/* What is wrong with the file is the file's; all else is the catalog's. */
static int say_failure(const char *path, struct sph_err *err) {
    if (err->code == -EFBIG || err->code == -EBADMSG)
        sph_err_prefix(err, "%s", path);
    return err->code == -EFBIG || err->code == -EBADMSG ? sph_say_failure_as(SPH_EXIT_INPUT, err)
                                                        : sph_say_failure(err);
}

static int run(struct sph_cli *cli) {
    struct sph_err err = SPH_ERR_NULL;
    sph_autocatalog struct sph_catalog catalog = SPH_CATALOG_NULL;
    sph_autobuf struct sph_buf bytes = SPH_BUF_LIMIT(SPH_IMAGE_BYTES_MAX);
    sph_autobuf struct sph_buf human = SPH_BUF_NULL;
    sph_autobuf struct sph_buf json = SPH_BUF_NULL;
    struct sph_package package;
    char id[SPH_GUID_TEXT], component[SPH_GUID_TEXT], name[64], kept[PATH_MAX];
    const char *path = sph_args_value(&cli->args, "image");
    if (sph_package_file_read(path, &bytes, &package, &err) < 0)
        return sph_say_input_failure(&err);
    if (sph_catalog_open(true, &catalog, &err) < 0)
        return sph_say_failure(&err);
    int r = sph_catalog_add(&catalog, &bytes, &package.image, &err);
    if (r < 0)
        return say_failure(path, &err);
    write_human(path, &package.image, r > 0, &human);
    sph_guid_format(&package.image.image_id, id);
    sph_catalog_image_path(&catalog, id, kept);
    sph_text_printable(package.image.name, strnlen(package.image.name, sizeof(package.image.name)),
                       name, sizeof(name));
    struct sph_json_out out;
    sph_json_begin(&out, &json);
    sph_json_object(&out);
    sph_json_key_string(&out, "imageId", id);
    sph_json_key_string(&out, "componentId",
                        sph_guid_format(&package.image.component_id, component));
    sph_json_key_string(&out, "name", name);
    sph_json_key_u64(&out, "packageBytes", bytes.len);
    sph_json_key_string(&out, "path", kept);
    sph_json_key_bool(&out, "isNew", r > 0);
    sph_json_object_end(&out);
    sph_say_verbose(cli, "It is kept as %s, signed by the key of %s/" SPH_CATALOG_CERTIFICATE, kept,
                    catalog.path);
    return sph_cli_answer(cli, &(struct sph_answer){.human = &human, .json = &json});
}

const struct sph_command sph_cmd_image_add = {
    .path = "image add",
    .summary = "Put an image package into the catalog, signed by the catalog's key",
    .details =
        "A device takes it once it trusts that key:\n"
        "'spherule trust add --production $SPHERULE_HOME/catalog/" SPH_CATALOG_CERTIFICATE "'.",
    .options = options,
    .run = run,
};
