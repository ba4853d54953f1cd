/* device gpio set: what a finger on a button or a wire on a pin does. An output that an
 * application holds is refused by the device (409): two drivers on one wire are a short circuit.
 */
#include <stdio.h>

#include "cli/commands/commands.h"
#include "cli/frame/cli.h"
#include "cli/gpio.h"

static const char *const levels[] = {"0", "1", NULL};

static const struct sph_positional positionals[] = {
    {.name = "PIN", .help = "0 to 75", .required = true},
    {.name = "LEVEL",
     .help = "the level",
     .choices = levels,
     .kind = SPH_VALUE_CHOICE,
     .required = true},
    {.name = NULL},
};

/* Silent when it worked, as a wire is. */
static int run(struct sph_cli *cli) {
    struct sph_err err = SPH_ERR_NULL;
    sph_autotarget struct sph_target target = SPH_TARGET_NULL;
    char path[48];
    char body[32];
    unsigned pin;
    if (sph_gpio_parse_pin(sph_args_positional(&cli->args, 0), &pin, &err) < 0)
        return sph_say_failure(&err);
    (void)snprintf(path, sizeof(path), "/spherule/v1/gpio/%u", pin);
    (void)snprintf(body, sizeof(body), "{\"value\":%s}", sph_args_positional(&cli->args, 1));
    if (sph_target_open(cli, NULL, &target, &err) < 0 ||
        sph_target_call(&target, "PUT", path, body, &err) < 0)
        return sph_say_failure(&err);
    return SPH_EXIT_OK;
}

const struct sph_command sph_cmd_device_gpio_set = {
    .path = "device gpio set",
    .summary = "Set the level of a pin that no application drives",
    .positionals = positionals,
    .run = run,
};
