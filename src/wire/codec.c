/* One walk over a table serves every message, so that a bound is checked in one place.
 *
 * Decoding has two passes. The first looks at all bytes, nested messages included, and alone can
 * fail; the second fills the struct from bytes known to be good. So *ret_message is either whole or
 * untouched, and a list can be walked later without a second thought and without memory: its items
 * are decoded again, one at a time, from the bytes of the parent. The price is that an item is
 * checked once and parsed twice, which is small beside a system call.
 *
 * Rejected: generated code (forty messages do not pay for a generator), protocol buffers or CBOR
 * (a library on the device's side for what is three hundred lines here), plain packed structs (a
 * new field would need a new version of everything). */
#include "wire/codec.h"

#include <errno.h>

#include "base/guid.h"
#include "base/le.h"

enum {
    FIELD_HEADER = 4,      /* bytes: tag 2, length 2 */
    FIELD_MAX = UINT16_MAX /* bytes of one value: what its length can say */
};

/* Bytes of a value on the wire; 0 for those of any length. */
static size_t fixed_size(uint8_t type) {
    switch ((enum sph_field_type)type) {
    case SPH_FIELD_U32:
        return 4;
    case SPH_FIELD_U64:
    case SPH_FIELD_I64:
        return 8;
    case SPH_FIELD_BOOL:
        return 1;
    case SPH_FIELD_GUID:
        return sizeof(struct sph_guid);
    case SPH_FIELD_TEXT:
    case SPH_FIELD_BYTES:
    case SPH_FIELD_LIST:
        break;
    }
    return 0;
}

char *sph_slice_copy(struct sph_slice slice, char *ret_text, size_t size) {
    size_t len = slice.len < size ? slice.len : size - 1;
    if (len > 0)
        memcpy(ret_text, slice.data, len);
    ret_text[len] = '\0';
    return ret_text;
}

bool sph_slice_is(struct sph_slice slice, const char *text) {
    return slice.len == strlen(text) &&
           (slice.len == 0 || memcmp(slice.data, text, slice.len) == 0);
}

uint64_t sph_slice_u64(struct sph_slice slice, size_t index) {
    return sph_le64_get((const uint8_t *)slice.data + index * sizeof(uint64_t));
}

uint32_t sph_slice_u32(struct sph_slice slice, size_t index) {
    return sph_le32_get((const uint8_t *)slice.data + index * sizeof(uint32_t));
}

/* ---- writing ---- */

/* A failure stays in the buffer and is looked at by the caller's caller; len <= FIELD_MAX. */
static void put_field(struct sph_buf *out, uint16_t tag, const void *value, size_t len) {
    uint8_t *at = sph_buf_extend(out, FIELD_HEADER + len);
    if (!at)
        return;
    sph_le16_put(at, tag);
    sph_le16_put(at + 2, (uint16_t)len);
    if (len > 0)
        memcpy(at + FIELD_HEADER, value, len);
}

static int encode_number(const struct sph_field *field, const uint8_t *member,
                         struct sph_buf *out) {
    uint64_t value = 0;
    size_t size = fixed_size(field->type);
    if (size == 1)
        value = *(const bool *)member;
    else if (size == 4)
        value = *(const uint32_t *)member;
    else
        value = *(const uint64_t *)member;
    uint8_t bytes[8]; /* little-endian: the first `size` of eight are the shorter number */
    sph_le64_put(bytes, value);
    if (value != 0 || field->is_required)
        put_field(out, field->tag, bytes, size);
    return 0;
}

/* An empty required field is a header without a value: "there, and empty". */
static int encode_slice(const struct sph_field *field, const struct sph_slice *slice,
                        struct sph_buf *out) {
    if (slice->len > FIELD_MAX)
        return -EMSGSIZE;
    if (slice->len > 0 || field->is_required)
        put_field(out, field->tag, slice->data, slice->len);
    return 0;
}

static int encode_fields(const struct sph_codec *codec, const uint8_t *message, struct sph_buf *out,
                         const struct sph_field **ret_culprit);

/* The length of an item is known when it is written: the header is filled in after, in place. An
 * item is written even when all of it is zero, since the items are counted by their tags. */
static int encode_list(const struct sph_field *field, const struct sph_list *list,
                       struct sph_buf *out, const struct sph_field **ret_culprit) {
    const uint8_t *item = list->items;
    if (list->count > 0 && !item) /* decoded: its items are bytes, not an array */
        return -EINVAL;
    for (size_t i = 0; i < list->count; i++, item += field->nested->size) {
        size_t begin = out->len;
        put_field(out, field->tag, NULL, 0);
        int rc = encode_fields(field->nested, item, out, ret_culprit);
        if (rc < 0)
            return rc;
        if (out->error)
            return out->error;
        size_t len = out->len - begin - FIELD_HEADER;
        if (len > FIELD_MAX)
            return -EMSGSIZE;
        sph_le16_put((uint8_t *)out->data + begin + 2, (uint16_t)len);
    }
    return 0;
}

