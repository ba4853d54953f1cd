/* identity: the public half of a new key, which names a device for its whole life. */
#ifndef SPH_GATEWAY_SIMULATED_IDENTITY_H
#define SPH_GATEWAY_SIMULATED_IDENTITY_H

#include <stdint.h>

#include "base/err.h"

enum { SPH_IDENTITY_BYTES = 64 /* x and y of a point on P-256 */ };

/* Nobody has the other half: it is forgotten at once. -EIO with a sentence. */
int sph_identity_new(uint8_t ret_point[SPH_IDENTITY_BYTES], struct sph_err *err);

#endif
