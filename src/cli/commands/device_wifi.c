/* device wifi: the Wi-Fi networks that a device knows, and those in its simulated air. */
#include <errno.h>

#include "cli/call.h"
#include "cli/commands/commands.h"
#include "cli/frame/cli.h"

static const struct sph_column network_columns[] = {
    {"ID", "id"},
    {"SSID", "ssid"},
    {"Configuration state", "configState"},
    {"Connection state", "connectionState"},
    {"Security state", "securityState"},
    {"Targeted scan", "targetedScan"},
    {"Configuration name", "configName"},
    {"Client identity", "clientIdentity"},
    {"Client certificate ID", "clientCertStoreIdentifier"},
    {"Root CA certificate ID", "rootCACertStoreIdentifier"},
    {.title = NULL},
};

/* ---- add ---- */

static const struct sph_option add_options[] = {
    {.name = "ssid", .letter = 's', .value = "NAME", .help = "its name", .required = true},
    {.name = "psk", .letter = 'p', .value = "TEXT", .help = "its passphrase"},
    {.name = "targeted-scan", .help = "ask for it by name: it does not tell its own"},
    {.name = "config-name", .value = "NAME", .help = "a name to find it again by"},
    {.name = "client-cert-id", .value = "ID", .help = "the client certificate for EAP-TLS"},
    {.name = "client-id", .value = "NAME", .help = "the client identity for EAP-TLS"},
    {.name = "root-ca-cert-id", .value = "ID", .help = "the root certificate for EAP-TLS"},
    {.name = NULL},
};
static const struct sph_call_member add_members[] = {
    {.key = "ssid", .option = "ssid"},
    {.key = "psk", .option = "psk"},
    {.key = "targetedScan", .option = "targeted-scan", .json = "true", .kind = SPH_CALL_FIXED},
    {.key = "configName", .option = "config-name"},
    {.key = "clientCertStoreIdentifier", .option = "client-cert-id"},
    {.key = "clientIdentity", .option = "client-id"},
    {.key = "rootCACertStoreIdentifier", .option = "root-ca-cert-id"},
    {.key = "configState", .json = "\"enabled\"", .kind = SPH_CALL_FIXED},
    {.key = NULL},
};

/* The kind follows from what is given, as on the original. */
static int add_security(const struct sph_args *args, struct sph_json_out *out,
                        struct sph_err *err) {
    bool psk = sph_args_flag(args, "psk");
    bool eap = sph_args_flag(args, "client-cert-id") || sph_args_flag(args, "client-id") ||
               sph_args_flag(args, "root-ca-cert-id");
    if (psk && eap)
        return SPH_FAIL(err, -EINVAL, "a network has either a passphrase or certificates");
    sph_json_key_string(out, "securityState", psk ? "psk" : eap ? "eaptls" : "open");
    return 0;
}

static const struct sph_call add = {
    .method = "POST",
    .path = "/wifi/config/networks",
    .members = add_members,
    .add = add_security,
    .columns = network_columns,
    .style = SPH_TABLE_RECORDS,
};

const struct sph_command sph_cmd_device_wifi_add = {
    .path = "device wifi add",
    .summary = "Let a device know a Wi-Fi network",
    .details = "Without a passphrase and certificates the network is open.",
    .options = add_options,
    .run = sph_call_run,
    .call = &add,
};

/* ---- list, show ---- */

static const struct sph_call list = {
    .method = "GET",
    .path = "/wifi/config/networks",
    .list = "values",
    .columns = network_columns,
    .style = SPH_TABLE_RECORDS,
    .none = "No Wi-Fi network is known.",
};

const struct sph_command sph_cmd_device_wifi_list = {
    .path = "device wifi list",
    .summary = "List the Wi-Fi networks that a device knows",
    .run = sph_call_run,
    .call = &list,
};

static const struct sph_option id_options[] = {
    {.name = "id",
     .letter = 'i',
     .value = "ID",
     .help = "the network's number, as 'device wifi list' shows it",
     .required = true},
    {.name = NULL},
};
static const struct sph_call show = {
    .method = "GET",
    .path = "/wifi/config/networks/*",
    .id = "id",
    .columns = network_columns,
    .style = SPH_TABLE_RECORDS,
};

