/* setting: simulated state of the device, as the calls about it read and change it.
 *
 * The device keeps each setting as bytes under a key, and knows nothing of them. What they mean is
 * said here and in the modules of the calls (certificates, wifi, …): JSON objects, which are
 * checked again each time they come back. Pure; setting_calls.c carries the bytes to and fro. */
#ifndef SPH_GATEWAY_SIMULATED_SETTING_H
#define SPH_GATEWAY_SIMULATED_SETTING_H

#include "gateway/rest/members.h"
#include "gateway/rest/route.h"
#include "wire/msg_setting.h"

enum sph_setting {
    SPH_SETTING_CERTIFICATES,
    SPH_SETTING_WIFI,
    SPH_SETTING_PROXY,
    SPH_SETTING_INTERFACES,
    SPH_SETTING_MANUFACTURING,
    SPH_SETTING_IDENTITY,
    SPH_SETTINGS,
};
/* Of sph_route.reads and .writes. */
#define SPH_SETTING_BIT(setting) ((uint32_t)1 << (setting))

/* The name under which the device keeps it. */
const char *sph_setting_key(enum sph_setting setting);

/* A call with all that its answer may depend on. */
struct sph_setting_request {
    const struct sph_call *call;
    struct sph_slice values[SPH_SETTINGS]; /* as kept; empty: never set, or not of the route */
    const char *body;                      /* NULL without one */
    size_t len;
};

/* Runs the route's function. 0 with the answer in *response and, where the setting of the route is
 * to change, its new value in *ret_value; or the status of a refusal, and nothing changes. */
unsigned sph_setting_run(const struct sph_setting_request *request, struct sph_buf *ret_value,
                         struct sph_response *response);

/* For the functions: the object of a kept value; one without members for what was never set. The
 * status of a refusal when it is no object. */
unsigned sph_setting_object(const struct sph_setting_request *request, enum sph_setting setting,
                            struct sph_json_value *ret_object, struct sph_response *response);
/* A kept value that is not what was put there: 500, and it stays as it is for whoever repairs it.
 */
unsigned sph_setting_refuse(const struct sph_setting_request *request, enum sph_setting setting,
                            struct sph_response *response);
/* The body's object. */
unsigned sph_setting_body(const struct sph_setting_request *request,
                          struct sph_json_value *ret_object, struct sph_response *response);
unsigned sph_setting_refuse_member(const struct sph_setting_request *request, const char *key,
                                   const char *wanted, struct sph_response *response);
/* The body's members into a record; a required row that is absent is refused like a wrong one. */
struct sph_setting_input {
    const struct sph_members *members;
    uint32_t required; /* bit per row */
    void *record;
};
unsigned sph_setting_input(const struct sph_setting_request *request,
                           const struct sph_setting_input *input, uint32_t *ret_present,
                           struct sph_response *response);

/* The calls, by the module they stand in. */
sph_setting_fn sph_certificates_list, sph_certificates_get, sph_certificates_add,
    sph_certificates_delete, sph_certificates_space;
sph_setting_fn sph_wifi_networks, sph_wifi_network, sph_wifi_add, sph_wifi_change, sph_wifi_forget,
    sph_wifi_failures, sph_wifi_failure, sph_wifi_interface, sph_wifi_scan;
sph_setting_fn sph_interfaces_list, sph_interfaces_get, sph_interfaces_change,
    sph_interfaces_change_wifi;
sph_setting_fn sph_proxy_get, sph_proxy_set, sph_proxy_delete;
sph_setting_fn sph_network_status, sph_firewall_rulesets;
sph_setting_fn sph_manufacturing_get, sph_manufacturing_set, sph_security_state;

#endif
