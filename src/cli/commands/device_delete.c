/* device delete: a stopped device and everything on it. It never takes the device by default
 * (the only one, $SPHERULE_DEVICE): what cannot be undone has to be named. */
#include "base/cleanup.h"
#include "cli/commands/commands.h"
#include "cli/device/launch.h"
#include "cli/device_make.h"
#include "cli/frame/cli.h"

static const struct sph_option options[] = {
    {.name = "force", .help = "stop it first if it runs"},
    {.name = NULL},
};

static const struct sph_positional positionals[] = {
    {.name = "NAME", .help = "the device, as with --device", .kind = SPH_VALUE_DEVICE},
    {.name = NULL},
};

/* Under the device's lock from the look at its state to the end: nobody starts it in between. */
static int run(struct sph_cli *cli) {
    struct sph_err err = SPH_ERR_NULL;
    sph_autotarget struct sph_target target = SPH_TARGET_NULL;
    const char *name = sph_args_positional(&cli->args, 0);
    if (!name && !sph_args_flag(&cli->args, "device")) /* nothing is deleted by default */
        return sph_say_usage("say which device to delete");
    if (sph_target_open(cli, name, &target, &err) < 0)
        return sph_say_failure(&err);
    sph_autoclose int lock = sph_launch_lock(target.device_fd, &err);
    if (lock < 0)
        return sph_say_failure(&err);
    if (sph_launch_state(target.device_fd) != SPH_DEVICE_STOPPED) {
        if (!sph_args_flag(&cli->args, "force")) {
            sph_say_error("device '%s' is running; stop it first, or use --force", target.name);
            return SPH_EXIT_FAILED;
        }
        if (sph_launch_stop(target.device_fd, target.name, &err) < 0)
            return sph_say_failure(&err);
    }
    if (sph_device_remove(&target, &err) < 0)
        return sph_say_failure(&err);
    sph_say(cli, "Device '%s' deleted.", target.name);
    return SPH_EXIT_OK;
}

/* --force is about a device that runs, not about a question: there is none. */
const struct sph_command sph_cmd_device_delete = {
    .path = "device delete",
    .summary = "Delete a device with all that is on it",
    .options = options,
    .positionals = positionals,
    .run = run,
};
