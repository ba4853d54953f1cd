/* json_table: any JSON value as rows and columns, for what a query made of an answer. */
#ifndef SPH_CLI_TEXT_JSON_TABLE_H
#define SPH_CLI_TEXT_JSON_TABLE_H

#include "base/json_in.h"
#include "cli/text/table.h"

/* As Azure's tools do it: a list of objects has a column for each key with a scalar below it, a
 * list of lists "Column1" and so on, all else one column "Result"; nested values are left out
 * unless there is nothing else. An object is a list of one; null has no rows.
 *
 * Appends nothing on failure: -E2BIG with a sentence for more than 16 columns, -ENOMEM. */
int sph_json_table_draw(const struct sph_json_value *top, struct sph_buf *buf,
                        struct sph_err *err) SPH_MUST_USE;
/* A line for each item; the values of an object, or the items of a list, with tabs between. A list
 * inside is its length, an object inside and null are empty. */
void sph_json_tsv_write(const struct sph_json_value *top, struct sph_buf *buf);

#endif
