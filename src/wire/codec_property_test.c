/* What holds for every message of the protocol, whatever its fields: their order and strangers
 * among them change nothing, each rule that is broken has its sentence, and a failure leaves no
 * trace. */
#include "base/testing.h"

#include <errno.h>
#include <string.h>

#include "base/le.h"
#include "wire/message.h"
#include "wire/testing.h"

enum { SEED = 5, FIELDS_MAX = 300, MESSAGE_MAX = 1024, ROUNDS = 8 };

typedef void each_fn(const struct sph_codec *codec, unsigned seed);

static void each_codec(each_fn *fn) {
    for (size_t i = 0; i < 2 * sph_op_count; i++) {
        const struct sph_op *row = &sph_ops[i / 2];
        fn(i % 2 ? row->reply : row->request, SEED + (unsigned)i);
        sph_testing_free_lists();
    }
    fn(&sph_msg_event_codec, SEED);
    fn(&sph_msg_error_codec, SEED);
    sph_testing_free_lists();
}

/* A filled message's bytes, with every field that is required. */
static void encode_filled(const struct sph_codec *codec, unsigned *seed, struct sph_buf *ret_out) {
    char message[MESSAGE_MAX];
    assert_true(codec->size <= sizeof(message));
    sph_testing_fill(codec, message, seed);
    assert_int_equal(sph_codec_encode(codec, message, ret_out, NULL), 0);
}

/* The fields of encoded bytes, one by one, found without the codec. */
struct part {
    const char *at;
    size_t len; /* with the header */
};

static size_t split(const struct sph_buf *bytes, struct part parts[FIELDS_MAX]) {
    size_t count = 0;
    for (size_t pos = 0; pos < bytes->len; count++) {
        assert_true(count < FIELDS_MAX);
        parts[count].at = bytes->data + pos;
        parts[count].len = 4u + sph_le16_get((const uint8_t *)bytes->data + pos + 2);
        pos += parts[count].len;
    }
    return count;
}

static unsigned tag_of(const struct part *part) {
    return sph_le16_get((const uint8_t *)part->at);
}

static const struct sph_field *field_of(const struct sph_codec *codec, unsigned tag) {
    for (size_t i = 0; i < codec->field_count; i++) {
        if (codec->fields[i].tag == tag)
            return &codec->fields[i];
    }
    return NULL;
}

/* Bytes on the wire, and here in memory too; 0 for those of any length. */
static size_t fixed_size(const struct sph_field *field) {
    static const size_t sizes[] = {
        [SPH_FIELD_U32] = 4,  [SPH_FIELD_U64] = 8,   [SPH_FIELD_I64] = 8,
        [SPH_FIELD_BOOL] = 1, [SPH_FIELD_GUID] = 16, [SPH_FIELD_LIST] = 0,
    };
    return sizes[field->type];
}

/* The same values, slices by what they point to; of lists the counts and every item. */
static void assert_same(const struct sph_codec *codec, const char *a, const char *b) {
    for (size_t i = 0; i < codec->field_count; i++) {
        const struct sph_field *field = &codec->fields[i];
        const void *x = a + field->offset, *y = b + field->offset;
        if (field->type == SPH_FIELD_LIST) {
            struct sph_list_iter left = sph_list_iter(x), right = sph_list_iter(y);
            char one[MESSAGE_MAX], other[MESSAGE_MAX];
            assert_int_equal(left.list.count, right.list.count);
            while (sph_list_next(&left, one)) {
                assert_true(sph_list_next(&right, other));
                assert_same(field->nested, one, other);
            }
            assert_false(sph_list_next(&right, other));
        } else if (field->type == SPH_FIELD_TEXT || field->type == SPH_FIELD_BYTES) {
            const struct sph_slice *left = x, *right = y;
            assert_int_equal(left->len, right->len);
            if (left->len > 0)
                assert_memory_equal(left->data, right->data, left->len);
        } else {
            assert_memory_equal(x, y, fixed_size(field));
        }
    }
}

