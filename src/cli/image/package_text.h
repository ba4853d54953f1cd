/* package_text: what is in an image package, in the words of the original. */
#ifndef SPH_CLI_IMAGE_PACKAGE_TEXT_H
#define SPH_CLI_IMAGE_PACKAGE_TEXT_H

#include "base/buf.h"
#include "package/package.h"

/* All append, are pure, and want an image that sph_image_parse() has checked.
 * The metadata's sections, one line each item, `lead` before each line. */
void sph_package_text_metadata(const struct sph_image *image, const char *lead,
                               struct sph_buf *buf);
/* The sections that the above knows nothing of: their letters and bytes. */
void sph_package_text_others(const struct sph_image *image, struct sph_buf *buf);
/* The metadata and the files as one JSON object; fs may be NULL. */
void sph_package_text_json(const struct sph_image *image, const struct sph_fs *fs,
                           struct sph_buf *buf);

/* "2026-11-29 08:00:11", UTC; a time that no calendar has as seconds. */
void sph_package_text_time(uint64_t seconds, char *ret_text, size_t size);

#endif
