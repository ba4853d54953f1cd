/* app_control: starting and stopping applications. */
#ifndef SPH_CLI_APP_CONTROL_H
#define SPH_CLI_APP_CONTROL_H

#include "cli/frame/cli.h"

/* Sends a trigger ("start", "startDebug", "stop": the words of the device's interface) to the
 * application of --component-id, or to all but the debugger, and prints their states. `wishes` is
 * what else its body has, as JSON that begins with a comma, or ""; what runs already is not
 * started, and a warning says that they are of no effect on it.
 *
 * Returns an exit status; the error, if any, has been said. The rows that were reached before a
 * refusal are printed all the same. */
int sph_app_control(struct sph_cli *cli, const char *trigger, const char *wishes);

#endif
