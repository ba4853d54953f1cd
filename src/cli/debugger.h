/* debugger: the debugging server, put on a device that has none. */
#ifndef SPH_CLI_DEBUGGER_H
#define SPH_CLI_DEBUGGER_H

#include "base/err.h"
#include "cli/device/target.h"
#include "cli/frame/cli.h"

/* Of a virtual device without a Debugger package: packs the one of the images' folder, signs it
 * with the development key, installs it and says so. A native device is left as it is: the package
 * is not for its processor, and what it can do it says itself. -EIO with what to do when there is
 * no such folder; the device's refusal as it is. */
int sph_debugger_provide(const struct sph_cli *cli, struct sph_target *target, struct sph_err *err);

/* There is none to install: a native device, and this machine has no gdbserver. */
enum { SPH_DEBUGGER_E_NONE = 1 };

/* Of any device without a Debugger package: as above for a virtual one; for a native one a package
 * of this machine's gdbserver (found in $PATH), which counts against its flash like any other. 0,
 * SPH_DEBUGGER_E_NONE, or errors as above. */
int sph_debugger_install(const struct sph_cli *cli, struct sph_target *target, struct sph_err *err);

#endif
