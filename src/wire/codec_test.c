/* The tables drive the tests as they drive the codec: every message of every operation is filled,
 * carried over, cut and damaged. A small made-up message has the sentences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/guid.h"
#include "wire/message.h"
#include "wire/table.h"
#include "wire/testing.h"

enum { SEED = 22 };

static void assert_same(const struct sph_codec *codec, const void *sent, const void *got);

static void assert_same_list(const struct sph_list *sent, const struct sph_list *got) {
    assert_int_equal(sent->count, got->count);
    if (sent->count == 0)
        return;
    void *item = malloc(got->codec->size);
    struct sph_list_iter iter = sph_list_iter(got);
    size_t count = 0;
    while (sph_list_next(&iter, item)) {
        assert_true(count < sent->count);
        assert_same(got->codec, (const char *)sent->items + count * got->codec->size, item);
        count++;
    }
    assert_int_equal(count, sent->count);
    free(item);
}

static void assert_same(const struct sph_codec *codec, const void *sent, const void *got) {
    static const size_t sizes[] = {
        [SPH_FIELD_U32] = 4,
        [SPH_FIELD_U64] = 8,
        [SPH_FIELD_I64] = 8,
        [SPH_FIELD_BOOL] = sizeof(bool),
        [SPH_FIELD_GUID] = sizeof(struct sph_guid),
    };
    for (size_t i = 0; i < codec->field_count; i++) {
        const struct sph_field *field = &codec->fields[i];
        const void *a = (const char *)sent + field->offset;
        const void *b = (const char *)got + field->offset;
        if (field->type == SPH_FIELD_LIST) {
            assert_same_list(a, b);
        } else if (field->type == SPH_FIELD_TEXT || field->type == SPH_FIELD_BYTES) {
            const struct sph_slice *x = a, *y = b;
            assert_int_equal(x->len, y->len);
            if (x->len > 0)
                assert_memory_equal(x->data, y->data, x->len);
        } else {
            assert_memory_equal(a, b, sizes[field->type]);
        }
    }
}

typedef void each_codec_fn(const struct sph_codec *codec, unsigned seed);

/* Requests and replies of every operation, the event and the error. */
static void each_codec(each_codec_fn *fn) {
    for (size_t i = 0; i < sph_op_count; i++) {
        fn(sph_ops[i].request, SEED + (unsigned)i);
        fn(sph_ops[i].reply, SEED + 100 + (unsigned)i);
        sph_testing_free_lists();
    }
    fn(&sph_msg_event_codec, SEED);
    fn(&sph_msg_error_codec, SEED);
    sph_testing_free_lists();
}

static void check_table(const struct sph_codec *codec, unsigned seed) {
    (void)seed;
    assert_true(codec->field_count <= 64);
    for (size_t i = 0; i < codec->field_count; i++) {
        const struct sph_field *field = &codec->fields[i];
        assert_true(field->tag > 0 && field->offset < codec->size);
        if (i > 0)
            assert_true(codec->fields[i - 1].tag < field->tag);
        assert_int_equal(field->type == SPH_FIELD_LIST, field->nested != NULL);
        if (field->nested)
            check_table(field->nested, seed);
    }
}

static void tables_are_in_order(void **state) {
    (void)state;
    each_codec(check_table);
    for (size_t i = 0; i < sph_op_count; i++) {
        assert_ptr_equal(sph_op_find(sph_ops[i].op), &sph_ops[i]);
        if (i > 0)
            assert_true(sph_ops[i - 1].op < sph_ops[i].op);
    }
    assert_null(sph_op_find(0));
    assert_null(sph_op_find(0x10001));
}

static void carry_over(const struct sph_codec *codec, unsigned seed) {
    void *sent = malloc(codec->size), *got = malloc(codec->size);
    for (unsigned round = 0; round < 5; round++) {
        sph_testing_fill(codec, sent, &seed);
        sph_autobuf struct sph_buf out = SPH_BUF_NULL;
        assert_int_equal(sph_codec_encode(codec, sent, &out, NULL), 0);
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(sph_codec_decode(codec, out.data, out.len, got, &err), 0);
        assert_same(codec, sent, got);
    }
    free(sent);
    free(got);
}

static void every_message_arrives_as_sent(void **state) {
    (void)state;
    each_codec(carry_over);
}

