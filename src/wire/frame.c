/* A stream without connections (virtio-serial) can be cut in the middle of a frame by a restart of
 * either side. So a reader trusts nothing but checks: one over the header, so that a length is not
 * believed by chance, and one over the payload, so that a cut payload does not swallow the frames
 * after it: when it fails, only the magic is passed over and the search goes on inside. Escaping
 * (SLIP, COBS) was rejected: it touches every byte of a package to find what two sums find. */
#include "wire/frame.h"

#include <errno.h>
#include <string.h>

#include "base/crc32.h"
#include "base/le.h"

static const uint8_t MAGIC[4] = {'S', 'p', 'H', 0xf7}; /* the last byte is in no UTF-8 text */

enum { /* offsets in the header */
       AT_VERSION = 4,
       AT_TYPE = 5,
       AT_OP = 6,
       AT_ID = 8,
       AT_LENGTH = 12,
       AT_PAYLOAD_CRC = 16,
       AT_HEADER_CRC = 20,
};

/* Bytes that a reader holds at most: a frame that is handled, what came behind it, and reads of up
 * to a frame each. Who pushes more between two calls of next gets -ENOMEM instead of all of the
 * machine's memory. */
enum { READER_LIMIT = 4 * (SPH_FRAME_PAYLOAD_MAX + SPH_FRAME_HEADER) };

/* Cheapest first: nearly every candidate fails at the magic. The length comes after the sum: one
 * that is out of range is then the sender's own doing, not damage, and no header of ours. */
static bool header_is_good(const uint8_t *at) {
    return memcmp(at, MAGIC, sizeof(MAGIC)) == 0 &&
           sph_le32_get(at + AT_HEADER_CRC) == sph_crc32(0, at, AT_HEADER_CRC) &&
           sph_le32_get(at + AT_LENGTH) <= SPH_FRAME_PAYLOAD_MAX;
}

/* Where the next header stands or could still become one; `len` when nowhere. Fewer bytes than a
 * header are kept as long as they look like the magic: the rest may be on its way. */
static size_t find_header(const uint8_t *bytes, size_t len, size_t from) {
    while (from < len) {
        const uint8_t *at = memchr(bytes + from, MAGIC[0], len - from);
        if (!at)
            return len;
        from = (size_t)(at - bytes);
        size_t left = len - from;
        if (left >= SPH_FRAME_HEADER ? header_is_good(at)
                                     : memcmp(at, MAGIC, left < 4 ? left : 4) == 0)
            return from;
        from++;
    }
    return len;
}

/* The version is read like everything else: the header's layout is the same in all of them. */
static void read_header(const uint8_t *at, struct sph_frame *ret_frame) {
    *ret_frame = (struct sph_frame){
        .version = at[AT_VERSION],
        .type = at[AT_TYPE],
        .op = sph_le16_get(at + AT_OP),
        .id = sph_le32_get(at + AT_ID),
        .payload = at + SPH_FRAME_HEADER,
        .payload_len = sph_le32_get(at + AT_LENGTH),
    };
}

/* A header whose payload fails its sum is passed over once and for good (the caller drops
 * *ret_used): each costs one sum over at most a payload's length, however the bytes are made. */
int sph_frame_decode(const void *data, size_t len, struct sph_frame *ret_frame, size_t *ret_used) {
    const uint8_t *bytes = data;
    size_t at = 0;
    for (;;) {
        at = len ? find_header(bytes, len, at) : 0;
        *ret_used = at;
        if (len - at < SPH_FRAME_HEADER)
            return SPH_FRAME_E_MORE;
        struct sph_frame frame;
        read_header(bytes + at, &frame);
        if (len - at - SPH_FRAME_HEADER < frame.payload_len)
            return SPH_FRAME_E_MORE;
        if (sph_le32_get(bytes + at + AT_PAYLOAD_CRC) ==
            sph_crc32(0, frame.payload, frame.payload_len)) {
            *ret_frame = frame;
            *ret_used = at + SPH_FRAME_HEADER + frame.payload_len;
            return frame.version == SPH_FRAME_VERSION ? 0 : SPH_FRAME_E_VERSION;
        }
        at++;
    }
}

