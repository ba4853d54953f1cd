/* device list: the devices and whether they run. The states are read from pid files and locks,
 * not by asking: a device whose gateway hangs must not hang the list of all. */
#include <errno.h>

#include "base/cleanup.h"
#include "cli/commands/commands.h"
#include "cli/device/device_config.h"
#include "cli/device/home.h"
#include "cli/device/launch.h"
#include "cli/frame/cli.h"

/* One row; a device whose device.json cannot be read is shown as broken, not hidden. */
static void add_device(int home_fd, const char *name, struct sph_table *table) {
    struct sph_err err = SPH_ERR_NULL;
    struct sph_device_config config;
    sph_autoclose int device_fd = sph_home_open_device(home_fd, name, &err);
    if (device_fd < 0)
        return; /* deleted meanwhile */
    sph_table_add(table, name);
    if (sph_device_config_read(device_fd, &config, &err) < 0) {
        sph_say_warn("device '%s': %s", name, err.text);
        for (unsigned i = 1; i < table->n_columns; i++)
            sph_table_add(table, i == 1 ? "broken" : NULL);
        return;
    }
    sph_table_add(table, sph_device_state_name(sph_launch_state(device_fd)));
    sph_table_add(table, config.backend);
    sph_table_add(table, config.profile);
    sph_table_add_number(table, config.ram_bytes);
    sph_table_add_number(table, config.flash_bytes);
}

/* Needs no gateway, no rights and not even a home: without one there are no devices, which is an
 * answer. */
static int run(struct sph_cli *cli) {
    static const struct sph_column columns[] = {
        {"Name", "name"},       {"State", "state"},  {"Backend", "backend"},
        {"Profile", "profile"}, {"RAM", "ramBytes"}, {"Flash", "flashBytes"},
        {.title = NULL},
    };
    struct sph_err err = SPH_ERR_NULL;
    sph_autoclose int home_fd = sph_home_open(false, &err);
    char **names = NULL;
    unsigned count = 0;
    int r = home_fd == -ENOENT ? 0 : home_fd; /* no folder yet: no devices */
    if (home_fd >= 0)
        r = sph_home_list_devices(home_fd, &names, &count, &err);
    if (r < 0)
        return sph_say_failure(&err);
    sph_autotable struct sph_table table;
    sph_table_init(&table, columns);
    for (unsigned i = 0; i < count; i++)
        add_device(home_fd, names[i], &table);
    sph_home_free_names(names, count);
    return sph_cli_answer(cli, &(struct sph_answer){.table = &table, .style = SPH_TABLE_PLAIN});
}

const struct sph_command sph_cmd_device_list = {
    .path = "device list",
    .summary = "List the devices and whether they run",
    .run = run,
};
