/* certificates: the device's certificate store, as the calls under /certstore show it. */
#ifndef SPH_GATEWAY_SIMULATED_CERTIFICATES_H
#define SPH_GATEWAY_SIMULATED_CERTIFICATES_H

#include "gateway/simulated/setting.h"

enum {
    SPH_CERTIFICATE_ID = 17,        /* bytes of an identifier with its NUL */
    SPH_CERTIFICATES = 24,          /* in the store at most */
    SPH_CERTIFICATES_BYTES = 24514, /* of all that clients sent: of the original */
};

/* Whether there is one of that identifier and kind; none has the empty one. 0 or the status of a
 * refusal. */
unsigned sph_certificates_has(const struct sph_setting_request *request, const char *id,
                              bool is_client, bool *ret_has, struct sph_response *response);

#endif
