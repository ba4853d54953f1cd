/* device sideload show-deployment-timeout: what was set, or the default. */
#include <inttypes.h>

#include "cli/commands/commands.h"
#include "cli/deployment_timeout.h"
#include "cli/frame/cli.h"

static int run(struct sph_cli *cli) {
    static const struct sph_column columns[] = {{"Deployment timeout (s)", "deploymentTimeout"},
                                                {.title = NULL}};
    struct sph_err err = SPH_ERR_NULL;
    uint64_t seconds = 0;
    if (sph_deployment_timeout_read(&seconds, &err) < 0)
        return sph_say_failure(&err);
    sph_autotable struct sph_table table;
    sph_autobuf struct sph_buf json = SPH_BUF_NULL;
    sph_table_init(&table, columns);
    sph_table_add_number(&table, seconds);
    sph_buf_printf(&json, "{\"deploymentTimeout\":%" PRIu64 "}", seconds);
    return sph_cli_answer(
        cli, &(struct sph_answer){.table = &table, .style = SPH_TABLE_PLAIN, .json = &json});
}

const struct sph_command sph_cmd_device_sideload_show_deployment_timeout = {
    .path = "device sideload show-deployment-timeout",
    .summary = "Show how long a deployment may take",
    .run = run,
};
