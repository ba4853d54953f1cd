/* gpio: a simulated pin as the device describes it. */
#ifndef SPH_CLI_GPIO_H
#define SPH_CLI_GPIO_H

#include "cli/device/target.h"
#include "cli/text/table.h"

/* Pin, value, use, mode, holder: stable keys for programs. */
extern const struct sph_column sph_gpio_columns[];

/* "12" to 12, 0 … 75. -EINVAL with a sentence. */
int sph_gpio_parse_pin(const char *text, unsigned *ret_pin, struct sph_err *err);
/* One row of sph_gpio_columns from a pin of the device's answer (docs/spec/rest.md, section 3).
 * Mode and holder are there only for pins that are held. */
void sph_gpio_add_row(const struct sph_json_value *pin, struct sph_table *table);

#endif
