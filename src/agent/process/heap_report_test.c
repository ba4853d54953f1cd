/* Regions are made by hand; that they are read right is the reader's test. Here: order, names,
 * what is relative to what, and what fits a frame. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/app/report.h"
#include "agent/process/heap_report.h"
#include "agent/requests/heap_list.h"
#include "base/attr.h"
#include "wire/frame.h"
#include "wire/ledger_testing.h"
#include "wire/msg_device.h"

#define PAGE ((uint64_t)4096)

/* 70 MiB of which the kernel gives what is touched. */
struct region {
    struct sph_ledger *ledger;
    struct sph_ledger_view view;
    struct sph_heap_report report;
};

#define entry sph_ledger_testing_entry

static void put_owner(struct region *region, unsigned n, const char *path, uint64_t lo) {
    struct sph_ledger_owner *owner = &region->ledger->owners[n];
    size_t len = strlen(path);
    *owner = (struct sph_ledger_owner){
        .lo = lo, .hi = lo + 0x10000, .state = 2, .name_len = (uint32_t)len};
    memcpy(owner->name, path, len < SPH_LEDGER_NAME ? len : SPH_LEDGER_NAME);
}

static void put_site(struct region *region, unsigned n, unsigned owner, uint64_t address) {
    region->ledger->sites[n] =
        (struct sph_ledger_site){.address = address, .owner = (uint8_t)owner};
}

/* A leaf of the MiB that `address` is in. */
static void put_leaf(struct region *region, unsigned leaf, uint64_t address) {
    region->ledger->directory[leaf] =
        sph_ledger_testing_slot(address >> SPH_LEDGER_LEAF_SHIFT, leaf);
}

static void put_block(struct region *region, unsigned leaf, uint64_t address, uint64_t word) {
    uint64_t within = address & ((1u << SPH_LEDGER_LEAF_SHIFT) - 1);
    sph_ledger_testing_put(region->ledger, leaf, (unsigned)(within >> SPH_LEDGER_GRANULE_SHIFT),
                           word);
}

