/* app_options: the option that chooses one application, shared by the commands of that kind. */
#ifndef SPH_CLI_APP_OPTIONS_H
#define SPH_CLI_APP_OPTIONS_H

#include "cli/syntax/command.h"

/* Ends with a NULL name, as every list of options does. */
extern const struct sph_option sph_app_options[];

#endif
