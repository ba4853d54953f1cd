/* One way for all commands that ask one thing: open the device, ask, show. In JSON the answer is
 * passed on as the device gave it (the list without its wrapping), so that what a program reads
 * here and what it would read from the device are the same; columns are for people and for tsv.
 *
 * Functions for each command were rejected: there would be some forty, alike but for their words,
 * and each would be another place to forget a check. */
#include "cli/call.h"

#include <errno.h>

#include "cli/device/device_error.h"
#include "cli/device/target.h"

static int ask(const struct sph_call *call, struct sph_cli *cli, struct sph_target *target,
               struct sph_buf *ret_text, struct sph_json_value *ret_top, struct sph_err *err) {
    const char *id = call->id ? sph_args_value(&cli->args, call->id) : NULL;
    sph_autobuf struct sph_buf path = SPH_BUF_NULL;
    sph_autobuf struct sph_buf body = SPH_BUF_NULL;
    bool has_body = call->members || call->add;
    if (id && !*id)
        return SPH_FAIL(err, -EINVAL, "option '--%s' needs a value", call->id);
    sph_call_path(call, id, &path);
    int r = has_body ? sph_call_body(call, &cli->args, &body, err) : 0;
    if (r < 0)
        return r;
    if (path.error)
        return SPH_FAIL_ERRNO(err, path.error, "cannot make the request");
    r = sph_target_open(cli, NULL, target, err);
    if (r < 0)
        return r;
    const char *text = has_body ? body.data : NULL;
    if (!call->columns)
        return sph_target_call(target, call->method, path.data, text, err);
    return sph_target_ask(target, call->method, path.data, text, ret_text, ret_top, err);
}

/* One sentence with the id in it. */
static void say(const struct sph_call *call, const struct sph_cli *cli, const char *pattern) {
    const char *id = call->id ? sph_args_value(&cli->args, call->id) : NULL;
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    sph_call_expand(pattern, id ? id : "", &text);
    sph_say(cli, "%s", text.data ? text.data : "");
}

static int show(const struct sph_call *call, struct sph_cli *cli, const struct sph_target *target,
                const struct sph_json_value *top) {
    struct sph_err err = SPH_ERR_NULL;
    bool has_id = call->id && sph_args_value(&cli->args, call->id);
    struct sph_json_value list = *top;
    sph_autotable struct sph_table table;
    sph_autobuf struct sph_buf json = SPH_BUF_NULL;
    sph_autobuf struct sph_buf human = SPH_BUF_NULL;
    sph_table_init(&table, call->columns);
    if (!sph_call_fill(call, has_id, top, &table)) {
        SPH_FAIL(&err, -EPROTO, "device '%s' answered without its %s", target->name, call->list);
        return sph_say_failure(&err);
    }
    if (call->list && !has_id)
        (void)sph_json_get(top, call->list, &list); /* it is there: it was just read */
    sph_buf_append(&json, list.text, list.len);
    if (call->sentence && table.n_cells > 0)
        sph_call_expand(call->sentence, table.cells[0].text, &human);
    if (table.n_cells == 0 && call->none)
        say(call, cli, call->none);
    bool is_silent = table.n_cells == 0 && call->none; /* titles alone would say less */
    return sph_cli_answer(cli,
                          &(struct sph_answer){.table = &table,
                                               .style = call->style,
                                               .human = call->sentence || is_silent ? &human : NULL,
                                               .json = &json});
}

/* The device calls an id that it does not know a path that there is not. */
static bool is_unknown(const struct sph_call *call, const struct sph_cli *cli,
                       const struct sph_target *target) {
    return call->id && sph_args_value(&cli->args, call->id) && target->rest &&
           sph_rest_last_error(target->rest) == SPH_DEVICE_ERROR(15, 2);
}

int sph_call_run(struct sph_cli *cli) {
    return sph_call_run_as(cli->args.command->call, cli);
}

int sph_call_run_as(const struct sph_call *call, struct sph_cli *cli) {
    struct sph_err err = SPH_ERR_NULL;
    sph_autotarget struct sph_target target = SPH_TARGET_NULL;
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    struct sph_json_value top;
    if (ask(call, cli, &target, &text, &top, &err) < 0)
        return is_unknown(call, cli, &target) ? sph_say_failure_as(SPH_EXIT_NOT_FOUND, &err)
                                              : sph_say_failure(&err);
    int status = call->columns ? show(call, cli, &target, &top) : SPH_EXIT_OK;
    if (status == SPH_EXIT_OK && call->done)
        say(call, cli, call->done);
    return status;
}
