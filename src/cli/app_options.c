/* One list for five commands. */
#include "cli/app_options.h"

const struct sph_option sph_app_options[] = {
    {.name = "component-id",
     .letter = 'i',
     .value = "ID",
     .help = "only this application; else every one on the device"},
    {.name = NULL},
};
