/* The address that a report of the ration names, beside what the app has said that it touches next.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/tests/rig.h"
#include "agent/trace/crossing.h"
#include "base/attr.h"

#define PAGE ((uint64_t)4096)

static const char program[] = SPH_CROSSING_APP;

static int setup(void **state) {
    *state = rig_new(program, "");
    return 0;
}

/* ---- the choice ---- */

#define FRESH                                                                                      \
    { .address = 1, .is_counted = true, .is_zero = true, .is_written = true }
#define WRITTEN                                                                                    \
    { .address = 2, .is_counted = true, .is_written = true }
#define FRESH_READ                                                                                 \
    { .address = 3, .is_counted = true, .is_zero = true }
#define READ                                                                                       \
    { .address = 4, .is_counted = true }
#define ABSENT                                                                                     \
    { .address = 5, .is_written = true }

static void test_choice(void **unused) {
    static const struct {
        size_t count;
        struct sph_crossing_page pages[4];
        uint64_t address; /* 0: cannot be told */
    } rows[] = {
        {0, {ABSENT}, 0},
        {1, {ABSENT}, 0},
        {1, {FRESH}, 1},
        {1, {WRITTEN}, 2}, /* a copy: nothing says that it must be zero */
        {2, {WRITTEN, FRESH}, 1},
        {2, {FRESH, WRITTEN}, 1},
        {2, {ABSENT, WRITTEN}, 2},
        {2, {FRESH, FRESH}, 0},
        {2, {WRITTEN, WRITTEN}, 0},
        {2, {FRESH, READ}, 1},
        {2, {WRITTEN, FRESH_READ}, 3},
        {2, {FRESH, FRESH_READ}, 1},
        {3, {FRESH, WRITTEN, FRESH_READ}, 1},
        {3, {WRITTEN, FRESH, FRESH_READ}, 1},
        {3, {FRESH, FRESH, FRESH_READ}, 0},
        {3, {FRESH, FRESH_READ, FRESH_READ}, 1},
        {3, {WRITTEN, FRESH_READ, FRESH_READ}, 0},
        {4, {ABSENT, ABSENT, READ, ABSENT}, 4},
    };
    (void)unused;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        const struct sph_crossing_page *page = sph_crossing_choose(rows[i].pages, rows[i].count);
        if ((page ? page->address : 0) != rows[i].address)
            fail_msg("row %zu: %d", i, page ? (int)page->address : 0);
    }
}

static void test_nobody_to_look_at(void **unused) {
    const struct sph_crossing_question question = {.tid = 0x7ffffff0};
    uint64_t address = 7;
    (void)unused;
    assert_int_equal(sph_crossing_find(&question, &address), -ENOENT);
    assert_int_equal(address, 7);
}

/* ---- real ends ---- */

/* The last line that the app has said. */
static void last_said(const struct rig *rig, uint64_t *ret_from, uint64_t *ret_to) {
    enum { LINE = 34 };
    assert_true(rig->output_len >= LINE && rig->output_len % LINE == 0);
    char *end;
    *ret_from = strtoull(rig->output + rig->output_len - LINE, &end, 16);
    assert_int_equal(*end, ' ');
    *ret_to = strtoull(end, &end, 16);
    assert_int_equal(*end, '\n');
}

static const struct sph_msg_report *check_address(struct rig *rig, const char *deed,
                                                  unsigned flags) {
    uint64_t from, to;
    struct sph_err err = SPH_ERR_NULL;
    rig->output_len = 0;
    if (rig_start(rig, RIG_ARGS(deed), SPH_START_ONCE | flags, &err) < 0)
        fail_msg("%s: %s", deed, err.text);
    const struct sph_msg_report *report = rig_report(rig, rig_await_end(rig, 5000)->report_number);
    if (report->why != SPH_END_RATION)
        fail_msg("%s: ended by %u, exit code %u", deed, (unsigned)report->why, report->exit_code);
    last_said(rig, &from, &to);
    if (!report->has_fault_address)
        fail_msg("%s: no address; it touched %#llx to %#llx", deed, (unsigned long long)from,
                 (unsigned long long)to);
    if (report->fault_address < from || report->fault_address >= to)
        fail_msg("%s: %#llx; it touched %#llx to %#llx", deed,
                 (unsigned long long)report->fault_address, (unsigned long long)from,
                 (unsigned long long)to);
    return report;
}

static void test_plain_stores(void **state) {
    for (int i = 0; i < 100; i++)
        (void)check_address(*state, "store", 0);
}

static void test_instructions(void **state) {
    static const char *const deeds[] = {"shared",        "memset", "memcpy", "straddle",
                                        "copy-on-write", "stack",  "thread"};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(deeds); i++)
        for (int k = 0; k < 10; k++)
            (void)check_address(*state, deeds[i], 0);
}

static void test_system_calls(void **state) {
    static const char *const deeds[] = {"read", "readv", "getrandom", "populate"};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(deeds); i++)
        for (int k = 0; k < 10; k++)
            (void)check_address(*state, deeds[i], 0);
}

/* The allocator's own records may be what crosses: then it is a page that nobody has spoken of. */
static void test_allocated_blocks(void **state) {
    for (int i = 0; i < 10; i++) {
        const struct sph_msg_report *report = rig_run_app(*state, RIG_ARGS("calloc"));
        assert_int_equal(report->why, SPH_END_RATION);
        assert_true(report->has_fault_address);
    }
}

/* With its heap tracked, the report says which block the page is of. */
static void test_block_is_named(void **state) {
    for (int i = 0; i < 10; i++) {
        const struct sph_msg_report *report = check_address(*state, "blocks", SPH_START_HEAP);
        struct sph_msg_heap heap;
        struct sph_msg_heap_site site = {.address = 0};
        assert_int_equal(report->heap_state, SPH_HEAP_TRACKED);
        struct sph_list_iter heaps = sph_list_iter(&report->heaps);
        assert_true(sph_list_next(&heaps, &heap));
        assert_true(heap.has_crossing_block);
        assert_int_equal(heap.crossing_bytes, 10 * PAGE);
        assert_int_equal(heap.crossing_address + heap.crossing_offset, report->fault_address);
        assert_in_range(heap.crossing_offset, 1, 10 * PAGE - 1);
        assert_int_equal(heap.crossing_caller, 0); /* the app */
        struct sph_list_iter sites = sph_list_iter(&heap.sites);
        assert_true(sph_list_next(&sites, &site));
        assert_int_equal(heap.crossing_site, site.address);
        assert_int_equal(site.live_blocks, 20);
    }
}

#define SYSTEM_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, rig_teardown)

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choice),    cmocka_unit_test(test_nobody_to_look_at),
        SYSTEM_TEST(test_plain_stores),   SYSTEM_TEST(test_instructions),
        SYSTEM_TEST(test_system_calls),   SYSTEM_TEST(test_allocated_blocks),
        SYSTEM_TEST(test_block_is_named),
    };
    rig_require();
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
