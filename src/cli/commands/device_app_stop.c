/* device app stop: SIGTERM, the grace time, then SIGKILL, all by the device: a client that is
 * interrupted half-way has still stopped it. */
#include "cli/app_control.h"
#include "cli/app_options.h"
#include "cli/commands/commands.h"

static int run(struct sph_cli *cli) {
    return sph_app_control(cli, "stop", "");
}

const struct sph_command sph_cmd_device_app_stop = {
    .path = "device app stop",
    .summary = "Stop applications",
    .options = sph_app_options,
    .run = run,
};
