/* package_file: image packages and other input files read whole, with sentences for what is wrong.
 */
#ifndef SPH_CLI_PACKAGE_FILE_H
#define SPH_CLI_PACKAGE_FILE_H

#include "base/buf.h"
#include "base/err.h"
#include "package/package.h"

/* Reads an input file of at most buf->limit bytes. Negative errno; every failure is one of input
 * (SPH_EXIT_INPUT), but -EIO and -ENOMEM. */
int sph_input_read(const char *what, const char *path, struct sph_buf *buf, struct sph_err *err);
/* The status for a failed sph_input_read() or sph_package_file_read(). */
int sph_say_input_failure(const struct sph_err *err);

/* Reads and checks an application package; *ret_package points into *buf. */
int sph_package_file_read(const char *path, struct sph_buf *buf, struct sph_package *ret_package,
                          struct sph_err *err);

#endif
