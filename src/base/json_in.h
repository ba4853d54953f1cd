/* json_in: a pull reader over JSON text in place: no tree, no allocation, every value with its
 * position.
 *
 * Check the text once, then pull values out of it:
 *     sph_json_check(text, len, &top, err), sph_json_iter_init(&iter, &top), sph_json_next(…)…
 * A value is 32 bytes that point into the text, so it may be copied, kept, and read again, as long
 * as the text stays. Reading a member looks at each byte of it, so nested loops over one object are
 * linear in its depth times its length. */
#ifndef SPH_BASE_JSON_IN_H
#define SPH_BASE_JSON_IN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

enum sph_json_type {
    SPH_JSON_END, /* end of the object, array or text */
    SPH_JSON_NULL,
    SPH_JSON_BOOL,
    SPH_JSON_NUMBER,
    SPH_JSON_STRING,
    SPH_JSON_ARRAY,
    SPH_JSON_OBJECT,
};

/* A value's place in the text. A slice: valid as long as the text is. Of an object or array, text
 * begins and ends with its brackets. */
struct sph_json_value {
    enum sph_json_type type;
    const char *text; /* of a string: without its quotes, escapes as written */
    size_t len;
    size_t offset; /* of the first byte in the whole text */
};

/* Checks the whole text (RFC 8259: syntax, UTF-8, escapes, depth <= 32, duplicate keys are allowed
 * here) and gives its one top value. Everything below then works on checked text and cannot fail on
 * syntax. -EBADMSG with "line L, column C: …" on bad input. */
int sph_json_check(const char *text, size_t len, struct sph_json_value *ret_top,
                   struct sph_err *err) SPH_MUST_USE;

/* Iteration over a checked array or object. Start with pos = 0. False at the end.
 * For objects ret_key is the key's string value; pass NULL for arrays. */
struct sph_json_iter {
    struct sph_json_value parent;
    size_t pos;
};
void sph_json_iter_init(struct sph_json_iter *iter, const struct sph_json_value *parent);
bool sph_json_next(struct sph_json_iter *iter, struct sph_json_value *ret_key,
                   struct sph_json_value *ret_value);
/* Reads the whole object each time: iterate instead where there are many members. The value of the
 * last member with that key; false when absent or not an object. */
bool sph_json_get(const struct sph_json_value *object, const char *key,
                  struct sph_json_value *ret_value);

/* Values; 0, -EINVAL for the wrong type (a fraction or exponent is not an integer), -ERANGE. */
int sph_json_to_u64(const struct sph_json_value *value, uint64_t max, uint64_t *ret_number);
int sph_json_to_i64(const struct sph_json_value *value, int64_t *ret_number);
int sph_json_to_bool(const struct sph_json_value *value, bool *ret_flag);
/* Nothing of a failed copy is to be used. Unescaped copy with a NUL: -EINVAL wrong type, -ENOSPC
 * does not fit, -EILSEQ holds U+0000. */
int sph_json_to_text(const struct sph_json_value *value, char *ret_text, size_t size);
int sph_json_to_buf(const struct sph_json_value *value, struct sph_buf *buf); /* any length */
/* True when a string value equals `text` after unescaping. */
bool sph_json_is(const struct sph_json_value *value, const char *text);

/* 1-based line and column (bytes) of an offset: for messages about a value that is well formed but
 * wrong. */
void sph_json_position(const char *text, size_t offset, unsigned *ret_line, unsigned *ret_column);

#endif
