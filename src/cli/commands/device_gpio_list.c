/* device gpio list: the pins that are held or low. All others are free and high, as every pin is
 * until somebody sets it (docs/spec/rest.md, section 3), so a row for each of them would say
 * nothing.
 */
#include "cli/commands/commands.h"
#include "cli/frame/cli.h"
#include "cli/gpio.h"

static int run(struct sph_cli *cli) {
    struct sph_err err = SPH_ERR_NULL;
    sph_autotarget struct sph_target target = SPH_TARGET_NULL;
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    struct sph_json_value top, pins, pin;
    struct sph_json_iter iter;
    if (sph_target_open(cli, NULL, &target, &err) < 0 ||
        sph_target_ask(&target, "GET", "/spherule/v1/gpio", NULL, &text, &top, &err) < 0)
        return sph_say_failure(&err);
    sph_autotable struct sph_table table;
    sph_table_init(&table, sph_gpio_columns);
    if (sph_json_get(&top, "pins", &pins) && pins.type == SPH_JSON_ARRAY) {
        sph_json_iter_init(&iter, &pins);
        while (sph_json_next(&iter, NULL, &pin))
            sph_gpio_add_row(&pin, &table);
    }
    return sph_cli_answer(cli, &(struct sph_answer){.table = &table, .style = SPH_TABLE_PLAIN});
}

const struct sph_command sph_cmd_device_gpio_list = {
    .path = "device gpio list",
    .summary = "List the pins in use",
    .details = "Every other pin is free and high.",
    .run = run,
};
