/* The ring against a plain list of everything that was ever added. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/rest/history.h"

static struct sph_history history; /* 40 KiB: not for the stack */

/* In the place of the real one (--wrap): the next one fails. */
static bool malloc_fails;
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size) {
    bool fails = malloc_fails;
    malloc_fails = false;
    return fails ? NULL : __real_malloc(size);
}

static int set_up(void **state) {
    (void)state;
    sph_history_init(&history);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    sph_history_done(&history);
    assert_int_equal(history.bytes, 0);
    return 0;
}

static void add(uint64_t seq) {
    char line[32];
    int len = snprintf(line, sizeof(line), "%llu\n", (unsigned long long)seq);
    sph_history_add(&history, seq, line, (size_t)len);
}

static void readers_are_independent(void **state) {
    (void)state;
    struct sph_history_cursor early = sph_history_now(&history);
    add(1);
    struct sph_history_cursor late = sph_history_now(&history);
    add(2);
    add(3);
    sph_autobuf struct sph_buf out = SPH_BUF_NULL;
    assert_int_equal(sph_history_read(&history, &late, 100, &out), 0);
    assert_string_equal(out.data, "2\n3\n");
    out.len = 0;
    assert_int_equal(sph_history_read(&history, &early, 3, &out), 0);
    assert_string_equal(out.data, "1\n2\n"); /* a line more than asked for rather than none */
    assert_int_equal(sph_history_read(&history, &early, 100, &out), 0);
    assert_string_equal(out.data, "1\n2\n3\n");
    assert_int_equal(sph_history_read(&history, &early, 100, &out), 0);
    assert_int_equal(out.len, 6);
}

static void after_a_number(void **state) {
    (void)state;
    static const struct {
        uint64_t after;
        const char *lines;
    } cases[] = {{0, "5\n6\n0\n8\n"}, {5, "6\n0\n8\n"}, {6, "8\n"}, {7, "8\n"}, {8, ""}, {99, ""}};
    add(5);
    add(6);
    add(0); /* the gateway's own line */
    add(8);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        sph_autobuf struct sph_buf out = SPH_BUF_NULL;
        struct sph_history_cursor cursor = sph_history_after(&history, cases[i].after);
        (void)sph_buf_extend(&out, 0);
        assert_int_equal(sph_history_read(&history, &cursor, 100, &out), 0);
        assert_string_equal(out.data, cases[i].lines);
    }
}

static void an_epoch_hides_older_numbers(void **state) {
    (void)state;
    add(5);
    sph_history_begin_epoch(&history);
    struct sph_history_cursor empty = sph_history_after(&history, 0);
    add(1);
    sph_autobuf struct sph_buf out = SPH_BUF_NULL;
    assert_int_equal(sph_history_read(&history, &empty, 100, &out), 0);
    assert_string_equal(out.data, "1\n");
    for (uint64_t seq = 2; seq < SPH_HISTORY_LINES + 10; seq++)
        add(seq);
    struct sph_history_cursor all = sph_history_after(&history, 0); /* the epoch's begin is gone */
    assert_int_equal(all.number, history.begin);
}

static void a_late_reader_is_told(void **state) {
    (void)state;
    struct sph_history_cursor cursor = sph_history_now(&history);
    for (uint64_t seq = 1; seq <= SPH_HISTORY_LINES + 7; seq++)
        add(seq);
    sph_autobuf struct sph_buf out = SPH_BUF_NULL;
    assert_int_equal(sph_history_read(&history, &cursor, 1, &out), 7);
    assert_string_equal(out.data, "8\n");
    assert_int_equal(sph_history_read(&history, &cursor, 1, &out), 0);
}

static void bytes_are_bounded(void **state) {
    (void)state;
    enum { LINE = 50000 };
    char *line = calloc(1, SPH_HISTORY_BYTES + 1);
    struct sph_history_cursor cursor = sph_history_now(&history);
    for (unsigned i = 1; i <= 20; i++) {
        sph_history_add(&history, i, line, LINE);
        assert_true(history.bytes <= SPH_HISTORY_BYTES);
    }
    sph_autobuf struct sph_buf out = SPH_BUF_NULL;
    assert_int_equal(sph_history_read(&history, &cursor, SIZE_MAX, &out), 15);
    assert_int_equal(out.len, 5 * LINE);
    sph_history_add(&history, 21, line, SPH_HISTORY_BYTES + 1); /* never fits: not kept */
    assert_int_equal(history.end, 20);
    sph_history_add(&history, 21, line, SPH_HISTORY_BYTES); /* fits alone */
    assert_int_equal(history.end - history.begin, 1);
    free(line);
}

static void expect_read(struct sph_history_cursor *cursor, uint64_t lost, const char *lines) {
    sph_autobuf struct sph_buf out = SPH_BUF_NULL;
    sph_buf_puts(&out, "");
    assert_int_equal(sph_history_read(&history, cursor, 1000, &out), lost);
    sph_buf_append(&out, "", 1);
    assert_string_equal(out.data, lines);
}