const struct sph_command sph_cmd_device_wifi_show = {
    .path = "device wifi show",
    .summary = "Show a Wi-Fi network that a device knows",
    .options = id_options,
    .run = sph_call_run,
    .call = &show,
};

/* ---- enable, disable, forget ---- */

static const struct sph_call_member enabled[] = {
    {.key = "configState", .json = "\"enabled\"", .kind = SPH_CALL_FIXED}, {.key = NULL}};
static const struct sph_call_member disabled[] = {
    {.key = "configState", .json = "\"disabled\"", .kind = SPH_CALL_FIXED}, {.key = NULL}};
static const struct sph_call enable = {
    .method = "PATCH",
    .path = "/wifi/config/networks/*",
    .id = "id",
    .members = enabled,
    .done = "Wi-Fi network * enabled.",
};
static const struct sph_call disable = {
    .method = "PATCH",
    .path = "/wifi/config/networks/*",
    .id = "id",
    .members = disabled,
    .done = "Wi-Fi network * disabled.",
};
static const struct sph_call forget = {
    .method = "DELETE",
    .path = "/wifi/config/networks/*",
    .id = "id",
    .done = "Wi-Fi network * forgotten.",
};

const struct sph_command sph_cmd_device_wifi_enable = {
    .path = "device wifi enable",
    .summary = "Connect to a Wi-Fi network when it is in reach",
    .options = id_options,
    .run = sph_call_run,
    .call = &enable,
};
const struct sph_command sph_cmd_device_wifi_disable = {
    .path = "device wifi disable",
    .summary = "Keep a Wi-Fi network and do not connect to it",
    .options = id_options,
    .run = sph_call_run,
    .call = &disable,
};
const struct sph_command sph_cmd_device_wifi_forget = {
    .path = "device wifi forget",
    .summary = "Let a device forget a Wi-Fi network",
    .options = id_options,
    .run = sph_call_run,
    .call = &forget,
};

/* ---- scan, show-status, reload-config ---- */

static const struct sph_column scan_columns[] = {
    {"SSID", "ssid"},
    {"BSSID", "bssid"},
    {"Security state", "securityState"},
    {"Signal level", "signal_level"},
    {"Frequency", "freq"},
    {.title = NULL},
};
static const struct sph_call scan = {
    .method = "GET",
    .path = "/wifi/scan",
    .list = "values",
    .columns = scan_columns,
    .style = SPH_TABLE_RECORDS,
    .none = "No Wi-Fi network is in reach.",
};

const struct sph_command sph_cmd_device_wifi_scan = {
    .path = "device wifi scan",
    .summary = "List the Wi-Fi networks in reach",
    .run = sph_call_run,
    .call = &scan,
};

static const struct sph_column status_columns[] = {
    {"SSID", "ssid"},
    {"ID", "id"},
    {"Configuration state", "interfaceState"},
    {"Connection state", "connectionState"},
    {"Security state", "securityState"},
    {"Frequency", "frequency"},
    {"Mode", "mode"},
    {"Key management", "keyManagement"},
    {"WPA state", "wpaState"},
    {"IP address", "ipAddress"},
    {"MAC address", "macAddress"},
    {.title = NULL},
};
static const struct sph_call show_status = {
    .method = "GET",
    .path = "/wifi/interface",
    .columns = status_columns,
    .style = SPH_TABLE_RECORDS,
};

const struct sph_command sph_cmd_device_wifi_show_status = {
    .path = "device wifi show-status",
    .summary = "Show what the Wi-Fi interface is connected to",
    .run = sph_call_run,
    .call = &show_status,
};

/* The request shows that the device is there; what it answers is what a reload has come to. */
static const struct sph_call reload = {
    .method = "GET",
    .path = "/wifi/config/networks",
    .done = "Wi-Fi configuration reloaded.",
};

const struct sph_command sph_cmd_device_wifi_reload_config = {
    .path = "device wifi reload-config",
    .summary = "Look at the Wi-Fi networks and their certificates anew",
    .details = "A device here does so at every request by itself; this is for scripts that were "
               "made\nfor the original.",
    .run = sph_call_run,
    .call = &reload,
};
