#include "base/testing.h"

#include <signal.h>
#include <string.h>

#include "agent/app/end_record.h"
#include "base/attr.h"

static struct sph_kept_row rows[] = {
    {.row = {.pid = 7, .start = 0x400000, .end = 0x401000}, .path = "/mnt/apps/x/bin/app"},
    {.row = {.pid = 7, .start = 0x401000, .end = 0x403000}, .path = "/mnt/apps/x/bin/app"},
    {.row = {.pid = 8, .start = 0x300000, .end = 0x500000}, .path = "/mnt/apps/x/bin/child"},
    {.row = {.pid = 7, .start = 0x600000, .end = 0x700000}, .path = "[heap]"},
    {.row = {.pid = 7, .start = 0x100000000, .end = 0x300000000}, .path = "/big/sparse"},
};

struct wanted {
    bool has_pc, has_address, has_site;
    uint64_t pc, address;
    uint32_t site_offset;
    const char *site;
};

static void check(const char *name, const struct sph_report_facts *facts,
                  const struct wanted *wanted) {
    const struct sph_end_circumstances none = {.report_number = 0};
    struct sph_telemetry_record record;
    struct sph_report_facts whole = *facts;
    whole.rows = rows;
    whole.n_rows = SPH_ARRAY_SIZE(rows);
    sph_end_record_make(&whole, &none, &record);
    print_message("%s\n", name);
    assert_int_equal(record.has_pc, wanted->has_pc);
    assert_int_equal(record.has_address, wanted->has_address);
    assert_int_equal(record.has_site, wanted->has_site);
    assert_int_equal(record.pc, wanted->pc);
    assert_int_equal(record.address, wanted->address);
    assert_int_equal(record.site_offset, wanted->site_offset);
    assert_string_equal(record.site, wanted->site ? wanted->site : "");
}

#define CRASH(where, flagged)                                                                      \
    {                                                                                              \
        .pid = 7, .name = "app", .verdict = {.why = SPH_END_CRASH, .signal = SIGSEGV}, .signs = {  \
            .has_fault = true,                                                                     \
            .fault = {.signal = SIGSEGV, .pc = (where), .address = 8, .is_fault = (flagged)}       \
        }                                                                                          \
    }
#define CROSSING(process, depth, where)                                                            \
    {                                                                                              \
        .pid = 7, .name = "app", .verdict = {.why = SPH_END_RATION, .signal = SIGKILL},            \
        .crossing = {.is_known = true, .tgid = (process), .n_stack = (depth), .stack = {(where)}}, \
        .has_crossing_address = true, .crossing_address = 0x555000                                 \
    }

static void test_where(void **state) {
    (void)state;
    const struct {
        const char *name;
        struct sph_report_facts facts;
        struct wanted wanted;
    } table[] = {
        {"a crash in the app",
         CRASH(0x401123, true),
         {true, true, true, 0x401123, 8, 0x1123, "app"}},
        {"a signal that it raised",
         CRASH(0x402fff, false),
         {true, false, true, 0x402fff, 0, 0x2fff, "app"}},
        {"a crash behind its end",
         CRASH(0x403000, true),
         {true, true, false, 0x403000, 8, 0, NULL}},
        {"a crash in the heap", CRASH(0x600010, true), {true, true, false, 0x600010, 8, 0, NULL}},
        {"a site too far in",
         CRASH(0x200000001, true),
         {true, true, false, 0x200000001, 8, 0, NULL}},
        {"no registers", CRASH(0, true), {.has_pc = false}},
        {"the ration, by a child",
         CROSSING(8, 1, 0x401000),
         {true, true, true, 0x401000, 0x555000, 0x101000, "child"}},
        {"the ration, without a stack",
         CROSSING(7, 0, 0),
         {false, true, false, 0, 0x555000, 0, NULL}},
        {"an exit",
         {.name = "app", .verdict = {.why = SPH_END_EXIT, .exit_code = 3}},
         {.has_pc = false}},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(table); i++)
        check(table[i].name, &table[i].facts, &table[i].wanted);
}

static void test_identity_and_figures(void **state) {
    (void)state;
    struct sph_report_facts facts = {
        .component = {{1}},
        .image = {{2}},
        .name = "a name that is longer than thirty-two",
        .wall_ms = 1000,
        .uptime_ms = 2000,
        .run_ms = 300,
        .pid = -1,
        .will_restart = true,
        .verdict = {.why = SPH_END_EXIT, .exit_code = 255},
        .figures = {.user = 4096, .peak = 8192, .total = 12288, .user_exact = true},
    };
    const struct sph_end_circumstances circumstances = {
        .report_number = 9, .restarts = 3, .wait_ms = UINT64_C(1) << 32};
    struct sph_telemetry_record record;
    sph_end_record_make(&facts, &circumstances, &record);
    assert_true(sph_guid_equal(&record.component, &facts.component));
    assert_true(sph_guid_equal(&record.image, &facts.image));
    assert_string_equal(record.name, "a name that is longer than thirt");
    assert_int_equal(record.wall_ms, 1000);
    assert_int_equal(record.uptime_ms, 2000);
    assert_int_equal(record.run_ms, 300);
    assert_int_equal(record.pid, 0);
    assert_true(record.will_restart);
    assert_int_equal(record.why, SPH_END_EXIT);
    assert_int_equal(record.exit_code, 255);
    assert_int_equal(record.signal, 0);
    assert_int_equal(record.restarts, 3);
    assert_int_equal(record.restart_delay_ms, UINT32_MAX);
    assert_int_equal(record.report, 9);
    assert_false(record.has_figures); /* they were not taken: none are told */
    assert_int_equal(record.user_bytes + record.peak_user_bytes + record.total_bytes, 0);
    facts.has_figures = true;
    sph_end_record_make(&facts, &circumstances, &record);
    assert_true(record.has_figures && record.user_exact && !record.kernel_exact);
    assert_int_equal(record.user_bytes, 4096);
    assert_int_equal(record.peak_user_bytes, 8192);
    assert_int_equal(record.total_bytes, 12288);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_where),
        cmocka_unit_test(test_identity_and_figures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
