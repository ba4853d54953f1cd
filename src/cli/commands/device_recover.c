/* device recover: there, a board's system software written anew; here, both of a device's programs
 * ended, whatever state they are in, and started from the files of this Spherule. A virtual
 * device's kernel and first file system are read at each start, so that this is all there is to
 * renew. Applications, storage and settings stay, as they do in a "device restart". */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "cli/commands/commands.h"
#include "cli/device/device_config.h"
#include "cli/device/interrupt.h"
#include "cli/device/launch.h"
#include "cli/device_make.h"
#include "cli/frame/cli.h"

static const struct sph_option options[] = {
    {.name = "images",
     .value = "DIR",
     .help = "the system of a virtual device, instead of this Spherule's own",
     .kind = SPH_VALUE_DIR},
    {.name = "capability",
     .value = "FILE",
     .help = "refused: nothing here is signed for one board",
     .kind = SPH_VALUE_FILE},
    {.name = NULL},
};

/* The gateway reads the folder's name when it starts the machine. */
static int use_images(const struct sph_cli *cli, const struct sph_target *target,
                      struct sph_err *err) {
    struct sph_device_config config;
    const char *images = sph_args_value(&cli->args, "images");
    char path[4096];
    if (!images)
        return 0;
    int r = sph_device_config_read(target->device_fd, &config, err);
    if (r < 0)
        return r;
    if (!sph_device_config_is_virtual(&config))
        return SPH_FAIL(err, -EINVAL,
                        "--images is for a virtual device: a native one has this machine's system");
    if (!realpath(images, path))
        return SPH_FAIL_ERRNO(err, -errno, "cannot find the folder '%s'", images);
    return setenv("SPHERULE_DEVICE_IMAGES", path, 1) < 0
               ? SPH_FAIL_ERRNO(err, -errno, "cannot use the folder '%s'", images)
               : 0;
}

static int stop(struct sph_target *target, struct sph_err *err) {
    sph_autoclose int lock = sph_launch_lock(target->device_fd, err);
    if (lock < 0)
        return lock;
    if (sph_launch_state(target->device_fd) == SPH_DEVICE_STOPPED)
        return 0;
    return sph_launch_stop(target->device_fd, target->name, err);
}

static int run(struct sph_cli *cli) {
    struct sph_err err = SPH_ERR_NULL;
    sph_autotarget struct sph_target target = SPH_TARGET_NULL;
    if (sph_args_flag(&cli->args, "capability"))
        return sph_say_usage("a device takes no capability file for its recovery; leave "
                             "--capability out");
    if (sph_target_open(cli, NULL, &target, &err) < 0 || use_images(cli, &target, &err) < 0)
        return sph_say_failure(&err);
    sph_say(cli, "Starting device '%s' from its system's files.", target.name);
    int r = stop(&target, &err);
    if (r == 0)
        r = sph_device_start(&target, NULL, &err);
    if (r == -ECANCELED)
        return SPH_EXIT_SIGNAL + sph_interrupt_signal();
    if (r < 0)
        return sph_say_failure(&err);
    sph_say(cli, "Device '%s' recovered; its applications and settings were kept.", target.name);
    return SPH_EXIT_OK;
}

const struct sph_command sph_cmd_device_recover = {
    .path = "device recover",
    .summary = "End a device, whatever its state, and start it from its system's files",
    .details = "Applications, storage and settings are kept; 'device delete' removes them.",
    .options = options,
    .run = run,
};
