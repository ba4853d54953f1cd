/* device app show-memory-stats: the document's three figures, in the document's table, bytes in
 * all of them. They are of the group of all applications, because the ration is: the figure of
 * one of them says little about who will cross it. Spherule's extra figures have their own
 * command and path. */
#include <inttypes.h>
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

/* Rows of one name are summed over all applications and processes, as the three figures are: the
 * device sends 64 callers of a process, and libraries are few and shared. */
enum { HEAP_ROWS_MAX = 96 };

static const char app_caller[] = "App + Static Libraries";

struct heap_rows {
    struct {
        char name[80];
        uint64_t bytes;
    } rows[HEAP_ROWS_MAX];
    unsigned count;
    uint64_t dropped; /* processes that the device's answer had no place for */
};

/* What has no row of its own any more is added to the last one, which says so. */
static void add_heap_caller(const struct sph_json_value *caller, struct heap_rows *rows) {
    char name[80];
    unsigned i = 0;
    sph_answer_text(caller, "name", name, sizeof(name));
    while (i < rows->count && strcmp(rows->rows[i].name, name) != 0)
        i++;
    if (i == HEAP_ROWS_MAX)
        i = HEAP_ROWS_MAX - 1;
    if (i == rows->count) {
        (void)snprintf(rows->rows[i].name, sizeof(name), "%s",
                       i == HEAP_ROWS_MAX - 1 ? "(others)" : name);
        rows->rows[i].bytes = 0;
        rows->count++;
    }
    rows->rows[i].bytes += sph_answer_u64(caller, "usageInBytes");
}

static void read_heaps(const struct sph_json_value *top, struct heap_rows *rows) {
    struct sph_json_iter apps, processes, callers;
    struct sph_json_value app, process, caller;
    if (!sph_answer_array(top, "apps", &apps))
        return;
    while (sph_json_next(&apps, NULL, &app)) {
        rows->dropped += sph_answer_u64(&app, "processesDropped");
        if (sph_answer_array(&app, "processes", &processes))
            while (sph_json_next(&processes, NULL, &process))
                if (sph_answer_array(&process, "heapUsageByCaller", &callers))
                    while (sph_json_next(&callers, NULL, &caller))
                        add_heap_caller(&caller, rows);
    }
}

/* Whose rows are not there, and why: an application that never asked for them is none of these. */
static void warn_of_untracked(const struct sph_json_value *top) {
    struct sph_json_iter iter;
    struct sph_json_value item;
    char name[64], reason[320];
    if (!sph_answer_array(top, "heapsNotTracked", &iter))
        return;
    while (sph_json_next(&iter, NULL, &item)) {
        uint64_t pid = sph_answer_u64(&item, "pid");
        sph_answer_text(&item, "name", name, sizeof(name));
        sph_answer_text(&item, "reason", reason, sizeof(reason));
        if (pid > 0)
            sph_say_warn("%s, process %" PRIu64 ": %s", name, pid, reason);
        else
            sph_say_warn("%s: %s", name, reason);
    }
}

/* "Heap: NAME" rows, where the device tracks heaps: the app's own first, as in the document. */
static void add_heaps(const struct sph_json_value *top, struct sph_table *table) {
    struct heap_rows rows = {.count = 0};
    read_heaps(top, &rows);
    for (unsigned others = 0; others < 2; others++)
        for (unsigned i = 0; i < rows.count; i++) {
            char text[90];
            if ((strcmp(rows.rows[i].name, app_caller) != 0) != (others != 0))
                continue;
            (void)snprintf(text, sizeof(text), "Heap: %s", rows.rows[i].name);
            sph_table_add(table, text);
            sph_table_add_number(table, rows.rows[i].bytes);
        }
    if (rows.dropped > 0) /* the table is the original's, and has no place for sentences */
        sph_say_warn("the rows 'Heap: …' lack %" PRIu64
                     " process%s, for which the device's answer had no place",
                     rows.dropped, rows.dropped == 1 ? "" : "es");
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
    warn_of_untracked(&top);
    return sph_cli_answer(
        cli, &(struct sph_answer){.table = &table, .style = SPH_TABLE_RULED, .json = &text});
}

const struct sph_command sph_cmd_device_app_show_memory_stats = {
    .path = "device app show-memory-stats",
    .summary = "Show how much memory the applications use, in bytes",
    .details = "The figures are those of all applications of the device together; rows 'Heap: …' "
               "stand\nwhere heaps are tracked ('device app show-heap' has more).",
    .run = run,
};
