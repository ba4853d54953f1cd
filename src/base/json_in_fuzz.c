/* Any bytes: either refused at a place inside the text, or everything in it can be walked,
 * unescaped and written again, and what was written is accepted and stays the same when it is
 * written once more. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_copy_test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void assert_refusal(const char *text, size_t len, const struct sph_err *err) {
    unsigned line, column, end_line, end_column;
    assert(err->code == -EBADMSG);
    assert(sscanf(err->text, "line %u, column %u: expected ", &line, &column) == 2);
    sph_json_position(text, len, &end_line, &end_column);
    assert(line >= 1 && column >= 1 && line <= end_line);
    assert(line < end_line || column <= end_column);
}

static void copy(const char *text, size_t len, const struct sph_json_value *top,
                 struct sph_buf *buf) {
    struct sph_json_out out;
    sph_json_begin(&out, buf);
    json_copy(text, len, top, &out);
    assert(buf->error == 0 && out.depth == 0);
}

static void assert_values(const struct sph_json_value *top) {
    struct sph_json_value found;
    char small[4];
    uint64_t number;
    int64_t signed_number;
    bool flag;
    (void)sph_json_to_u64(top, UINT64_MAX, &number);
    (void)sph_json_to_i64(top, &signed_number);
    (void)sph_json_to_bool(top, &flag);
    if (sph_json_to_text(top, small, sizeof(small)) == 0)
        assert(strlen(small) < sizeof(small) && sph_json_is(top, small));
    if (sph_json_get(top, "a", &found))
        assert(found.offset > top->offset);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = malloc(size ? size : 1); /* exactly as large as the input, no NUL after it */
    assert(text);
    if (size > 0)
        memcpy(text, data, size);
    struct sph_json_value top;
    struct sph_err err = SPH_ERR_NULL;
    if (sph_json_check(text, size, &top, &err) == 0) {
        sph_autobuf struct sph_buf once = SPH_BUF_LIMIT(SIZE_MAX), twice = SPH_BUF_LIMIT(SIZE_MAX);
        assert_values(&top);
        copy(text, size, &top, &once);
        assert(sph_json_check(once.data, once.len, &top, &err) == 0);
        copy(once.data, once.len, &top, &twice);
        assert(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
    } else {
        assert_refusal(text, size, &err);
    }
    free(text);
    return 0;
}
