/* codec: structs to tag-length-value bytes and back, driven by a constant table per message.
 *
 * A message is a plain struct and a table of its fields (wire/table.h). No call here allocates but
 * for the buffer that is written to; what is decoded points into the bytes it came from and is good
 * for as long as they are. */
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
 * but a reader must bear other bytes (paths come from the kernel, names from packages), also NUL:
 * a slice is no C string. */
struct sph_slice {
    const void *data; /* NULL when len is 0 */
    size_t len;
};

/* The types of values on the wire, each with the C type of the member that holds it. Numbers are
 * little-endian and of fixed size; there are no variable-length integers: a length that is known
 * from the type is one more thing that can be checked. */
enum sph_field_type {
    SPH_FIELD_U32,   /* uint32_t; enums are carried so */
    SPH_FIELD_U64,   /* uint64_t */
    SPH_FIELD_I64,   /* int64_t, two's complement */
    SPH_FIELD_BOOL,  /* bool: one byte, 0 or 1; others are refused */
    SPH_FIELD_GUID,  /* struct sph_guid, in the byte order of packages */
    SPH_FIELD_TEXT,  /* struct sph_slice */
    SPH_FIELD_BYTES, /* struct sph_slice; told apart from text for those who show it */
    SPH_FIELD_LIST,  /* struct sph_list: the tag is repeated, once per item */
};

struct sph_codec;

/* One row of a table. */
struct sph_field {
    uint16_t tag;     /* 1 … 65535, for ever */
    uint8_t type;     /* enum sph_field_type */
    bool is_required; /* its absence is refused; on sending it is written even when zero */
    uint32_t offset;  /* bytes, of the member in the struct */
    const char *name; /* of the member: stands in sentences and in docs/spec/wire.md */
    const struct sph_codec *nested; /* of a list */
};

/* A message's table. Constant and shared; every message of the protocol has exactly one. */
struct sph_codec {
    const char *name;               /* "app_list_reply": without the prefix of the struct */
    const struct sph_field *fields; /* in ascending order of tag, at most 64 */
    size_t field_count;
    size_t size; /* bytes of the struct */
};

/* A repeated nested message. To send: items and count, an array of the nested struct (SPH_LIST).
 * Decoded: count is set, the rest is private and walked with an iterator. The two forms do not mix:
 * a decoded list cannot be sent (-EINVAL), it is sent on by its bytes. */
struct sph_list {
    const void *items; /* NULL when decoded */
    size_t count;
    const struct sph_codec *codec;
    const uint8_t *wire; /* the parent's fields, all of them: items need not stand together */
    size_t wire_len;
    uint16_t tag;
};
#define SPH_LIST(array, n) ((struct sph_list){.items = (array), .count = (n)})

/* A walk over a decoded list; several can be under way over the same one. */
struct sph_list_iter {
    struct sph_list list;
    size_t wire_pos; /* bytes */
};

static inline struct sph_slice sph_slice(const void *data, size_t len) {
    return (struct sph_slice){.data = len ? data : NULL, .len = len};
}
/* Without its NUL; NULL is the empty text. */
static inline struct sph_slice sph_slice_text(const char *text) {
    return sph_slice(text, text ? strlen(text) : 0);
}
/* Copies with a cut at the end and a NUL; returns ret_text. size > 0, in bytes with the NUL. */
char *sph_slice_copy(struct sph_slice slice, char *ret_text, size_t size);
/* Equal to the text, byte for byte. */
bool sph_slice_is(struct sph_slice slice, const char *text);

/* Lists of plain numbers travel as bytes, little-endian. An odd rest at the end is not counted.
 * `index` must be below the count; the bytes need no alignment. */
static inline size_t sph_slice_u64_count(struct sph_slice slice) {
    return slice.len / sizeof(uint64_t);
}
uint64_t sph_slice_u64(struct sph_slice slice, size_t index);
static inline size_t sph_slice_u32_count(struct sph_slice slice) {
    return slice.len / sizeof(uint32_t);
}
uint32_t sph_slice_u32(struct sph_slice slice, size_t index);

/* Appends the fields of *message. Zero, false and empty are left out unless required. 0, -EMSGSIZE
 * (a field or nested message over 65,535 bytes), -EINVAL (a list that was decoded) or out->error;
 * on failure nothing is appended. *message is only read; what it points to must live until the
 * call returns. */
int sph_codec_encode(const struct sph_codec *codec, const void *message, struct sph_buf *out,
                     struct sph_err *err);
/* 0 or -EBADMSG with a sentence. What is absent is zero; unknown tags are skipped; nested messages
 * are checked too, so that walking them cannot fail. *ret_message is written only on success. */
int sph_codec_decode(const struct sph_codec *codec, const void *data, size_t len, void *ret_message,
                     struct sph_err *err);

/* Of a decoded list: for (iter = sph_list_iter(&msg.apps); sph_list_next(&iter, &app);)
 * An empty list and one of a zeroed struct are walked too, at once to their end. */
struct sph_list_iter sph_list_iter(const struct sph_list *list);
/* False at the end; *ret_item, a whole nested struct, is then what it was. */
bool sph_list_next(struct sph_list_iter *iter, void *ret_item);

#endif
