/* device rest: the device's REST interface over HTTPS, for programs that know nothing else. Off
 * until somebody asks for it here: a device's own user has its socket (docs/spec/https.md). */
#include <errno.h>

#include "cli/call.h"
#include "cli/commands/commands.h"
#include "cli/device/target.h"
#include "cli/frame/cli.h"

#define LISTEN_PATH "/spherule/v1/listen"

enum { CA_BYTES_MAX = 16 << 10 };

static const struct sph_option options[] = {
    {.name = "listen", .value = "ADDRESS:PORT", .help = "serve it there, such as 127.0.0.1:8443"},
    {.name = "trusted", .help = "with --listen: ask for no token (addresses of loopback only)"},
    {.name = "off", .help = "serve it no longer, and forget the token"},
    {.name = "ca", .help = "print the certificate that clients are to trust (PEM)"},
    {.name = "token", .help = "print the token that clients are to send"},
    {.name = NULL},
};

static const struct sph_column columns[] = {
    {"Listening", "listening"},
    {"Address", "address"},
    {"Trusted", "trusted"},
    {"Fingerprint", "fingerprint"},
    {"Message", "message"},
    {"Token", "token"},
    {.title = NULL},
};
static const struct sph_call show = {
    .method = "GET",
    .path = LISTEN_PATH,
    .columns = columns,
    .style = SPH_TABLE_RECORDS,
};

static int add_trusted(const struct sph_args *args, struct sph_json_out *out, struct sph_err *err) {
    (void)err;
    sph_json_key_bool(out, "trusted", sph_args_flag(args, "trusted"));
    return 0;
}

static const struct sph_call_member listen_members[] = {{.key = "address", .option = "listen"},
                                                        {.key = NULL}};
static const struct sph_call listen = {
    .method = "POST",
    .path = LISTEN_PATH,
    .members = listen_members,
    .add = add_trusted,
    .columns = columns,
    .style = SPH_TABLE_RECORDS,
};
static const struct sph_call off = {
    .method = "DELETE",
    .path = LISTEN_PATH,
    .done = "The REST interface is no longer served over HTTPS.",
};

/* A text alone, so that it can be used in a command line; its key in JSON. */
static int answer_text(const struct sph_cli *cli, const char *key, const char *text,
                       const char *end) {
    const struct sph_column column[] = {{key, key}, {.title = NULL}};
    sph_autotable struct sph_table table;
    sph_autobuf struct sph_buf human = SPH_BUF_NULL;
    sph_autobuf struct sph_buf json = SPH_BUF_NULL;
    struct sph_json_out out;
    sph_table_init(&table, column);
    sph_table_add(&table, text);
    sph_buf_printf(&human, "%s%s", text, end);
    sph_json_begin(&out, &json);
    sph_json_object(&out);
    sph_json_key_string(&out, key, text);
    sph_json_object_end(&out);
    return sph_cli_answer(cli,
                          &(struct sph_answer){.table = &table, .human = &human, .json = &json});
}

static int run_ca(struct sph_cli *cli) {
    struct sph_err err = SPH_ERR_NULL;
    sph_autotarget struct sph_target target = SPH_TARGET_NULL;
    sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(CA_BYTES_MAX);
    const struct sph_rest_request request = {.method = "GET", .path = LISTEN_PATH "/ca"};
    if (sph_target_open(cli, NULL, &target, &err) < 0 ||
        sph_rest_call(target.rest, &request, &text, &err) < 0)
        return sph_say_failure(&err);
    return answer_text(cli, "certificate", text.data ? text.data : "", "");
}

/* The device tells it only to who asks to listen where it listens already. */
static int run_token(struct sph_cli *cli) {
    struct sph_err err = SPH_ERR_NULL;
    sph_autotarget struct sph_target target = SPH_TARGET_NULL;
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    sph_autobuf struct sph_buf body = SPH_BUF_NULL;
    sph_autobuf struct sph_buf again = SPH_BUF_NULL;
    struct sph_json_value top;
    struct sph_json_out out;
    char address[64], token[128];
    if (sph_target_open(cli, NULL, &target, &err) < 0 ||
        sph_target_ask(&target, "GET", LISTEN_PATH, NULL, &text, &top, &err) < 0)
        return sph_say_failure(&err);
    if (!*sph_answer_text(&top, "address", address, sizeof(address))) {
        SPH_FAIL(&err, -ENOENT,
                 "device '%s' serves no HTTPS and has no token; 'device rest --listen "
                 "127.0.0.1:8443' switches it on",
                 target.name);
        return sph_say_failure(&err);
    }
    sph_json_begin(&out, &body);
    sph_json_object(&out);
    sph_json_key_string(&out, "address", address);
    sph_json_key_bool(&out, "trusted", sph_answer_bool(&top, "trusted"));
    sph_json_object_end(&out);
    if (body.error) {
        SPH_FAIL_ERRNO(&err, body.error, "cannot make the request");
        return sph_say_failure(&err);
    }
    if (sph_target_ask(&target, "POST", LISTEN_PATH, body.data, &again, &top, &err) < 0)
        return sph_say_failure(&err);
    return answer_text(cli, "token", sph_answer_text(&top, "token", token, sizeof(token)), "\n");
}

/* One thing at a time. */
static int run(struct sph_cli *cli) {
    bool listens = sph_args_flag(&cli->args, "listen");
    bool is_off = sph_args_flag(&cli->args, "off");
    bool ca = sph_args_flag(&cli->args, "ca");
    bool token = sph_args_flag(&cli->args, "token");
    if (listens + is_off + ca + token > 1)
        return sph_say_usage("give one of --listen, --off, --ca and --token");
    if (sph_args_flag(&cli->args, "trusted") && !listens)
        return sph_say_usage("--trusted goes together with --listen");
    if (ca)
        return run_ca(cli);
    if (token)
        return run_token(cli);
    return sph_call_run_as(listens ? &listen : is_off ? &off : &show, cli);
}

const struct sph_command sph_cmd_device_rest = {
    .path = "device rest",
    .summary = "Serve a device's REST interface over HTTPS, or show where it is served",
    .details =
        "For clients: curl --cacert CA.pem -H 'Authorization: Bearer TOKEN' https://ADDRESS:PORT/"
        "status\nWhoever has the token may do all that the device's user may, but this.",
    .options = options,
    .run = run,
};
