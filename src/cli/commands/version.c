/* version: which Spherule this is. No device is asked: the agent's and the gateway's versions
 * are in GET /spherule/v1/device. */
#include "cli/commands/commands.h"
#include "cli/frame/cli.h"

/* Three forms of one fact: the sentence, the row, and the original's object. */
static int run(struct sph_cli *cli) {
    static const struct sph_column columns[] = {
        {"Name", "name"}, {"Version", "version"}, {.title = NULL}};
    sph_autotable struct sph_table table;
    sph_table_init(&table, columns);
    sph_table_add(&table, "Spherule");
    sph_table_add(&table, SPH_VERSION);
    sph_autobuf struct sph_buf human = SPH_BUF_NULL;
    sph_buf_printf(&human, "Spherule %s\n", SPH_VERSION);
    sph_autobuf struct sph_buf json = SPH_BUF_NULL;
    /* scripts made for the original look for this very key */
    sph_buf_printf(&json, "{\"Azure Sphere SDK\":\"%s\",\"Spherule\":\"%s\"}", SPH_VERSION,
                   SPH_VERSION);
    return sph_cli_answer(cli,
                          &(struct sph_answer){.table = &table, .human = &human, .json = &json});
}

const struct sph_command sph_cmd_version = {
    .path = "version",
    .alias = "show-version",
    .summary = "Show the version",
    .run = run,
};
