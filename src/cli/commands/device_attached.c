/* device show-attached, list-attached, rescan-attached, show-os-version: what the original says of
 * the boards on its USB lines, said of the devices that run. "Attached" is here: its gateway
 * listens. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/call.h"
#include "cli/commands/commands.h"
#include "cli/device/launch.h"
#include "cli/device/target.h"
#include "cli/frame/cli.h"

enum {
    LOOK_TIMEOUT_MS = 3000, /* a device that hangs must not hang the list of all */
    COLUMNS = 5,
};

static const struct sph_column columns[] = {
    {"Device ID", "deviceId"},         {"Name", "name"},
    {"IP address", "ipAddress"},       {"Connection path", "connectionPath"},
    {"Is responsive", "isResponsive"}, {.title = NULL},
};

/* Texts are "" for what the device does not have or say. */
struct attached {
    char name[SPH_DEVICE_NAME_MAX];
    char id[160];     /* 128 hexadecimal digits */
    char address[64]; /* where it serves HTTPS */
    char path[PATH_MAX];
    bool is_responsive;
};

struct question {
    const char *path, *key;
    const char *only_if; /* a member that must be true, or NULL */
};

/* False when there was no answer at all; a refusal is one. */
static bool look(struct sph_target *target, const struct question *question, char *ret_text,
                 size_t size) {
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    struct sph_json_value top;
    const struct sph_rest_request request = {
        .method = "GET", .path = question->path, .timeout_ms = LOOK_TIMEOUT_MS};
    int r = sph_rest_call(target->rest, &request, &text, NULL);
    ret_text[0] = '\0';
    if (r == 0 && sph_json_check(text.data ? text.data : "", text.len, &top, NULL) == 0 &&
        (!question->only_if || sph_answer_bool(&top, question->only_if)))
        sph_answer_text(&top, question->key, ret_text, size);
    return r != -ETIMEDOUT && r != -ENOTCONN && r != -ECONNRESET && r != -EHOSTDOWN;
}

static const struct question identity = {.path = "/device/security_state",
                                         .key = "deviceIdentifier"};
static const struct question listener = {
    .path = "/spherule/v1/listen", .key = "address", .only_if = "listening"};

static int read_attached(struct sph_target *target, struct attached *ret_attached,
                         struct sph_err *err) {
    char home[PATH_MAX / 2];
    int r = sph_home_path(home, sizeof(home), err);
    if (r < 0)
        return r;
    *ret_attached = (struct attached){.is_responsive = false};
    (void)snprintf(ret_attached->name, sizeof(ret_attached->name), "%s", target->name);
    (void)snprintf(ret_attached->path, sizeof(ret_attached->path), "%s/devices/%s/rest.sock", home,
                   target->name);
    ret_attached->is_responsive =
        look(target, &identity, ret_attached->id, sizeof(ret_attached->id));
    if (ret_attached->is_responsive)
        (void)look(target, &listener, ret_attached->address, sizeof(ret_attached->address));
    return 0;
}

static void add_row(const struct attached *attached, struct sph_table *table) {
    sph_table_add(table, *attached->id ? attached->id : NULL);
    sph_table_add(table, attached->name);
    sph_table_add(table, *attached->address ? attached->address : NULL);
    sph_table_add(table, attached->path);
    sph_table_add_bool(table, attached->is_responsive);
}

/* One that does not run has no words of its own: its first request has them. */
static int run_show(struct sph_cli *cli) {
    struct sph_err err = SPH_ERR_NULL;
    sph_autotarget struct sph_target target = SPH_TARGET_NULL;
    struct attached attached;
    if (sph_target_open(cli, NULL, &target, &err) < 0 ||
        sph_target_call(&target, "GET", "/status", NULL, &err) < 0 ||
        read_attached(&target, &attached, &err) < 0)
        return sph_say_failure(&err);
    sph_autotable struct sph_table table;
    sph_table_init(&table, columns);
    add_row(&attached, &table);
    return sph_cli_answer(cli, &(struct sph_answer){.table = &table, .style = SPH_TABLE_RECORDS});
}

const struct sph_command sph_cmd_device_show_attached = {
    .path = "device show-attached",
    .summary = "Show how a running device is reached",
    .run = run_show,
};