/* Fields in another order, with fields of a later version between them. Items of a list keep the
 * order among themselves: it is part of what they say. */
static void check_order(const struct sph_codec *codec, unsigned seed) {
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct part parts[FIELDS_MAX];
        char plain[MESSAGE_MAX], mixed[MESSAGE_MAX];
        sph_autobuf struct sph_buf bytes = SPH_BUF_NULL, other = SPH_BUF_NULL;
        encode_filled(codec, &seed, &bytes);
        size_t count = split(&bytes, parts);
        for (size_t i = count; i > 1; i--) {
            size_t k = (size_t)rand_r(&seed) % i;
            struct part moved = parts[i - 1];
            if (tag_of(&parts[k]) == tag_of(&moved))
                continue;
            parts[i - 1] = parts[k];
            parts[k] = moved;
        }
        for (size_t i = 0; i < count; i++) {
            static const char stranger[] = "\xf0\xff\3\0abc";
            sph_buf_append(&other, stranger, i % 3 == 0 ? sizeof(stranger) - 1 : 0);
            sph_buf_append(&other, parts[i].at, parts[i].len);
        }
        assert_int_equal(sph_codec_decode(codec, bytes.data, bytes.len, plain, NULL), 0);
        assert_int_equal(sph_codec_decode(codec, other.data, other.len, mixed, NULL), 0);
        for (size_t i = 0; i < codec->field_count; i++) {
            if (codec->fields[i].type == SPH_FIELD_LIST)
                return; /* shuffled items: their order is another */
        }
        assert_same(codec, plain, mixed);
    }
}

static void order_and_strangers_change_nothing(void **state) {
    (void)state;
    each_codec(check_order);
}

/* Strangers between the items of a list, too. */
static void check_strangers(const struct sph_codec *codec, unsigned seed) {
    struct part parts[FIELDS_MAX];
    char plain[MESSAGE_MAX], mixed[MESSAGE_MAX];
    sph_autobuf struct sph_buf bytes = SPH_BUF_NULL, other = SPH_BUF_NULL;
    encode_filled(codec, &seed, &bytes);
    size_t count = split(&bytes, parts);
    for (size_t i = 0; i < count; i++) {
        sph_buf_append(&other, "\0\0\0\0", 4); /* tag 0 is nobody's */
        sph_buf_append(&other, parts[i].at, parts[i].len);
        sph_buf_append(&other, "\xff\xff\2\0\1\2", 6);
    }
    assert_int_equal(sph_codec_decode(codec, bytes.data, bytes.len, plain, NULL), 0);
    assert_int_equal(sph_codec_decode(codec, other.data, other.len, mixed, NULL), 0);
    assert_same(codec, plain, mixed);
}

static void strangers_stand_between_items(void **state) {
    (void)state;
    each_codec(check_strangers);
}

static void expect_refusal(const struct sph_codec *codec, const struct sph_buf *bytes,
                           const char *sentence) {
    char message[MESSAGE_MAX], before[MESSAGE_MAX];
    struct sph_err err = SPH_ERR_NULL;
    memset(message, 0xa5, sizeof(message));
    memset(before, 0xa5, sizeof(before));
    assert_int_equal(sph_codec_decode(codec, bytes->data, bytes->len, message, &err), -EBADMSG);
    assert_err(&err, -EBADMSG, sentence);
    assert_memory_equal(message, before, sizeof(message)); /* nothing was written */
}

