/* frame: one unit of the agent's protocol on a byte stream that may lose its beginning at any time.
 *
 * Pure but for the reader, which owns the bytes that have come and are not yet a frame. Neither
 * knows what a payload means: that is wire/op.h. */
#ifndef SPH_WIRE_FRAME_H
#define SPH_WIRE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

/* Layout, little-endian: magic 4, version 1, type 1, op 2, id 4, payload length 4, CRC-32 of the
 * payload 4, CRC-32 of the 20 bytes before 4, payload. docs/spec/wire.md, section 2. */
enum {
    SPH_FRAME_VERSION = 1, /* what this code speaks, and the only one it understands */
    SPH_FRAME_HEADER = 24, /* bytes */
    /* Bytes; a longer length makes the header invalid. Enough for 256 mappings of a kill report
     * with long paths, and the most that a reader holds for one frame. */
    SPH_FRAME_PAYLOAD_MAX = 65536,
    /* Bytes of bulk data (stage, log) that a sender puts in a frame: other requests get their turn
     * in between, and a piece fits the buffers of a virtio-serial port. */
    SPH_FRAME_CHUNK = 16384,
    /* An unfinished frame that rests this long is given up: the longest pause inside a frame of a
     * sender that lives, with a wide margin for a loaded machine. */
    SPH_FRAME_STALL_MS = 2000,
};

enum sph_frame_type {
    SPH_FRAME_REQUEST = 1, /* client to agent; every other type goes the other way */
    SPH_FRAME_REPLY = 2,   /* same op and id as its request */
    SPH_FRAME_ERROR = 3,   /* the other kind of reply: payload is struct sph_msg_error */
    SPH_FRAME_EVENT = 4,   /* pushed; id of the subscribing request */
};

/* A frame as it was found; everything in it has passed its sums. */
struct sph_frame {
    uint8_t version;        /* of the sender; not ours only with SPH_FRAME_E_VERSION */
    uint8_t type;           /* enum sph_frame_type; an unknown one is passed on */
    uint16_t op;            /* enum sph_op_code; an unknown one is passed on too */
    uint32_t id;            /* of the request, by which its answer is known */
    const uint8_t *payload; /* into the reader's bytes */
    size_t payload_len;     /* bytes, 0 to SPH_FRAME_PAYLOAD_MAX */
};

enum {
    SPH_FRAME_E_MORE = 1,    /* no whole frame yet; *ret_used bytes of garbage may be dropped */
    SPH_FRAME_E_VERSION = 2, /* a whole frame of another protocol version: answer with an error */
};

/* Pure: looks for the first frame in `len` bytes. 0 or a condition above; *ret_used is always
 * written and is what the caller drops (after it is done with the frame). Bytes that are no frame
 * are skipped. */
int sph_frame_decode(const void *data, size_t len, struct sph_frame *ret_frame, size_t *ret_used);

/* Writing in place: begin reserves the header and returns where it stands, end fills it in once the
 * payload is appended. end: 0, -EMSGSIZE (too long) or out->error; in both cases what was written
 * since begin is taken out again. A failure of begin is told by end. */
size_t sph_frame_begin(struct sph_buf *out);
int sph_frame_end(struct sph_buf *out, size_t begin, enum sph_frame_type type, uint16_t op,
                  uint32_t id);
/* Both in one, for a payload that is there already. */
int sph_frame_append(struct sph_buf *out, enum sph_frame_type type, uint16_t op, uint32_t id,
                     const void *payload, size_t len);

/* A stream's unread bytes, for one connection. Memory: at most one frame and one push more for who
 * takes all frames after each push; four frames in any case. */
struct sph_frame_reader {
    struct sph_buf buf;     /* private */
    size_t handled;         /* bytes of the frame last given out, dropped by the next call */
    uint64_t skipped_bytes; /* garbage so far: 0 on a healthy connection */
};

void sph_frame_reader_init(struct sph_frame_reader *reader);
/* Takes NULL. */
void sph_frame_reader_done(struct sph_frame_reader *reader);
/* Forgets everything unread and any failure, for a new connection. skipped_bytes goes on. */
void sph_frame_reader_reset(struct sph_frame_reader *reader);
/* Bytes as they come from read(). 0 or -ENOMEM, then and until a reset: bytes are missing, so the
 * connection must end. Invalidates the frame last given out. */
int sph_frame_reader_push(struct sph_frame_reader *reader, const void *data, size_t len);
/* As sph_frame_decode; the frame is valid until the next call on this reader. */
int sph_frame_reader_next(struct sph_frame_reader *reader, struct sph_frame *ret_frame);
/* Bytes of an unfinished frame (or of garbage) that wait for more. 0: nothing is under way. */
size_t sph_frame_reader_pending(const struct sph_frame_reader *reader);
/* The unfinished frame has stalled (its sender restarted): passes over its magic, so that frames
 * which came after the cut are found by the next sph_frame_reader_next. */
void sph_frame_reader_give_up(struct sph_frame_reader *reader);

#endif
