/* codec: structs to tag-length-value bytes and back, driven by a constant table per message. */
#ifndef SPH_WIRE_CODEC_H
#define SPH_WIRE_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

/* Bytes that belong to someone else. Decoded slices point into the frame. Text is meant as UTF-8,
 * but a reader must bear other bytes (paths come from the kernel). */
struct sph_slice {
    const void *data; /* NULL when len is 0 */
    size_t len;
};

enum sph_field_type {
    SPH_FIELD_U32,   /* uint32_t; enums are carried so */
    SPH_FIELD_U64,   /* uint64_t */
    SPH_FIELD_I64,   /* int64_t */
    SPH_FIELD_BOOL,  /* bool */
    SPH_FIELD_GUID,  /* struct sph_guid */
    SPH_FIELD_TEXT,  /* struct sph_slice */
    SPH_FIELD_BYTES, /* struct sph_slice */
    SPH_FIELD_LIST,  /* struct sph_list: the tag is repeated, once per item */
};

struct sph_codec;

struct sph_field {
    uint16_t tag; /* 1 … 65535, for ever */
    uint8_t type; /* enum sph_field_type */
    bool is_required;
    uint32_t offset;
    const char *name;
    const struct sph_codec *nested; /* of a list */
};

struct sph_codec {
    const char *name;
    const struct sph_field *fields; /* in ascending order of tag, at most 64 */
    size_t field_count;
    size_t size; /* of the struct */
};

/* A repeated nested message. To send: items and count, an array of the nested struct (SPH_LIST).
 * Decoded: count is set, the rest is private and walked with an iterator. */
struct sph_list {
    const void *items;
    size_t count;
    const struct sph_codec *codec;
    const uint8_t *wire; /* the parent's fields */
    size_t wire_len;
    uint16_t tag;
};
#define SPH_LIST(array, n) ((struct sph_list){.items = (array), .count = (n)})

struct sph_list_iter {
    struct sph_list list;
    size_t wire_pos;
};

static inline struct sph_slice sph_slice(const void *data, size_t len) {
    return (struct sph_slice){.data = len ? data : NULL, .len = len};
}
static inline struct sph_slice sph_slice_text(const char *text) {
    return sph_slice(text, text ? strlen(text) : 0);
}
/* Copies with a cut at the end and a NUL; returns ret_text. size > 0. */
char *sph_slice_copy(struct sph_slice slice, char *ret_text, size_t size);
bool sph_slice_is(struct sph_slice slice, const char *text);

/* Lists of plain numbers travel as bytes, little-endian. */
static inline size_t sph_slice_u64_count(struct sph_slice slice) {
    return slice.len / sizeof(uint64_t);
}
uint64_t sph_slice_u64(struct sph_slice slice, size_t index);
static inline size_t sph_slice_u32_count(struct sph_slice slice) {
    return slice.len / sizeof(uint32_t);
}
uint32_t sph_slice_u32(struct sph_slice slice, size_t index);

/* Appends the fields of *message. Zero, false and empty are left out unless required. 0, -EMSGSIZE
 * (a field or nested message over 65,535 bytes) or buf->error; on failure nothing is appended. */
int sph_codec_encode(const struct sph_codec *codec, const void *message, struct sph_buf *out,
                     struct sph_err *err);
/* 0 or -EBADMSG with a sentence. What is absent is zero; unknown tags are skipped; nested messages
 * are checked too, so that walking them cannot fail. *ret_message is written only on success. */
int sph_codec_decode(const struct sph_codec *codec, const void *data, size_t len, void *ret_message,
                     struct sph_err *err);

/* Of a decoded list: for (iter = sph_list_iter(&msg.apps); sph_list_next(&iter, &app);) */
struct sph_list_iter sph_list_iter(const struct sph_list *list);
bool sph_list_next(struct sph_list_iter *iter, void *ret_item);

#endif
