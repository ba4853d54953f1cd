/* json_copy: a checked text walked value by value and written again, for the oracle and the fuzz
 * target. */
#ifndef SPH_BASE_JSON_COPY_TEST_H
#define SPH_BASE_JSON_COPY_TEST_H

#undef NDEBUG /* the assertions are the test, in release builds too */
#include <assert.h>
#include <errno.h>

#include "base/json_in.h"
#include "base/json_out.h"

/* Everything the reader hands out lies inside the text that was checked. */
static inline void json_copy_assert_inside(const char *text, size_t len,
                                           const struct sph_json_value *value) {
    size_t quote = value->type == SPH_JSON_STRING ? 1 : 0;
    assert(value->type != SPH_JSON_END);
    assert(value->offset <= len && value->len <= len - value->offset);
    assert(value->text == text + value->offset + quote);
    assert(value->len + 2 * quote <= len - value->offset);
}

/* Writes a string unescaped and escaped again. json_in refuses to unescape U+0000: such a string is
 * copied as it stands. */
static inline void json_copy_string(const struct sph_json_value *value, struct sph_json_out *out,
                                    bool is_key) {
    sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(SIZE_MAX);
    int result = sph_json_to_buf(value, &text);
    assert(result == 0 || result == -EILSEQ);
    if (result == 0)
        assert(sph_json_is(value, text.data));
    if (result == 0 && is_key)
        sph_json_key(out, text.data);
    else if (result == 0)
        sph_json_string(out, text.data);
    else
        sph_json_raw(out, value->text - 1, value->len + 2);
    if (result < 0 && is_key) {
        sph_buf_puts(out->buf, ":");
        out->after_key = true;
    }
}

/* Recursion is bounded: the check allows 32 levels. */
static inline void json_copy(const char *text, size_t len, const struct sph_json_value *value,
                             struct sph_json_out *out) {
    struct sph_json_iter iter;
    struct sph_json_value key, item;
    bool is_object = value->type == SPH_JSON_OBJECT;
    json_copy_assert_inside(text, len, value);
    if (value->type == SPH_JSON_STRING) {
        json_copy_string(value, out, false);
        return;
    }
    if (!is_object && value->type != SPH_JSON_ARRAY) {
        sph_json_raw(out, value->text, value->len);
        return;
    }
    is_object ? sph_json_object(out) : sph_json_array(out);
    sph_json_iter_init(&iter, value);
    while (sph_json_next(&iter, is_object ? &key : NULL, &item)) {
        if (is_object) {
            json_copy_assert_inside(text, len, &key);
            json_copy_string(&key, out, true);
        }
        json_copy(text, len, &item, out);
    }
    is_object ? sph_json_object_end(out) : sph_json_array_end(out);
}

#endif
