/* interfaces: the device's simulated network interfaces.
 *
 * There are three, as on a development board: azspheresvc to the computer, which is always up,
 * wlan0 (Wi-Fi) and eth0 (Ethernet), whose cable is always plugged in. None carries packets: apps
 * have what network the computer gives them. */
#ifndef SPH_GATEWAY_SIMULATED_INTERFACES_H
#define SPH_GATEWAY_SIMULATED_INTERFACES_H

#include "gateway/simulated/setting.h"

struct sph_interfaces {
    bool is_wifi_up, is_ethernet_up;
    char ethernet_address[18]; /* "02:53:50:48:00:20" */
};

/* From the kept value. 0 or the status of a refusal. */
unsigned sph_interfaces_read(const struct sph_setting_request *request,
                             struct sph_interfaces *ret_interfaces, struct sph_response *response);

#endif