/* Wherever events are missing, each reader is told there, once, and of how many. */
static void gaps_are_told_in_their_place(void **state) {
    (void)state;
    struct sph_history_cursor cursor = sph_history_now(&history);
    add(1);
    sph_history_skip(&history, 3);
    add(5);
    add(0); /* the gateway's own line is no event */
    add(6);
    expect_read(&cursor, 0, "1\n");
    struct sph_history_cursor late = cursor;
    expect_read(&cursor, 3, "5\n0\n6\n");
    expect_read(&cursor, 0, "");
    sph_history_skip(&history, 2); /* the newest ones */
    expect_read(&cursor, 2, "");
    expect_read(&cursor, 0, "");
    struct sph_history_cursor after = sph_history_after(&history, 1);
    expect_read(&after, 0, "5\n0\n6\n"); /* it asked for what is kept */
    for (uint64_t seq = 9; seq < 9 + SPH_HISTORY_LINES; seq++)
        add(seq);
    sph_autobuf struct sph_buf out = SPH_BUF_NULL;
    assert_int_equal(sph_history_read(&history, &late, 1, &out), 3 + 2 + 2);
    assert_int_equal(sph_history_read(&history, &cursor, 1, &out), 0);
}

/* A line that cannot be kept is a loss like any other. */
static void what_cannot_be_kept_is_told(void **state) {
    (void)state;
    char *line = calloc(1, SPH_HISTORY_BYTES + 1);
    struct sph_history_cursor cursor = sph_history_now(&history);
    sph_history_add(&history, 1, line, SPH_HISTORY_BYTES + 1);
    add(2);
    expect_read(&cursor, 1, "2\n");
    free(line);
}

static void no_memory_for_a_line_is_told(void **state) {
    (void)state;
    struct sph_history_cursor cursor = sph_history_now(&history);
    add(1);
    malloc_fails = true;
    add(2);
    assert_false(malloc_fails);
    add(3);
    malloc_fails = true;
    add(0); /* the gateway's own line: gone, but no event */
    expect_read(&cursor, 0, "1\n");
    expect_read(&cursor, 1, "3\n");
    expect_read(&cursor, 0, "");
}

/* Exactly full loses nothing; one more loses the oldest, for a reader that has not had it only. */
static void the_ring_exactly_full(void **state) {
    (void)state;
    struct sph_history_cursor start = sph_history_now(&history), late = start;
    for (uint64_t seq = 1; seq <= SPH_HISTORY_LINES; seq++)
        add(seq);
    sph_autobuf struct sph_buf out = SPH_BUF_NULL;
    struct sph_history_cursor all = start;
    assert_int_equal(sph_history_read(&history, &all, SIZE_MAX, &out), 0);
    assert_int_equal(all.number, SPH_HISTORY_LINES);
    assert_int_equal(all.events, SPH_HISTORY_LINES);
    out.len = 0;
    assert_int_equal(sph_history_read(&history, &start, 1, &out), 0); /* has the first */
    add(SPH_HISTORY_LINES + 1);
    out.len = 0;
    assert_int_equal(sph_history_read(&history, &start, 1, &out), 0);
    assert_string_equal(out.data, "2\n");
    assert_int_equal(sph_history_taken(&history, &late), 1); /* what is gone is not waited for */
    out.len = 0;
    assert_int_equal(sph_history_read(&history, &late, 1, &out), 1);
    assert_string_equal(out.data, "2\n");
}

/* Numbers go on for ever while slots are used again: after many rounds all is as after the first.
 */
static void many_rounds_of_the_ring(void **state) {
    (void)state;
    struct sph_history_cursor cursor = sph_history_now(&history);
    uint64_t read = 0, lost = 0;
    for (uint64_t seq = 1; seq <= 10u * SPH_HISTORY_LINES + 3; seq++) {
        add(seq);
        if (seq % 1500 != 0)
            continue; /* the reader comes too late each time */
        sph_autobuf struct sph_buf out = SPH_BUF_NULL;
        lost += sph_history_read(&history, &cursor, SIZE_MAX, &out);
        for (size_t i = 0; i < out.len; i++)
            read += out.data[i] == '\n';
        assert_int_equal(read + lost, seq);
        assert_int_equal(history.end - history.begin, SPH_HISTORY_LINES);
    }
    assert_int_equal(lost, 6u * (1500 - SPH_HISTORY_LINES));
}

static void what_a_reader_has(void **state) {
    (void)state;
    struct sph_history_cursor cursor = sph_history_now(&history);
    assert_true(sph_history_taken(&history, &cursor) == UINT64_MAX);
    add(7);
    add(0);
    add(8);
    assert_int_equal(sph_history_taken(&history, &cursor), 6);
    sph_autobuf struct sph_buf out = SPH_BUF_NULL;
    (void)sph_history_read(&history, &cursor, 1, &out);
    assert_int_equal(sph_history_taken(&history, &cursor), 7);
    (void)sph_history_read(&history, &cursor, 1, &out);
    (void)sph_history_read(&history, &cursor, 1, &out);
    assert_true(sph_history_taken(&history, &cursor) == UINT64_MAX);
    add(9);
    sph_history_begin_epoch(&history); /* nobody waits for that one any more */
    assert_true(sph_history_taken(&history, &cursor) == UINT64_MAX);
    add(1);
    assert_int_equal(sph_history_taken(&history, &cursor), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(readers_are_independent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(after_a_number, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_epoch_hides_older_numbers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_late_reader_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bytes_are_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(gaps_are_told_in_their_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_kept_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_a_reader_has, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_memory_for_a_line_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_ring_exactly_full, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_rounds_of_the_ring, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
