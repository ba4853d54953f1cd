/* The table is the interface: docs/spec/rest.md lists the same rows, and a test compares the two.
 */
#include "gateway/rest/route.h"

#include "gateway/rest/replies.h"
#include "gateway/rest/requests.h"
#include "gateway/simulated/setting.h"
#include "wire/message.h"

#define OWN SPH_ROUTE_OWN

#define ROUTE(verb, where, arg, takes, does, code, builder, formatter)                             \
    {                                                                                              \
        .method = (verb), .path = (where), .argument = SPH_ARGUMENT_##arg,                         \
        .body = SPH_BODY_##takes, .action = SPH_ROUTE_##does, .op = SPH_OP_##code,                 \
        .build = (builder), .format = (formatter)                                                  \
    }

#define SETTING(verb, where, arg, takes, in, of, fn)                                               \
    {                                                                                              \
        .method = (verb), .path = (where), .argument = SPH_ARGUMENT_##arg,                         \
        .body = SPH_BODY_##takes, .action = SPH_ROUTE_SETTING, .op = SPH_OP_SETTING_GET,           \
        .reads = (in), .writes = SPH_SETTING_##of, .setting = (fn)                                 \
    }

/* What decides whether a network is connected: the interfaces, the networks and, for some of those,
 * the certificates. */
#define CERTIFICATES SPH_SETTING_BIT(SPH_SETTING_CERTIFICATES)
#define INTERFACES SPH_SETTING_BIT(SPH_SETTING_INTERFACES)
#define NETWORK (INTERFACES | CERTIFICATES | SPH_SETTING_BIT(SPH_SETTING_WIFI))
#define PROXY SPH_SETTING_BIT(SPH_SETTING_PROXY)
#define MANUFACTURING SPH_SETTING_BIT(SPH_SETTING_MANUFACTURING)
#define IDENTITY SPH_SETTING_BIT(SPH_SETTING_IDENTITY)