/* Either it decodes or there is a sentence that begins with a message's name. */
static void decode_damaged(const struct sph_codec *codec, const void *data, size_t len) {
    void *exact = malloc(len ? len : 1); /* so that a sanitizer sees one byte too many */
    memcpy(exact, data, len);
    void *got = malloc(codec->size);
    struct sph_err err = SPH_ERR_NULL;
    int rc = sph_codec_decode(codec, exact, len, got, &err);
    if (rc != 0) {
        assert_int_equal(rc, -EBADMSG);
        assert_int_equal(strncmp(err.text, "message ", 8), 0);
    } else {
        assert_int_equal(err.code, 0);
    }
    free(exact);
    free(got);
}

static void damage(const struct sph_codec *codec, unsigned seed) {
    void *sent = malloc(codec->size);
    sph_testing_fill(codec, sent, &seed);
    sph_autobuf struct sph_buf out = SPH_BUF_NULL;
    assert_int_equal(sph_codec_encode(codec, sent, &out, NULL), 0);
    for (size_t len = 0; len < out.len; len++)
        decode_damaged(codec, out.data, len);
    for (size_t at = 0; at < out.len; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            out.data[at] ^= (char)(1u << bit);
            decode_damaged(codec, out.data, out.len);
            out.data[at] ^= (char)(1u << bit);
        }
    }
    free(sent);
}

static void every_message_bears_damage(void **state) {
    (void)state;
    each_codec(damage);
}

struct pet {
    uint32_t legs;
    struct sph_slice name;
};
struct owner {
    uint32_t number;
    bool is_home;
    int64_t balance;
    struct sph_guid id;
    struct sph_list pets;
};
static const struct sph_field pet_fields[] = {
    REQUIRED(pet, 1, U32, legs),
    FIELD(pet, 2, TEXT, name),
};
CODEC(pet, "pet", pet_fields);
static const struct sph_field owner_fields[] = {
    REQUIRED(owner, 1, U32, number), FIELD(owner, 2, BOOL, is_home),  FIELD(owner, 3, I64, balance),
    FIELD(owner, 4, GUID, id),       LIST(owner, 5, pets, pet_codec),
};
CODEC(owner, "owner", owner_fields);

static void wrong_bytes_have_their_sentence(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        const char *sentence;
    } cases[] = {
        {"", 0, "message owner: field number (tag 1) is missing"},
        {"\1", 1, "message owner: cut short in the field at byte 0 of 1"},
        {"\1\0\4\0\7\0\0", 7, "message owner: cut short in the field at byte 0 of 7"},
        {"\1\0\4\0\7\0\0\0\2\0\1", 11, "message owner: cut short in the field at byte 8 of 11"},
        {"\1\0\3\0\7\0\0", 7, "message owner: field number (tag 1) has 3 bytes, not 4"},
        {"\2\0\1\0\2", 5, "message owner: field is_home (tag 2) is 2, neither 0 nor 1"},
        {"\4\0\1\0\2", 5, "message owner: field id (tag 4) has 1 bytes, not 16"},
        {"\2\0\1\0\1\2\0\1\0\1", 10, "message owner: field is_home (tag 2) stands there twice"},
        {"\5\0\0\0", 4, "message pet: field legs (tag 1) is missing"},
        {"\5\0\5\0\1\0\4\0\4", 9, "message pet: cut short in the field at byte 0 of 5"},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        struct owner got = {.number = 99};
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(sph_codec_decode(&owner_codec, cases[i].bytes, cases[i].len, &got, &err),
                         -EBADMSG);
        assert_string_equal(err.text, cases[i].sentence);
        assert_int_equal(got.number, 99); /* untouched */
    }
}

static void what_is_new_is_skipped(void **state) {
    (void)state;
    static const char bytes[] = "\x09\0\2\0zz\1\0\4\0\x78\x56\x34\x12\x09\0\0\0"
                                "\5\0\x0d\0\1\0\4\0\4\0\0\0\x63\0\1\0!"
                                "\3\0\x08\0\xff\xff\xff\xff\xff\xff\xff\xff"
                                "\5\0\x10\0\1\0\4\0\2\0\0\0\2\0\4\0Hank";
    struct owner got;
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(sph_codec_decode(&owner_codec, bytes, sizeof(bytes) - 1, &got, &err), 0);
    assert_int_equal(got.number, 0x12345678);
    assert_true(got.balance == -1);
    assert_int_equal(got.pets.count, 2);
    struct sph_list_iter iter = sph_list_iter(&got.pets);
    struct pet pet;
    assert_true(sph_list_next(&iter, &pet));
    assert_int_equal(pet.legs, 4);
    assert_true(sph_slice_is(pet.name, ""));
    assert_true(sph_list_next(&iter, &pet));
    assert_int_equal(pet.legs, 2);
    assert_true(sph_slice_is(pet.name, "Hank"));
    assert_false(sph_list_next(&iter, &pet));
}