static int set_up(void **state) {
    struct region *region = calloc(1, sizeof(*region));
    assert_non_null(region);
    region->ledger = mmap(NULL, sizeof(struct sph_ledger), PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_true(region->ledger != MAP_FAILED);
    region->ledger->config = (struct sph_ledger_config){
        .magic = SPH_LEDGER_MAGIC, .version = SPH_LEDGER_VERSION, .state = SPH_LEDGER_ON};
    region->ledger->losses.threads_seen = 1;
    region->view = (struct sph_ledger_view){.bytes = (const uint8_t *)region->ledger,
                                            .len = sizeof(struct sph_ledger)};
    *state = region;
    return 0;
}

static int tear_down(void **state) {
    struct region *region = *state;
    (void)munmap(region->ledger, sizeof(struct sph_ledger));
    free(region);
    return 0;
}

/* The app holds least, and stands first all the same. */
static void fill_small(struct region *region) {
    put_owner(region, 1, "/mnt/apps/x/bin/app", 0x10000);
    put_owner(region, 2, "/lib/ld-musl-armhf.so.1", 0x40000);
    put_owner(region, 3, "/usr/lib/libcurl.so.4", 0x70000);
    put_site(region, 1, 1, 0x10100);
    put_site(region, 2, 2, 0x40200);
    put_site(region, 3, 3, 0x70300);
    put_site(region, 4, 3, 0x70400);
    put_site(region, 5, 1, 0x10500); /* holds nothing */
    put_leaf(region, 1, 0x500000);
    put_block(region, 1, 0x500000, entry(1, 1, 100));
    put_block(region, 1, 0x501000, entry(2, 2, 300));
    put_block(region, 1, 0x502000, entry(3, 3, 1000));
    put_block(region, 1, 0x503000, entry(3, 4, 3000));
}

static const struct sph_msg_heap_caller *caller(const struct region *region, size_t index) {
    assert_true(index < region->report.heap.callers.count);
    return &region->report.callers[index];
}

static void test_order_and_names(void **state) {
    struct region *region = *state;
    const struct sph_heap_report_plan plan = {
        .pid = 42, .sites_max = SPH_HEAP_SITES_MAX, .uptime_ms = 77};
    static const struct {
        const char *name, *path;
        uint64_t base, live_bytes;
    } callers[] = {{"App + Static Libraries", "/mnt/apps/x/bin/app", 0x10000, 100},
                   {"libcurl.so.4", "/usr/lib/libcurl.so.4", 0x70000, 4000},
                   {"ld-musl-armhf.so.1", "/lib/ld-musl-armhf.so.1", 0x40000, 300}};
    static const struct {
        unsigned caller;
        uint64_t address, live_bytes;
    } sites[] = {{1, 0x400, 3000}, {1, 0x300, 1000}, {2, 0x200, 300}, {0, 0x100, 100}};
    fill_small(region);
    sph_heap_report_fill(&region->view, &plan, &region->report);
    const struct sph_msg_heap *heap = &region->report.heap;
    assert_int_equal(heap->state, SPH_HEAP_TRACKED);
    assert_int_equal(heap->pid, 42);
    assert_int_equal(heap->uptime_ms, 77);
    assert_int_equal(heap->live_bytes, 4400);
    assert_int_equal(heap->live_blocks, 4);
    assert_int_equal(heap->resident_bytes, 0); /* nobody was asked */
    assert_int_equal(heap->callers.count, SPH_ARRAY_SIZE(callers));
    for (size_t i = 0; i < SPH_ARRAY_SIZE(callers); i++) {
        const struct sph_msg_heap_caller *row = caller(region, i);
        if (!sph_slice_is(row->name, callers[i].name) ||
            !sph_slice_is(row->path, callers[i].path) || row->base != callers[i].base ||
            row->live_bytes != callers[i].live_bytes)
            fail_msg("caller %zu: %.*s", i, (int)row->name.len, (const char *)row->name.data);
    }
    assert_int_equal(heap->sites.count, SPH_ARRAY_SIZE(sites));
    for (size_t i = 0; i < SPH_ARRAY_SIZE(sites); i++) {
        const struct sph_msg_heap_site *row = &region->report.sites[i];
        if (row->caller != sites[i].caller || row->address != sites[i].address ||
            row->live_bytes != sites[i].live_bytes)
            fail_msg("site %zu: caller %u", i, row->caller);
    }
    assert_int_equal(heap->sites_dropped, 0);
}

/* What is dropped are the smallest, and their number is told. */
static void test_limits(void **state) {
    struct region *region = *state;
    static const struct {
        unsigned wanted;
        size_t kept;
        uint32_t dropped;
    } rows[] = {{0, 0, 0}, {1, 1, 3}, {4, 4, 0}, {100000, 4, 0}};
    fill_small(region);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        const struct sph_heap_report_plan plan = {.pid = 1, .sites_max = rows[i].wanted};
        sph_heap_report_fill(&region->view, &plan, &region->report);
        assert_int_equal(region->report.heap.sites.count, rows[i].kept);
        assert_int_equal(region->report.heap.sites_dropped, rows[i].dropped);
        if (rows[i].kept > 0)
            assert_int_equal(region->report.sites[0].live_bytes, 3000);
        assert_int_equal(region->report.heap.callers.count, 3);
    }
}

static void test_damaged(void **state) {
    struct region *region = *state;
    const struct sph_heap_report_plan plan = {.pid = 9, .sites_max = 8};
    fill_small(region);
    region->ledger->config.magic ^= 1;
    sph_heap_report_fill(&region->view, &plan, &region->report);
    assert_int_equal(region->report.heap.state, SPH_HEAP_DAMAGED);
    assert_int_equal(region->report.heap.pid, 9);
    assert_int_equal(region->report.heap.live_bytes, 0);
    assert_int_equal(region->report.heap.callers.count, 0);
    sph_heap_report_crossing(&region->view, 0x503000, &region->report);
    assert_false(region->report.heap.has_crossing_block);
}

