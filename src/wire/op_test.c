/* Frames of every operation, whole and refused, and what is left in a buffer that had something
 * before. realloc is wrapped: the n-th one fails. */
#include "base/testing.h"

#include <errno.h>
#include <string.h>

#include "wire/message.h"
#include "wire/testing.h"

enum { SEED = 31, ID = 0xfffffffe, MESSAGE_MAX = 1024 };

/* The n-th from now on fails; 0 = none. */
static unsigned realloc_fails;
void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);

void *__wrap_realloc(void *old, size_t size) {
    return realloc_fails && --realloc_fails == 0 ? NULL : __real_realloc(old, size);
}

/* One frame stands in the buffer behind `before` bytes; its payload decodes as the message. */
static void assert_frame(const struct sph_buf *out, size_t before, unsigned type, uint16_t op,
                         const struct sph_codec *codec) {
    struct sph_frame frame = {0};
    size_t used = 0;
    char message[MESSAGE_MAX];
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(sph_frame_decode(out->data + before, out->len - before, &frame, &used), 0);
    assert_int_equal(used, out->len - before);
    assert_int_equal(frame.version, SPH_FRAME_VERSION);
    assert_int_equal(frame.type, type);
    assert_int_equal(frame.op, op);
    assert_int_equal(frame.id, ID);
    if (sph_codec_decode(codec, frame.payload, frame.payload_len, message, &err) < 0)
        fail_msg("%s", err.text);
}

typedef int put_fn(struct sph_buf *out, uint16_t op, uint32_t id, const void *message,
                   struct sph_err *err);

static int put_event(struct sph_buf *out, uint16_t op, uint32_t id, const void *message,
                     struct sph_err *err) {
    assert_int_equal(op, SPH_OP_EVENTS);
    return sph_op_put_event(out, id, message, err);
}

static int put_error(struct sph_buf *out, uint16_t op, uint32_t id, const void *message,
                     struct sph_err *err) {
    const struct sph_msg_error *error = message;
    char text[64];
    int rc = sph_op_put_error(out, op, id, error->device_error,
                              sph_slice_copy(error->text, text, sizeof(text)));
    return rc < 0 ? SPH_FAIL(err, rc, "an error has no sentence of its own") : 0;
}

/* Everything that can be put: both sides of each operation, the event, the error. */
struct kind {
    put_fn *put;
    unsigned type;
    uint16_t op;
    const struct sph_codec *codec;
};

typedef void each_fn(const struct kind *kind, const void *message);

static void each_kind(each_fn *fn) {
    char message[MESSAGE_MAX];
    for (size_t i = 0; i < 2 * sph_op_count + 2; i++) {
        const struct sph_op *row = &sph_ops[i / 2 < sph_op_count ? i / 2 : 0];
        struct kind kind = {sph_op_put_request, SPH_FRAME_REQUEST, row->op, row->request};
        if (i == 2 * sph_op_count)
            kind = (struct kind){put_event, SPH_FRAME_EVENT, SPH_OP_EVENTS, &sph_msg_event_codec};
        else if (i == 2 * sph_op_count + 1)
            kind = (struct kind){put_error, SPH_FRAME_ERROR, 999, &sph_msg_error_codec};
        else if (i % 2)
            kind = (struct kind){sph_op_put_reply, SPH_FRAME_REPLY, row->op, row->reply};
        unsigned seed = SEED + (unsigned)i;
        assert_true(kind.codec->size <= sizeof(message));
        sph_testing_fill(kind.codec, message, &seed);
        fn(&kind, message);
        sph_testing_free_lists();
    }
}

static void check_put(const struct kind *kind, const void *message) {
    sph_autobuf struct sph_buf out = SPH_BUF_NULL;
    struct sph_err err = SPH_ERR_NULL;
    sph_buf_puts(&out, "before");
    assert_int_equal(kind->put(&out, kind->op, ID, message, &err), 0);
    assert_int_equal(err.code, 0);
    assert_memory_equal(out.data, "before", 6);
    assert_frame(&out, 6, kind->type, kind->op, kind->codec);
}

static void every_operation_makes_its_frame(void **state) {
    (void)state;
    each_kind(check_put);
}

/* Whatever room there is, either all of the frame is there or nothing of it. */
static void check_room(const struct kind *kind, const void *message) {
    sph_autobuf struct sph_buf whole = SPH_BUF_NULL;
    assert_int_equal(kind->put(&whole, kind->op, ID, message, NULL), 0);
    for (size_t room = 0; room <= whole.len; room += room < 40 ? 1 : 37) {
        struct sph_buf out = SPH_BUF_LIMIT(room + 7);
        struct sph_err err = SPH_ERR_NULL;
        sph_buf_puts(&out, "before");
        int rc = kind->put(&out, kind->op, ID, message, &err);
        if (rc == 0) {
            assert_int_equal(out.len, 6 + whole.len);
        } else {
            assert_int_equal(rc, -EFBIG);
            assert_int_equal(err.code, -EFBIG);
            assert_true(strlen(err.text) > 0);
            assert_int_equal(out.len, 6);
            assert_string_equal(out.data, "before"); /* terminated again, too */
        }
        sph_buf_done(&out);
    }
}

static void what_has_no_room_leaves_no_trace(void **state) {
    (void)state;
    each_kind(check_room);
}