static void what_does_not_fit_is_told_and_taken_back(void **state) {
    (void)state;
    static char big[70000];
    struct pet pets[] = {{.legs = 1}, {.legs = 2, .name = sph_slice(big, 65536)}};
    struct owner owner = {.number = 1, .pets = SPH_LIST(pets, 2)};
    sph_autobuf struct sph_buf out = SPH_BUF_NULL;
    sph_buf_puts(&out, "before");
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(sph_codec_encode(&owner_codec, &owner, &out, &err), -EMSGSIZE);
    assert_string_equal(err.text, "message owner does not fit its frame at field name");
    assert_int_equal(out.len, 6);
    pets[1].name.len = 65535; /* fits, but not in the item of the list */
    assert_int_equal(sph_codec_encode(&owner_codec, &owner, &out, &err), -EMSGSIZE);
    assert_string_equal(err.text, "message owner does not fit its frame at field name");
    struct sph_msg_stage_data data = {.data = sph_slice(big, 65535)};
    assert_int_equal(sph_op_put_request(&out, SPH_OP_STAGE_DATA, 1, &data, &err), -EMSGSIZE);
    assert_string_equal(err.text, "message stage_data is longer than a frame may be");
    assert_int_equal(sph_op_put_request(&out, 999, 1, NULL, &err), -EINVAL);
    assert_string_equal(err.text, "there is no operation 999");
    assert_int_equal(sph_op_put_reply(&out, 999, 1, NULL, &err), -EINVAL);
    assert_int_equal(out.len, 6);
    struct sph_buf tight = SPH_BUF_LIMIT(30);
    assert_int_equal(sph_op_put_error(&tight, 1, 1, 5, "no room for this"), -EFBIG);
    sph_buf_done(&tight);
}

static void frames_of_operations(void **state) {
    (void)state;
    sph_autobuf struct sph_buf out = SPH_BUF_NULL;
    struct sph_msg_gpio_set set = {.pin = 12, .value = 1};
    struct sph_msg_event event = {.seq = 3, .kind = SPH_EVENT_OUTPUT};
    assert_int_equal(sph_op_put_request(&out, SPH_OP_GPIO_SET, 1, &set, NULL), 0);
    assert_int_equal(sph_op_put_reply(&out, SPH_OP_RESTART, 2, NULL, NULL), 0);
    assert_int_equal(sph_op_put_event(&out, 3, &event, NULL), 0);
    assert_int_equal(sph_op_put_error(&out, SPH_OP_APP_QUOTA, 4, SPH_DEVERR_APP_NOT_PRESENT, "no"),
                     0);
    static const struct {
        uint8_t type;
        uint16_t op;
    } expected[] = {{SPH_FRAME_REQUEST, SPH_OP_GPIO_SET},
                    {SPH_FRAME_REPLY, SPH_OP_RESTART},
                    {SPH_FRAME_EVENT, SPH_OP_EVENTS},
                    {SPH_FRAME_ERROR, SPH_OP_APP_QUOTA}};
    size_t used = 0;
    struct sph_frame frame = {0};
    for (unsigned i = 0; i < SPH_ARRAY_SIZE(expected); i++) {
        assert_int_equal(sph_frame_decode(out.data, out.len, &frame, &used), 0);
        assert_int_equal(frame.type, expected[i].type);
        assert_int_equal(frame.op, expected[i].op);
        assert_int_equal(frame.id, i + 1);
        if (i < 3)
            sph_buf_consume(&out, used);
    }
    struct sph_msg_error error;
    assert_int_equal(
        sph_codec_decode(&sph_msg_error_codec, frame.payload, frame.payload_len, &error, NULL), 0);
    assert_int_equal(error.device_error, 14680076);
    assert_true(sph_slice_is(error.text, "no"));
}

static void slices(void **state) {
    (void)state;
    char text[4];
    assert_string_equal(sph_slice_copy(sph_slice_text("abcdef"), text, sizeof(text)), "abc");
    assert_string_equal(sph_slice_copy(sph_slice_text(NULL), text, sizeof(text)), "");
    static const uint8_t bytes[] = {1, 0, 0, 0, 0, 0, 0, 0x80, 2, 0, 0, 0, 0, 0, 0, 0, 9};
    struct sph_slice list = sph_slice(bytes, sizeof(bytes));
    assert_int_equal(sph_slice_u64_count(list), 2);
    assert_true(sph_slice_u64(list, 0) == 0x8000000000000001u);
    assert_true(sph_slice_u64(list, 1) == 2);
    assert_int_equal(sph_slice_u32_count(list), 4);
    assert_int_equal(sph_slice_u32(list, 1), 0x80000000u);
}

