/* device gpio get: the level of one pin. People and shell scripts get the bare digit; the pin's
 * use and holder are in the other forms of the answer. */
#include <stdio.h>

#include "cli/commands/commands.h"
#include "cli/frame/cli.h"
#include "cli/gpio.h"

/* No choices in the table: 76 of them would drown the help. */
static const struct sph_positional positionals[] = {
    {.name = "PIN", .help = "0 to 75", .required = true},
    {.name = NULL},
};

/* The pin is checked before the device is looked for. */
static int run(struct sph_cli *cli) {
    struct sph_err err = SPH_ERR_NULL;
    sph_autotarget struct sph_target target = SPH_TARGET_NULL;
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    struct sph_json_value top;
    char path[48];
    unsigned pin;
    if (sph_gpio_parse_pin(sph_args_positional(&cli->args, 0), &pin, &err) < 0)
        return sph_say_failure(&err);
    (void)snprintf(path, sizeof(path), "/spherule/v1/gpio/%u", pin);
    if (sph_target_open(cli, NULL, &target, &err) < 0 ||
        sph_target_ask(&target, "GET", path, NULL, &text, &top, &err) < 0)
        return sph_say_failure(&err);
    sph_autotable struct sph_table table;
    sph_autobuf struct sph_buf human = SPH_BUF_NULL;
    sph_table_init(&table, sph_gpio_columns);
    sph_gpio_add_row(&top, &table);
    sph_buf_printf(&human, "%u\n", (unsigned)sph_answer_u64(&top, "value"));
    return sph_cli_answer(cli,
                          &(struct sph_answer){.table = &table, .human = &human, .json = &text});
}

const struct sph_command sph_cmd_device_gpio_get = {
    .path = "device gpio get",
    .summary = "Show the level of a pin: 0 or 1",
    .positionals = positionals,
    .run = run,
};
