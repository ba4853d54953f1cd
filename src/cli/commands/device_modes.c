/* device enable-development, enable-cloud-test: the two modes of a device (docs/spec/rest.md). In
 * development whoever signs with a development key may install, measure and debug; in cloud test
 * the device is as in the field: production signers only, and no debugger. Each mode is capability
 * 11 and the debugging server, together. */
#include <errno.h>
#include <stdio.h>

#include "cli/app_list.h"
#include "cli/commands/commands.h"
#include "cli/debugger.h"
#include "cli/device_capability.h"
#include "cli/frame/cli.h"

static const struct sph_option development_options[] = {
    {.name = "enable-rt-core-debugging",
     .alias = "enablertcoredebugging",
     .letter = 'r',
     .help = "accepted, without effect"},
    {.name = NULL},
};

/* Capability 11 on or off; the others stay. A device that is so already is asked for nothing. */
static int set_development(struct sph_target *target, bool on, struct sph_err *err) {
    struct sph_device_capabilities set;
    int r = sph_device_capabilities_get(target, &set, err);
    if (r < 0 || sph_device_capabilities_has(&set, SPH_DEVICE_CAPABILITY_DEVELOPMENT) == on)
        return r;
    if (on)
        r = sph_device_capabilities_add(&set, SPH_DEVICE_CAPABILITY_DEVELOPMENT, err);
    else
        sph_device_capabilities_remove(&set, SPH_DEVICE_CAPABILITY_DEVELOPMENT);
    return r < 0 ? r : sph_device_capabilities_put(target, &set, err);
}

/* The capability first: without it the device takes no package that is signed here. */
static int run_development(struct sph_cli *cli) {
    struct sph_err err = SPH_ERR_NULL;
    sph_autotarget struct sph_target target = SPH_TARGET_NULL;
    if (sph_target_open(cli, NULL, &target, &err) < 0 || set_development(&target, true, &err) < 0)
        return sph_say_failure(&err);
    sph_say(cli, "Application development capability enabled.");
    int r = sph_debugger_install(cli, &target, &err);
    if (r < 0) {
        sph_err_prefix(&err, "application development is enabled, but the debugging server could "
                             "not be installed");
        return sph_say_failure(&err);
    }
    if (r == SPH_DEBUGGER_E_NONE)
        sph_say_warn("this machine has no gdbserver (Debian's package is 'gdbserver'), so "
                     "'device app start --debug-mode' has nothing to work with");
    sph_say(cli, "Successfully set up device '%s' for application development.", target.name);
    return SPH_EXIT_OK;
}

const struct sph_command sph_cmd_device_enable_development = {
    .path = "device enable-development",
    .summary = "Let a device take development packages, and give it the debugger",
    .details = "The debugging server is a package like any other: it takes room in the device's "
               "flash.",
    .options = development_options,
    .run = run_development,
};

/* Also one that somebody deployed: whatever the device calls a debugger. */
static int remove_debugger(const struct sph_cli *cli, struct sph_target *target,
                           struct sph_err *err) {
    struct sph_app_list list;
    int r = sph_app_list_read(target, &list, err);
    for (unsigned i = 0; r == 0 && i < list.count; i++) {
        char path[80];
        if (!list.rows[i].is_debugger)
            continue;
        sph_say(cli, "Removing the debugging server from device '%s'.", target->name);
        (void)snprintf(path, sizeof(path), "/app/image/%s", list.rows[i].id);
        r = sph_target_call(target, "DELETE", path, NULL, err);
    }
    return r;
}

/* The debugger first: if that fails, the device is still in one mode. */
static int run_cloud_test(struct sph_cli *cli) {
    struct sph_err err = SPH_ERR_NULL;
    sph_autotarget struct sph_target target = SPH_TARGET_NULL;
    if (sph_target_open(cli, NULL, &target, &err) < 0 || remove_debugger(cli, &target, &err) < 0 ||
        set_development(&target, false, &err) < 0)
        return sph_say_failure(&err);
    sph_say(cli, "Application development capability disabled.");
    sph_say(cli, "Successfully set up device '%s' for cloud testing.", target.name);
    return SPH_EXIT_OK;
}

const struct sph_command sph_cmd_device_enable_cloud_test = {
    .path = "device enable-cloud-test",
    .summary = "Let a device take production packages only, and remove the debugger",
    .details = "'trust add --production' says whose those are. Installed development packages stay "
               "and\ndo not start.",
    .run = run_cloud_test,
};
