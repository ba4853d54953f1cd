/* device sideload delete: one application, all, or all but some. The exceptions are read before
 * anything is deleted, and one that is no id refuses the whole: it may be the very one that was
 * to be kept. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/app_list.h"
#include "cli/commands/commands.h"
#include "cli/frame/cli.h"

enum { EXCEPTIONS_MAX = 64 }; /* more are a mistake in a script rather than a wish */

static const struct sph_option options[] = {
    {.name = "component-id",
     .letter = 'i',
     .value = "ID",
     .help = "only this application; else every one on the device"},
    {.name = "except-component-ids",
     .letter = 'e',
     .value = "IDS",
     .help = "keep these applications (with commas between)",
     .repeated = true},
    {.name = NULL},
};

/* Ids in the device's form, so that they can be compared as text. */
struct exceptions {
    char ids[EXCEPTIONS_MAX][SPH_GUID_TEXT];
    unsigned count;
};

/* With commas or blanks between, as both generations of the original took them. */
static int add_exceptions(struct exceptions *exceptions, const char *text, struct sph_err *err) {
    while (*text) {
        size_t len = strcspn(text, ", ");
        struct sph_guid guid;
        if (len > 0) {
            if (sph_guid_parse(text, len, &guid) < 0)
                return SPH_FAIL(err, -EINVAL,
                                "'%.*s' is no component id: it looks like "
                                "2f074b0f-d99d-4692-82d9-ef93a7d6463c",
                                (int)len, text);
            if (exceptions->count == EXCEPTIONS_MAX)
                return SPH_FAIL(err, -EINVAL, "more than %d component ids", EXCEPTIONS_MAX);
            sph_guid_format(&guid, exceptions->ids[exceptions->count++]);
        }
        text += len;
        text += strspn(text, ", ");
    }
    return 0;
}

/* The option may be given several times, each with several ids. */
static int read_exceptions(const struct sph_cli *cli, struct exceptions *exceptions,
                           struct sph_err *err) {
    for (unsigned i = 0; i < cli->args.n_hits; i++) {
        const struct sph_args_hit *hit = &cli->args.hits[i];
        if (strcmp(hit->option->name, "except-component-ids") != 0)
            continue;
        int r = add_exceptions(exceptions, hit->value, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static bool is_excepted(const struct exceptions *exceptions, const char *id) {
    for (unsigned i = 0; i < exceptions->count; i++)
        if (strcmp(exceptions->ids[i], id) == 0)
            return true;
    return false;
}

/* Each is told as it goes: after a failure it is clear what is gone. */
static int delete_one(const struct sph_cli *cli, struct sph_target *target, const char *id,
                      struct sph_err *err) {
    char path[80];
    (void)snprintf(path, sizeof(path), "/app/image/%s", id);
    int r = sph_target_call(target, "DELETE", path, NULL, err);
    if (r == 0)
        sph_say(cli, "Component '%s' deleted.", id);
    return r;
}

/* Without --component-id the debugger goes too, as on the original: it is sideloaded like the rest.
 * The list is read once; what is installed meanwhile stays. */
static int run(struct sph_cli *cli) {
    struct sph_err err = SPH_ERR_NULL;
    sph_autotarget struct sph_target target = SPH_TARGET_NULL;
    struct exceptions exceptions = {.count = 0};
    struct sph_app_list list;
    if (read_exceptions(cli, &exceptions, &err) < 0)
        return sph_say_failure(&err);
    bool named = sph_args_flag(&cli->args, "component-id");
    if (named && exceptions.count > 0)
        return sph_say_usage("--component-id and --except-component-ids cannot go together");
    if (sph_target_open(cli, NULL, &target, &err) < 0)
        return sph_say_failure(&err);
    int r = named ? sph_app_list_choose(cli, &target, &list, &err)
                  : sph_app_list_read(&target, &list, &err);
    for (unsigned i = 0; r == 0 && i < list.count; i++)
        if (!is_excepted(&exceptions, list.rows[i].id))
            r = delete_one(cli, &target, list.rows[i].id, &err);
    return r < 0 ? sph_say_failure(&err) : SPH_EXIT_OK;
}

const struct sph_command sph_cmd_device_sideload_delete = {
    .path = "device sideload delete",
    .summary = "Stop applications and take them off a device",
    .details = "Without an option, every application on the device is deleted.",
    .options = options,
    .run = run,
};
