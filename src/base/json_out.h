/* json_out: JSON written straight into a buffer, commas and escapes done, no tree.
 *
 * Everything that any part of Spherule gives out as JSON is made with it, so that one test of
 * escaping covers all. There is no white space: who wants it pretty has a tool for that. */
#ifndef SPH_BASE_JSON_OUT_H
#define SPH_BASE_JSON_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Calls nest as the text does; a call in the wrong place (a key in an array, an end without its
 * beginning) is a programmer's error and asserted. Levels are limited to 63. Failures stay in
 * buf->error, to be looked at once at the end. Keys are not compared: writing one twice is the
 * caller's mistake. */
struct sph_json_out {
    struct sph_buf *buf;
    unsigned depth;
    uint64_t has_item; /* bit per depth: a comma is due */
    bool after_key;
};

/* Strings: bytes that are not UTF-8 are written as U+FFFD, so that the output is always valid JSON;
 * control characters are escaped, all else is written as it is.
 * One text per begin; a stream of texts begins anew for each. */
void sph_json_begin(struct sph_json_out *out, struct sph_buf *buf);
void sph_json_object(struct sph_json_out *out); /* '{' … close with sph_json_object_end */
void sph_json_object_end(struct sph_json_out *out);
void sph_json_array(struct sph_json_out *out);
void sph_json_array_end(struct sph_json_out *out);
/* Before each value inside an object. */
void sph_json_key(struct sph_json_out *out, const char *key);
void sph_json_string(struct sph_json_out *out, const char *text);
void sph_json_string_n(struct sph_json_out *out, const char *text, size_t len);
/* All 64 bits are written; a reader with doubles only is exact up to 2^53. */
void sph_json_u64(struct sph_json_out *out, uint64_t value);
void sph_json_i64(struct sph_json_out *out, int64_t value);
void sph_json_bool(struct sph_json_out *out, bool value);
void sph_json_null(struct sph_json_out *out);
/* A value that is JSON already; it is not checked. */
void sph_json_raw(struct sph_json_out *out, const char *json, size_t len);

/* Key and value in one. */
void sph_json_key_string(struct sph_json_out *out, const char *key, const char *text);
void sph_json_key_u64(struct sph_json_out *out, const char *key, uint64_t value);
void sph_json_key_bool(struct sph_json_out *out, const char *key, bool value);

#endif
