/* device capability show-attached, select, update: which of the original's capabilities a device
 * has. Selecting keeps a choice in the home, for updates that name none: there, a service session
 * used it in the same way. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json_out.h"
#include "cli/commands/commands.h"
#include "cli/device_capability.h"
#include "cli/frame/cli.h"
#include "cli/image/package_file.h"

static const char selection_file[] = "capabilities.json"; /* in the home */

enum { FILE_BYTES_MAX = 4096 };

static const struct sph_option options[] = {
    {.name = "type",
     .value = "NAMES",
     .help = "names such as appDevelopment, or numbers (commas between)"},
    {.name = "capability-file",
     .alias = "filepath",
     .letter = 'p',
     .value = "FILE",
     .help = "a JSON array of names, as show-attached writes it",
     .kind = SPH_VALUE_FILE},
    {.name = "none", .help = "no capability at all"},
    {.name = NULL},
};

/* 1 when the options name a set, 0 when there are none. */
static int read_options(const struct sph_cli *cli, struct sph_device_capabilities *ret_set,
                        struct sph_err *err) {
    const char *list = sph_args_value(&cli->args, "type");
    const char *path = sph_args_value(&cli->args, "capability-file");
    bool none = sph_args_flag(&cli->args, "none");
    sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(FILE_BYTES_MAX);
    ret_set->count = 0;
    if ((list != NULL) + (path != NULL) + none > 1)
        return SPH_FAIL(err, -EINVAL, "give one of --type, --capability-file and --none");
    if (list) {
        int r = sph_device_capabilities_add_list(ret_set, list, err);
        return r < 0 ? r : 1;
    }
    if (!path)
        return none;
    int r = sph_input_read("capability file", path, &text, err);
    if (r == 0) {
        r = sph_device_capabilities_parse(text.data ? text.data : "", text.len, ret_set, err);
        if (r < 0)
            sph_err_prefix(err, "%s", path);
    }
    if (r == -EIO || r == -ENOMEM || r == -EMFILE)
        return r;
    if (r < 0 && err)
        err->code = -EBADMSG; /* an input file is to blame, whatever it was */
    return r < 0 ? -EBADMSG : 1;
}

/* ---- show-attached ---- */

static int run_show(struct sph_cli *cli) {
    static const struct sph_column columns[] = {
        {"Capability", "capability"}, {"Number", "id"}, {.title = NULL}};
    struct sph_err err = SPH_ERR_NULL;
    sph_autotarget struct sph_target target = SPH_TARGET_NULL;
    struct sph_device_capabilities set;
    if (sph_target_open(cli, NULL, &target, &err) < 0 ||
        sph_device_capabilities_get(&target, &set, &err) < 0)
        return sph_say_failure(&err);
    sph_autotable struct sph_table table;
    sph_autobuf struct sph_buf json = SPH_BUF_NULL;
    sph_autobuf struct sph_buf human = SPH_BUF_NULL;
    struct sph_json_out out;
    sph_table_init(&table, columns);
    sph_json_begin(&out, &json);
    sph_json_array(&out);
    for (unsigned i = 0; i < set.count; i++) {
        char number[16];
        const char *name = sph_device_capability_name(set.ids[i]);
        (void)snprintf(number, sizeof(number), "%u", set.ids[i]);
        sph_table_add(&table, name ? name : number);
        sph_table_add_number(&table, set.ids[i]);
        sph_json_string(&out, name ? name : number);
        sph_buf_printf(&human, "%s\n", name ? name : number);
    }
    sph_json_array_end(&out);
    if (set.count == 0)
        sph_say(cli, "Device '%s' has no capability.", target.name);
    return sph_cli_answer(cli,
                          &(struct sph_answer){.table = &table, .human = &human, .json = &json});
}

const struct sph_command sph_cmd_device_capability_show_attached = {
    .path = "device capability show-attached",
    .summary = "Show the capabilities of a running device",
    .run = run_show,
};

/* ---- select ---- */

/* No device is asked: a selection is for the next one, whichever it is. */
static int run_select(struct sph_cli *cli) {
    struct sph_err err = SPH_ERR_NULL;
    struct sph_device_capabilities set;
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    int given = read_options(cli, &set, &err);
    if (given < 0)
        return sph_say_failure(&err);
    if (given == 0)
        return sph_say_usage("give one of --type, --capability-file and --none");
    sph_autoclose int home_fd = sph_home_open(true, &err);
    if (home_fd < 0)
        return sph_say_failure(&err);
    if (sph_args_flag(&cli->args, "none")) {
        if (unlinkat(home_fd, selection_file, 0) < 0 && errno != ENOENT) {
            SPH_FAIL_ERRNO(&err, -errno, "cannot forget the selection");
            return sph_say_failure(&err);
        }
        sph_say(cli, "No capability is selected.");
        return SPH_EXIT_OK;
    }
    sph_device_capabilities_write(&set, &text);
    if (text.error ||
        sph_file_replace(home_fd, selection_file, text.data, text.len, 0644, &err) < 0) {
        if (text.error)
            SPH_FAIL_ERRNO(&err, text.error, "cannot keep the selection");
        return sph_say_failure(&err);
    }
    sph_say(cli, "Selected for 'device capability update'.");
    return SPH_EXIT_OK;
}

const struct sph_command sph_cmd_device_capability_select = {
    .path = "device capability select",
    .summary = "Keep a choice of capabilities for later updates",
    .options = options,
    .run = run_select,
};

/* ---- update ---- */

static int read_selection(int home_fd, struct sph_device_capabilities *ret_set,
                          struct sph_err *err) {
    sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(FILE_BYTES_MAX);
    int r = sph_file_read(home_fd, selection_file, &text, err);
    if (r == -ENOENT)
        return SPH_FAIL(err, -EINVAL,
                        "give one of --type, --capability-file and --none, or choose with 'device "
                        "capability select' first");
    if (r < 0)
        return r;
    r = sph_device_capabilities_parse(text.data ? text.data : "", text.len, ret_set, err);
    if (r < 0)
        sph_err_prefix(err, "%s in the folder of all devices", selection_file);
    return r;
}

static int run_update(struct sph_cli *cli) {
    struct sph_err err = SPH_ERR_NULL;
    sph_autotarget struct sph_target target = SPH_TARGET_NULL;
    struct sph_device_capabilities set;
    int given = read_options(cli, &set, &err);
    if (given < 0 || sph_target_open(cli, NULL, &target, &err) < 0 ||
        (given == 0 && read_selection(target.home_fd, &set, &err) < 0) ||
        sph_device_capabilities_put(&target, &set, &err) < 0)
        return sph_say_failure(&err);
    sph_say(cli, "Device '%s' has new capabilities.", target.name);
    return SPH_EXIT_OK;
}

const struct sph_command sph_cmd_device_capability_update = {
    .path = "device capability update",
    .alias = "apply",
    .summary = "Give a running device other capabilities",
    .details =
        "Those that are given replace those that the device has. Without an option, those of\n"
        "'device capability select' are given.",
    .options = options,
    .run = run_update,
};
