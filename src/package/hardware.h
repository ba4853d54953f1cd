/* hardware: hardware definition files resolved to the values that a manifest's "$NAME" stands for.
 *
 * An application names its peripherals by what they are for ("$STATUS_LED"); a definition maps that
 * to the board's name, which maps to the chip's, which has the value. Each file imports the one
 * below it. Reading files is the caller's: this part searches no folders and opens nothing, so that
 * a test and a fuzz target can give it any library of files. */
#ifndef SPH_PACKAGE_HARDWARE_H
#define SPH_PACKAGE_HARDWARE_H

#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json_in.h"

enum {
    /* Files, the target counted: an application, its board, the module on it and the chip are four.
     */
    SPH_HARDWARE_FILES_MAX = 32,
    /* Bytes of one file: a chip's has a line or two for each of some hundred peripherals. */
    SPH_HARDWARE_FILE_BYTES_MAX = 1 << 20,
    /* Peripherals on one chain, the one with the value counted: one per file is usual. A longer
     * chain is most likely a ring, and need not be told from one. */
    SPH_HARDWARE_CHAIN_MAX = 16,
};

/* Appends the file `path` (as written in Imports or given as target) to `ret_text`. The reader
 * searches the caller's folders in its own order. -ENOENT or another negative errno with a
 * sentence. */
typedef int sph_hardware_read_fn(void *context, const char *path, struct sph_buf *ret_text,
                                 struct sph_err *err);

/* The loaded files. Opaque because it owns their texts, which resolved values point into. */
struct sph_hardware;

/* Reads `target` and everything that it imports, once each, in rings too. -EBADMSG with file, line
 * and column; what `read` returns, with its sentence; -ENOMEM, -EFBIG. The caller frees what it
 * gets. */
int sph_hardware_load(const char *target, sph_hardware_read_fn *read, void *context,
                      struct sph_hardware **ret_hardware, struct sph_err *err) SPH_MUST_USE;
/* Takes NULL, returns NULL. */
struct sph_hardware *sph_hardware_free(struct sph_hardware *hardware);

/* The AppManifestValue at the end of the Mapping chain of `name` (without '$'). `type` is the
 * peripheral type that the place in the manifest needs ("Gpio", "I2cMaster", …). -ENOENT unknown
 * name, -EINVAL another type, -EBADMSG broken chain (missing link, no value, loop); each with a
 * sentence. The value lives as long as `hardware`; of what kind it is (a pin is a number, also
 * written as a string) is the caller's to check. */
int sph_hardware_resolve(const struct sph_hardware *hardware, const char *name, const char *type,
                         struct sph_json_value *ret_value, struct sph_err *err) SPH_MUST_USE;

static inline void sph_hardware_freep(struct sph_hardware **hardware) {
    *hardware = sph_hardware_free(*hardware);
}

#endif
