/* device start: the agent and the gateway of a device, as far as they do not run yet. Starting
 * what runs is a success, so that scripts need not ask first; the sentence says which it was. */
#include <errno.h>

#include "cli/commands/commands.h"
#include "cli/device/interrupt.h"
#include "cli/device_make.h"
#include "cli/frame/cli.h"

static const struct sph_positional positionals[] = {
    {.name = "NAME", .help = "the device, as with --device", .kind = SPH_VALUE_DEVICE},
    {.name = NULL},
};

/* What is missing is found out under the lock, in sph_device_start(). */
static int run(struct sph_cli *cli) {
    struct sph_err err = SPH_ERR_NULL;
    sph_autotarget struct sph_target target = SPH_TARGET_NULL;
    if (sph_target_open(cli, sph_args_positional(&cli->args, 0), &target, &err) < 0)
        return sph_say_failure(&err);
    bool started;
    int r = sph_device_start(&target, &started, &err);
    if (r == -ECANCELED)
        return SPH_EXIT_SIGNAL + sph_interrupt_signal();
    if (r < 0)
        return sph_say_failure(&err);
    sph_say(cli, started ? "Device '%s' started." : "Device '%s' is running already.", target.name);
    return SPH_EXIT_OK;
}

const struct sph_command sph_cmd_device_start = {
    .path = "device start",
    .summary = "Start a device",
    .details =
        "A native device needs root; without it, 'sudo -n' is tried. A virtual one needs none.\n"
        "A device that runs is left as it is, and if only one of its two programs is gone,\n"
        "that one is started again.",
    .positionals = positionals,
    .run = run,
};
