/* guid: component and image ids, kept in the byte order of the image package.
 *
 * That order is neither the text's nor RFC 9562's: the first three fields are little-endian. Bytes
 * are compared and copied as they are; only text is converted. */
#ifndef SPH_BASE_GUID_H
#define SPH_BASE_GUID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/* The 16 bytes as stored in packages and on the wire: first three text fields little-endian. */
struct sph_guid {
    uint8_t bytes[16];
};

enum { SPH_GUID_TEXT = 37 }; /* "2f074b0f-d99d-4692-82d9-ef93a7d6463c" and a NUL */

/* Accepts either case, with or without braces; `len` bytes, all used. 0 or -EINVAL. */
int sph_guid_parse(const char *text, size_t len, struct sph_guid *ret_guid) SPH_MUST_USE;
/* Lower case without braces, as the device's REST interface writes ids; returns ret_text. */
char *sph_guid_format(const struct sph_guid *guid, char ret_text[SPH_GUID_TEXT]);
/* Not in constant time: ids are no secrets. */
bool sph_guid_equal(const struct sph_guid *a, const struct sph_guid *b);
bool sph_guid_is_zero(const struct sph_guid *guid);
/* Version 4, from getrandom. 0 or negative errno. */
int sph_guid_random(struct sph_guid *ret_guid);

#endif
