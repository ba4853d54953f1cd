/* The input is a stream; its first byte says in what pieces it comes. Frames found in pieces are
 * those found in one, and a frame written after any garbage is found.
 *
 * Random bytes have no valid sums, so that the corpus matters: it holds whole frames, cut ones and
 * frames in frames, which the fuzzer splices. */
#include <stdint.h>
#include <stdlib.h>

#include "base/crc32.h"
#include "wire/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned drain(struct sph_frame_reader *reader) {
    unsigned sum = 0;
    struct sph_frame frame;
    while (sph_frame_reader_next(reader, &frame) != SPH_FRAME_E_MORE)
        sum = sum * 31 + frame.id + frame.op + sph_crc32(0, frame.payload, frame.payload_len);
    return sum;
}

static unsigned read_in_steps(const uint8_t *data, size_t size, size_t step) {
    struct sph_frame_reader reader;
    sph_frame_reader_init(&reader);
    unsigned sum = 0;
    for (size_t at = 0; at < size; at += step) {
        if (sph_frame_reader_push(&reader, data + at, size - at < step ? size - at : step) < 0)
            abort();
        unsigned found = drain(&reader);
        sum = found ? sum * 31 + found : sum;
    }
    struct sph_frame frame;
    while (sph_frame_reader_pending(&reader) > 0) { /* give up until nothing is left */
        sph_frame_reader_give_up(&reader);
        (void)sph_frame_reader_next(&reader, &frame);
    }
    sph_frame_reader_done(&reader);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1 || size > 8192)
        return 0;
    (void)read_in_steps(data + 1, size - 1, 1u + data[0] % 64);
    (void)read_in_steps(data + 1, size - 1, size);

    sph_autobuf struct sph_buf stream = SPH_BUF_NULL;
    sph_buf_append(&stream, data + 1, size - 1);
    size_t begin = stream.len;
    if (sph_frame_append(&stream, SPH_FRAME_EVENT, 0xfffe, 0xfffffffe, "hello", 5) != 0)
        abort();
    /* at the latest from the frame's own start it is found */
    struct sph_frame frame;
    size_t used = 0;
    if (sph_frame_decode(stream.data + begin, stream.len - begin, &frame, &used) != 0 ||
        frame.id != 0xfffffffe || used != stream.len - begin)
        abort();
    return 0;
}