// clang-format off
const struct sph_route sph_routes[] = {
    /* Azure Sphere's, whose paths, members and statuses its clients know. */
    ROUTE("GET", "/status", NONE, NONE, ASK, STATUS, NULL, sph_format_status),
    ROUTE("GET", "/osversion", NONE, NONE, ASK, STATUS, NULL, sph_format_os_version),
    ROUTE("GET", "/abi_versions", NONE, NONE, ASK, STATUS, NULL, sph_format_abi_versions),
    ROUTE("GET", "/app/status/*", COMPONENT, NONE, ASK, APP_LIST, sph_build_component, sph_format_app_state),
    ROUTE("PATCH", "/app/status/*", COMPONENT, JSON, ASK, APP_CONTROL, sph_build_trigger, sph_format_app_control),
    ROUTE("DELETE", "/app/image/*", COMPONENT, NONE, ASK, APP_DELETE, sph_build_component, sph_format_restarting),
    ROUTE("GET", "/app/quota/*", COMPONENT, NONE, ASK, APP_QUOTA, sph_build_component, sph_format_quota),
    ROUTE("GET", "/images", NONE, NONE, ASK, APP_LIST, sph_build_component, sph_format_images),
    ROUTE("PUT", "/update/stage", NONE, PACKAGE, STAGE, STAGE_END, NULL, NULL),
    ROUTE("POST", "/update/install", NONE, JSON_OR_NONE, ASK, INSTALL, sph_build_install, sph_format_restarting),
    ROUTE("GET", "/log", NONE, NONE, LOG_ALL, LOG_READ, sph_build_log, sph_format_log),
    ROUTE("POST", "/restart", NONE, TEXT_OR_NONE, RESTART, RESTART, NULL, sph_format_restart),
    ROUTE("GET", "/device/capabilities", NONE, NONE, ASK, CAPABILITIES_GET, NULL, sph_format_capabilities),
    ROUTE("GET", "/stats/memory/groups/applications", NONE, NONE, ASK, MEMORY, NULL, sph_format_memory_stats),
    ROUTE("GET", "/telemetry", NONE, NONE, ASK, TELEMETRY_GET, NULL, sph_format_telemetry_bytes),
    ROUTE("DELETE", "/telemetry", NONE, NONE, ASK, TELEMETRY_CLEAR, NULL, NULL),

    SETTING("GET", "/certstore/certs", NONE, NONE, CERTIFICATES, CERTIFICATES, sph_certificates_list),
    SETTING("GET", "/certstore/certs/*", NAME, NONE, CERTIFICATES, CERTIFICATES, sph_certificates_get),
    {.method = "POST", .path = "/certstore/certs/*", .argument = SPH_ARGUMENT_NAME, .body = SPH_BODY_JSON,
     .action = SPH_ROUTE_SETTING, .op = SPH_OP_SETTING_GET, .body_max = SPH_ROUTE_CERTIFICATE_MAX,
     .reads = CERTIFICATES, .writes = SPH_SETTING_CERTIFICATES, .setting = sph_certificates_add},
    SETTING("DELETE", "/certstore/certs/*", NAME, NONE, CERTIFICATES, CERTIFICATES, sph_certificates_delete),
    SETTING("GET", "/certstore/space", NONE, NONE, CERTIFICATES, CERTIFICATES, sph_certificates_space),
    SETTING("GET", "/device/security_state", NONE, NONE, IDENTITY, IDENTITY, sph_security_state),
    SETTING("GET", "/device/manufacturing_state", NONE, NONE, MANUFACTURING, MANUFACTURING, sph_manufacturing_get),
    SETTING("PUT", "/device/manufacturing_state", NONE, JSON, MANUFACTURING, MANUFACTURING, sph_manufacturing_set),
    SETTING("GET", "/net/firewall/rulesets", NONE, NONE, INTERFACES, INTERFACES, sph_firewall_rulesets),
    SETTING("GET", "/net/interfaces", NONE, NONE, NETWORK, INTERFACES, sph_interfaces_list),
    SETTING("GET", "/net/interfaces/*", NAME, NONE, NETWORK, INTERFACES, sph_interfaces_get),
    SETTING("PATCH", "/net/interfaces/*", NAME, JSON, NETWORK, INTERFACES, sph_interfaces_change),
    SETTING("GET", "/net/proxy", NONE, NONE, PROXY, PROXY, sph_proxy_get),
    SETTING("POST", "/net/proxy", NONE, JSON, PROXY, PROXY, sph_proxy_set),
    SETTING("DELETE", "/net/proxy", NONE, NONE, PROXY, PROXY, sph_proxy_delete),
    SETTING("GET", "/net/status", NONE, NONE, NETWORK | PROXY, INTERFACES, sph_network_status),
    SETTING("GET", "/wifi/config/networks", NONE, NONE, NETWORK, WIFI, sph_wifi_networks),
    SETTING("POST", "/wifi/config/networks", NONE, JSON, NETWORK, WIFI, sph_wifi_add),
    SETTING("GET", "/wifi/config/networks/*", NUMBER, NONE, NETWORK, WIFI, sph_wifi_network),
    SETTING("PATCH", "/wifi/config/networks/*", NUMBER, JSON, NETWORK, WIFI, sph_wifi_change),
    SETTING("DELETE", "/wifi/config/networks/*", NUMBER, NONE, NETWORK, WIFI, sph_wifi_forget),
    SETTING("GET", "/wifi/diagnostics/networks", NONE, NONE, NETWORK, WIFI, sph_wifi_failures),
    SETTING("GET", "/wifi/diagnostics/networks/*", NUMBER, NONE, NETWORK, WIFI, sph_wifi_failure),
    SETTING("GET", "/wifi/interface", NONE, NONE, NETWORK, INTERFACES, sph_wifi_interface),
    SETTING("PATCH", "/wifi/interface", NONE, JSON, INTERFACES, INTERFACES, sph_interfaces_change_wifi),
    SETTING("GET", "/wifi/scan", NONE, NONE, INTERFACES, INTERFACES, sph_wifi_scan),

    /* Ours. All but the first ask the agent, also for what the gateway could remember: an answer is
     * never older than its request. */
    ROUTE("GET", OWN "/gateway", NONE, NONE, GATEWAY, HELLO, NULL, NULL),
    ROUTE("GET", OWN "/device", NONE, NONE, ASK, HELLO, NULL, sph_format_device),
    ROUTE("GET", OWN "/memory", NONE, NONE, ASK, MEMORY, NULL, sph_format_memory),
    ROUTE("GET", OWN "/memory/pages/*", COMPONENT, NONE, ASK, PAGES, sph_build_pages, sph_format_pages),
    ROUTE("GET", OWN "/heap/*", COMPONENT, NONE, ASK, HEAP, sph_build_component, sph_format_heap),
    ROUTE("GET", OWN "/storage/*", COMPONENT, NONE, ASK, APP_QUOTA, sph_build_component, sph_format_storage),
    ROUTE("GET", OWN "/apps", NONE, NONE, ASK, APP_LIST, sph_build_component, sph_format_apps),
    ROUTE("GET", OWN "/apps/*", COMPONENT, NONE, ASK, APP_LIST, sph_build_component, sph_format_app),
    ROUTE("POST", OWN "/apps/*/run", COMPONENT, JSON_OR_NONE, ASK, APP_CONTROL, sph_build_run_once, sph_format_run),
    ROUTE("POST", OWN "/start", NONE, JSON_OR_NONE, START, HELLO, NULL, NULL),
    ROUTE("POST", OWN "/stop", NONE, JSON_OR_NONE, STOP, SHUTDOWN, NULL, sph_format_stop),
    ROUTE("GET", OWN "/listen", NONE, NONE, LISTEN, STATUS, NULL, NULL),
    ROUTE("POST", OWN "/listen", NONE, JSON, LISTEN, STATUS, sph_build_listen, NULL),
    ROUTE("DELETE", OWN "/listen", NONE, NONE, LISTEN, STATUS, NULL, NULL),
    ROUTE("GET", OWN "/listen/ca", NONE, NONE, LISTEN, STATUS, NULL, NULL),
    ROUTE("GET", OWN "/kills", NONE, NONE, ASK, KILLS_LIST, sph_build_component, sph_format_kills),
    ROUTE("DELETE", OWN "/kills", NONE, NONE, ASK, KILLS_CLEAR, sph_build_component, sph_format_count),
    ROUTE("GET", OWN "/kills/*", NUMBER, NONE, ASK, KILL_GET, sph_build_report_id, sph_format_report),
    ROUTE("PUT", OWN "/capabilities", NONE, JSON, ASK, CAPABILITIES_SET, sph_build_capabilities, NULL),
    ROUTE("GET", OWN "/telemetry", NONE, NONE, ASK, TELEMETRY_GET, NULL, sph_format_telemetry),
    ROUTE("DELETE", OWN "/telemetry", NONE, NONE, ASK, TELEMETRY_CLEAR, NULL, NULL),
    ROUTE("GET", OWN "/trust", NONE, NONE, ASK, TRUST_LIST, NULL, sph_format_trust_list),
    ROUTE("POST", OWN "/trust", NONE, JSON, ASK, TRUST_ADD, sph_build_trust, sph_format_trust_added),
    ROUTE("DELETE", OWN "/trust/*", THUMBPRINT, NONE, ASK, TRUST_REMOVE, sph_build_trust_remove, NULL),
    ROUTE("GET", OWN "/gpio", NONE, NONE, ASK, GPIO_LIST, NULL, sph_format_pins),
    ROUTE("GET", OWN "/gpio/*", NUMBER, NONE, ASK, GPIO_GET, sph_build_pin, sph_format_pin),
    ROUTE("PUT", OWN "/gpio/*", NUMBER, JSON, ASK, GPIO_SET, sph_build_pin_set, sph_format_pin),
    ROUTE("GET", OWN "/log", NONE, NONE, ASK, LOG_READ, sph_build_log, sph_format_log),
    ROUTE("GET", OWN "/events", NONE, NONE, EVENTS, EVENTS, NULL, NULL),
};
// clang-format on
const size_t sph_route_count = SPH_ARRAY_SIZE(sph_routes);
