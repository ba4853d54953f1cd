/* proxy: the web proxy that the device is told to use; simulated, since nothing goes through it. */
#ifndef SPH_GATEWAY_SIMULATED_PROXY_H
#define SPH_GATEWAY_SIMULATED_PROXY_H

#include "gateway/simulated/setting.h"

/* 0 or the status of a refusal. */
unsigned sph_proxy_is_enabled(const struct sph_setting_request *request, bool *ret_enabled,
                              struct sph_response *response);

#endif
