/* commands: one row from each file of this folder. */
#ifndef SPH_CLI_COMMANDS_COMMANDS_H
#define SPH_CLI_COMMANDS_COMMANDS_H

#include "cli/syntax/command.h"

/* Only commands.c takes them together; everybody else goes by sph_commands (command.h), whose order
 * is that of the help. */
extern const struct sph_command sph_cmd_check;
extern const struct sph_command sph_cmd_completion;
extern const struct sph_command sph_cmd_device_app_show_heap;
extern const struct sph_command sph_cmd_device_app_show_kills;
extern const struct sph_command sph_cmd_device_app_show_memory_stats;
extern const struct sph_command sph_cmd_device_app_show_quota;
extern const struct sph_command sph_cmd_device_app_show_status;
extern const struct sph_command sph_cmd_device_app_start;
extern const struct sph_command sph_cmd_device_app_stop;
extern const struct sph_command sph_cmd_device_capability_select;
extern const struct sph_command sph_cmd_device_capability_show_attached;
extern const struct sph_command sph_cmd_device_capability_update;
extern const struct sph_command sph_cmd_device_certificate_add;
extern const struct sph_command sph_cmd_device_certificate_delete;
extern const struct sph_command sph_cmd_device_certificate_list;
extern const struct sph_command sph_cmd_device_certificate_show;
extern const struct sph_command sph_cmd_device_certificate_show_quota;
extern const struct sph_command sph_cmd_device_create;
extern const struct sph_command sph_cmd_device_delete;
extern const struct sph_command sph_cmd_device_enable_cloud_test;
extern const struct sph_command sph_cmd_device_enable_development;
extern const struct sph_command sph_cmd_device_gpio_get;
extern const struct sph_command sph_cmd_device_gpio_list;
extern const struct sph_command sph_cmd_device_gpio_set;
extern const struct sph_command sph_cmd_device_image_list_installed;
extern const struct sph_command sph_cmd_device_image_list_targeted;
extern const struct sph_command sph_cmd_device_list;
extern const struct sph_command sph_cmd_device_list_attached;
extern const struct sph_command sph_cmd_device_log;
extern const struct sph_command sph_cmd_device_manufacturing_state_show;
extern const struct sph_command sph_cmd_device_manufacturing_state_update;
extern const struct sph_command sph_cmd_device_network_disable;
extern const struct sph_command sph_cmd_device_network_enable;
extern const struct sph_command sph_cmd_device_network_list_firewall_rules;
extern const struct sph_command sph_cmd_device_network_list_interfaces;
extern const struct sph_command sph_cmd_device_network_proxy_apply;
extern const struct sph_command sph_cmd_device_network_proxy_delete;
extern const struct sph_command sph_cmd_device_network_proxy_disable;
extern const struct sph_command sph_cmd_device_network_proxy_enable;
extern const struct sph_command sph_cmd_device_network_proxy_show;
extern const struct sph_command sph_cmd_device_network_show_diagnostics;
extern const struct sph_command sph_cmd_device_network_show_status;
extern const struct sph_command sph_cmd_device_network_update_interface;
extern const struct sph_command sph_cmd_device_recover;
extern const struct sph_command sph_cmd_device_rescan_attached;
extern const struct sph_command sph_cmd_device_rest;
extern const struct sph_command sph_cmd_device_restart;
extern const struct sph_command sph_cmd_device_show_attached;
extern const struct sph_command sph_cmd_device_show_os_version;
extern const struct sph_command sph_cmd_device_sideload_delete;
extern const struct sph_command sph_cmd_device_sideload_deploy;
extern const struct sph_command sph_cmd_device_sideload_set_deployment_timeout;
extern const struct sph_command sph_cmd_device_sideload_show_deployment_timeout;
extern const struct sph_command sph_cmd_device_start;
extern const struct sph_command sph_cmd_device_stop;
extern const struct sph_command sph_cmd_device_wifi_add;
extern const struct sph_command sph_cmd_device_wifi_disable;
extern const struct sph_command sph_cmd_device_wifi_enable;
extern const struct sph_command sph_cmd_device_wifi_forget;
extern const struct sph_command sph_cmd_device_wifi_list;
extern const struct sph_command sph_cmd_device_wifi_reload_config;
extern const struct sph_command sph_cmd_device_wifi_scan;
extern const struct sph_command sph_cmd_device_wifi_show;
extern const struct sph_command sph_cmd_device_wifi_show_status;
extern const struct sph_command sph_cmd_image_add;
extern const struct sph_command sph_cmd_image_delete;
extern const struct sph_command sph_cmd_image_list;
extern const struct sph_command sph_cmd_image_show;
extern const struct sph_command sph_cmd_image_package_pack_application;
extern const struct sph_command sph_cmd_image_package_show;
extern const struct sph_command sph_cmd_run;
extern const struct sph_command sph_cmd_trust_add;
extern const struct sph_command sph_cmd_trust_list;
extern const struct sph_command sph_cmd_trust_remove;
extern const struct sph_command sph_cmd_version;

#endif
