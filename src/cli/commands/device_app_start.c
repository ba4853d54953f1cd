/* device app start: installed applications, begun again. The option's row is repeated from
 * app_options.c, since --debug-mode stands beside it. */
#include "cli/app_control.h"
#include "cli/commands/commands.h"

static const struct sph_option options[] = {
    {.name = "component-id",
     .letter = 'i',
     .value = "ID",
     .help = "only this application; else every one on the device"},
    {.name = "debug-mode", .help = "start it under the debugger"},
    {.name = "heap", .help = "track its heap, whatever its package asks for"},
    {.name = "heap-stacks", .help = "the same, with the stack that made each block"},
    {.name = NULL},
};

static int run(struct sph_cli *cli) {
    bool debug = sph_args_flag(&cli->args, "debug-mode");
    bool stacks = sph_args_flag(&cli->args, "heap-stacks");
    bool heap = stacks || sph_args_flag(&cli->args, "heap");
    if (debug && heap)
        return sph_say_usage("no heap is tracked under a debugger: give --debug-mode or --heap");
    return sph_app_control(cli, debug ? "startDebug" : "start",
                           stacks ? ",\"heap\":true,\"heapStacks\":true"
                           : heap ? ",\"heap\":true"
                                  : "");
}

const struct sph_command sph_cmd_device_app_start = {
    .path = "device app start",
    .summary = "Start applications",
    .details =
        "With --debug-mode an application waits for its debugger before its first instruction;\n"
        "the debugging server is put on a virtual device that does not have it yet. With --heap\n"
        "or --heap-stacks 'device app show-heap' tells of its memory, until it is stopped.",
    .options = options,
    .run = run,
};
