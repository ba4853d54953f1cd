/* The device's own reason comes first: it stands in the way of every other remedy. */
#include "cli/app_why.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/device/target.h"

void sph_app_why_format(const struct sph_json_value *app, char ret_text[SPH_APP_WHY_MAX]) {
    char state[16], why[32];
    uint64_t report = sph_answer_u64(app, "lastReportId");
    uint64_t next_ms = sph_answer_u64(app, "nextStartMs");
    sph_answer_text(app, "state", state, sizeof(state));
    sph_answer_text(app, "lastWhy", why, sizeof(why));
    sph_answer_text(app, "mayNotStart", ret_text, SPH_APP_WHY_MAX);
    if (strcmp(state, "running") == 0)
        (void)snprintf(ret_text, SPH_APP_WHY_MAX, "It runs.");
    else if (strcmp(state, "debugging") == 0)
        (void)snprintf(ret_text, SPH_APP_WHY_MAX, "A debugger holds it.");
    else if (*ret_text)
        return;
    else if (sph_answer_bool(app, "isDebugger"))
        (void)snprintf(ret_text, SPH_APP_WHY_MAX,
                       "The debugger runs while it holds an application.");
    else if (next_ms && report)
        (void)snprintf(ret_text, SPH_APP_WHY_MAX,
                       "It ended (%s) and is started again in %" PRIu64
                       " ms: 'spherule device app show-kills %" PRIu64 "' tells how.",
                       why, next_ms, report);
    else if (!sph_answer_bool(app, "startsByItself"))
        (void)snprintf(ret_text, SPH_APP_WHY_MAX,
                       "It was stopped or installed by hand: 'spherule device app start' starts "
                       "it.");
    else if (report)
        (void)snprintf(ret_text, SPH_APP_WHY_MAX,
                       "It ended (%s): 'spherule device app show-kills %" PRIu64 "' tells how.",
                       why, report);
    else
        (void)snprintf(ret_text, SPH_APP_WHY_MAX,
                       "It did not start with the device: 'spherule device log' may tell why.");
}

static void add(struct sph_table *table, struct sph_buf *human, const char *const cells[3]) {
    for (int i = 0; i < 3; i++)
        sph_table_add(table, cells[i]);
    sph_buf_printf(human, "%s: %s\n", cells[0], cells[2]);
}

/* The one of `wanted`, or all when that is empty; how many there were. */
static unsigned add_apps(struct sph_json_iter *iter, const char *wanted, struct sph_table *table,
                         struct sph_buf *human) {
    struct sph_json_value app;
    unsigned count = 0;
    while (sph_json_next(iter, NULL, &app)) {
        char id[SPH_GUID_TEXT], state[16], why[SPH_APP_WHY_MAX];
        sph_answer_text(&app, "componentId", id, sizeof(id));
        if (*wanted && strcmp(id, wanted) != 0)
            continue;
        sph_answer_text(&app, "state", state, sizeof(state));
        sph_app_why_format(&app, why);
        add(table, human, (const char *const[]){id, state, why});
        count++;
    }
    return count;
}

int sph_app_why_run(struct sph_cli *cli) {
    static const struct sph_column columns[] = {
        {"Component ID", "componentId"}, {"State", "state"}, {"Why", "why"}, {.title = NULL}};
    struct sph_err err = SPH_ERR_NULL;
    sph_autotarget struct sph_target target = SPH_TARGET_NULL;
    sph_autobuf struct sph_buf text = SPH_BUF_NULL, human = SPH_BUF_NULL;
    struct sph_json_value top;
    struct sph_json_iter iter;
    char id[SPH_GUID_TEXT] = "";
    if (sph_target_component(cli, id, &err) < 0 || sph_target_open(cli, NULL, &target, &err) < 0 ||
        sph_target_ask(&target, "GET", "/spherule/v1/apps", NULL, &text, &top, &err) < 0)
        return sph_say_failure(&err);
    if (!sph_answer_array(&top, "apps", &iter)) {
        sph_say_error("device '%s' answered without its applications", target.name);
        return SPH_EXIT_FAILED;
    }
    sph_autotable struct sph_table table;
    sph_table_init(&table, columns);
    if (add_apps(&iter, id, &table, &human) == 0) {
        if (*id)
            add(&table, &human, (const char *const[]){id, "notPresent", "It is not installed."});
        else
            sph_say(cli, "No application is installed on device '%s'.", target.name);
    }
    return sph_cli_answer(cli, &(struct sph_answer){.table = &table, .human = &human});
}
