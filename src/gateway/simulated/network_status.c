/* The network as a whole, and what may pass through it.
 *
 * The firewall is shown as it is: an app has a network of its own that holds nothing but itself, so
 * the one rule is that what it says to itself passes. The original makes rules of the connections
 * in manifests; here they are not read, since there is nowhere to connect to. */
#include "gateway/simulated/interfaces.h"
#include "gateway/simulated/proxy.h"
#include "gateway/simulated/wifi.h"

/* Authentication needs a cloud, which there is none. A name would be resolved, and the time be had,
 * as soon as anything is connected. */
unsigned sph_network_status(const struct sph_setting_request *request, struct sph_buf *ret_value,
                            struct sph_response *response) {
    (void)ret_value;
    struct sph_interfaces interfaces;
    struct sph_json_out out;
    bool is_wifi = false, has_proxy = false;
    unsigned status = sph_interfaces_read(request, &interfaces, response);
    if (!status)
        status = sph_wifi_is_connected(request, &is_wifi, response);
    if (!status)
        status = sph_proxy_is_enabled(request, &has_proxy, response);
    if (status)
        return status;
    bool is_connected = is_wifi || interfaces.is_ethernet_up;
    const char *ready = is_connected ? "ready" : "enabled";
    sph_json_begin(&out, &response->body);
    sph_json_object(&out);
    sph_json_key_bool(&out, "deviceAuthenticationIsReady", false);
    sph_json_key_string(&out, "networkTimeSync", is_connected ? "complete" : "incomplete");
    sph_json_key_string(&out, "proxy", has_proxy ? ready : "disabled");
    sph_json_object_end(&out);
    return 0;
}

static void json_range(struct sph_json_out *out, const char *key) {
    sph_json_key(out, key);
    sph_json_object(out);
    sph_json_key_u64(out, "min", 0);
    sph_json_key_u64(out, "max", 65535);
    sph_json_object_end(out);
}

/* Of anybody, to anybody, by any protocol: what decides is the interface. */
static void json_rule(struct sph_json_out *out, const char *in, const char *out_of) {
    static const char *const addresses[] = {"sourceIP", "sourceMask", "destinationIP",
                                            "destinationMask"};
    static const char *const lists[] = {"tcpMask", "tcpCmp"};
    sph_json_object(out);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(addresses); i++)
        sph_json_key_string(out, addresses[i], "0.0.0.0");
    sph_json_key_u64(out, "uid", UINT32_MAX);
    sph_json_key_string(out, "action", "accept");
    sph_json_key_string(out, "interfaceInName", in);
    sph_json_key_string(out, "interfaceOutName", out_of);
    sph_json_key_string(out, "state", "none");
    for (size_t i = 0; i < SPH_ARRAY_SIZE(lists); i++) {
        sph_json_key(out, lists[i]);
        sph_json_array(out);
        sph_json_array_end(out);
    }
    sph_json_key_bool(out, "tcpInv", false);
    sph_json_key_string(out, "protocol", "any");
    json_range(out, "sourcePortRange");
    json_range(out, "destinationPortRange");
    sph_json_object_end(out);
}

unsigned sph_firewall_rulesets(const struct sph_setting_request *request, struct sph_buf *ret_value,
                               struct sph_response *response) {
    static const struct {
        const char *hook, *in, *out_of;
    } rulesets[] = {{"input", "lo", ""}, {"forward", NULL, NULL}, {"output", "", "lo"}};
    (void)request, (void)ret_value;
    struct sph_json_out out;
    sph_json_begin(&out, &response->body);
    sph_json_object(&out);
    sph_json_key(&out, "rulesets");
    sph_json_array(&out);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rulesets); i++) {
        sph_json_object(&out);
        sph_json_key_string(&out, "hook", rulesets[i].hook);
        sph_json_key_bool(&out, "isValid", true);
        sph_json_key(&out, "rules");
        sph_json_array(&out);
        if (rulesets[i].in)
            json_rule(&out, rulesets[i].in, rulesets[i].out_of);
        sph_json_array_end(&out);
        sph_json_object_end(&out);
    }
    sph_json_array_end(&out);
    sph_json_object_end(&out);
    return 0;
}
