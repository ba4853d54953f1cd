/* trust add: from now on a device takes packages that this certificate's key has signed. The
 * certificate is a carrier for the key: its dates and issuer are not looked at, since what is
 * trusted is this one key and no chain above it. */
#include "cli/commands/commands.h"
#include "cli/development_key.h"
#include "cli/frame/cli.h"
#include "cli/image/package_file.h"

static const struct sph_option options[] = {
    {.name = "sdk-development",
     .help = "instead of a certificate: the original SDK's public development signer"},
    {.name = "production",
     .help = "what it signs runs without the capability app development, too"},
    {.name = NULL},
};

static const struct sph_positional positionals[] = {
    {.name = "CERT.pem",
     .help = "certificate with a key on the curve P-256",
     .kind = SPH_VALUE_FILE},
    {.name = NULL},
};

/* A status; SPH_EXIT_OK to go on. */
static int read_record(const char *path, struct sph_trust_record *ret_record) {
    struct sph_err err = SPH_ERR_NULL;
    sph_autobuf struct sph_buf pem = SPH_BUF_LIMIT(64 << 10);
    if (sph_input_read("certificate", path, &pem, &err) < 0)
        return sph_say_input_failure(&err);
    if (sph_certificate_read(pem.data ? pem.data : "", pem.len, ret_record, &err) < 0) {
        sph_err_prefix(&err, "%s", path);
        return sph_say_failure_as(SPH_EXIT_INPUT, &err);
    }
    return SPH_EXIT_OK;
}

/* Exactly one of the two: a default would trust somebody whom nobody named. */
static int run(struct sph_cli *cli) {
    struct sph_err err = SPH_ERR_NULL;
    sph_autotarget struct sph_target target = SPH_TARGET_NULL;
    struct sph_trust_record record = sph_trust_sdk_development;
    const char *path = sph_args_positional(&cli->args, 0);
    bool sdk = sph_args_flag(&cli->args, "sdk-development");
    if (sdk == (path != NULL))
        return sph_say_usage("give either a certificate or --sdk-development");
    bool production = sph_args_flag(&cli->args, "production");
    if (sdk && production)
        return sph_say_usage("anybody can sign with the original SDK's key: it is for development "
                             "only");
    int status = sdk ? SPH_EXIT_OK : read_record(path, &record);
    if (status != SPH_EXIT_OK)
        return status;
    record.is_production = production;
    if (sph_target_open(cli, NULL, &target, &err) < 0 ||
        sph_target_trust(&target, &record, &err) < 0)
        return sph_say_failure(&err);
    sph_say(cli, "Device '%s' now trusts '%s'%s.", target.name, record.name,
            production ? " for production" : "");
    return SPH_EXIT_OK;
}

const struct sph_command sph_cmd_trust_add = {
    .path = "trust add",
    .summary = "Make a device trust a signer",
    .details =
        "Anybody can have packages signed by the original SDK's development signer: a device "
        "takes\nthem only when asked to.",
    .options = options,
    .positionals = positionals,
    .run = run,
};