/* Devices that do not run are not attached; one that was deleted meanwhile neither. */
static int add_if_attached(int home_fd, const char *name, struct sph_table *table,
                           struct sph_err *err) {
    sph_autotarget struct sph_target target = SPH_TARGET_NULL;
    struct attached attached;
    target.device_fd = sph_home_open_device(home_fd, name, NULL);
    if (target.device_fd < 0)
        return 0;
    (void)snprintf(target.name, sizeof(target.name), "%s", name);
    int r = sph_rest_open(target.device_fd, name, &target.rest, err);
    if (r == 0)
        r = read_attached(&target, &attached, err);
    if (r == 0 &&
        (attached.is_responsive || sph_launch_state(target.device_fd) != SPH_DEVICE_STOPPED))
        add_row(&attached, table);
    return r;
}

static int fill(struct sph_table *table, struct sph_err *err) {
    char **names = NULL;
    unsigned count = 0;
    int home_fd = sph_home_open(false, err);
    if (home_fd == -ENOENT)
        return 0; /* no folder yet: no devices */
    int r = home_fd < 0 ? home_fd : sph_home_list_devices(home_fd, &names, &count, err);
    for (unsigned i = 0; r == 0 && i < count; i++)
        r = add_if_attached(home_fd, names[i], table, err);
    sph_home_free_names(names, count);
    if (home_fd >= 0)
        (void)close(home_fd);
    return r;
}

/* In the original's lines. */
static void write_lines(const struct sph_table *table, struct sph_buf *human) {
    unsigned count = table->n_cells / COLUMNS;
    sph_buf_printf(human, count == 1 ? "%u device attached:\n" : "%u devices attached:\n", count);
    for (unsigned i = 0; i < table->n_cells; i += COLUMNS) {
        const struct sph_cell *row = &table->cells[i];
        sph_buf_printf(human,
                       " --> Device ID: %s\n   --> Name:            %s\n"
                       "   --> Is responsive:   %s\n   --> IP address:      %s\n"
                       "   --> Connection path: %s\n",
                       *row[0].text ? row[0].text : "unknown", row[1].text,
                       strcmp(row[4].text, "true") == 0 ? "yes" : "no",
                       *row[2].text ? row[2].text : "none", row[3].text);
    }
}

static int run_list(struct sph_cli *cli) {
    struct sph_err err = SPH_ERR_NULL;
    sph_autotable struct sph_table table;
    sph_autobuf struct sph_buf human = SPH_BUF_NULL;
    sph_table_init(&table, columns);
    if (fill(&table, &err) < 0)
        return sph_say_failure(&err);
    write_lines(&table, &human);
    return sph_cli_answer(cli, &(struct sph_answer){.table = &table, .human = &human});
}

const struct sph_command sph_cmd_device_list_attached = {
    .path = "device list-attached",
    .summary = "List the running devices and how they are reached",
    .run = run_list,
};

/* There is no bus: what "device start" started is found by whoever looks. */
static int run_rescan(struct sph_cli *cli) {
    struct sph_err err = SPH_ERR_NULL;
    sph_autotable struct sph_table table;
    sph_table_init(&table, columns);
    if (fill(&table, &err) < 0)
        return sph_say_failure(&err);
    unsigned count = table.n_cells / COLUMNS;
    sph_say(cli, count == 1 ? "Found %u device." : "Found %u devices.", count);
    return SPH_EXIT_OK;
}

const struct sph_command sph_cmd_device_rescan_attached = {
    .path = "device rescan-attached",
    .summary = "Look for running devices",
    .details = "Every command does so by itself; this one is for scripts that were made for the\n"
               "original.",
    .run = run_rescan,
};

/* The part that scripts look for is "Azure Sphere OS version X.". */
static const struct sph_column os_columns[] = {{"OS version", "osversion"}, {.title = NULL}};
static const struct sph_call show_os_version = {
    .method = "GET",
    .path = "/osversion",
    .columns = os_columns,
    .sentence = "The device is compatible with Azure Sphere OS version *.\n",
};

const struct sph_command sph_cmd_device_show_os_version = {
    .path = "device show-os-version",
    .summary = "Show the version of the original's system that a device stands for",
    .run = sph_call_run,
    .call = &show_os_version,
};