static void check_memory(const struct kind *kind, const void *message) {
    int rc = -ENOMEM;
    for (unsigned nth = 1; rc != 0; nth++) {
        sph_autobuf struct sph_buf out = SPH_BUF_NULL;
        struct sph_err err = SPH_ERR_NULL;
        assert_true(nth < 20);
        realloc_fails = nth;
        rc = kind->put(&out, kind->op, ID, message, &err);
        realloc_fails = 0;
        assert_true(rc == 0 || rc == -ENOMEM);
        assert_int_equal(err.code, rc);
        if (rc < 0)
            assert_int_equal(out.len, 0);
        else
            assert_frame(&out, 0, kind->type, kind->op, kind->codec);
    }
}

static void each_allocation_may_fail(void **state) {
    (void)state;
    each_kind(check_memory);
}

static void numbers_that_are_no_operation(void **state) {
    (void)state;
    for (uint32_t op = 0; op <= UINT16_MAX; op++) {
        const struct sph_op *row = sph_op_find(op);
        sph_autobuf struct sph_buf out = SPH_BUF_NULL;
        struct sph_err err = SPH_ERR_NULL;
        char sentence[64];
        if (row) {
            assert_int_equal(row->op, op);
            continue;
        }
        (void)snprintf(sentence, sizeof(sentence), "there is no operation %u", op);
        assert_int_equal(sph_op_put_request(&out, (uint16_t)op, ID, NULL, &err), -EINVAL);
        assert_err(&err, -EINVAL, sentence);
        err = (struct sph_err)SPH_ERR_NULL;
        assert_int_equal(sph_op_put_reply(&out, (uint16_t)op, ID, NULL, &err), -EINVAL);
        assert_err(&err, -EINVAL, sentence);
        assert_null(out.data);
    }
    assert_null(sph_op_find(0x10001)); /* not the 1 that 16 bits of it are */
    assert_null(sph_op_find(UINT32_MAX));
}

/* An error is answered to whatever number came, or its sender would wait for ever. */
static void errors_of_any_number(void **state) {
    (void)state;
    static const uint16_t numbers[] = {0, 1, 999, UINT16_MAX};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(numbers); i++) {
        sph_autobuf struct sph_buf out = SPH_BUF_NULL;
        assert_int_equal(sph_op_put_error(&out, numbers[i], ID, 5, NULL), 0);
        assert_frame(&out, 0, SPH_FRAME_ERROR, numbers[i], &sph_msg_error_codec);
    }
}

/* A payload may have 65,536 bytes; a field of it 65,535, with its 4 bytes of header. */
static void the_largest_message(void **state) {
    (void)state;
    static const char big[65536];
    static const struct {
        size_t len;
        int rc;
        const char *sentence;
    } cases[] = {
        {65532, 0, ""},
        {65533, -EMSGSIZE, "message stage_data is longer than a frame may be"},
        {65535, -EMSGSIZE, "message stage_data is longer than a frame may be"},
        {65536, -EMSGSIZE, "message stage_data does not fit its frame at field data"},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        const struct sph_msg_stage_data data = {.data = sph_slice(big, cases[i].len)};
        sph_autobuf struct sph_buf out = SPH_BUF_NULL;
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(sph_op_put_request(&out, SPH_OP_STAGE_DATA, ID, &data, &err), cases[i].rc);
        assert_err(&err, cases[i].rc, cases[i].sentence);
        assert_int_equal(out.len, cases[i].rc ? 0 : 24 + 65536);
    }
}

/* What came over the wire as a list is bytes; sent as an array it would be read from nowhere. */
static void a_decoded_list_is_not_sent(void **state) {
    (void)state;
    static const char bytes[] = "\1\0\0\0\1\0\0\0"; /* two apps of which nothing is said … */
    static const char pins[] = "\1\0\x10\0\1\0\4\0\2\0\0\0\2\0\4\0\1\0\0\0"; /* … and a pin */
    struct sph_msg_app_list_reply no_list;
    struct sph_msg_gpio_list_reply list;
    struct sph_msg_memory_reply none = {.apps = SPH_LIST(NULL, 0)};
    struct sph_err err = SPH_ERR_NULL;
    sph_autobuf struct sph_buf out = SPH_BUF_NULL;
    assert_int_equal(sph_codec_decode(&sph_msg_app_list_reply_codec, bytes, 8, &no_list, &err),
                     -EBADMSG);
    assert_string_equal(err.text, "message app: field component (tag 1) is missing");
    assert_int_equal(sph_codec_decode(&sph_msg_gpio_list_reply_codec, pins, 20, &list, NULL), 0);
    sph_buf_puts(&out, "before");
    assert_int_equal(sph_op_put_reply(&out, SPH_OP_GPIO_LIST, ID, &list, &err), -EINVAL);
    assert_err(&err, -EINVAL,
               "message gpio_list_reply: the list pins was decoded and cannot be sent as it is");
    assert_string_equal(out.data, "before");
    assert_int_equal(sph_op_put_reply(&out, SPH_OP_MEMORY, ID, &none, NULL), 0);
}

int main(void) {
    printf("seed %d\n", SEED);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operation_makes_its_frame),
        cmocka_unit_test(what_has_no_room_leaves_no_trace),
        cmocka_unit_test(each_allocation_may_fail),
        cmocka_unit_test(numbers_that_are_no_operation),
        cmocka_unit_test(errors_of_any_number),
        cmocka_unit_test(the_largest_message),
        cmocka_unit_test(a_decoded_list_is_not_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
