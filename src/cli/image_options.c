#include "cli/image_options.h"

#include <errno.h>
#include <string.h>

const struct sph_option sph_image_id_options[] = {
    {.name = "image",
     .alias = "image-id",
     .letter = 'i',
     .value = "ID",
     .help = "the image's id, as 'image list' shows it",
     .required = true},
    {.name = "tenant", .letter = 't', .value = "ID", .help = "accepted; there are no tenants"},
    {.name = NULL},
};

int sph_image_id_read(const struct sph_cli *cli, struct sph_guid *ret_id, struct sph_err *err) {
    const char *text = sph_args_value(&cli->args, "image");
    if (sph_guid_parse(text, strlen(text), ret_id) < 0)
        return SPH_FAIL(err, -EINVAL,
                        "'%s' is no image id: it looks like 2f074b0f-d99d-4692-82d9-ef93a7d6463c",
                        text);
    return 0;
}

int sph_image_catalog_open(const struct sph_guid *id, struct sph_catalog *ret_catalog,
                           struct sph_err *err) {
    char text[SPH_GUID_TEXT];
    int r = sph_catalog_open(false, ret_catalog, err);
    if (r == -ENOENT)
        return SPH_FAIL(err, -ENOENT, "the catalog has no image %s; see 'spherule image list'",
                        sph_guid_format(id, text));
    return r;
}
