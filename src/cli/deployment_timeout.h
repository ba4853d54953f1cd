/* deployment_timeout: how long a deployment may take, as the user has set it. */
#ifndef SPH_CLI_DEPLOYMENT_TIMEOUT_H
#define SPH_CLI_DEPLOYMENT_TIMEOUT_H

#include <stdint.h>

#include "base/err.h"

enum {
    SPH_DEPLOYMENT_TIMEOUT_S = 70, /* where nothing is set: as any other request */
    SPH_DEPLOYMENT_TIMEOUT_MAX_S = 86400,
};

/* Of the home, for all its devices. -EBADMSG with a sentence when the file holds no such number. */
int sph_deployment_timeout_read(uint64_t *ret_seconds, struct sph_err *err);
/* From 1 to the maximum, which the caller has checked. */
int sph_deployment_timeout_write(uint64_t seconds, struct sph_err *err);

#endif
