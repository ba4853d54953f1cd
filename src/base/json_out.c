/* A writer, not a tree: each call puts its text at once, and a bit per level tells whether a comma
 * is due. Failures stay in the buffer's sticky error. */
#include "base/json_out.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum { DEPTH_MAX = 63 /* bits of has_item, less the top level */ };

void sph_json_begin(struct sph_json_out *out, struct sph_buf *buf) {
    *out = (struct sph_json_out){.buf = buf};
}

/* What comes before any value or key: a comma, unless it is the first or follows its key. */
static void separate(struct sph_json_out *out) {
    uint64_t bit = (uint64_t)1 << out->depth;
    if (!out->after_key && (out->has_item & bit))
        sph_buf_append(out->buf, ",", 1);
    out->after_key = false;
    out->has_item |= bit;
}

static void open_level(struct sph_json_out *out, const char *bracket) {
    assert(out->depth < DEPTH_MAX);
    separate(out);
    sph_buf_append(out->buf, bracket, 1);
    out->depth++;
    out->has_item &= ~((uint64_t)1 << out->depth);
}

/* The level's comma bit stays as it is: entering clears it. */
static void close_level(struct sph_json_out *out, const char *bracket) {
    assert(out->depth > 0 && !out->after_key);
    out->depth--;
    sph_buf_append(out->buf, bracket, 1);
}

void sph_json_object(struct sph_json_out *out) {
    open_level(out, "{");
}

void sph_json_object_end(struct sph_json_out *out) {
    close_level(out, "}");
}

void sph_json_array(struct sph_json_out *out) {
    open_level(out, "[");
}

void sph_json_array_end(struct sph_json_out *out) {
    close_level(out, "]");
}

/* The short escape of a byte, or NULL when it is written as it is. */
static const char *escape_of(uint8_t byte, char room[8]) {
    switch (byte) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\b':
        return "\\b";
    case '\f':
        return "\\f";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    default:
        if (byte >= 0x20)
            return NULL;
        (void)snprintf(room, 8, "\\u%04x", byte);
        return room;
    }
}

/* Runs that need no change are copied whole: most strings are one run. */
static void put_string(struct sph_buf *buf, const char *text, size_t len) {
    size_t clean = 0; /* start of the run that needs no change */
    sph_buf_append(buf, "\"", 1);
    for (size_t pos = 0; pos < len;) {
        char room[8];
        size_t step = sph_utf8_step(text + pos, len - pos);
        const char *instead = step ? escape_of((uint8_t)text[pos], room) : "\xef\xbf\xbd";
        if (!instead) {
            pos += step;
            continue;
        }
        sph_buf_append(buf, text + clean, pos - clean);
        sph_buf_puts(buf, instead);
        pos += step ? step : 1;
        clean = pos;
    }
    sph_buf_append(buf, text + clean, len - clean);
    sph_buf_append(buf, "\"", 1);
}

void sph_json_key(struct sph_json_out *out, const char *key) {
    assert(out->depth > 0 && !out->after_key);
    separate(out);
    put_string(out->buf, key, strlen(key));
    sph_buf_append(out->buf, ":", 1);
    out->after_key = true;
}

void sph_json_string(struct sph_json_out *out, const char *text) {
    sph_json_string_n(out, text, strlen(text));
}

void sph_json_string_n(struct sph_json_out *out, const char *text, size_t len) {
    separate(out);
    put_string(out->buf, text, len);
}

void sph_json_u64(struct sph_json_out *out, uint64_t value) {
    separate(out);
    sph_buf_printf(out->buf, "%" PRIu64, value);
}

void sph_json_i64(struct sph_json_out *out, int64_t value) {
    separate(out);
    sph_buf_printf(out->buf, "%" PRId64, value);
}

void sph_json_bool(struct sph_json_out *out, bool value) {
    separate(out);
    sph_buf_puts(out->buf, value ? "true" : "false");
}

void sph_json_null(struct sph_json_out *out) {
    separate(out);
    sph_buf_puts(out->buf, "null");
}

void sph_json_raw(struct sph_json_out *out, const char *json, size_t len) {
    separate(out);
    sph_buf_append(out->buf, json, len);
}

void sph_json_key_string(struct sph_json_out *out, const char *key, const char *text) {
    sph_json_key(out, key);
    sph_json_string(out, text);
}

void sph_json_key_u64(struct sph_json_out *out, const char *key, uint64_t value) {
    sph_json_key(out, key);
    sph_json_u64(out, value);
}

void sph_json_key_bool(struct sph_json_out *out, const char *key, bool value) {
    sph_json_key(out, key);
    sph_json_bool(out, value);
}
