/* One list for five commands: --component-id means the same in each of them, and its help must
 * not drift apart. Commands with further options repeat the row, since a list cannot include
 * another. */
#include "cli/app_options.h"

const struct sph_option sph_app_options[] = {
    {.name = "component-id",
     .letter = 'i',
     .value = "ID",
     .help = "only this application; else every one on the device"},
    {.name = NULL},
};
