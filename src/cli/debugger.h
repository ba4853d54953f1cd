/* debugger: the debugging server, put on a device that has none. */
#ifndef SPH_CLI_DEBUGGER_H
#define SPH_CLI_DEBUGGER_H

#include "base/err.h"
#include "cli/cli.h"
#include "cli/target.h"

/* Of a virtual device without a Debugger package: packs the one of the images' folder, signs it
 * with the development key, installs it and says so. A native device is left as it is: the package
 * is not for its processor, and what it can do it says itself. -EIO with what to do when there is
 * no such folder; the device's refusal as it is. */
int sph_debugger_provide(const struct sph_cli *cli, struct sph_target *target, struct sph_err *err);

#endif
