/* hardware: hardware definition files resolved to the values that a manifest's "$NAME" stands for.
 */
#ifndef SPH_PACKAGE_HARDWARE_H
#define SPH_PACKAGE_HARDWARE_H

#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json_in.h"

enum {
    SPH_HARDWARE_FILES_MAX = 32,           /* files reached through Imports */
    SPH_HARDWARE_FILE_BYTES_MAX = 1 << 20, /* of one file */
    SPH_HARDWARE_CHAIN_MAX = 16,           /* Mapping steps */
};

/* Appends the file `path` (as written in Imports or given as target) to `ret_text`. The reader
 * searches the caller's folders in its own order. -ENOENT or another negative errno with a
 * sentence. */
typedef int sph_hardware_read_fn(void *context, const char *path, struct sph_buf *ret_text,
                                 struct sph_err *err);

struct sph_hardware; /* owns the texts */

/* Reads `target` and everything that it imports, once each. -EBADMSG with file, line and column. */
int sph_hardware_load(const char *target, sph_hardware_read_fn *read, void *context,
                      struct sph_hardware **ret_hardware, struct sph_err *err) SPH_MUST_USE;
struct sph_hardware *
sph_hardware_free(struct sph_hardware *hardware); /* takes NULL, returns NULL */

/* The AppManifestValue at the end of the Mapping chain of `name` (without '$'). `type` is the
 * peripheral type that the place in the manifest needs ("Gpio", "I2cMaster", …). -ENOENT unknown
 * name, -EINVAL another type, -EBADMSG broken chain (missing link, no value, loop); each with a
 * sentence. */
int sph_hardware_resolve(const struct sph_hardware *hardware, const char *name, const char *type,
                         struct sph_json_value *ret_value, struct sph_err *err) SPH_MUST_USE;

static inline void sph_hardware_freep(struct sph_hardware **hardware) {
    *hardware = sph_hardware_free(*hardware);
}

#endif
