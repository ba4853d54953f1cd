/* Two bytes choose a message, the rest are its fields. What decodes is walked, written again and
 * decoded to the same bytes.
 *
 * The second encoding is compared, not the first: fields may have come in any order, with strangers
 * and with zeros that a sender leaves out. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STRUCT_MAX = 1024 };

static unsigned touch(const struct sph_codec *codec, const void *message) {
    unsigned sum = 0;
    for (size_t i = 0; i < codec->field_count; i++) {
        const struct sph_field *field = &codec->fields[i];
        const char *member = (const char *)message + field->offset;
        if (field->type == SPH_FIELD_LIST) {
            struct sph_list_iter iter = sph_list_iter((const struct sph_list *)member);
            _Alignas(16) char item[STRUCT_MAX];
            while (sph_list_next(&iter, item))
                sum += touch(field->nested, item);
        } else if (field->type == SPH_FIELD_TEXT || field->type == SPH_FIELD_BYTES) {
            const struct sph_slice *slice = (const struct sph_slice *)member;
            for (size_t k = 0; k < slice->len; k++)
                sum += ((const uint8_t *)slice->data)[k];
        }
    }
    return sum;
}

static const struct sph_codec *choose(uint8_t op, uint8_t side) {
    if (side > 250)
        return &sph_msg_event_codec;
    if (side > 245)
        return &sph_msg_error_codec;
    const struct sph_op *row = &sph_ops[op % sph_op_count];
    return side & 1 ? row->request : row->reply;
}

static bool has_list(const struct sph_codec *codec) {
    for (size_t i = 0; i < codec->field_count; i++) {
        if (codec->fields[i].type == SPH_FIELD_LIST)
            return true;
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2)
        return 0;
    const struct sph_codec *codec = choose(data[0], data[1]);
    _Alignas(16) char message[STRUCT_MAX], again[STRUCT_MAX];
    if (codec->size > sizeof(message))
        abort();
    struct sph_err err = SPH_ERR_NULL;
    if (sph_codec_decode(codec, data + 2, size - 2, message, &err) < 0) {
        if (err.code == 0 || err.text[0] == '\0')
            abort();
        return 0;
    }
    volatile unsigned sum = touch(codec, message);
    (void)sum;
    if (has_list(codec)) /* decoded lists are for walking, not for sending */
        return 0;
    sph_autobuf struct sph_buf first = SPH_BUF_NULL, second = SPH_BUF_NULL;
    if (sph_codec_encode(codec, message, &first, NULL) < 0 ||
        sph_codec_decode(codec, first.data, first.len, again, NULL) < 0 ||
        sph_codec_encode(codec, again, &second, NULL) < 0)
        abort();
    if (first.len != second.len ||
        (first.len > 0 && memcmp(first.data, second.data, first.len) != 0))
        abort();
    return 0;
}
