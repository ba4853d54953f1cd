/* trust add: from now on a device takes packages that this certificate's key has signed. */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/development_key.h"
#include "cli/package_file.h"

static const struct sph_positional positionals[] = {
    {.name = "CERT.pem",
     .help = "certificate with a key on the curve P-256",
     .kind = SPH_VALUE_FILE,
     .required = true},
    {.name = NULL},
};

static int run(struct sph_cli *cli) {
    struct sph_err err = SPH_ERR_NULL;
    sph_autotarget struct sph_target target = SPH_TARGET_NULL;
    sph_autobuf struct sph_buf pem = SPH_BUF_LIMIT(64 << 10);
    struct sph_trust_record record;
    const char *path = sph_args_positional(&cli->args, 0);
    if (sph_input_read("certificate", path, &pem, &err) < 0)
        return sph_say_input_failure(&err);
    if (sph_certificate_read(pem.data ? pem.data : "", pem.len, &record, &err) < 0) {
        sph_err_prefix(&err, "%s", path);
        return sph_say_failure_as(SPH_EXIT_INPUT, &err);
    }
    if (sph_target_open(cli, NULL, &target, &err) < 0 ||
        sph_target_trust(&target, &record, &err) < 0)
        return sph_say_failure(&err);
    sph_say(cli, "Device '%s' now trusts '%s'.", target.name, record.name);
    return SPH_EXIT_OK;
}

const struct sph_command sph_cmd_trust_add = {
    .path = "trust add",
    .summary = "Make a device trust a signer",
    .positionals = positionals,
    .run = run,
};
