/* The list comes from Spherule's own path, which has states and sizes in one answer; the
 * original's paths would need a request for each application, between which applications come
 * and go.
 *
 * Rows are copied into a fixed array with room for all that a device can have. A list that is
 * longer is refused: "delete all" and "this one" must not be decided by half of it. */
#include "cli/app_list.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* What a row lacks stays empty: an older or newer gateway is no failure. */
static void read_row(const struct sph_json_value *app, struct sph_app_row *row) {
    sph_answer_text(app, "componentId", row->id, sizeof(row->id));
    sph_answer_text(app, "imageId", row->image_id, sizeof(row->image_id));
    sph_answer_text(app, "name", row->name, sizeof(row->name));
    sph_answer_text(app, "state", row->state, sizeof(row->state));
    row->package_bytes = sph_answer_u64(app, "packageBytes");
    row->is_debugger = sph_answer_bool(app, "isDebugger");
    row->restarts = sph_answer_u64(app, "restarts");
    row->last_report = sph_answer_u64(app, "lastReportId");
    sph_answer_text(app, "lastWhy", row->last_why, sizeof(row->last_why));
    sph_answer_text(app, "lastSignalName", row->last_signal_name, sizeof(row->last_signal_name));
    row->last_exit_code = sph_answer_u64(app, "lastExitCode");
    row->last_signal = sph_answer_u64(app, "lastSignal");
    row->next_start_ms = sph_answer_u64(app, "nextStartMs");
}

/* *ret_list is written as rows come, so after a failure it holds some; callers look at the result.
 */
int sph_app_list_read(struct sph_target *target, struct sph_app_list *ret_list,
                      struct sph_err *err) {
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    struct sph_json_value top, app;
    struct sph_json_iter iter;
    int r = sph_target_ask(target, "GET", "/spherule/v1/apps", NULL, &text, &top, err);
    if (r < 0)
        return r;
    ret_list->count = 0;
    if (!sph_answer_array(&top, "apps", &iter))
        return SPH_FAIL(err, -EPROTO, "device '%s' answered without its applications",
                        target->name);
    while (sph_json_next(&iter, NULL, &app)) {
        if (ret_list->count == SPH_APP_ROWS_MAX)
            return SPH_FAIL(err, -EPROTO, "device '%s' has more than %d applications", target->name,
                            SPH_APP_ROWS_MAX);
        read_row(&app, &ret_list->rows[ret_list->count++]);
    }
    return 0;
}

void sph_app_row_write_end(const struct sph_app_row *row, struct sph_buf *out) {
    sph_buf_printf(out, "%s, ", row->last_why);
    if (row->last_signal)
        sph_buf_puts(out, row->last_signal_name);
    else
        sph_buf_printf(out, "exit code %" PRIu64, row->last_exit_code);
    sph_buf_printf(out, " (report %" PRIu64 ")", row->last_report);
}

const struct sph_app_row *sph_app_list_find(const struct sph_app_list *list, const char *id) {
    for (unsigned i = 0; i < list->count; i++)
        if (strcmp(list->rows[i].id, id) == 0)
            return &list->rows[i];
    return NULL;
}

/* The list is filtered in place. */
int sph_app_list_choose(const struct sph_cli *cli, struct sph_target *target,
                        struct sph_app_list *ret_list, struct sph_err *err) {
    char id[SPH_GUID_TEXT];
    int given = sph_target_component(cli, id, err);
    if (given < 0)
        return given;
    int r = sph_app_list_read(target, ret_list, err);
    if (r < 0)
        return r;
    unsigned kept = 0;
    for (unsigned i = 0; i < ret_list->count; i++) {
        const struct sph_app_row *row = &ret_list->rows[i];
        if (given ? strcmp(row->id, id) == 0 : !row->is_debugger)
            ret_list->rows[kept++] = *row;
    }
    ret_list->count = kept;
    if (kept > 0)
        return 0;
    if (given)
        return SPH_FAIL(err, -ENOENT,
                        "Application is not present (no application %s on device '%s')", id,
                        target->name);
    return SPH_FAIL(err, -ENOENT, "no application is installed on device '%s'", target->name);
}
