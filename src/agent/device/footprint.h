/* footprint: memory that the agent needed for a moment goes back to the system when it rests again.
 */
#ifndef SPH_AGENT_DEVICE_FOOTPRINT_H
#define SPH_AGENT_DEVICE_FOOTPRINT_H

#include "base/err.h"

struct sph_device;
struct sph_footprint;

enum { SPH_FOOTPRINT_REST_MS = 500 }; /* after the first event since the last time */

/* Gives back soon after this, and after whatever the device tells as an event (an app starts, ends,
 * is installed). Needs the device's loop and events. */
int sph_footprint_new(struct sph_device *device, struct sph_footprint **ret_footprint,
                      struct sph_err *err);
/* Something was done that is no event: a client was answered. Takes NULL. */
void sph_footprint_touch(struct sph_footprint *footprint);
struct sph_footprint *sph_footprint_free(struct sph_footprint *footprint);

#endif
