/* package_file: image packages and other input files read whole, with sentences for what is wrong.
 */
#ifndef SPH_CLI_IMAGE_PACKAGE_FILE_H
#define SPH_CLI_IMAGE_PACKAGE_FILE_H

#include "base/buf.h"
#include "base/err.h"
#include "package/package.h"

/* Appends an input file of at most buf->limit bytes; `what` names it in sentences ("profile"). A
 * pipe is read to its end. Negative errno; -EBADMSG for a folder, a device, or more bytes than
 * that. Every failure is one of input (SPH_EXIT_INPUT), but -EIO, -ENOMEM and -EMFILE. */
int sph_input_read(const char *what, const char *path, struct sph_buf *buf, struct sph_err *err);
/* Of such a file's JSON: the reason is in *err already; this puts the place before it and makes it
 * a mistake of input, whatever the check that found it called it. -EBADMSG. */
int sph_input_fail_at(const char *text, size_t offset, struct sph_err *err);
/* The status for a failed sph_input_read() or sph_package_file_read(). */
int sph_say_input_failure(const struct sph_err *err);

/* Reads and checks an application package; *ret_package points into *buf, which must be empty and
 * has to outlive it. The signature is not judged: that needs a device's trust store. */
int sph_package_file_read(const char *path, struct sph_buf *buf, struct sph_package *ret_package,
                          struct sph_err *err);

#endif
