/* Streams are built from known frames with cuts, garbage and damage in between; what the reader
 * must find is known beforehand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32.h"
#include "wire/frame.h"

enum { SEED = 20 };

static void fill(uint8_t *bytes, size_t len, unsigned seed) {
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(rand_r(&seed) >> 7);
}

static void append(struct sph_buf *out, uint32_t id, size_t len) {
    uint8_t *payload = malloc(len + 1);
    fill(payload, len, id);
    assert_int_equal(sph_frame_append(out, SPH_FRAME_REQUEST, 7, id, payload, len), 0);
    free(payload);
}

/* Every frame that the reader finds in the bytes, `step` at a time; ids in order. */
static size_t read_ids(const void *data, size_t len, size_t step, uint32_t *ret_ids, size_t max,
                       uint64_t *ret_skipped) {
    struct sph_frame_reader reader;
    sph_frame_reader_init(&reader);
    size_t count = 0;
    for (size_t at = 0; at < len; at += step) {
        size_t now = len - at < step ? len - at : step;
        assert_int_equal(sph_frame_reader_push(&reader, (const char *)data + at, now), 0);
        struct sph_frame frame;
        while (sph_frame_reader_next(&reader, &frame) == 0) {
            assert_true(count < max);
            uint8_t *payload = malloc(frame.payload_len + 1);
            fill(payload, frame.payload_len, frame.id);
            assert_memory_equal(frame.payload, payload, frame.payload_len);
            free(payload);
            ret_ids[count++] = frame.id;
        }
    }
    if (ret_skipped)
        *ret_skipped = reader.skipped_bytes;
    sph_frame_reader_done(&reader);
    return count;
}

static void layout_is_the_documented_one(void **state) {
    (void)state;
    static const uint8_t expected[] = {
        'S', 'p', 'H',  0xf7, 1,    2,    0x34, 0x12, 0x78, 0x56, 0x34, 0x12, 3,   0,
        0,   0,   0xc2, 0x41, 0x24, 0x35, 0x04, 0x68, 0x9e, 0xeb, 'a',  'b',  'c',
    };
    sph_autobuf struct sph_buf out = SPH_BUF_NULL;
    assert_int_equal(sph_frame_append(&out, SPH_FRAME_REPLY, 0x1234, 0x12345678, "abc", 3), 0);
    assert_int_equal(out.len, sizeof(expected));
    assert_memory_equal(out.data, expected, sizeof(expected));
    assert_int_equal(sph_crc32(0, "123456789", 9), 0xcbf43926);
}

static void frames_come_out_whatever_the_pieces(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 3, 4, 23, 24, 25, 1000, 16384, SPH_FRAME_PAYLOAD_MAX};
    static const size_t steps[] = {1, 7, 24, 4096, 1u << 20};
    sph_autobuf struct sph_buf out = SPH_BUF_NULL;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(sizes); i++)
        append(&out, (uint32_t)i + 1, sizes[i]);
    for (size_t s = 0; s < SPH_ARRAY_SIZE(steps); s++) {
        size_t len = steps[s] == 1 ? 3000 : out.len; /* byte by byte is slow over the long ones */
        uint32_t ids[SPH_ARRAY_SIZE(sizes)];
        uint64_t skipped = 1;
        size_t count = read_ids(out.data, len, steps[s], ids, SPH_ARRAY_SIZE(ids), &skipped);
        assert_int_equal(count, steps[s] == 1 ? 8 : SPH_ARRAY_SIZE(sizes));
        assert_int_equal(skipped, 0);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(ids[i], i + 1);
    }
}

static void too_long_a_payload_is_taken_out_again(void **state) {
    (void)state;
    sph_autobuf struct sph_buf out = SPH_BUF_NULL;
    append(&out, 1, 10);
    size_t before = out.len;
    size_t begin = sph_frame_begin(&out);
    assert_non_null(sph_buf_extend(&out, SPH_FRAME_PAYLOAD_MAX + 1));
    assert_int_equal(sph_frame_end(&out, begin, SPH_FRAME_REPLY, 1, 1), -EMSGSIZE);
    assert_int_equal(out.len, before);
    struct sph_buf tight = SPH_BUF_LIMIT(SPH_FRAME_HEADER + 2);
    assert_int_equal(sph_frame_append(&tight, SPH_FRAME_REPLY, 1, 1, "abc", 3), -EFBIG);
    sph_buf_done(&tight);
}

/* Cut at each byte of a frame, then whole frames: all of these are found and nothing else. */
static void a_cut_frame_never_hides_the_next(void **state) {
    (void)state;
    sph_autobuf struct sph_buf whole = SPH_BUF_NULL;
    append(&whole, 1, 40);
    for (size_t cut = 0; cut < whole.len; cut++) {
        sph_autobuf struct sph_buf stream = SPH_BUF_NULL;
        sph_buf_append(&stream, whole.data, cut);
        append(&stream, 2, 40);
        append(&stream, 3, 100);
        uint32_t ids[4];
        uint64_t skipped = 0;
        assert_int_equal(read_ids(stream.data, stream.len, 9, ids, 4, &skipped), 2);
        assert_int_equal(ids[0], 2);
        assert_int_equal(ids[1], 3);
        assert_int_equal(skipped, cut);
    }
}

