/* The table itself: groups and global options here, each command's row in its own file, where
 * its options stand beside the code that reads them. A registration at start-up (constructors,
 * linker sections) was rejected: the order would be the linker's, and the order of the help with
 * it. */
#include "cli/commands/commands.h"

/* The original's forms, in the order of enum sph_output. */
const char *const sph_output_choices[] = {"table", "json", "jsonc", "yaml", "tsv", "none", NULL};

const struct sph_option sph_global_options[] = {
    {.name = "device",
     .letter = 'd',
     .value = "NAME",
     .help = "the device (else $SPHERULE_DEVICE, 'default', or the only one)",
     .kind = SPH_VALUE_DEVICE},
    {.name = "output",
     .letter = 'o',
     .value = "FORMAT",
     .help = "how to print the answer",
     .choices = sph_output_choices,
     .kind = SPH_VALUE_CHOICE},
    {.name = "query", .value = "JMESPATH", .help = "print only what the query makes of the answer"},
    {.name = "verbose", .help = "say more about what is done, on standard error"},
    {.name = "help", .letter = 'h', .help = "show this help"},
    {.name = NULL},
};

/* Only without a command: "device list --version" would have to mean something. */
static const struct sph_option program_options[] = {
    {.name = "version", .help = "show the version"},
    {.name = NULL},
};

static const struct sph_command program = {
    .path = "",
    .summary = "Runs small Linux applications on an exact memory ration",
    .details = "The shortest way in: 'spherule run PACKAGE-or-EXECUTABLE'.\n"
               "State is kept in $SPHERULE_HOME.",
    .options = program_options,
};

/* Groups. The aliases are the original's short forms ("dev", "img", "sl", "ip"), which scripts use.
 */
static const struct sph_command group_device = {
    .path = "device",
    .alias = "dev",
    .summary = "Make devices, run them and work with them",
};

static const struct sph_command group_device_app = {
    .path = "device app",
    .summary = "Start, stop and measure the applications of a device",
};

static const struct sph_command group_device_capability = {
    .path = "device capability",
    .summary = "See and change what a device permits its developers",
};

static const struct sph_command group_device_network = {
    .path = "device network",
    .summary = "See and change the network of a device",
};

static const struct sph_command group_device_network_proxy = {
    .path = "device network proxy",
    .summary = "See and change the web proxy of a device",
};

static const struct sph_command group_device_wifi = {
    .path = "device wifi",
    .summary = "See and change the Wi-Fi of a device",
};

static const struct sph_command group_device_certificate = {
    .path = "device certificate",
    .alias = "cert",
    .summary = "See and change the certificates of a device",
};

static const struct sph_command group_device_manufacturing_state = {
    .path = "device manufacturing-state",
    .summary = "See and change how far a device is in its making",
};

static const struct sph_command group_device_gpio = {
    .path = "device gpio",
    .summary = "See and set the simulated pins of a device",
};

static const struct sph_command group_device_image = {
    .path = "device image",
    .alias = "img",
    .summary = "See the images on a device",
};

static const struct sph_command group_device_sideload = {
    .path = "device sideload",
    .alias = "sl",
    .summary = "Put applications on a device and take them off",
};

static const struct sph_command group_image = {
    .path = "image",
    .alias = "img",
    .summary = "Keep image packages in a catalog of yours",
};

static const struct sph_command group_image_package = {
    .path = "image-package",
    .alias = "ip",
    .summary = "Make and show image packages",
};

static const struct sph_command group_trust = {
    .path = "trust",
    .summary = "See and change whose packages a device takes",
};

/* Groups before what is in them, and in each the order in which a person meets the commands: what
 * makes comes first, then what starts and shows, then what removes. The help keeps it. */
const struct sph_command *const sph_commands[] = {
    &program,
    &sph_cmd_run,
    &sph_cmd_check,
    &group_device,
    &sph_cmd_device_create,
    &sph_cmd_device_start,
    &sph_cmd_device_stop,
    &sph_cmd_device_list,
    &sph_cmd_device_delete,
    &sph_cmd_device_restart,
    &sph_cmd_device_recover,
    &sph_cmd_device_show_attached,
    &sph_cmd_device_list_attached,
    &sph_cmd_device_rescan_attached,
    &sph_cmd_device_show_os_version,
    &sph_cmd_device_enable_development,
    &sph_cmd_device_enable_cloud_test,
    &sph_cmd_device_rest,
    &sph_cmd_device_log,
    &group_device_app,
    &sph_cmd_device_app_show_memory_stats,
    &sph_cmd_device_app_show_heap,
    &sph_cmd_device_app_show_status,
    &sph_cmd_device_app_start,
    &sph_cmd_device_app_stop,
    &sph_cmd_device_app_show_quota,
    &sph_cmd_device_app_show_kills,
    &group_device_sideload,
    &sph_cmd_device_sideload_deploy,
    &sph_cmd_device_sideload_delete,
    &sph_cmd_device_sideload_set_deployment_timeout,
    &sph_cmd_device_sideload_show_deployment_timeout,
    &group_device_image,
    &sph_cmd_device_image_list_installed,
    &sph_cmd_device_image_list_targeted,
    &group_device_capability,
    &sph_cmd_device_capability_show_attached,
    &sph_cmd_device_capability_select,
    &sph_cmd_device_capability_update,
    &group_device_network,
    &sph_cmd_device_network_list_interfaces,
    &sph_cmd_device_network_enable,
    &sph_cmd_device_network_disable,
    &sph_cmd_device_network_update_interface,
    &sph_cmd_device_network_show_status,
    &sph_cmd_device_network_list_firewall_rules,
    &sph_cmd_device_network_show_diagnostics,
    &group_device_network_proxy,
    &sph_cmd_device_network_proxy_apply,
    &sph_cmd_device_network_proxy_show,
    &sph_cmd_device_network_proxy_enable,
    &sph_cmd_device_network_proxy_disable,
    &sph_cmd_device_network_proxy_delete,
    &group_device_wifi,
    &sph_cmd_device_wifi_add,
    &sph_cmd_device_wifi_list,
    &sph_cmd_device_wifi_show,
    &sph_cmd_device_wifi_enable,
    &sph_cmd_device_wifi_disable,
    &sph_cmd_device_wifi_forget,
    &sph_cmd_device_wifi_scan,
    &sph_cmd_device_wifi_show_status,
    &sph_cmd_device_wifi_reload_config,
    &group_device_certificate,
    &sph_cmd_device_certificate_add,
    &sph_cmd_device_certificate_list,
    &sph_cmd_device_certificate_show,
    &sph_cmd_device_certificate_delete,
    &sph_cmd_device_certificate_show_quota,
    &group_device_manufacturing_state,
    &sph_cmd_device_manufacturing_state_show,
    &sph_cmd_device_manufacturing_state_update,
    &group_device_gpio,
    &sph_cmd_device_gpio_get,
    &sph_cmd_device_gpio_set,
    &sph_cmd_device_gpio_list,
    &group_image,
    &sph_cmd_image_add,
    &sph_cmd_image_list,
    &sph_cmd_image_show,
    &sph_cmd_image_delete,
    &group_image_package,
    &sph_cmd_image_package_pack_application,
    &sph_cmd_image_package_show,
    &group_trust,
    &sph_cmd_trust_add,
    &sph_cmd_trust_list,
    &sph_cmd_trust_remove,
    &sph_cmd_completion,
    &sph_cmd_version,
    NULL,
};
