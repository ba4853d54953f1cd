/* trust list: whose packages a device takes. Thumbprints are SHA-1 of the certificate, in
 * hexadecimal, as the image's signature section names its signer. */
#include "cli/commands/commands.h"
#include "cli/device/target.h"
#include "cli/frame/cli.h"

/* The point is left out: nobody compares 130 digits by eye, and JSON readers ask the device. */
static void add_entry(const struct sph_json_value *entry, struct sph_table *table) {
    char text[160];
    sph_table_add(table, sph_answer_text(entry, "thumbprint", text, sizeof(text)));
    sph_table_add(table, sph_answer_text(entry, "kind", text, sizeof(text)));
    sph_table_add(table, sph_answer_text(entry, "name", text, sizeof(text)));
}

/* No signer at all is a device that takes nothing, which is an answer like any other. */
static int run(struct sph_cli *cli) {
    static const struct sph_column columns[] = {
        {"Thumbprint", "thumbprint"}, {"Kind", "kind"}, {"Name", "name"}, {.title = NULL}};
    struct sph_err err = SPH_ERR_NULL;
    sph_autotarget struct sph_target target = SPH_TARGET_NULL;
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    struct sph_json_value top, entries, entry;
    struct sph_json_iter iter;
    if (sph_target_open(cli, NULL, &target, &err) < 0 ||
        sph_target_ask(&target, "GET", "/spherule/v1/trust", NULL, &text, &top, &err) < 0)
        return sph_say_failure(&err);
    sph_autotable struct sph_table table;
    sph_table_init(&table, columns);
    if (sph_json_get(&top, "entries", &entries) && entries.type == SPH_JSON_ARRAY) {
        sph_json_iter_init(&iter, &entries);
        while (sph_json_next(&iter, NULL, &entry))
            add_entry(&entry, &table);
    }
    return sph_cli_answer(cli, &(struct sph_answer){.table = &table, .style = SPH_TABLE_PLAIN});
}

const struct sph_command sph_cmd_trust_list = {
    .path = "trust list",
    .summary = "List whose packages a device takes",
    .run = run,
};
