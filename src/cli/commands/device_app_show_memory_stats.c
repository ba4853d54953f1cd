/* device app show-memory-stats: the document's three figures, in the document's table, bytes in
 * all of them. They are of the group of all applications, because the ration is: the figure of
 * one of them says little about who will cross it. Spherule's extra figures have their own
 * command and path. */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/commands/commands.h"
#include "cli/device/interrupt.h"
#include "cli/device/target.h"
#include "cli/frame/cli.h"
#include "cli/text/spark.h"

enum { INTERVAL_MAX_S = 86400 /* a day */ };

static const struct sph_option options[] = {
    {.name = "watch",
     .value = "SECONDS",
     .value_optional = true,
     .help = "again and again, every so many seconds (1), until Ctrl+C"},
    {.name = NULL},
};

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

/* The figures that --watch draws, by their place in the table. */
static const struct {
    unsigned figure;
    const char *name;
} drawn[] = {{0, "Total"}, {1, "User"}};

/* What --watch knows of the readings before this one. */
struct watch {
    uint64_t interval_s;
    bool on_terminal; /* one picture that changes; else one answer after another */
    unsigned readings;
    struct sph_spark sparks[SPH_ARRAY_SIZE(drawn)];
};

static unsigned terminal_columns(void) {
    struct winsize size;
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return known ? size.ws_col : 80;
}

/* Over the picture before: the cursor to the top, and all below it away. */
static void draw_picture(const struct sph_target *target, const struct watch *watch,
                         const struct sph_table *table, struct sph_buf *buf) {
    unsigned columns = terminal_columns();
    columns = columns > 36 ? columns - 24 : 12; /* what stands beside a line has 24 at most */
    uint64_t top = sph_spark_top(&watch->sparks[0], columns);
    sph_buf_printf(buf, "\033[H\033[J%s: every %" PRIu64 " s, %u reading%s; Ctrl+C ends it\n",
                   target->name, watch->interval_s, watch->readings,
                   watch->readings == 1 ? "" : "s");
    sph_table_draw(table, SPH_TABLE_RULED, buf);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(drawn); i++) {
        const struct sph_spark *spark = &watch->sparks[i];
        sph_buf_printf(buf, " %-5s ", drawn[i].name);
        sph_spark_write(spark, columns, top, buf);
        sph_buf_printf(buf, " %" PRIu64 "\n", spark->values[spark->count - 1]);
    }
}

static int show(const struct sph_cli *cli, const struct sph_target *target, struct watch *watch,
                const struct sph_buf *text, const struct sph_json_value *top) {
    static const struct sph_column columns[] = {
        {"Name", "name"}, {"Usage (bytes)", "usageInBytes"}, {.title = NULL}};
    struct sph_json_value stats;
    if (!sph_json_get(top, "memoryStats", &stats)) {
        sph_say_error("device '%s' answered without memory statistics", target->name);
        return SPH_EXIT_FAILED;
    }
    sph_autotable struct sph_table table;
    sph_autobuf struct sph_buf picture = SPH_BUF_NULL;
    sph_table_init(&table, columns);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(figures); i++) {
        sph_table_add(&table, figures[i].name);
        sph_table_add_number(&table, sph_answer_u64(&stats, figures[i].key));
    }
    add_heaps(top, &table);
    warn_of_untracked(top);
    watch->readings++;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(drawn); i++)
        sph_spark_add(&watch->sparks[i], sph_answer_u64(&stats, figures[drawn[i].figure].key));
    if (watch->on_terminal) {
        draw_picture(target, watch, &table, &picture);
        return sph_cli_write_out(&picture);
    }
    if (watch->interval_s > 0 && cli->output == SPH_OUTPUT_YAML)
        sph_buf_puts(&picture, "---\n"); /* one document after another */
    int status = sph_cli_write_out(&picture);
    return status != SPH_EXIT_OK
               ? status
               : sph_cli_answer(cli, &(struct sph_answer){
                                         .table = &table, .style = SPH_TABLE_RULED, .json = text});
}

/* One reading, asked for so that Ctrl+C ends even one that hangs. In JSON it is the device's whole
 * answer, so that scripts get what the table has no place for. */
static int read_and_show(const struct sph_cli *cli, struct sph_target *target,
                         struct watch *watch) {
    const struct sph_rest_request request = {.method = "GET",
                                             .path = "/stats/memory/groups/applications",
                                             .cancel = sph_interrupt_flag()};
    struct sph_err err = SPH_ERR_NULL;
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    struct sph_json_value top;
    if (sph_target_request(target, &request, &text, &top, &err) < 0)
        return sph_interrupt_signal() ? SPH_EXIT_OK : sph_say_failure(&err);
    return show(cli, target, watch, &text, &top);
}

/* To the next whole interval since the first reading, so that the readings do not drift; late, it
 * goes on at once. False when nobody reads any more. A signal ends it early, which is the way out.
 */
static bool wait_until(uint64_t at_ms) {
    uint64_t now_ms = sph_clock_monotonic_ms();
    uint64_t left_ms = now_ms < at_ms ? at_ms - now_ms : 0;
    struct pollfd out = {.fd = STDOUT_FILENO,
                         .events = 0}; /* of a pipe without a reader: POLLERR */
    return sph_interrupt_signal() || poll(&out, 1, (int)left_ms) <= 0;
}

/* A device that goes away ends it with its status; Ctrl+C, and a reader that has seen enough, are
 * the good ways out. */
static int watch_until_interrupted(const struct sph_cli *cli, struct sph_target *target,
                                   struct watch *watch) {
    sph_interrupt_catch();
    watch->on_terminal = cli->output == SPH_OUTPUT_TABLE && !cli->query && isatty(STDOUT_FILENO);
    uint64_t next_ms = sph_clock_monotonic_ms();
    int status = SPH_EXIT_OK;
    bool go_on = true;
    while (go_on && status == SPH_EXIT_OK && !sph_interrupt_signal()) {
        status = read_and_show(cli, target, watch);
        next_ms += watch->interval_s * 1000;
        go_on = status == SPH_EXIT_OK && wait_until(next_ms);
    }
    return status;
}

static int run(struct sph_cli *cli) {
    struct sph_err err = SPH_ERR_NULL;
    sph_autotarget struct sph_target target = SPH_TARGET_NULL;
    struct watch watch = {.interval_s = 0};
    const char *interval = sph_args_value(&cli->args, "watch");
    if (interval && !*interval)
        watch.interval_s = 1; /* as in the document's own loops */
    else if (interval && (sph_text_to_u64(interval, INTERVAL_MAX_S, &watch.interval_s) < 0 ||
                          watch.interval_s == 0))
        return sph_say_usage("--watch takes a number of seconds from 1 to %d, not '%s'",
                             INTERVAL_MAX_S, interval);
    if (sph_target_open(cli, NULL, &target, &err) < 0)
        return sph_say_failure(&err);
    return watch.interval_s > 0 ? watch_until_interrupted(cli, &target, &watch)
                                : read_and_show(cli, &target, &watch);
}

const struct sph_command sph_cmd_device_app_show_memory_stats = {
    .path = "device app show-memory-stats",
    .summary = "Show how much memory the applications use, in bytes",
    .details = "The figures are those of all applications of the device together; rows 'Heap: …' "
               "stand\nwhere heaps are tracked ('device app show-heap' has more). On a terminal "
               "--watch keeps\none picture up to date; elsewhere one answer follows the other.",
    .options = options,
    .run = run,
};