/* The bytes with one field twice, missing, or of another size. */
static void check_rules(const struct sph_codec *codec, unsigned seed) {
    struct part parts[FIELDS_MAX];
    sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
    encode_filled(codec, &seed, &bytes);
    size_t count = split(&bytes, parts);
    for (size_t i = 0; i < count; i++) {
        const struct sph_field *field = field_of(codec, tag_of(&parts[i]));
        sph_autobuf struct sph_buf twice = SPH_BUF_NULL, without = SPH_BUF_NULL;
        char sentence[160];
        assert_non_null(field);
        sph_buf_append(&twice, bytes.data, bytes.len);
        sph_buf_append(&twice, parts[i].at, parts[i].len);
        (void)snprintf(sentence, sizeof(sentence),
                       "message %s: field %s (tag %u) stands there twice", codec->name, field->name,
                       field->tag);
        if (field->type != SPH_FIELD_LIST)
            expect_refusal(codec, &twice, sentence);
        sph_buf_append(&without, bytes.data, (size_t)(parts[i].at - bytes.data));
        sph_buf_append(&without, parts[i].at + parts[i].len,
                       bytes.len - (size_t)(parts[i].at + parts[i].len - bytes.data));
        (void)snprintf(sentence, sizeof(sentence), "message %s: field %s (tag %u) is missing",
                       codec->name, field->name, field->tag);
        if (field->is_required)
            expect_refusal(codec, &without, sentence);
    }
}

static void each_rule_has_its_sentence(void **state) {
    (void)state;
    each_codec(check_rules);
}

/* Every field of fixed size, with every other size up to 20 bytes. */
static void check_sizes(const struct sph_codec *codec, unsigned seed) {
    (void)seed;
    for (size_t i = 0; i < codec->field_count; i++) {
        const struct sph_field *field = &codec->fields[i];
        for (size_t len = 0; fixed_size(field) && len <= 20; len++) {
            char sentence[160];
            uint8_t header[24] = {0};
            sph_le16_put(header, field->tag);
            sph_le16_put(header + 2, (uint16_t)len);
            sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
            sph_buf_append(&bytes, header, 4 + len);
            (void)snprintf(sentence, sizeof(sentence),
                           "message %s: field %s (tag %u) has %zu bytes, not %zu", codec->name,
                           field->name, field->tag, len, fixed_size(field));
            if (len != fixed_size(field))
                expect_refusal(codec, &bytes, sentence);
        }
    }
}

static void sizes_are_exact(void **state) {
    (void)state;
    each_codec(check_sizes);
}

/* Walks do not disturb each other, and end for good. */
static void walks_are_independent(void **state) {
    (void)state;
    const struct sph_msg_gpio pins[] = {{.pin = 1}, {.pin = 2}, {.pin = 3}};
    const struct sph_msg_gpio_list_reply sent = {.pins = SPH_LIST(pins, 3)};
    struct sph_msg_gpio_list_reply got = {.pins = {.count = 0}};
    struct sph_msg_gpio pin = {.pin = 99};
    struct sph_list_iter none = sph_list_iter(&got.pins);
    assert_false(sph_list_next(&none, &pin)); /* of a zeroed struct */
    sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
    assert_int_equal(sph_codec_encode(&sph_msg_gpio_list_reply_codec, &sent, &bytes, NULL), 0);
    assert_int_equal(
        sph_codec_decode(&sph_msg_gpio_list_reply_codec, bytes.data, bytes.len, &got, NULL), 0);
    struct sph_list_iter slow = sph_list_iter(&got.pins);
    for (uint32_t i = 1; i <= 3; i++) {
        struct sph_list_iter fast = sph_list_iter(&got.pins);
        for (uint32_t k = 1; k <= 3; k++) {
            assert_true(sph_list_next(&fast, &pin));
            assert_int_equal(pin.pin, k);
        }
        assert_false(sph_list_next(&fast, &pin));
        assert_true(sph_list_next(&slow, &pin));
        assert_int_equal(pin.pin, i);
    }
    assert_false(sph_list_next(&slow, &pin));
    assert_false(sph_list_next(&slow, &pin));
    assert_int_equal(pin.pin, 3); /* what it was */
}

int main(void) {
    printf("seed %d\n", SEED);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_and_strangers_change_nothing),
        cmocka_unit_test(strangers_stand_between_items),
        cmocka_unit_test(each_rule_has_its_sentence),
        cmocka_unit_test(sizes_are_exact),
        cmocka_unit_test(walks_are_independent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
