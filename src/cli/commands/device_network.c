/* device network: the interfaces of a device, its firewall, and why a connection fails. All of it
 * is simulated by the device's gateway; these are the original's words for asking. */
#include "cli/call.h"
#include "cli/commands/commands.h"
#include "cli/frame/cli.h"

static const struct sph_column interface_columns[] = {
    {"Interface name", "interfaceName"},
    {"Interface up", "interfaceUp"},
    {"Connected to network", "connectedToNetwork"},
    {"IP acquired", "ipAcquired"},
    {"Connected to Internet", "connectedToInternet"},
    {"IP addresses", "ipAddresses"},
    {"Hardware address", "hardwareAddress"},
    {.title = NULL},
};
static const struct sph_call list_interfaces = {
    .method = "GET",
    .path = "/net/interfaces",
    .list = "interfaces",
    .columns = interface_columns,
    .style = SPH_TABLE_RECORDS,
};

const struct sph_command sph_cmd_device_network_list_interfaces = {
    .path = "device network list-interfaces",
    .summary = "List the network interfaces",
    .run = sph_call_run,
    .call = &list_interfaces,
};

static const struct sph_option interface_options[] = {
    {.name = "interface",
     .letter = 'i',
     .value = "NAME",
     .help = "the interface, such as wlan0",
     .required = true},
    {.name = NULL},
};
static const struct sph_call_member up[] = {
    {.key = "interfaceUp", .json = "true", .kind = SPH_CALL_FIXED}, {.key = NULL}};
static const struct sph_call_member down[] = {
    {.key = "interfaceUp", .json = "false", .kind = SPH_CALL_FIXED}, {.key = NULL}};
static const struct sph_call enable = {
    .method = "PATCH",
    .path = "/net/interfaces/*",
    .id = "interface",
    .members = up,
    .done = "Interface '*' enabled.",
};
static const struct sph_call disable = {
    .method = "PATCH",
    .path = "/net/interfaces/*",
    .id = "interface",
    .members = down,
    .done = "Interface '*' disabled.",
};

const struct sph_command sph_cmd_device_network_enable = {
    .path = "device network enable",
    .summary = "Enable a network interface",
    .options = interface_options,
    .run = sph_call_run,
    .call = &enable,
};
const struct sph_command sph_cmd_device_network_disable = {
    .path = "device network disable",
    .summary = "Disable a network interface",
    .options = interface_options,
    .run = sph_call_run,
    .call = &disable,
};

static const struct sph_option update_options[] = {
    {.name = "interface",
     .letter = 'i',
     .value = "NAME",
     .help = "the interface, such as eth0",
     .required = true},
    {.name = "hardware-address",
     .letter = 'a',
     .value = "MAC",
     .help = "its new address, such as 02:00:5e:00:53:01",
     .required = true},
    {.name = NULL},
};
static const struct sph_call_member address[] = {
    {.key = "hardwareAddress", .option = "hardware-address"}, {.key = NULL}};
static const struct sph_call update = {
    .method = "PATCH",
    .path = "/net/interfaces/*",
    .id = "interface",
    .members = address,
    .done = "Interface '*' updated.",
};

const struct sph_command sph_cmd_device_network_update_interface = {
    .path = "device network update-interface",
    .summary = "Give a network interface another hardware address",
    .options = update_options,
    .run = sph_call_run,
    .call = &update,
};

static const struct sph_column status_columns[] = {
    {"Device authentication is ready", "deviceAuthenticationIsReady"},
    {"Network time sync", "networkTimeSync"},
    {"Proxy", "proxy"},
    {.title = NULL},
};
static const struct sph_call show_status = {
    .method = "GET",
    .path = "/net/status",
    .columns = status_columns,
    .style = SPH_TABLE_RECORDS,
};

const struct sph_command sph_cmd_device_network_show_status = {
    .path = "device network show-status",
    .summary = "Show whether the network is ready for use",
    .run = sph_call_run,
    .call = &show_status,
};

static const struct sph_column rule_columns[] = {
    {"Hook", "hook"},
    {"Valid", "isValid"},
    {"Action", "action"},
    {"Protocol", "protocol"},
    {"State", "state"},
    {"Source", "sourceIP"},
    {"Source ports", "sourcePortRange"},
    {"Destination", "destinationIP"},
    {"Destination ports", "destinationPortRange"},
    {"In", "interfaceInName"},
    {"Out", "interfaceOutName"},
    {.title = NULL},
};
static const struct sph_call list_rules = {
    .method = "GET",
    .path = "/net/firewall/rulesets",
    .list = "rulesets",
    .inner = "rules",
    .columns = rule_columns,
    .style = SPH_TABLE_PLAIN,
    .none = "There is no firewall rule.",
};

const struct sph_command sph_cmd_device_network_list_firewall_rules = {
    .path = "device network list-firewall-rules",
    .summary = "List the rules of the firewall",
    .run = sph_call_run,
    .call = &list_rules,
};

static const struct sph_option diagnostics_options[] = {
    {.name = "network",
     .letter = 'n',
     .value = "ID",
     .help = "only this Wi-Fi network; else every one that failed"},
    {.name = NULL},
};
static const struct sph_column diagnostics_columns[] = {
    {"ID", "id"},
    {"SSID", "ssid"},
    {"Configuration state", "configState"},
    {"Connection state", "connectionState"},
    {"Security state", "securityState"},
    {"Error", "error"},
    {"Reason", "reason"},
    {.title = NULL},
};
static const struct sph_call show_diagnostics = {
    .method = "GET",
    .path = "/wifi/diagnostics/networks/*",
    .id = "network",
    .list = "values",
    .columns = diagnostics_columns,
    .style = SPH_TABLE_RECORDS,
    .none = "No connection to a network failed.",
};

const struct sph_command sph_cmd_device_network_show_diagnostics = {
    .path = "device network show-diagnostics",
    .summary = "Show why Wi-Fi networks could not be connected to",
    .options = diagnostics_options,
    .run = sph_call_run,
    .call = &show_diagnostics,
};
