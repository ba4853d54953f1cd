/* Growth, the limit and the sticky error. realloc is wrapped, so that its n-th call can fail. */
#include "base/buf.h"

#include <errno.h>
#include <string.h>

#include "base/testing.h"

void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);

static unsigned fail_nth; /* 0: never */
static size_t largest;

void *__wrap_realloc(void *old, size_t size) {
    if (fail_nth > 0 && --fail_nth == 0)
        return NULL;
    largest = size > largest ? size : largest;
    return __real_realloc(old, size);
}

static void limit_is_exact(void **state) {
    (void)state;
    static const struct {
        size_t limit, first, second;
        int error;
        size_t len;
    } rows[] = {
        {0, 0, 0, 0, 0},
        {0, 1, 0, -EFBIG, 0},
        {1, 1, 0, 0, 1},
        {1, 1, 1, -EFBIG, 1},
        {63, 63, 0, 0, 63},
        {64, 64, 0, 0, 64},
        {64, 64, 1, -EFBIG, 64},
        {1000, 500, 500, 0, 1000},
        {1000, 500, 501, -EFBIG, 500},
        {SIZE_MAX, 100, 0, 0, 100},
    };
    static const char data[1000];
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        sph_autobuf struct sph_buf buf = SPH_BUF_LIMIT(rows[i].limit);
        sph_buf_append(&buf, data, rows[i].first);
        sph_buf_append(&buf, data, rows[i].second);
        assert_int_equal(buf.error, rows[i].error);
        assert_int_equal(buf.len, rows[i].len);
        if (rows[i].limit < SIZE_MAX)
            assert_true(buf.cap <= rows[i].limit + 1);
        if (buf.data)
            assert_int_equal(buf.data[buf.len], '\0');
    }
}

static void huge_sizes_do_not_wrap(void **state) {
    (void)state;
    sph_autobuf struct sph_buf buf = SPH_BUF_LIMIT(SIZE_MAX);
    sph_buf_puts(&buf, "x");
    assert_null(sph_buf_extend(&buf, SIZE_MAX));
    assert_int_equal(buf.error, -EFBIG);
    sph_buf_done(&buf);
    sph_buf_puts(&buf, "x");
    assert_null(sph_buf_extend(&buf, SIZE_MAX - 1));
    assert_int_equal(buf.error, -EFBIG);
    assert_int_equal(buf.len, 1);
}

static void error_is_sticky(void **state) {
    (void)state;
    sph_autobuf struct sph_buf buf = SPH_BUF_LIMIT(4);
    sph_buf_puts(&buf, "abc");
    sph_buf_puts(&buf, "de");
    sph_buf_puts(&buf, "f"); /* would fit, but the text would have a hole */
    sph_buf_printf(&buf, "%d", 1);
    assert_int_equal(buf.error, -EFBIG);
    assert_string_equal(buf.data, "abc");
    assert_null(sph_buf_take(&buf));
    sph_buf_done(&buf);
    assert_int_equal(buf.error, 0);
    sph_buf_puts(&buf, "f");
    assert_string_equal(buf.data, "f");
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    unsigned calls = 0;
    for (unsigned nth = 1;; nth++) {
        sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
        fail_nth = nth;
        for (int i = 0; i < 400; i++)
            sph_buf_printf(&buf, "%03d,", i);
        bool failed = fail_nth == 0;
        fail_nth = 0;
        if (!failed) {
            assert_int_equal(buf.error, 0);
            assert_int_equal(buf.len, 1600);
            break;
        }
        calls++;
        assert_int_equal(buf.error, -ENOMEM);
        assert_true(buf.len < 1600 && buf.len % 4 == 0);
        assert_null(sph_buf_take(&buf));
    }
    assert_int_equal(calls, 6); /* 64, 128, ... 2048 bytes */
}

static void printf_measures_first(void **state) {
    (void)state;
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    char expected[301];
    memset(expected, 'x', 300);
    expected[300] = '\0';
    sph_buf_printf(&buf, "%s", expected);
    assert_string_equal(buf.data, expected);
    sph_buf_printf(&buf, "%d-%s", 42, "y");
    assert_string_equal(buf.data + 300, "42-y");
    largest = 0;
    struct sph_buf small = SPH_BUF_LIMIT(10);
    sph_buf_printf(&small, "%s", expected);
    assert_int_equal(small.error, -EFBIG);
    assert_int_equal(largest, 0); /* refused before anything was taken */
}

static void consume_and_truncate(void **state) {
    (void)state;
    static const struct {
        size_t consume, truncate;
        const char *left;
    } rows[] = {{0, 9, "abcdef"}, {2, 9, "cdef"}, {2, 1, "c"}, {6, 0, ""}, {99, 0, ""}};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
        sph_buf_consume(&buf, 5); /* nothing there yet */
        sph_buf_truncate(&buf, 0);
        sph_buf_puts(&buf, "abcdef");
        sph_buf_consume(&buf, rows[i].consume);
        sph_buf_truncate(&buf, rows[i].truncate);
        assert_string_equal(buf.data, rows[i].left);
        assert_int_equal(buf.len, strlen(rows[i].left));
    }
}

static void take_hands_over(void **state) {
    (void)state;
    struct sph_buf buf = SPH_BUF_NULL;
    char *text = sph_buf_take(&buf);
    assert_string_equal(text, ""); /* empty, not NULL */
    free(text);
    sph_buf_puts(&buf, "abc");
    text = sph_buf_take(&buf);
    assert_string_equal(text, "abc");
    free(text);
    assert_null(buf.data);
    assert_int_equal(buf.len, 0);
    fail_nth = 1;
    assert_null(sph_buf_take(&buf));
    assert_int_equal(buf.error, -ENOMEM);
    sph_buf_done(&buf);
    sph_buf_done(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limit_is_exact),        cmocka_unit_test(huge_sizes_do_not_wrap),
        cmocka_unit_test(error_is_sticky),       cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(printf_measures_first), cmocka_unit_test(consume_and_truncate),
        cmocka_unit_test(take_hands_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
