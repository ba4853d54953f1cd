/* app_control: starting and stopping applications. */
#ifndef SPH_CLI_APP_CONTROL_H
#define SPH_CLI_APP_CONTROL_H

#include "cli/cli.h"

/* Sends a trigger ("start", "startDebug", "stop") to the application of --component-id, or to all,
 * and prints their states. Returns an exit status. */
int sph_app_control(struct sph_cli *cli, const char *trigger);

#endif