size_t sph_frame_begin(struct sph_buf *out) {
    size_t begin = out->len;
    (void)sph_buf_extend(out, SPH_FRAME_HEADER);
    return begin;
}

int sph_frame_end(struct sph_buf *out, size_t begin, enum sph_frame_type type, uint16_t op,
                  uint32_t id) {
    if (out->error) { /* of begin too: then `begin` is where the text ends already */
        sph_buf_truncate(out, begin);
        return out->error;
    }
    size_t len = out->len - begin - SPH_FRAME_HEADER;
    if (len > SPH_FRAME_PAYLOAD_MAX) {
        sph_buf_truncate(out, begin);
        return -EMSGSIZE;
    }
    uint8_t *at = (uint8_t *)out->data + begin;
    memcpy(at, MAGIC, sizeof(MAGIC));
    at[AT_VERSION] = SPH_FRAME_VERSION;
    at[AT_TYPE] = (uint8_t)type;
    sph_le16_put(at + AT_OP, op);
    sph_le32_put(at + AT_ID, id);
    sph_le32_put(at + AT_LENGTH, (uint32_t)len);
    sph_le32_put(at + AT_PAYLOAD_CRC, sph_crc32(0, at + SPH_FRAME_HEADER, len));
    sph_le32_put(at + AT_HEADER_CRC, sph_crc32(0, at, AT_HEADER_CRC));
    return 0;
}

int sph_frame_append(struct sph_buf *out, enum sph_frame_type type, uint16_t op, uint32_t id,
                     const void *payload, size_t len) {
    size_t begin = sph_frame_begin(out);
    sph_buf_append(out, payload, len);
    return sph_frame_end(out, begin, type, op, id);
}

void sph_frame_reader_init(struct sph_frame_reader *reader) {
    *reader = (struct sph_frame_reader){.buf = SPH_BUF_LIMIT(READER_LIMIT)};
}

void sph_frame_reader_done(struct sph_frame_reader *reader) {
    if (reader)
        sph_buf_done(&reader->buf);
}

void sph_frame_reader_reset(struct sph_frame_reader *reader) {
    reader->buf.len = 0;
    reader->buf.error = 0;
    reader->handled = 0;
}

/* A frame that was given out is dropped as late as can be, so that its payload needs no copy. */
static void drop_handled(struct sph_frame_reader *reader) {
    sph_buf_consume(&reader->buf, reader->handled);
    reader->handled = 0;
}

int sph_frame_reader_push(struct sph_frame_reader *reader, const void *data, size_t len) {
    drop_handled(reader);
    sph_buf_append(&reader->buf, data, len);
    return reader->buf.error ? -ENOMEM : 0;
}

int sph_frame_reader_next(struct sph_frame_reader *reader, struct sph_frame *ret_frame) {
    drop_handled(reader);
    size_t used = 0;
    struct sph_frame frame;
    int rc = sph_frame_decode(reader->buf.data, reader->buf.len, &frame, &used);
    if (rc == SPH_FRAME_E_MORE) {
        reader->skipped_bytes += used;
        sph_buf_consume(&reader->buf, used);
        return rc;
    }
    reader->skipped_bytes += used - frame.payload_len - SPH_FRAME_HEADER;
    reader->handled = used;
    *ret_frame = frame;
    return rc;
}

size_t sph_frame_reader_pending(const struct sph_frame_reader *reader) {
    return reader->buf.len - reader->handled;
}

void sph_frame_reader_give_up(struct sph_frame_reader *reader) {
    drop_handled(reader);
    if (reader->buf.len > 0) {
        reader->skipped_bytes++;
        sph_buf_consume(&reader->buf, 1);
    }
}
