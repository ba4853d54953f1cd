/* device stop: ends a device's applications and both its programs. Stopping what does not run is
 * a success. The lock is taken before the look at the state: a device that is just starting is
 * waited for, and then stopped, instead of being found "not running". */
#include "base/cleanup.h"
#include "cli/commands/commands.h"
#include "cli/device/launch.h"
#include "cli/device/target.h"
#include "cli/frame/cli.h"

static const struct sph_positional positionals[] = {
    {.name = "NAME", .help = "the device, as with --device", .kind = SPH_VALUE_DEVICE},
    {.name = NULL},
};

static int run(struct sph_cli *cli) {
    struct sph_err err = SPH_ERR_NULL;
    sph_autotarget struct sph_target target = SPH_TARGET_NULL;
    if (sph_target_open(cli, sph_args_positional(&cli->args, 0), &target, &err) < 0)
        return sph_say_failure(&err);
    sph_autoclose int lock = sph_launch_lock(target.device_fd, &err);
    if (lock < 0)
        return sph_say_failure(&err);
    if (sph_launch_state(target.device_fd) == SPH_DEVICE_STOPPED) {
        sph_say(cli, "Device '%s' is not running.", target.name);
        return SPH_EXIT_OK;
    }
    if (sph_launch_stop(target.device_fd, target.name, &err) < 0)
        return sph_say_failure(&err);
    sph_say(cli, "Device '%s' stopped.", target.name);
    return SPH_EXIT_OK;
}

/* What is on the device stays: storage, trust and reports are there at the next start. */
const struct sph_command sph_cmd_device_stop = {
    .path = "device stop",
    .summary = "Stop a device",
    .details = "Applications get SIGTERM and their grace time first.",
    .positionals = positionals,
    .run = run,
};
