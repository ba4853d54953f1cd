/* device restart: as if its power had been cut and given back. */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/target.h"

static int run(struct sph_cli *cli) {
    struct sph_err err = SPH_ERR_NULL;
    sph_autotarget struct sph_target target = SPH_TARGET_NULL;
    if (sph_target_open(cli, NULL, &target, &err) < 0)
        return sph_say_failure(&err);
    const struct sph_rest_request request = {
        .method = "POST", .path = "/restart", .type = "text/plain"};
    if (sph_rest_call(target.rest, &request, NULL, &err) < 0)
        return sph_say_failure(&err);
    sph_say(cli, "Restarting device '%s'.", target.name);
    return SPH_EXIT_OK;
}

const struct sph_command sph_cmd_device_restart = {
    .path = "device restart",
    .summary = "Restart a device",
    .details = "Applications are stopped, and those that start by themselves are started again.",
    .run = run,
};
