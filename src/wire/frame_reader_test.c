/* The reader at its limits: frames inside frames, every bit of a header, a memory that gives out,
 * senders that never finish. realloc is wrapped: the n-th one fails. */
#include "base/testing.h"

#include <errno.h>
#include <string.h>

#include "wire/frame.h"

static unsigned realloc_fails;
void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);

void *__wrap_realloc(void *old, size_t size) {
    return realloc_fails && --realloc_fails == 0 ? NULL : __real_realloc(old, size);
}

static void append(struct sph_buf *out, uint32_t id, const void *payload, size_t len) {
    assert_int_equal(sph_frame_append(out, SPH_FRAME_REQUEST, 7, id, payload, len), 0);
}

/* Where a search ends in bytes without a whole frame: what may be dropped, and what may not. */
static void beginnings_are_kept(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t len, used;
    } cases[] = {
        {"", 0, 0},
        {"x", 1, 1},
        {"S", 1, 0},
        {"Sp", 2, 0},
        {"SpH", 3, 0},
        {"SpH\xf7", 4, 0},
        {"SpHx", 4, 4},
        {"SS", 2, 1},
        {"SpSp", 4, 2},
        {"xxSpH\xf7", 6, 2},
        {"SpH\xf7SpH\xf7", 8, 0}, /* the first may become a header still */
        {"SpH\xf7 20 bytes that are no h", 24, 24},
        {"SpH\xf7 is followed by another SpH", 31, 28},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        struct sph_frame frame = {.id = 5};
        size_t used = 999;
        assert_int_equal(sph_frame_decode(cases[i].bytes, cases[i].len, &frame, &used),
                         SPH_FRAME_E_MORE);
        assert_int_equal(used, cases[i].used);
        assert_int_equal(frame.id, 5); /* untouched */
    }
}

/* Each of the 192 bits of a header counts: with any one wrong there is no frame. */
static void every_bit_of_a_header_counts(void **state) {
    (void)state;
    sph_autobuf struct sph_buf out = SPH_BUF_NULL;
    append(&out, 0x01020304, "payload", 7);
    for (size_t bit = 0; bit < (size_t)8 * SPH_FRAME_HEADER; bit++) {
        struct sph_frame frame;
        size_t used = 0;
        out.data[bit / 8] ^= (char)(1u << bit % 8);
        assert_int_equal(sph_frame_decode(out.data, out.len, &frame, &used), SPH_FRAME_E_MORE);
        out.data[bit / 8] ^= (char)(1u << bit % 8);
        assert_int_equal(sph_frame_decode(out.data, out.len, &frame, &used), 0);
    }
}

static void every_value_is_carried(void **state) {
    (void)state;
    static const uint32_t ids[] = {0, 1, 0x80000000, UINT32_MAX};
    static const uint16_t ops[] = {0, 1, 255, 256, UINT16_MAX};
    for (unsigned type = 0; type < 256; type++) {
        for (size_t i = 0; i < SPH_ARRAY_SIZE(ids) * SPH_ARRAY_SIZE(ops); i++) {
            struct sph_frame frame;
            size_t used = 0;
            sph_autobuf struct sph_buf out = SPH_BUF_NULL;
            uint32_t id = ids[i % SPH_ARRAY_SIZE(ids)];
            uint16_t op = ops[i / SPH_ARRAY_SIZE(ids)];
            assert_int_equal(
                sph_frame_append(&out, (enum sph_frame_type)type, op, id, &type, sizeof(type)), 0);
            assert_int_equal(sph_frame_decode(out.data, out.len, &frame, &used), 0);
            assert_int_equal(frame.type, type);
            assert_int_equal(frame.op, op);
            assert_int_equal(frame.id, id);
            assert_memory_equal(frame.payload, &type, sizeof(type));
        }
    }
}

/* A package may hold whole frames: they are payload as long as the frame around them is good, and
 * are found when it was cut. */
static void frames_inside_frames(void **state) {
    (void)state;
    sph_autobuf struct sph_buf inner = SPH_BUF_NULL, outer = SPH_BUF_NULL;
    struct sph_frame_reader reader;
    struct sph_frame frame;
    append(&inner, 1, "a", 1);
    append(&inner, 2, "b", 1);
    append(&outer, 3, inner.data, inner.len);
    sph_frame_reader_init(&reader);
    assert_int_equal(sph_frame_reader_push(&reader, outer.data, outer.len), 0);
    assert_int_equal(sph_frame_reader_next(&reader, &frame), 0);
    assert_int_equal(frame.id, 3);
    assert_memory_equal(frame.payload, inner.data, inner.len);
    assert_int_equal(sph_frame_reader_next(&reader, &frame), SPH_FRAME_E_MORE);
    outer.data[outer.len - 1] ^= 1; /* the last byte of "b": the sums of both 3 and 2 are wrong */
    assert_int_equal(sph_frame_reader_push(&reader, outer.data, outer.len), 0);
    assert_int_equal(sph_frame_reader_next(&reader, &frame), 0);
    assert_int_equal(frame.id, 1);
    assert_int_equal(sph_frame_reader_next(&reader, &frame), SPH_FRAME_E_MORE);
    assert_int_equal(sph_frame_reader_pending(&reader), 0);
    assert_int_equal(reader.skipped_bytes, 24 + 25);
    sph_frame_reader_done(&reader);
}