static void test_crossing_block(void **state) {
    struct region *region = *state;
    const struct sph_heap_report_plan plan = {.pid = 1};
    const struct sph_msg_heap *heap = &region->report.heap;
    fill_small(region);
    sph_heap_report_fill(&region->view, &plan, &region->report);
    sph_heap_report_crossing(&region->view, 0x503000 + 3000, &region->report);
    assert_false(heap->has_crossing_block); /* right behind it */
    sph_heap_report_crossing(&region->view, 0x503000 + 2999, &region->report);
    assert_true(heap->has_crossing_block);
    assert_int_equal(heap->crossing_caller, 1);
    assert_int_equal(heap->crossing_address, 0x503000);
    assert_int_equal(heap->crossing_bytes, 3000);
    assert_int_equal(heap->crossing_offset, 2999);
    assert_int_equal(heap->crossing_site, 0x400);
}

/* The test's own memory is the app's: of three pages the middle one is there. */
static void test_resident(void **state) {
    struct region *region = *state;
    const struct sph_heap_report_plan plan = {.pid = getpid(), .reader = getpid(), .sites_max = 8};
    char *pages = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(pages != MAP_FAILED);
    assert_int_equal(madvise(pages, 3 * PAGE, MADV_NOHUGEPAGE), 0);
    pages[PAGE] = 1;
    uint64_t start = (uint64_t)(uintptr_t)pages;
    put_owner(region, 1, "/bin/app", 0x10000);
    put_site(region, 1, 1, 0x10100);
    put_leaf(region, 1, start);
    put_block(region, 1, start + 16, entry(1, 1, 3 * PAGE - 16)); /* all of it, but for its start */
    sph_heap_report_fill(&region->view, &plan, &region->report);
    assert_int_equal(region->report.heap.live_bytes, 3 * PAGE - 16);
    assert_int_equal(region->report.heap.resident_bytes, PAGE);
    assert_int_equal(caller(region, 0)->resident_bytes, PAGE);
    assert_int_equal(region->report.sites[0].resident_bytes, PAGE);
    pages[0] = 1;
    sph_heap_report_fill(&region->view, &plan, &region->report);
    assert_int_equal(region->report.heap.resident_bytes, 2 * PAGE - 16);
    (void)munmap(pages, 3 * PAGE);
}

/* ---- what fits a frame ---- */

static const char long_name[] = "/a-library-that-has-a-name-which-is-as-long-as-a-ledger-keeps.so";

/* As many callers and sites as there can be, and no number with a zero in front. */
static void fill_full(struct region *region) {
    put_leaf(region, 1, 0x500000);
    for (unsigned i = 1; i < SPH_LEDGER_OWNERS; i++) {
        put_owner(region, i, long_name, (uint64_t)i << 16);
        region->ledger->owners[i].build_id_len = SPH_LEDGER_BUILD_ID;
        region->ledger->threads[0].counts[i] =
            (struct sph_ledger_count){.allocations = UINT64_MAX / 128, .frees = UINT64_MAX / 256};
    }
    for (unsigned i = 1; i < SPH_LEDGER_SITES; i++) {
        unsigned owner = i % (SPH_LEDGER_OWNERS - 1) + 1;
        put_site(region, i, owner, 0x10000u * owner + 16 + i);
        region->ledger->sites[i].allocations = 5;
        put_block(region, 1, 0x500000 + 256u * i, entry(owner, i, 16 + i));
    }
}