static void one_wrong_byte_costs_one_frame(void **state) {
    (void)state;
    sph_autobuf struct sph_buf stream = SPH_BUF_NULL;
    append(&stream, 1, 40);
    size_t first = stream.len;
    append(&stream, 2, 5);
    append(&stream, 3, 200);
    for (size_t at = 0; at < first; at++) {
        stream.data[at] ^= 0x20;
        uint32_t ids[4];
        assert_int_equal(read_ids(stream.data, stream.len, 50, ids, 4, NULL), 2);
        assert_int_equal(ids[0], 2);
        stream.data[at] ^= 0x20;
    }
}

static void garbage_between_frames_is_skipped(void **state) {
    (void)state;
    static const char half[] = {'S', 'p', 'H', '\xf7', 'S', 'p', 'H'};
    for (unsigned round = 0; round < 200; round++) {
        sph_autobuf struct sph_buf stream = SPH_BUF_NULL;
        uint8_t garbage[300];
        fill(garbage, sizeof(garbage), SEED + round);
        memcpy(garbage + round, half, sizeof(half)); /* half a magic, a magic without a header */
        sph_buf_append(&stream, garbage, sizeof(garbage));
        append(&stream, 1, round);
        sph_buf_append(&stream, garbage, round);
        append(&stream, 2, round + round);
        uint32_t ids[4];
        uint64_t skipped = 0;
        assert_int_equal(read_ids(stream.data, stream.len, 33, ids, 4, &skipped), 2);
        assert_int_equal(skipped, sizeof(garbage) + round);
    }
}

/* The sender restarts after a header that announces 60,000 bytes, and says hello: nothing more
 * comes. */
static void giving_up_a_stalled_frame_finds_the_ones_behind(void **state) {
    (void)state;
    sph_autobuf struct sph_buf stream = SPH_BUF_NULL;
    append(&stream, 1, 60000);
    stream.len = 500;
    append(&stream, 2, 30);
    struct sph_frame_reader reader;
    sph_frame_reader_init(&reader);
    assert_int_equal(sph_frame_reader_push(&reader, stream.data, stream.len), 0);
    struct sph_frame frame = {0};
    assert_int_equal(sph_frame_reader_next(&reader, &frame), SPH_FRAME_E_MORE);
    assert_int_equal(sph_frame_reader_pending(&reader), stream.len);
    sph_frame_reader_give_up(&reader);
    assert_int_equal(sph_frame_reader_next(&reader, &frame), 0);
    assert_int_equal(frame.id, 2);
    assert_int_equal(sph_frame_reader_pending(&reader), 0);
    assert_int_equal(reader.skipped_bytes, 500);
    assert_int_equal(sph_frame_reader_next(&reader, &frame), SPH_FRAME_E_MORE);
    sph_frame_reader_give_up(&reader); /* nothing is under way: nothing happens */
    assert_int_equal(reader.skipped_bytes, 500);
    sph_frame_reader_push(&reader, "SpH", 3);
    sph_frame_reader_reset(&reader);
    assert_int_equal(sph_frame_reader_pending(&reader), 0);
    sph_frame_reader_done(&reader);
}

static void another_version_is_told(void **state) {
    (void)state;
    sph_autobuf struct sph_buf out = SPH_BUF_NULL;
    append(&out, 9, 6);
    uint8_t *at = (uint8_t *)out.data;
    at[4] = 2;
    uint32_t crc = sph_crc32(0, at, 20);
    for (int i = 0; i < 4; i++)
        at[20 + i] = (uint8_t)(crc >> 8 * i);
    struct sph_frame frame = {0};
    size_t used = 0;
    assert_int_equal(sph_frame_decode(out.data, out.len, &frame, &used), SPH_FRAME_E_VERSION);
    assert_int_equal(frame.version, 2);
    assert_int_equal(frame.id, 9);
    assert_int_equal(used, out.len);
}

static void a_length_over_the_limit_is_no_header(void **state) {
    (void)state;
    sph_autobuf struct sph_buf out = SPH_BUF_NULL;
    append(&out, 9, 6);
    uint8_t *at = (uint8_t *)out.data;
    at[12] = 1; /* 65,537 */
    at[14] = 1;
    uint32_t crc = sph_crc32(0, at, 20);
    for (int i = 0; i < 4; i++)
        at[20 + i] = (uint8_t)(crc >> 8 * i);
    struct sph_frame frame = {0};
    size_t used = 0;
    assert_int_equal(sph_frame_decode(out.data, out.len, &frame, &used), SPH_FRAME_E_MORE);
    assert_int_equal(used, out.len);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layout_is_the_documented_one),
        cmocka_unit_test(frames_come_out_whatever_the_pieces),
        cmocka_unit_test(too_long_a_payload_is_taken_out_again),
        cmocka_unit_test(a_cut_frame_never_hides_the_next),
        cmocka_unit_test(one_wrong_byte_costs_one_frame),
        cmocka_unit_test(garbage_between_frames_is_skipped),
        cmocka_unit_test(giving_up_a_stalled_frame_finds_the_ones_behind),
        cmocka_unit_test(another_version_is_told),
        cmocka_unit_test(a_length_over_the_limit_is_no_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
