/* wrap: packages made on the fly: around a plain executable, or of a package with other arguments.
 */
#ifndef SPH_CLI_IMAGE_WRAP_H
#define SPH_CLI_IMAGE_WRAP_H

#include "base/buf.h"
#include "base/err.h"
#include "base/guid.h"
#include "package/package.h"
#include "package/signer.h"

/* The API set that packages are made for unless another one is asked for. */
enum { SPH_DEFAULT_API_SET = 16 };

/* All append to *ret_package, whose limit the caller chooses. -EFBIG, -ENOMEM, -EINVAL (arguments
 * that a manifest cannot hold) with a sentence; *ret_id only on success.
 * Around an executable, as /bin/app of a package with no capabilities. `args` are CmdArgs. */
int sph_wrap_executable(const char *name, const struct sph_buf *executable, char *const args[],
                        unsigned n_args, const struct sph_signer *signer, struct sph_guid *ret_id,
                        struct sph_buf *ret_package, struct sph_err *err);
/* Around a gdbserver, as /bin/gdbserver of a package of the type Debugger, always with the
 * component id of the virtual device's (device/debugger). */
int sph_wrap_debugger(const struct sph_buf *program, const struct sph_signer *signer,
                      struct sph_buf *ret_package, struct sph_err *err);
/* The same package with these CmdArgs, signed anew. */
int sph_wrap_with_args(const struct sph_package *package, char *const args[], unsigned n_args,
                       const struct sph_signer *signer, struct sph_buf *ret_package,
                       struct sph_err *err);

/* A manifest's text with CmdArgs replaced and what packing adds taken out. Pure. */
void sph_wrap_manifest(const struct sph_json_value *manifest, char *const args[], unsigned n_args,
                       struct sph_buf *ret_text);

#endif
