/* device certificate: the certificate store of a device, for Wi-Fi networks that want certificates.
 */
#include <errno.h>
#include <string.h>

#include "cli/call.h"
#include "cli/commands/commands.h"
#include "cli/frame/cli.h"

static const char *const types[] = {"client", "rootca", NULL};
static const char *const device_types[] = {"Client", "RootCA", NULL};
static const struct sph_option add_options[] = {
    {.name = "cert-id",
     .letter = 'i',
     .value = "ID",
     .help = "an identifier of up to 16 characters",
     .required = true},
    {.name = "cert-type",
     .letter = 't',
     .value = "TYPE",
     .help = "what it is",
     .choices = types,
     .kind = SPH_VALUE_CHOICE,
     .required = true},
    {.name = "public-key-file",
     .alias = "public-key-filepath",
     .letter = 'p',
     .value = "FILE",
     .help = "certificate in PEM",
     .kind = SPH_VALUE_FILE,
     .required = true},
    {.name = "private-key-file",
     .alias = "private-key-filepath",
     .value = "FILE",
     .help = "private key in PEM",
     .kind = SPH_VALUE_FILE},
    {.name = "private-key-password",
     .letter = 'w',
     .value = "TEXT",
     .help = "the password of the private key"},
    {.name = NULL},
};
static const struct sph_call_member add_members[] = {
    {.key = "certType", .option = "cert-type", .values = device_types},
    {.key = "publicCert", .option = "public-key-file", .kind = SPH_CALL_FILE},
    {.key = "privateKey", .option = "private-key-file", .kind = SPH_CALL_FILE},
    {.key = "password", .option = "private-key-password"},
    {.key = NULL},
};

/* Adds nothing; the device would say the same of a request. */
static int check_key(const struct sph_args *args, struct sph_json_out *out, struct sph_err *err) {
    bool is_client = strcmp(sph_args_value(args, "cert-type"), "client") == 0;
    bool has_key = sph_args_flag(args, "private-key-file");
    (void)out;
    if (is_client && !has_key)
        return SPH_FAIL(err, -EINVAL, "a client certificate needs --private-key-file");
    if (!is_client && (has_key || sph_args_flag(args, "private-key-password")))
        return SPH_FAIL(err, -EINVAL, "a root certificate has no private key here");
    return 0;
}

static const struct sph_call add = {
    .method = "POST",
    .path = "/certstore/certs/*",
    .id = "cert-id",
    .members = add_members,
    .add = check_key,
    .done = "Certificate '*' added.",
};

const struct sph_command sph_cmd_device_certificate_add = {
    .path = "device certificate add",
    .summary = "Put a certificate into a device's store",
    .details = "One with the same identifier is replaced.",
    .options = add_options,
    .run = sph_call_run,
    .call = &add,
};

static const struct sph_column list_columns[] = {{"Certificate ID", "id"}, {.title = NULL}};
static const struct sph_call list = {
    .method = "GET",
    .path = "/certstore/certs",
    .list = "identifiers",
    .columns = list_columns,
    .style = SPH_TABLE_PLAIN,
    .none = "No certificate is in the store.",
};

const struct sph_command sph_cmd_device_certificate_list = {
    .path = "device certificate list",
    .summary = "List the certificates of a device",
    .run = sph_call_run,
    .call = &list,
};

static const struct sph_option id_options[] = {
    {.name = "cert-id",
     .letter = 'i',
     .value = "ID",
     .help = "the certificate's identifier",
     .required = true},
    {.name = NULL},
};
static const struct sph_column columns[] = {
    {"Certificate ID", "id"},   {"Not before", "notBefore"}, {"Not after", "notAfter"},
    {"Subject", "subjectName"}, {"Issuer", "issuerName"},    {.title = NULL},
};
static const struct sph_call show = {
    .method = "GET",
    .path = "/certstore/certs/*",
    .id = "cert-id",
    .columns = columns,
    .style = SPH_TABLE_RECORDS,
};
static const struct sph_call delete = {
    .method = "DELETE",
    .path = "/certstore/certs/*",
    .id = "cert-id",
    .done = "Certificate '*' deleted.",
};

const struct sph_command sph_cmd_device_certificate_show = {
    .path = "device certificate show",
    .summary = "Show a certificate of a device",
    .options = id_options,
    .run = sph_call_run,
    .call = &show,
};
const struct sph_command sph_cmd_device_certificate_delete = {
    .path = "device certificate delete",
    .summary = "Take a certificate off a device",
    .options = id_options,
    .run = sph_call_run,
    .call = &delete,
};

static const struct sph_column space_columns[] = {{"Available space", "AvailableSpace"},
                                                  {.title = NULL}};
static const struct sph_call show_quota = {
    .method = "GET",
    .path = "/certstore/space",
    .columns = space_columns,
    .style = SPH_TABLE_RECORDS,
};

const struct sph_command sph_cmd_device_certificate_show_quota = {
    .path = "device certificate show-quota",
    .summary = "Show how many bytes more the certificate store takes",
    .run = sph_call_run,
    .call = &show_quota,
};
