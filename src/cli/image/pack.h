/* pack: a package folder made into a signed image package. */
#ifndef SPH_CLI_IMAGE_PACK_H
#define SPH_CLI_IMAGE_PACK_H

#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "cli/image/pack_tree.h"
#include "cli/image/wrap.h"
#include "package/hardware.h"
#include "package/image.h"
#include "package/manifest.h"
#include "package/signer.h"

/* What is read before anything is made. Begins as SPH_PACK_NULL, ends with sph_pack_done(). */
struct sph_pack {
    struct sph_buf manifest;
    struct sph_pack_tree tree;
    struct sph_hardware *hardware; /* owned; NULL where the manifest names none of it */
    uint32_t api_set;
};

#define SPH_PACK_NULL                                                                              \
    {                                                                                              \
        .manifest = SPH_BUF_LIMIT(SPH_MANIFEST_BYTES_MAX + 1), .tree = SPH_PACK_TREE_NULL,         \
        .api_set = SPH_DEFAULT_API_SET                                                             \
    }

/* Reads the folder and its manifest, or the manifest of that path (NULL: the folder's). Executables
 * as in sph_pack_tree_read(). Errors are those of its parts, each with its sentence. */
int sph_pack_read(struct sph_pack *pack, const char *directory, const char *executables,
                  const char *manifest_path, struct sph_err *err);
/* Appends the package to ret_package, signed and marked as under development. What is odd about the
 * manifest is said as warnings. -EBADMSG and the others of sph_build_package(). */
int sph_pack_build(const struct sph_pack *pack, const struct sph_signer *signer,
                   struct sph_buf *ret_package, struct sph_err *err);
/* Content with what was never read. */
void sph_pack_done(struct sph_pack *pack);

#define sph_autopack SPH_CLEANUP(sph_pack_done)

#endif