/* With every stack that there may be. */
static void add_stacks(struct sph_heap_report *report) {
    static uint64_t frames[SPH_LEDGER_STACK_DEPTH];
    for (size_t i = 0; i < SPH_HEAP_STACKS_MAX && i < report->heap.sites.count; i++)
        report->sites[i].stack = sph_slice(frames, sizeof(frames));
    report->heap.has_crossing_block = true;
    report->heap.crossing_caller = 1;
    report->heap.crossing_address = report->heap.crossing_bytes = 1;
    report->heap.crossing_offset = report->heap.crossing_site = 1;
}

static void add_full(struct region *region, struct sph_heap_list *list) {
    const struct sph_heap_report_plan plan = {
        .pid = 1, .uptime_ms = 1, .sites_max = SPH_HEAP_SITES_MAX};
    struct sph_heap_report *report = calloc(1, sizeof(*report));
    assert_non_null(report);
    sph_heap_report_fill(&region->view, &plan, report);
    add_stacks(report);
    sph_heap_list_add(list, report);
}

static void assert_fits(const struct sph_heap_list *list) {
    struct sph_buf bytes SPH_CLEANUP(sph_buf_done) = SPH_BUF_NULL;
    struct sph_msg_heap_reply reply = {.processes = SPH_LIST(list->heaps, list->count),
                                       .processes_dropped = list->dropped};
    assert_int_equal(sph_codec_encode(&sph_msg_heap_reply_codec, &reply, &bytes, NULL), 0);
    assert_in_range(bytes.len, 1, SPH_FRAME_PAYLOAD_MAX);
}

/* One process is told whole; several that are as full share the frame. */
static void test_answers_fit(void **state) {
    struct region *region = *state;
    struct sph_heap_list list SPH_CLEANUP(sph_heap_list_done) = SPH_HEAP_LIST_NULL;
    enum { SECOND = SPH_HEAP_LIST_SITES - SPH_HEAP_SITES_MAX };
    fill_full(region);
    for (size_t i = 0; i < SPH_HEAP_PROCESSES_MAX; i++)
        add_full(region, &list);
    assert_int_equal(list.count, 2); /* their callers are all there is place for */
    assert_int_equal(list.dropped, SPH_HEAP_PROCESSES_MAX - 2);
    assert_int_equal(list.heaps[0].callers.count, SPH_LEDGER_OWNERS - 1);
    assert_int_equal(list.heaps[0].sites.count, SPH_HEAP_SITES_MAX);
    assert_int_equal(list.heaps[1].sites.count, SECOND);
    for (size_t i = 0; i < list.count; i++)
        assert_int_equal(list.heaps[i].sites.count + list.heaps[i].sites_dropped,
                         SPH_LEDGER_SITES - 1);
    assert_fits(&list);
}

/* As many processes as there may be, of which the later ones have no place for sites or stacks. */
static void test_many_processes_fit(void **state) {
    struct region *region = *state;
    struct sph_heap_list list SPH_CLEANUP(sph_heap_list_done) = SPH_HEAP_LIST_NULL;
    size_t sites = 0, stacks = 0;
    fill_full(region);
    for (unsigned i = SPH_HEAP_LIST_CALLERS / SPH_HEAP_PROCESSES_MAX + 1; i < SPH_LEDGER_OWNERS;
         i++)
        region->ledger->owners[i].state = 0;
    for (unsigned i = 1; i < SPH_LEDGER_SITES; i++) {
        unsigned owner = i % (SPH_HEAP_LIST_CALLERS / SPH_HEAP_PROCESSES_MAX) + 1;
        put_site(region, i, owner, 0x10000u * owner + 16 + i);
        put_block(region, 1, 0x500000 + 256u * i, entry(owner, i, 16 + i));
    }
    for (size_t i = 0; i < SPH_HEAP_PROCESSES_MAX + 2; i++)
        add_full(region, &list);
    sph_heap_list_add(&list, NULL); /* one that was only counted */
    assert_int_equal(list.count, SPH_HEAP_PROCESSES_MAX);
    assert_int_equal(list.dropped, 3);
    for (size_t i = 0; i < list.count; i++) {
        const struct sph_heap_report *report = list.reports[i];
        sites += list.heaps[i].sites.count;
        for (size_t j = 0; j < list.heaps[i].sites.count; j++)
            stacks += report->sites[j].stack.len > 0;
        assert_int_equal(list.heaps[i].sites.count + list.heaps[i].sites_dropped,
                         SPH_LEDGER_SITES - 1);
    }
    assert_int_equal(sites, SPH_HEAP_LIST_SITES);
    assert_int_equal(stacks, SPH_HEAP_LIST_STACKS);
    assert_fits(&list);
}

