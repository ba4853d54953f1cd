/* yaml: a JSON value written as YAML, in blocks, as Azure's tools write it. */
#ifndef SPH_CLI_TEXT_YAML_H
#define SPH_CLI_TEXT_YAML_H

#include "base/buf.h"
#include "base/json_in.h"

/* Appends one document, without "---", that any reader of YAML 1.1 or 1.2 takes for the same value.
 * Texts that could be taken for anything else stand in double quotes. */
void sph_yaml_write(const struct sph_json_value *top, struct sph_buf *buf);

#endif
