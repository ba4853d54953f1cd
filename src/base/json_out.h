/* json_out: JSON written straight into a buffer, commas and escapes done, no tree. */
#ifndef SPH_BASE_JSON_OUT_H
#define SPH_BASE_JSON_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct sph_json_out {
    struct sph_buf *buf;
    unsigned depth;
    uint64_t has_item; /* bit per depth: a comma is due */
    bool after_key;
};

/* Bytes that are not UTF-8 are written as U+FFFD, so that the output is always valid JSON. */
void sph_json_begin(struct sph_json_out *out, struct sph_buf *buf);
void sph_json_object(struct sph_json_out *out); /* '{' … close with sph_json_object_end */
void sph_json_object_end(struct sph_json_out *out);
void sph_json_array(struct sph_json_out *out);
void sph_json_array_end(struct sph_json_out *out);
void sph_json_key(struct sph_json_out *out, const char *key);
void sph_json_string(struct sph_json_out *out, const char *text);
void sph_json_string_n(struct sph_json_out *out, const char *text, size_t len);
void sph_json_u64(struct sph_json_out *out, uint64_t value);
void sph_json_i64(struct sph_json_out *out, int64_t value);
void sph_json_bool(struct sph_json_out *out, bool value);
void sph_json_null(struct sph_json_out *out);
/* A value that is JSON already. */
void sph_json_raw(struct sph_json_out *out, const char *json, size_t len);

/* key and value in one */
void sph_json_key_string(struct sph_json_out *out, const char *key, const char *text);
void sph_json_key_u64(struct sph_json_out *out, const char *key, uint64_t value);
void sph_json_key_bool(struct sph_json_out *out, const char *key, bool value);

#endif
