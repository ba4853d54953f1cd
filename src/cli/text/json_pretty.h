/* json_pretty: compact JSON laid out for reading. */
#ifndef SPH_CLI_TEXT_JSON_PRETTY_H
#define SPH_CLI_TEXT_JSON_PRETTY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Appends. Numbers and escapes stay as they are written. Two blanks of indent per level and a final
 * newline; `colour` adds SGR codes to keys and values. The input must be valid JSON. */
void sph_json_pretty(const char *json, size_t len, bool colour, struct sph_buf *buf);

#endif