/* The culprit is the field under way when something failed, the innermost one of a list's item. */
static int encode_field(const struct sph_field *field, const uint8_t *member, struct sph_buf *out,
                        const struct sph_field **ret_culprit) {
    *ret_culprit = field;
    switch ((enum sph_field_type)field->type) {
    case SPH_FIELD_GUID:
        if (!sph_guid_is_zero((const struct sph_guid *)member) || field->is_required)
            put_field(out, field->tag, member, sizeof(struct sph_guid));
        return 0;
    case SPH_FIELD_TEXT:
    case SPH_FIELD_BYTES:
        return encode_slice(field, (const struct sph_slice *)member, out);
    case SPH_FIELD_LIST:
        return encode_list(field, (const struct sph_list *)member, out, ret_culprit);
    case SPH_FIELD_U32:
    case SPH_FIELD_U64:
    case SPH_FIELD_I64:
    case SPH_FIELD_BOOL:
        break;
    }
    return encode_number(field, member, out);
}

/* Ascending tags, since that is the order of the table: equal messages are equal bytes. */
static int encode_fields(const struct sph_codec *codec, const uint8_t *message, struct sph_buf *out,
                         const struct sph_field **ret_culprit) {
    for (size_t i = 0; i < codec->field_count; i++) {
        const struct sph_field *field = &codec->fields[i];
        int rc = encode_field(field, message + field->offset, out, ret_culprit);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int sph_codec_encode(const struct sph_codec *codec, const void *message, struct sph_buf *out,
                     struct sph_err *err) {
    size_t begin = out->len;
    const struct sph_field *culprit = NULL;
    int rc = encode_fields(codec, message, out, &culprit);
    if (rc == 0)
        rc = out->error;
    if (rc == 0)
        return 0;
    sph_buf_truncate(out, begin);
    if (rc == -EINVAL)
        return SPH_FAIL(err, rc, "message %s: the list %s was decoded and cannot be sent as it is",
                        codec->name, culprit->name);
    return SPH_FAIL(err, rc, "message %s does not fit its frame at field %s", codec->name,
                    culprit ? culprit->name : "?");
}

/* ---- reading ---- */

/* A field before anybody knows what its tag means. */
struct raw_field {
    uint16_t tag;
    size_t len; /* bytes of value, never more than are there */
    const uint8_t *value;
};

/* The field at *pos; moves *pos behind it. 1, 0 at the end, or -EBADMSG for one that is cut short:
 * then *pos stays at its beginning, for the sentence. */
static int next_raw(const uint8_t *data, size_t len, size_t *pos, struct raw_field *ret_raw) {
    size_t left = len - *pos;
    if (left == 0)
        return 0;
    if (left < FIELD_HEADER)
        return -EBADMSG;
    const uint8_t *at = data + *pos;
    struct raw_field raw = {
        .tag = sph_le16_get(at), .len = sph_le16_get(at + 2), .value = at + FIELD_HEADER};
    if (raw.len > left - FIELD_HEADER)
        return -EBADMSG;
    *ret_raw = raw;
    *pos += FIELD_HEADER + raw.len;
    return 1;
}

/* Linear: the longest table has 37 rows, and most are found in the first few. */
static const struct sph_field *find_field(const struct sph_codec *codec, uint16_t tag,
                                          size_t *ret_index) {
    for (size_t i = 0; i < codec->field_count; i++) {
        if (codec->fields[i].tag == tag) {
            *ret_index = i;
            return &codec->fields[i];
        }
    }
    return NULL;
}

static int check_fields(const struct sph_codec *codec, const uint8_t *data, size_t len,
                        struct sph_err *err);

/* A bool of 2 is damage or another table: taking it for true would hide either. */
static int check_value(const struct sph_codec *codec, const struct sph_field *field,
                       const struct raw_field *raw, struct sph_err *err) {
    size_t size = fixed_size(field->type);
    if (size > 0 && raw->len != size)
        return SPH_FAIL(err, -EBADMSG, "message %s: field %s (tag %u) has %zu bytes, not %zu",
                        codec->name, field->name, field->tag, raw->len, size);
    if (field->type == SPH_FIELD_BOOL && raw->value[0] > 1)
        return SPH_FAIL(err, -EBADMSG, "message %s: field %s (tag %u) is %u, neither 0 nor 1",
                        codec->name, field->name, field->tag, raw->value[0]);
    if (field->type != SPH_FIELD_LIST)
        return 0;
    return check_fields(field->nested, raw->value, raw->len, err);
}

static int check_required(const struct sph_codec *codec, uint64_t seen, struct sph_err *err) {
    for (size_t i = 0; i < codec->field_count; i++) {
        if (codec->fields[i].is_required && !(seen >> i & 1))
            return SPH_FAIL(err, -EBADMSG, "message %s: field %s (tag %u) is missing", codec->name,
                            codec->fields[i].name, codec->fields[i].tag);
    }
    return 0;
}

/* The first pass. It goes as deep as tables are nested, never as deep as the bytes claim. */
static int check_fields(const struct sph_codec *codec, const uint8_t *data, size_t len,
                        struct sph_err *err) {
    uint64_t seen = 0; /* bit per table row: hence at most 64 of them */
    size_t pos = 0;
    struct raw_field raw = {0};
    int rc;
    while ((rc = next_raw(data, len, &pos, &raw)) > 0) {
        size_t index = 0;
        const struct sph_field *field = find_field(codec, raw.tag, &index);
        if (!field) /* of a newer version: what it says is not for us */
            continue;
        if (seen >> index & 1 && field->type != SPH_FIELD_LIST)
            return SPH_FAIL(err, -EBADMSG, "message %s: field %s (tag %u) stands there twice",
                            codec->name, field->name, field->tag);
        seen |= (uint64_t)1 << index;
        rc = check_value(codec, field, &raw, err);
        if (rc < 0)
            return rc;
    }
    if (rc < 0)
        return SPH_FAIL(err, rc, "message %s: cut short in the field at byte %zu of %zu",
                        codec->name, pos, len);
    return check_required(codec, seen, err);
}

/* Called once per item; only the count changes from the second on. */
static void store_list(const struct sph_field *field, struct sph_list *list, const uint8_t *data,
                       size_t len) {
    list->codec = field->nested;
    list->wire = data;
    list->wire_len = len;
    list->tag = field->tag;
    list->count++;
}

static void store_value(const struct sph_field *field, const struct raw_field *raw,
                        uint8_t *member) {
    switch ((enum sph_field_type)field->type) {
    case SPH_FIELD_U32:
        *(uint32_t *)member = sph_le32_get(raw->value);
        break;
    case SPH_FIELD_U64:
    case SPH_FIELD_I64:
        *(uint64_t *)member = sph_le64_get(raw->value);
        break;
    case SPH_FIELD_BOOL:
        *(bool *)member = raw->value[0] == 1;
        break;
    case SPH_FIELD_GUID:
        memcpy(member, raw->value, sizeof(struct sph_guid));
        break;
    case SPH_FIELD_TEXT:
    case SPH_FIELD_BYTES:
        *(struct sph_slice *)member = sph_slice(raw->value, raw->len);
        break;
    case SPH_FIELD_LIST:
        break;
    }
}

/* The second pass, over bytes that check_fields() has passed. */
static void store_fields(const struct sph_codec *codec, const uint8_t *data, size_t len,
                         uint8_t *message) {
    memset(message, 0, codec->size);
    size_t pos = 0;
    struct raw_field raw = {0};
    while (next_raw(data, len, &pos, &raw) > 0) {
        size_t index = 0;
        const struct sph_field *field = find_field(codec, raw.tag, &index);
        if (!field)
            continue;
        if (field->type == SPH_FIELD_LIST)
            store_list(field, (struct sph_list *)(message + field->offset), data, len);
        else
            store_value(field, &raw, message + field->offset);
    }
}

/* In this order: what is written to *ret_message is never taken back. */
int sph_codec_decode(const struct sph_codec *codec, const void *data, size_t len, void *ret_message,
                     struct sph_err *err) {
    int rc = check_fields(codec, data, len, err);
    if (rc < 0)
        return rc;
    store_fields(codec, data, len, ret_message);
    return 0;
}

struct sph_list_iter sph_list_iter(const struct sph_list *list) {
    return (struct sph_list_iter){.list = *list, .wire_pos = 0};
}

bool sph_list_next(struct sph_list_iter *iter, void *ret_item) {
    const struct sph_list *list = &iter->list;
    struct raw_field raw = {0};
    /* Between the items stand the parent's other fields, in whatever order the sender had. */
    while (next_raw(list->wire, list->wire_len, &iter->wire_pos, &raw) > 0) {
        if (raw.tag != list->tag)
            continue;
        store_fields(list->codec, raw.value, raw.len, ret_item);
        return true;
    }
    return false;
}
