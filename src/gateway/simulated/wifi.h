/* wifi: the device's Wi-Fi, simulated: networks that it knows, in an air that is always the same.
 *
 * A known network that is enabled and fits what is in the air is connected to at once, the first
 * one in the order of their numbers; what does not fit says why. */
#ifndef SPH_GATEWAY_SIMULATED_WIFI_H
#define SPH_GATEWAY_SIMULATED_WIFI_H

#include "gateway/simulated/interfaces.h"

#define SPH_WIFI_ADDRESS "192.0.2.10" /* on any network of the air */
#define SPH_WIFI_HARDWARE "02:53:50:48:00:10"

enum {
    SPH_WIFI_NETWORKS = 16, /* that the device knows at most */
};

/* Whether one of them is connected. 0 or the status of a refusal. */
unsigned sph_wifi_is_connected(const struct sph_setting_request *request, bool *ret_connected,
                               struct sph_response *response);

#endif