/* What cannot be kept ends the connection: the reader says so until it is reset, and not before. */
static void memory_gives_out(void **state) {
    (void)state;
    struct sph_frame_reader reader;
    struct sph_frame frame;
    sph_autobuf struct sph_buf out = SPH_BUF_NULL;
    append(&out, 1, "abc", 3);
    sph_frame_reader_init(&reader);
    realloc_fails = 1;
    assert_int_equal(sph_frame_reader_push(&reader, out.data, out.len), -ENOMEM);
    assert_int_equal(realloc_fails, 0);
    assert_int_equal(sph_frame_reader_push(&reader, out.data, out.len), -ENOMEM);
    assert_int_equal(sph_frame_reader_next(&reader, &frame), SPH_FRAME_E_MORE);
    sph_frame_reader_reset(&reader);
    assert_int_equal(sph_frame_reader_push(&reader, out.data, out.len), 0);
    assert_int_equal(sph_frame_reader_next(&reader, &frame), 0);
    assert_int_equal(frame.id, 1);
    sph_frame_reader_done(&reader);
    sph_frame_reader_done(NULL);
}

/* Who pushes and never takes is stopped at four frames; who takes can go on for ever. */
static void memory_is_bounded(void **state) {
    (void)state;
    enum { LIMIT = 4 * (SPH_FRAME_PAYLOAD_MAX + SPH_FRAME_HEADER), PIECE = 16384 };
    static char piece[PIECE];
    struct sph_frame_reader reader;
    struct sph_frame frame;
    size_t pushed = 0;
    memset(piece, 'S', sizeof(piece)); /* each byte could begin a magic */
    sph_frame_reader_init(&reader);
    while (sph_frame_reader_push(&reader, piece, sizeof(piece)) == 0)
        pushed += sizeof(piece);
    assert_true(pushed <= LIMIT && pushed > LIMIT - PIECE);
    sph_frame_reader_reset(&reader);
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(sph_frame_reader_push(&reader, piece, sizeof(piece)), 0);
        assert_int_equal(sph_frame_reader_next(&reader, &frame), SPH_FRAME_E_MORE);
        assert_int_equal(sph_frame_reader_pending(&reader), 1);
    }
    assert_int_equal(reader.skipped_bytes, 100u * PIECE - 1);
    sph_frame_reader_done(&reader);
}

/* A thousand headers that all announce a payload: given up one by one until nothing is left. */
static void giving_up_comes_to_an_end(void **state) {
    (void)state;
    enum { HEADERS = 1000 };
    struct sph_frame_reader reader;
    struct sph_frame frame;
    static char payload[60000];
    sph_autobuf struct sph_buf whole = SPH_BUF_NULL;
    append(&whole, 1, payload, sizeof(payload));
    sph_frame_reader_init(&reader);
    for (unsigned i = 0; i < HEADERS; i++)
        assert_int_equal(sph_frame_reader_push(&reader, whole.data, SPH_FRAME_HEADER), 0);
    unsigned rounds = 0;
    while (sph_frame_reader_next(&reader, &frame) == SPH_FRAME_E_MORE &&
           sph_frame_reader_pending(&reader) > 0) {
        sph_frame_reader_give_up(&reader);
        rounds++;
    }
    assert_int_equal(rounds, HEADERS);
    assert_int_equal(reader.skipped_bytes, HEADERS * SPH_FRAME_HEADER);
    sph_frame_reader_done(&reader);
}

/* A frame that cannot be written leaves the buffer as it was, whatever gives out when. */
static void writing_leaves_no_trace(void **state) {
    (void)state;
    for (size_t room = 6; room < 6 + SPH_FRAME_HEADER + 3; room++) {
        struct sph_buf out = SPH_BUF_LIMIT(room);
        sph_buf_puts(&out, "before");
        assert_int_equal(sph_frame_append(&out, SPH_FRAME_REPLY, 1, 1, "abc", 3), -EFBIG);
        assert_int_equal(out.len, 6);
        assert_string_equal(out.data, "before");
        sph_buf_done(&out);
    }
    for (unsigned nth = 1; nth < 3; nth++) {
        static char payload[5000];
        struct sph_buf out = SPH_BUF_NULL;
        realloc_fails = nth;
        int rc = sph_frame_append(&out, SPH_FRAME_REPLY, 1, 1, payload, sizeof(payload));
        assert_int_equal(rc, -ENOMEM);
        assert_int_equal(realloc_fails, 0);
        assert_int_equal(out.len, 0);
        sph_buf_done(&out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beginnings_are_kept),       cmocka_unit_test(every_bit_of_a_header_counts),
        cmocka_unit_test(every_value_is_carried),    cmocka_unit_test(frames_inside_frames),
        cmocka_unit_test(memory_gives_out),          cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(giving_up_comes_to_an_end), cmocka_unit_test(writing_leaves_no_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
