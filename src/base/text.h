/* text: numbers, sizes and words parsed from and formatted to short strings, strictly.
 *
 * All is plain bytes and UTF-8, whatever the locale says: the same command must mean the same on
 * every machine. Nothing here allocates. */
#ifndef SPH_BASE_TEXT_H
#define SPH_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/* Whole-string parsers: 0, -EINVAL (not a number) or -ERANGE. No sign, no white space. */
int sph_text_to_u64(const char *text, uint64_t max, uint64_t *ret_value) SPH_MUST_USE;
/* "262144", "256K", "256KiB", "1M", "1MiB", "1G", "1GiB": bytes. K = 1024. */
int sph_text_to_bytes(const char *text, uint64_t max, uint64_t *ret_bytes) SPH_MUST_USE;
/* Reads 2*len digits of either case into `len` bytes; what follows them is not looked at. -EINVAL.
 */
int sph_hex_to_bytes(const char *text, size_t len, uint8_t *ret_bytes) SPH_MUST_USE;
/* Writes 2*len lower-case digits and a NUL. */
void sph_bytes_to_hex(const uint8_t *bytes, size_t len, char *ret_text);

/* Bytes of the well-formed UTF-8 character at `text` (1 to 4); 0 when there is none. */
size_t sph_utf8_step(const char *text, size_t len);
/* True for valid UTF-8 without NUL in `len` bytes. */
bool sph_text_is_utf8(const char *text, size_t len);
/* Copies with a cut at a character border and a NUL; control characters, direction overrides and
 * bytes that are not UTF-8 become '?'. For showing untrusted text in a message. `size` > 0. */
void sph_text_printable(const char *text, size_t len, char *ret_text, size_t size);
/* The same of a C string; returns ret_text, to stand among the arguments of a sentence. */
const char *sph_text_shown(const char *text, char *ret_text, size_t size);
/* A name for a device: 1 to 32 of [A-Za-z0-9._-], not starting with '.' or '-'. */
bool sph_name_is_valid(const char *name);

/* What follows the last slash of a path; the whole of it without one. */
const char *sph_text_file_name(const char *path);

#endif