/* Everything that a report can hold, as long as it can be. */
static void test_report_fits(void **state) {
    struct region *region = *state;
    static char log[SPH_REPORT_LOG_MAX];
    struct sph_growth growth = {
        .is_known = true, .user_bytes = 1, .time_ns = UINT64_MAX, .n_stack = SPH_METER_STACK_MAX};
    struct sph_buf bytes SPH_CLEANUP(sph_buf_done) = SPH_BUF_NULL;
    const struct sph_heap_report_plan plan = {
        .pid = 1, .uptime_ms = 1, .sites_max = SPH_HEAP_REPORT_SITES_MAX};
    struct sph_report_facts facts SPH_CLEANUP(sph_report_facts_done) = {
        .number = 1,
        .name = "a name of thirty-two characters!",
        .wall_ms = 1,
        .uptime_ms = 1,
        .run_ms = 1,
        .pid = 1,
        .signs = {.has_fault = true, .fault = {.is_fault = true, .address = 1, .pc = 1}},
        .verdict = {SPH_END_RATION, 1, 1},
        .limit_bytes = 1,
        .has_figures = true,
        .figures = {.user = 1, .peak = 1, .total = 1, .kernel = 1, .kernel_source = long_name},
        .user_how = long_name,
        .crossing = growth,
        .last_growth = growth,
        .n_rows = SPH_REPORT_MAPPINGS_MAX,
        .rows_dropped = 3,
        .pages_how = long_name,
        .heap_state = SPH_HEAP_TRACKED,
    };
    fill_full(region);
    facts.rows = calloc(SPH_REPORT_MAPPINGS_MAX, sizeof(*facts.rows));
    facts.heap = calloc(1, sizeof(*facts.heap));
    assert_true(facts.rows && facts.heap);
    for (size_t i = 0; i < SPH_REPORT_MAPPINGS_MAX; i++) {
        facts.rows[i].row = (struct sph_msg_mapping){1, 1, 1, 1, 1, {NULL, 0}, 1, 1, 1};
        memset(facts.rows[i].path, 'p', SPH_MAPPING_PATH - 1);
    }
    sph_heap_report_fill(&region->view, &plan, facts.heap);
    add_stacks(facts.heap);
    assert_int_equal(facts.heap->heap.sites.count, SPH_HEAP_REPORT_SITES_MAX);
    assert_int_equal(sph_report_encode(&facts, sph_slice(log, sizeof(log)), &bytes, NULL), 0);
    assert_in_range(bytes.len, 1, SPH_FRAME_PAYLOAD_MAX);
    struct sph_msg_report report;
    assert_int_equal(sph_codec_decode(&sph_msg_report_codec, bytes.data, bytes.len, &report, NULL),
                     0);
    assert_int_equal(report.mappings.count, SPH_REPORT_MAPPINGS_WITH_HEAP);
    assert_int_equal(report.mappings_dropped,
                     3 + SPH_REPORT_MAPPINGS_MAX - SPH_REPORT_MAPPINGS_WITH_HEAP);
    assert_int_equal(report.heaps.count, 1);
    assert_int_equal(report.heap_state, SPH_HEAP_TRACKED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_order_and_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_limits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_damaged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_crossing_block, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_resident, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_answers_fit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_processes_fit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_report_fits, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
