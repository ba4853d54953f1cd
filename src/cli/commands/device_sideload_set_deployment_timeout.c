/* device sideload set-deployment-timeout: for big packages and slow machines. */
#include <inttypes.h>

#include "base/text.h"
#include "cli/commands/commands.h"
#include "cli/deployment_timeout.h"
#include "cli/frame/cli.h"

static const struct sph_option options[] = {
    {.name = "value",
     .letter = 'v',
     .value = "SECONDS",
     .help = "how long a deployment may take",
     .required = true},
    {.name = NULL},
};

static int run(struct sph_cli *cli) {
    struct sph_err err = SPH_ERR_NULL;
    const char *text = sph_args_value(&cli->args, "value");
    uint64_t seconds = 0;
    if (sph_text_to_u64(text, SPH_DEPLOYMENT_TIMEOUT_MAX_S, &seconds) < 0 || seconds == 0)
        return sph_say_usage("--value takes a number of seconds from 1 to %d, not '%s'",
                             SPH_DEPLOYMENT_TIMEOUT_MAX_S, text);
    if (sph_deployment_timeout_write(seconds, &err) < 0)
        return sph_say_failure(&err);
    sph_say(cli, "A deployment may take %" PRIu64 " seconds from now on.", seconds);
    return SPH_EXIT_OK;
}

const struct sph_command sph_cmd_device_sideload_set_deployment_timeout = {
    .path = "device sideload set-deployment-timeout",
    .summary = "Set how long a deployment may take",
    .options = options,
    .run = run,
};
