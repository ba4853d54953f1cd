/* device network proxy: the web proxy that a device is told to use. The device takes it as a whole,
 * so that enable and disable read it, change one member and give it back. */
#include <errno.h>

#include "cli/call.h"
#include "cli/commands/commands.h"
#include "cli/device/target.h"
#include "cli/frame/cli.h"

static const char *const authentications[] = {"anonymous", "basic", NULL};
static const struct sph_option apply_options[] = {
    {.name = "address",
     .letter = 'a',
     .value = "HOST",
     .help = "its name or address",
     .required = true},
    {.name = "port", .letter = 'p', .value = "PORT", .help = "its port", .required = true},
    {.name = "authentication",
     .letter = 't',
     .value = "TYPE",
     .help = "how it wants to be spoken to",
     .choices = authentications,
     .kind = SPH_VALUE_CHOICE},
    {.name = "username", .letter = 'u', .value = "NAME", .help = "for basic authentication"},
    {.name = "password", .letter = 'w', .value = "TEXT", .help = "for basic authentication"},
    {.name = "no-proxy-addresses",
     .letter = 'n',
     .value = "HOSTS",
     .help = "reached without it (with commas between)"},
    {.name = "enable", .help = "use it from now on (so it is without a word)"},
    {.name = "disable", .help = "keep it for later"},
    {.name = NULL},
};
static const struct sph_call_member apply_members[] = {
    {.key = "address", .option = "address"},
    {.key = "port", .option = "port", .kind = SPH_CALL_NUMBER},
    {.key = "authenticationType", .option = "authentication"},
    {.key = "username", .option = "username"},
    {.key = "password", .option = "password"},
    {.key = "noProxyAddresses", .option = "no-proxy-addresses", .kind = SPH_CALL_LIST},
    {.key = NULL},
};

static int add_enabled(const struct sph_args *args, struct sph_json_out *out, struct sph_err *err) {
    bool off = sph_args_flag(args, "disable");
    if (off && sph_args_flag(args, "enable"))
        return SPH_FAIL(err, -EINVAL, "--enable and --disable cannot go together");
    sph_json_key_bool(out, "enabled", !off);
    return 0;
}

static const struct sph_call apply = {
    .method = "POST",
    .path = "/net/proxy",
    .members = apply_members,
    .add = add_enabled,
    .done = "Proxy configuration applied.",
};

const struct sph_command sph_cmd_device_network_proxy_apply = {
    .path = "device network proxy apply",
    .summary = "Set the proxy",
    .details = "It takes the place of the one before as a whole.",
    .options = apply_options,
    .run = sph_call_run,
    .call = &apply,
};

static const struct sph_call forget = {
    .method = "DELETE",
    .path = "/net/proxy",
    .done = "Proxy configuration deleted.",
};

const struct sph_command sph_cmd_device_network_proxy_delete = {
    .path = "device network proxy delete",
    .summary = "Forget the proxy",
    .run = sph_call_run,
    .call = &forget,
};

static const struct sph_column columns[] = {
    {"Enabled", "enabled"},    {"Address", "address"},
    {"Port", "port"},          {"Authentication", "authenticationType"},
    {"User name", "username"}, {"No proxy addresses", "noProxyAddresses"},
    {.title = NULL},
};
static const struct sph_call show = {
    .method = "GET",
    .path = "/net/proxy",
    .columns = columns,
    .style = SPH_TABLE_RECORDS,
};

const struct sph_command sph_cmd_device_network_proxy_show = {
    .path = "device network proxy show",
    .summary = "Show the proxy",
    .details = "Its password is never shown.",
    .run = sph_call_run,
    .call = &show,
};

/* ---- enable, disable ---- */

/* All that the device said but the switch; members that this version does not know too. */
static int write_switched(const struct sph_cli *cli, const struct sph_json_value *top, bool on,
                          struct sph_buf *body) {
    const char *password = sph_args_value(&cli->args, "password");
    struct sph_json_out out;
    struct sph_json_iter iter;
    struct sph_json_value key, value;
    sph_json_begin(&out, body);
    sph_json_object(&out);
    sph_json_key_bool(&out, "enabled", on);
    sph_json_iter_init(&iter, top);
    while (sph_json_next(&iter, &key, &value)) {
        sph_autobuf struct sph_buf name = SPH_BUF_NULL;
        if (sph_json_is(&key, "enabled") || sph_json_to_buf(&key, &name) < 0 || !name.data)
            continue;
        sph_json_key(&out, name.data);
        if (value.type == SPH_JSON_STRING) /* a slice of a string is without its quotes */
            sph_json_raw(&out, value.text - 1, value.len + 2);
        else
            sph_json_raw(&out, value.text, value.len);
    }
    if (password)
        sph_json_key_string(&out, "password", password);
    sph_json_object_end(&out);
    return body->error;
}

static int set_enabled(struct sph_cli *cli, bool on) {
    struct sph_err err = SPH_ERR_NULL;
    sph_autotarget struct sph_target target = SPH_TARGET_NULL;
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    sph_autobuf struct sph_buf body = SPH_BUF_NULL;
    struct sph_json_value top;
    char host[256];
    if (sph_target_open(cli, NULL, &target, &err) < 0 ||
        sph_target_ask(&target, "GET", "/net/proxy", NULL, &text, &top, &err) < 0)
        return sph_say_failure(&err);
    if (!*sph_answer_text(&top, "address", host, sizeof(host))) {
        SPH_FAIL(&err, -ENOENT,
                 "device '%s' has no proxy; set one with 'device network proxy apply'",
                 target.name);
        return sph_say_failure(&err);
    }
    int r = write_switched(cli, &top, on, &body);
    if (r < 0) {
        SPH_FAIL_ERRNO(&err, r, "cannot make the request");
        return sph_say_failure(&err);
    }
    if (sph_target_call(&target, "POST", "/net/proxy", body.data, &err) < 0)
        return sph_say_failure(&err);
    sph_say(cli, on ? "Proxy enabled." : "Proxy disabled.");
    return SPH_EXIT_OK;
}

static int run_enable(struct sph_cli *cli) {
    return set_enabled(cli, true);
}

static int run_disable(struct sph_cli *cli) {
    return set_enabled(cli, false);
}

static const struct sph_option switch_options[] = {
    {.name = "password",
     .letter = 'w',
     .value = "TEXT",
     .help = "of basic authentication, since the device does not tell it"},
    {.name = NULL},
};

const struct sph_command sph_cmd_device_network_proxy_enable = {
    .path = "device network proxy enable",
    .summary = "Use the proxy",
    .options = switch_options,
    .run = run_enable,
};
const struct sph_command sph_cmd_device_network_proxy_disable = {
    .path = "device network proxy disable",
    .summary = "Keep the proxy and do not use it",
    .options = switch_options,
    .run = run_disable,
};
