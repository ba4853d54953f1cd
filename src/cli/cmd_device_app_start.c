/* device app start: installed applications, begun again. The option's row is repeated from
 * app_options.c, since --debug-mode stands beside it. */
#include "cli/app_control.h"
#include "cli/commands.h"

static const struct sph_option options[] = {
    {.name = "component-id",
     .letter = 'i',
     .value = "ID",
     .help = "only this application; else every one on the device"},
    {.name = "debug-mode", .help = "start it under the debugger"},
    {.name = NULL},
};

static int run(struct sph_cli *cli) {
    return sph_app_control(cli, sph_args_flag(&cli->args, "debug-mode") ? "startDebug" : "start");
}

const struct sph_command sph_cmd_device_app_start = {
    .path = "device app start",
    .summary = "Start applications",
    .details =
        "With --debug-mode an application waits for its debugger before its first instruction;\n"
        "the debugging server is put on a virtual device that does not have it yet.",
    .options = options,
    .run = run,
};
