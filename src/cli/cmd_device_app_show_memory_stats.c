/* device app show-memory-stats: the document's three figures, in the document's table, bytes in
 * all of them. They are of the group of all applications, because the ration is: the figure of
 * one of them says little about who will cross it. Spherule's extra figures have their own
 * command and path. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/target.h"

static const struct {
    const char *name, *key;
} figures[] = {
    {"Total (Kernel + User Mode)", "currentMemoryUsageInBytes"},
    {"User Mode", "userModeMemoryUsageInBytes"},
    {"Peak User Mode", "peakUserModeMemoryUsageInBytes"},
};

/* "Heap: NAME" rows of one process, where the device tracks heaps. */
static void add_heap(const struct sph_json_value *process, struct sph_table *table) {
    struct sph_json_value callers, caller;
    struct sph_json_iter iter;
    if (!sph_json_get(process, "heapUsageByCaller", &callers) || callers.type != SPH_JSON_ARRAY)
        return;
    sph_json_iter_init(&iter, &callers);
    while (sph_json_next(&iter, NULL, &caller)) {
        char name[80];
        char text[90];
        sph_answer_text(&caller, "name", name, sizeof(name));
        (void)snprintf(text, sizeof(text), "Heap: %s", name);
        sph_table_add(table, text);
        sph_table_add_number(table, sph_answer_u64(&caller, "usageInBytes"));
    }
}

/* Tracked heaps are listed by process; the names say which library, as the original's do. */
static void add_heaps(const struct sph_json_value *top, struct sph_table *table) {
    struct sph_json_value apps, app, processes, process;
    struct sph_json_iter over_apps, over_processes;
    if (!sph_json_get(top, "apps", &apps) || apps.type != SPH_JSON_ARRAY)
        return;
    sph_json_iter_init(&over_apps, &apps);
    while (sph_json_next(&over_apps, NULL, &app)) {
        if (!sph_json_get(&app, "processes", &processes) || processes.type != SPH_JSON_ARRAY)
            continue;
        sph_json_iter_init(&over_processes, &processes);
        while (sph_json_next(&over_processes, NULL, &process))
            add_heap(&process, table);
    }
}

/* In JSON it is the device's whole answer, so that scripts get what the table has no place for. */
static int run(struct sph_cli *cli) {
    static const struct sph_column columns[] = {
        {"Name", "name"}, {"Usage (bytes)", "usageInBytes"}, {.title = NULL}};
    struct sph_err err = SPH_ERR_NULL;
    sph_autotarget struct sph_target target = SPH_TARGET_NULL;
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    struct sph_json_value top, stats;
    if (sph_target_open(cli, NULL, &target, &err) < 0 ||
        sph_target_ask(&target, "GET", "/stats/memory/groups/applications", NULL, &text, &top,
                       &err) < 0)
        return sph_say_failure(&err);
    if (!sph_json_get(&top, "memoryStats", &stats)) {
        sph_say_error("device '%s' answered without memory statistics", target.name);
        return SPH_EXIT_FAILED;
    }
    sph_autotable struct sph_table table;
    sph_table_init(&table, columns);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(figures); i++) {
        sph_table_add(&table, figures[i].name);
        sph_table_add_number(&table, sph_answer_u64(&stats, figures[i].key));
    }
    add_heaps(&top, &table);
    return sph_cli_answer(
        cli, &(struct sph_answer){.table = &table, .style = SPH_TABLE_RULED, .json = &text});
}

const struct sph_command sph_cmd_device_app_show_memory_stats = {
    .path = "device app show-memory-stats",
    .summary = "Show how much memory the applications use, in bytes",
    .details = "The figures are those of all applications of the device together.",
    .run = run,
};
