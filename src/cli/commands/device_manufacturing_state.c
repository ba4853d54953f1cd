/* device manufacturing-state show, update. */
#include "cli/call.h"
#include "cli/commands/commands.h"
#include "cli/frame/cli.h"

static const struct sph_column columns[] = {{"Manufacturing state", "manufacturingState"},
                                            {.title = NULL}};
static const struct sph_call show = {
    .method = "GET",
    .path = "/device/manufacturing_state",
    .columns = columns,
    .sentence = "Manufacturing State: *\n",
};

const struct sph_command sph_cmd_device_manufacturing_state_show = {
    .path = "device manufacturing-state show",
    .summary = "Show how far a device is in its making",
    .run = sph_call_run,
    .call = &show,
};

static const char *const states[] = {"Module1Complete", "DeviceComplete", NULL};
static const struct sph_option options[] = {
    {.name = "state",
     .alias = "manufacturing-state",
     .letter = 's',
     .value = "STATE",
     .help = "next",
     .choices = states,
     .kind = SPH_VALUE_CHOICE,
     .required = true},
    {.name = NULL},
};
static const struct sph_call_member members[] = {{.key = "manufacturingState", .option = "state"},
                                                 {.key = NULL}};
static const struct sph_call update = {
    .method = "PUT",
    .path = "/device/manufacturing_state",
    .id = "state",
    .members = members,
    .done = "Manufacturing state set to '*'.",
};

const struct sph_command sph_cmd_device_manufacturing_state_update = {
    .path = "device manufacturing-state update",
    .summary = "Take a device a step further in its making",
    .details = "There is no way back.",
    .options = options,
    .run = sph_call_run,
    .call = &update,
};
