/* image_options: what the commands of the catalog have in common. */
#ifndef SPH_CLI_IMAGE_OPTIONS_H
#define SPH_CLI_IMAGE_OPTIONS_H

#include "cli/catalog.h"
#include "cli/frame/cli.h"

/* --image (-i), required. */
extern const struct sph_option sph_image_id_options[];
/* Reads it; -EINVAL with a sentence. */
int sph_image_id_read(const struct sph_cli *cli, struct sph_guid *ret_id, struct sph_err *err);
/* The catalog, for commands that need an image in it: without a catalog there is no such image. */
int sph_image_catalog_open(const struct sph_guid *id, struct sph_catalog *ret_catalog,
                           struct sph_err *err);

#endif