static void device_errors(void **state) {
    (void)state;
    static const struct {
        uint32_t number;
        uint32_t constant;
        const char *name;
    } cases[] = {
        {14680076, SPH_DEVERR_APP_NOT_PRESENT, "RestApp/AppNotPresent"},
        {14680081, SPH_DEVERR_CANNOT_COMMIT_IMAGE, "RestApp/CannotCommitImage"},
        {14680082, SPH_DEVERR_NOT_ENOUGH_FREE_SPACE, "RestApp/NotEnoughFreeSpace"},
        {15728642, SPH_DEVERR_INVALID_REQUEST_URI, "Http/InvalidRequestUri"},
        {15728644, SPH_DEVERR_INVALID_CONTENT_LENGTH, "Http/InvalidContentLength"},
        {7340047, SPH_DEVERR_IMAGE_VERIFICATION_FAILED, "ImageUpdate/VerificationFailed"},
        {7340050, SPH_DEVERR_IMAGE_STAGING_FAILED, "ImageUpdate/ImageStagingFailed"},
        {7340056, SPH_DEVERR_IMAGE_INSTALL_FAILED, "ImageUpdate/ImageInstallFailed"},
        {4194306, SPH_DEVERR_ALREADY_MOUNTED, "Mounter/AlreadyMounted"},
        {3145738, SPH_DEVERR_NO_DEBUGGER_AVAILABLE, "LifetimeManager/NoDebuggerAvailable"},
        {13, SPH_DEVERR_PERMISSION_DENIED, "Linux"},
        {99u << 20, 99u << 20, "unknown"},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        assert_int_equal(cases[i].number, cases[i].constant);
        assert_string_equal(sph_device_error_name(cases[i].number), cases[i].name);
    }
}

/* The document lists every field; where it and the tables differ, one of them is wrong. */
static char *spec;

static const char *field_type_name(const struct sph_field *field, char ret_name[64]) {
    static const char *const names[] = {"u32", "u64", "i64", "bool", "guid", "text", "bytes"};
    if (field->type == SPH_FIELD_LIST)
        (void)snprintf(ret_name, 64, "list of %s", field->nested->name);
    else
        (void)snprintf(ret_name, 64, "%s", names[field->type]);
    return ret_name;
}

static void check_documented(const struct sph_codec *codec, unsigned seed) {
    (void)seed;
    char line[256], type[64];
    (void)snprintf(line, sizeof(line), "### %s\n", codec->name);
    const char *section = strstr(spec, line);
    if (!section)
        fail_msg("docs/spec/wire.md has no section %s", codec->name);
    const char *end = strstr(section + 4, "\n#");
    for (size_t i = 0; i < codec->field_count; i++) {
        const struct sph_field *field = &codec->fields[i];
        (void)snprintf(line, sizeof(line), "| %u | %s | `%s` | %s |\n", field->tag,
                       field_type_name(field, type), field->name,
                       field->is_required ? "required" : "");
        const char *row = strstr(section, line);
        if (!row || row > end)
            fail_msg("docs/spec/wire.md, section %s, lacks: %s", codec->name, line);
        if (field->nested)
            check_documented(field->nested, seed);
    }
}

static void tables_are_documented(void **state) {
    (void)state;
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    assert_int_equal(sph_file_read(AT_FDCWD, SPH_WIRE_SPEC, &text, NULL), 0);
    spec = text.data;
    each_codec(check_documented);
    for (size_t i = 0; i < sph_op_count; i++) {
        const struct sph_op *op = &sph_ops[i];
        char line[256];
        (void)snprintf(line, sizeof(line), "| %u | %s | %s | %s |\n", op->op, op->name,
                       op->request->name, op->reply->name);
        if (!strstr(spec, line))
            fail_msg("docs/spec/wire.md lacks: %s", line);
    }
}

int main(void) {
    printf("seed %d\n", SEED);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_in_order),
        cmocka_unit_test(every_message_arrives_as_sent),
        cmocka_unit_test(every_message_bears_damage),
        cmocka_unit_test(wrong_bytes_have_their_sentence),
        cmocka_unit_test(what_is_new_is_skipped),
        cmocka_unit_test(what_does_not_fit_is_told_and_taken_back),
        cmocka_unit_test(frames_of_operations),
        cmocka_unit_test(slices),
        cmocka_unit_test(device_errors),
        cmocka_unit_test(tables_are_documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
