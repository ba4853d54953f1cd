/* device_capability: what a device permits its developers, by the original's numbers and names. */
#ifndef SPH_CLI_DEVICE_CAPABILITY_H
#define SPH_CLI_DEVICE_CAPABILITY_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json_in.h"
#include "cli/device/target.h"

enum {
    SPH_DEVICE_CAPABILITY_DEVELOPMENT = 11, /* "appDevelopment" */
    SPH_DEVICE_CAPABILITIES_MAX = 8,        /* of one device, as its gateway has it */
};

/* In any order, none twice. */
struct sph_device_capabilities {
    unsigned ids[SPH_DEVICE_CAPABILITIES_MAX];
    unsigned count;
};

/* Static; NULL for a number without a name. */
const char *sph_device_capability_name(unsigned id);
bool sph_device_capabilities_has(const struct sph_device_capabilities *set, unsigned id);
/* Adding what is there, and removing what is not, changes nothing. -EINVAL when there are too many.
 */
int sph_device_capabilities_add(struct sph_device_capabilities *set, unsigned id,
                                struct sph_err *err);
void sph_device_capabilities_remove(struct sph_device_capabilities *set, unsigned id);

/* Adds names (in any case) or numbers with commas or blanks between. -EINVAL with a sentence. */
int sph_device_capabilities_add_list(struct sph_device_capabilities *set, const char *text,
                                     struct sph_err *err);
/* Of a JSON array of names or numbers, or of an object with it as "device_capabilities": the file
 * of --capability-file, and the device's answer. -EBADMSG with a sentence. Pure. */
int sph_device_capabilities_parse(const char *text, size_t len,
                                  struct sph_device_capabilities *ret_set, struct sph_err *err);
/* The request's body and the file: {"device_capabilities":[11]}. */
void sph_device_capabilities_write(const struct sph_device_capabilities *set, struct sph_buf *buf);

/* Those of a running device. Errors as of sph_target_ask(). */
int sph_device_capabilities_get(struct sph_target *target, struct sph_device_capabilities *ret_set,
                                struct sph_err *err);
int sph_device_capabilities_put(struct sph_target *target,
                                const struct sph_device_capabilities *set, struct sph_err *err);

#endif
