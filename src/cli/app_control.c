/* One walk for start and stop: the first refusal ends it, what was done before it stays done and
 * is shown.
 *
 * The walk is here and not on the device because the device's interface has one application a
 * request, as the original's has. Undoing what was done before a refusal was rejected: an
 * application that was started may have begun to work, and stopping it again is not the same as
 * never having started it. So the answer holds the rows that were reached, and the status is
 * that of the refusal. */
#include "cli/app_control.h"

#include <stdio.h>
#include <string.h>

#include "cli/app_list.h"
#include "cli/debugger.h"
#include "cli/early_end.h"

/* How to get at an application that waits for its debugger. The second port is one of the
 * original's devices, whose debugger passes the output on. */
static void write_ports(const struct sph_json_value *answer, struct sph_buf *human) {
    unsigned gdb_port = (unsigned)sph_answer_u64(answer, "gdbPort");
    unsigned out_port = (unsigned)sph_answer_u64(answer, "outPort");
    if (gdb_port == 0)
        return;
    sph_buf_printf(human, "GDB port: %u", gdb_port);
    if (out_port)
        sph_buf_printf(human, ", output port: %u", out_port);
    sph_buf_printf(human,
                   "\nConnect with: gdb-multiarch -ex 'target remote 127.0.0.1:%u' PROGRAM\n",
                   gdb_port);
}

/* One request, one row. */
static int control_one(struct sph_target *target, const char *id, const char *body,
                       struct sph_table *table, struct sph_buf *human, struct sph_err *err) {
    char path[80];
    char state[32];
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    struct sph_json_value top;
    (void)snprintf(path, sizeof(path), "/app/status/%s", id);
    int r = sph_target_ask(target, "PATCH", path, body, &text, &top, err);
    if (r < 0)
        return r;
    sph_answer_text(&top, "state", state, sizeof(state));
    sph_table_add(table, id);
    sph_table_add(table, state);
    sph_buf_printf(human, "%s: App state: %s\n", id, state);
    if (table->n_columns > 2)
        sph_table_add_number(table, sph_answer_u64(&top, "gdbPort"));
    write_ports(&top, human);
    return 0;
}

/* The list's states are of a moment ago: good enough for a warning. */
static void warn_of_running(const struct sph_app_list *list) {
    for (unsigned i = 0; i < list->count; i++)
        if (strcmp(list->rows[i].state, "running") == 0 ||
            strcmp(list->rows[i].state, "debugging") == 0)
            sph_say_warn("%s runs already, as it was started: stop it first to have its heap "
                         "tracked from its start",
                         *list->rows[i].name ? list->rows[i].name : list->rows[i].id);
}

/* The state that is printed is the one that the device answered with after the trigger: of an
 * application that ends at once, "running" was true for a moment. */
int sph_app_control(struct sph_cli *cli, const char *trigger, const char *wishes) {
    static const struct sph_column columns[] = {
        {"Component ID", "componentId"}, {"State", "state"}, {.title = NULL}};
    static const struct sph_column debug_columns[] = {{"Component ID", "componentId"},
                                                      {"State", "state"},
                                                      {"GDB port", "gdbPort"},
                                                      {.title = NULL}};
    bool debug = strcmp(trigger, "startDebug") == 0;
    struct sph_err err = SPH_ERR_NULL;
    sph_autotarget struct sph_target target = SPH_TARGET_NULL;
    struct sph_app_list list;
    char body[80];
    (void)snprintf(body, sizeof(body), "{\"trigger\":\"%s\"%s}", trigger, wishes);
    if (sph_target_open(cli, NULL, &target, &err) < 0 ||
        sph_app_list_choose(cli, &target, &list, &err) < 0 ||
        (debug && sph_debugger_provide(cli, &target, &err) < 0))
        return sph_say_failure(&err);
    sph_autotable struct sph_table table;
    sph_autobuf struct sph_buf human = SPH_BUF_NULL;
    sph_table_init(&table, debug ? debug_columns : columns);
    const char *started[SPH_APP_ROWS_MAX];
    unsigned n_started = 0;
    int r = 0;
    if (*wishes)
        warn_of_running(&list);
    for (unsigned i = 0; r == 0 && i < list.count; i++) {
        r = control_one(&target, list.rows[i].id, body, &table, &human, &err);
        if (r == 0 && strcmp(trigger, "start") == 0 && strcmp(list.rows[i].state, "stopped") == 0)
            started[n_started++] = list.rows[i].id;
    }
    sph_early_end_warn(&target, started, n_started);
    int status = sph_cli_answer(cli, &(struct sph_answer){.table = &table, .human = &human});
    return r < 0 ? sph_say_failure(&err) : status;
}
