#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/app/autopsy.h"
#include "agent/app/report.h"
#include "base/attr.h"

#define PAGE ((uint64_t)4096)
#define RATION ((uint64_t)262144)

static int exited(int code) {
    return code << 8;
}

static const struct sph_fault from_outside = {.signal = SIGSEGV, .code = 0};
static const struct sph_fault raised = {.signal = SIGABRT, .code = -6, .sender = 2};
static const struct sph_fault fault = {.signal = SIGSEGV, .code = 1, .is_fault = true};
static const struct sph_fault timer = {.signal = SIGALRM, .code = -2};

static void test_judge(void **state) {
    (void)state;
    const struct {
        const char *name;
        struct sph_end_signs signs;
        struct sph_end_verdict wanted;
    } rows[] = {
        {"exit", {.status = exited(3)}, {SPH_END_EXIT, 3, 0}},
        {"exit 0", {.status = exited(0)}, {SPH_END_EXIT, 0, 0}},
        {"exit after a stop", {.status = exited(3), .stop_asked = true}, {SPH_END_STOPPED, 3, 0}},
        {"SIGTERM after a stop",
         {.status = SIGTERM, .stop_asked = true},
         {SPH_END_STOPPED, 0, SIGTERM}},
        {"SIGTERM from elsewhere", {.status = SIGTERM}, {SPH_END_KILLED, 0, SIGTERM}},
        {"SIGKILL after the grace time",
         {.status = SIGKILL, .stop_asked = true, .grace_over = true},
         {SPH_END_SIGTERM_IGNORED, 0, SIGKILL}},
        {"SIGKILL from elsewhere", {.status = SIGKILL}, {SPH_END_KILLED, 0, SIGKILL}},
        {"SIGKILL from elsewhere while stopping",
         {.status = SIGKILL, .stop_asked = true},
         {SPH_END_KILLED, 0, SIGKILL}},
        {"fault",
         {.status = SIGSEGV, .has_fault = true, .fault = fault},
         {SPH_END_CRASH, 0, SIGSEGV}},
        {"fault while stopping",
         {.status = SIGSEGV, .stop_asked = true, .has_fault = true, .fault = fault},
         {SPH_END_CRASH, 0, SIGSEGV}},
        {"with a core flag",
         {.status = SIGSEGV | 0x80, .has_fault = true, .fault = fault},
         {SPH_END_CRASH, 0, SIGSEGV}},
        {"SIGSEGV sent from outside",
         {.status = SIGSEGV, .has_fault = true, .fault = from_outside},
         {SPH_END_KILLED, 0, SIGSEGV}},
        {"abort",
         {.status = SIGABRT, .has_fault = true, .fault = raised},
         {SPH_END_CRASH, 0, SIGABRT}},
        {"timer",
         {.status = SIGALRM, .has_fault = true, .fault = timer},
         {SPH_END_CRASH, 0, SIGALRM}},
        {"an earlier fault was handled",
         {.status = SIGKILL, .has_fault = true, .fault = fault},
         {SPH_END_KILLED, 0, SIGKILL}},
        {"stopped under the debugger",
         {.status = SIGKILL, .stop_asked = true, .debugged = true},
         {SPH_END_STOPPED, 0, SIGKILL}},
        {"killed under the debugger",
         {.status = SIGKILL, .debugged = true},
         {SPH_END_KILLED, 0, SIGKILL}},
        {"crash under the debugger",
         {.status = SIGSEGV, .debugged = true},
         {SPH_END_CRASH, 0, SIGSEGV}},
        {"crash of the debugger",
         {.status = SIGTRAP, .debugged = true, .debugger_died = true},
         {SPH_END_KILLED, 0, SIGTRAP}},
        {"a signal under the debugger",
         {.status = SIGHUP, .debugged = true},
         {SPH_END_KILLED, 0, SIGHUP}},
        {"exit under the debugger", {.status = exited(3), .debugged = true}, {SPH_END_EXIT, 3, 0}},
        {"ration under the debugger",
         {.status = SIGKILL, .over_ration = true, .debugged = true},
         {SPH_END_RATION, 0, SIGKILL}},
        {"ration", {.status = SIGKILL, .over_ration = true}, {SPH_END_RATION, 0, SIGKILL}},
        {"ration while stopping",
         {.status = SIGKILL, .over_ration = true, .stop_asked = true, .grace_over = true},
         {SPH_END_RATION, 0, SIGKILL}},
        {"ration of a child, the parent left",
         {.status = exited(1), .over_ration = true},
         {SPH_END_RATION, 1, 0}},
        {"never started", {.start_failed = true}, {SPH_END_START_FAILED, 0, 0}},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_end_verdict verdict;
        sph_report_judge(&rows[i].signs, &verdict);
        if (verdict.why != rows[i].wanted.why || verdict.exit_code != rows[i].wanted.exit_code ||
            verdict.signal != rows[i].wanted.signal)
            fail_msg("%s: %d %u %u", rows[i].name, (int)verdict.why, verdict.exit_code,
                     verdict.signal);
    }
}

static void test_what_restarts(void **state) {
    (void)state;
    for (int why = SPH_END_UNKNOWN; why <= SPH_END_START_FAILED; why++)
        assert_int_equal(sph_report_is_unexpected((enum sph_end_why)why),
                         why != SPH_END_STOPPED && why != SPH_END_SIGTERM_IGNORED);
}

/* ---- encoding ---- */

static struct sph_report_facts ration_facts(void) {
    struct sph_report_facts facts = {
        .number = 17,
        .component = {.bytes = {1}},
        .image = {.bytes = {2}},
        .name = "Leak",
        .wall_ms = 1000,
        .uptime_ms = 60000,
        .run_ms = 5000,
        .device_start_ns = 1000000000,
        .pid = 42,
        .will_restart = true,
        .verdict = {SPH_END_RATION, 0, SIGKILL},
        .limit_bytes = RATION,
        .has_figures = true,
        .user_how = "how",
        .crossing = {.is_known = true,
                     .user_bytes = RATION + PAGE,
                     .growth_bytes = PAGE,
                     .n_stack = 2,
                     .stack = {0x1000, 0x2000}},
        .last_growth = {.is_known = true,
                        .user_bytes = RATION,
                        .time_ns = 3500000000,
                        .n_stack = 1,
                        .stack = {0x3000}},
        .n_rows = 2,
        .rows_dropped = 3,
        .pages_how = "pages",
    };
    facts.figures = (struct sph_memory_figures){.user = RATION,
                                                .peak = RATION,
                                                .total = RATION + 9 * PAGE,
                                                .kernel = 9 * PAGE,
                                                .user_exact = true,
                                                .kernel_known = true,
                                                .kernel_source = "kernel"};
    facts.rows = calloc(2, sizeof(*facts.rows));
    assert_non_null(facts.rows);
    facts.rows[0].row = (struct sph_msg_mapping){
        .pid = 42, .start = 0x5000, .end = 0x9000, .anonymous_pages = 65, .class = 3};
    (void)snprintf(facts.rows[0].path, SPH_MAPPING_PATH, "[heap]");
    facts.rows[1].row.file_pages = 7;
    return facts;
}

static struct sph_buf bytes = SPH_BUF_NULL;

static struct sph_msg_report encode(struct sph_report_facts *facts, const char *log) {
    struct sph_msg_report report;
    struct sph_err err = SPH_ERR_NULL;
    sph_buf_done(&bytes);
    bytes = (struct sph_buf)SPH_BUF_NULL;
    assert_int_equal(sph_report_encode(facts, sph_slice_text(log), &bytes, &err), 0);
    assert_int_equal(sph_codec_decode(&sph_msg_report_codec, bytes.data, bytes.len, &report, &err),
                     0);
    return report;
}

static void test_ration_report(void **state) {
    (void)state;
    struct sph_report_facts facts = ration_facts();
    struct sph_msg_report report = encode(&facts, "last\nlines\n");
    assert_int_equal(report.id, 17);
    assert_int_equal(report.why, SPH_END_RATION);
    assert_int_equal(report.signal, SIGKILL);
    assert_true(report.will_restart);
    assert_int_equal(report.limit_bytes, RATION);
    assert_int_equal(report.user_bytes, RATION);
    assert_int_equal(report.total_bytes, RATION + 9 * PAGE);
    assert_true(report.user_exact && !report.kernel_exact);
    assert_true(sph_slice_is(report.user_how, "how"));
    assert_true(sph_slice_is(report.kernel_how, "kernel"));
    assert_true(report.has_crossing && report.has_pc && !report.has_fault_address);
    assert_int_equal(report.crossing_user_bytes, RATION + PAGE);
    assert_int_equal(report.pc, 0x1000);
    assert_int_equal(sph_slice_u64_count(report.stack), 2);
    assert_int_equal(sph_slice_u64(report.stack, 1), 0x2000);
    assert_true(report.has_growth);
    assert_int_equal(report.growth_uptime_ms, 2500);
    assert_int_equal(sph_slice_u64(report.growth_stack, 0), 0x3000);
    assert_true(sph_slice_is(report.log, "last\nlines\n"));
    assert_int_equal(report.mappings.count, 2);
    assert_int_equal(report.mappings_dropped, 3);
    struct sph_msg_mapping row;
    struct sph_list_iter iter = sph_list_iter(&report.mappings);
    assert_true(sph_list_next(&iter, &row));
    assert_true(sph_slice_is(row.path, "[heap]"));
    assert_int_equal(row.anonymous_pages, 65);
    assert_true(sph_list_next(&iter, &row));
    assert_int_equal(row.file_pages, 7);
    sph_report_facts_done(&facts);
}

static void test_crash_report(void **state) {
    (void)state;
    struct sph_report_facts facts = {
        .name = "Crash",
        .verdict = {SPH_END_CRASH, 0, SIGSEGV},
        .signs = {
            .has_fault = true,
            .fault = {.signal = SIGSEGV, .is_fault = true, .address = 0x123000, .pc = 0x5678}}};
    struct sph_msg_report report = encode(&facts, NULL);
    assert_true(report.has_fault_address && report.has_pc && !report.has_crossing);
    assert_int_equal(report.fault_address, 0x123000);
    assert_int_equal(report.pc, 0x5678);
    assert_true(sph_slice_is(report.stack_how, "registers at the signal"));
    /* What was not seen is absent, not zero by accident. */
    assert_int_equal(report.user_how.len, 0);
    assert_int_equal(report.mappings.count, 0);
    assert_int_equal(report.log.len, 0);
}

static void test_growth_is_copied(void **state) {
    (void)state;
    uint64_t stack[SPH_METER_STACK_MAX] = {7, 8};
    struct sph_meter_event event = {.group_bytes = 10,
                                    .growth_bytes = 4,
                                    .time_ns = 99,
                                    .tgid = 5,
                                    .n_stack = SPH_METER_STACK_MAX + 5,
                                    .stack = stack};
    struct sph_growth growth;
    sph_growth_take(&growth, &event);
    assert_int_equal(growth.n_stack, SPH_METER_STACK_MAX);
    assert_int_equal(growth.stack[1], 8);
    event.n_stack = 0;
    event.stack = NULL;
    sph_growth_take(&growth, &event);
    assert_int_equal(growth.n_stack, 0);
    assert_int_equal(growth.tgid, 5);
}

/* ---- where a thread belongs ---- */

static void test_status_file(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int code;
        pid_t tgid;
        unsigned threads;
        pid_t tracer;
    } rows[] = {
        {"Name:\tapp\nTgid:\t12\nPid:\t13\nPPid:\t3\nTracerPid:\t0\nThreads:\t4\n", 0, 12, 4, 0},
        {"Name:\tTgid: 9\nTgid:\t12\nPPid:\t3\nTracerPid:\t8\nThreads:\t1", 0, 12, 1, 8},
        {"Name:\tapp\nTracerPid:\t8\nThreads:\t4\n", -EBADMSG, 0, 0, 0},
        {"Tgid:\t12\nPPid:\t3\nTracerPid:\t8\n", -EBADMSG, 0, 0, 0},
        {"Tgid:\t12\nThreads:\t4\n", -EBADMSG, 0, 0, 0},
        {"Tgid:\t0\nPPid:\t3\nTracerPid:\t0\nThreads:\t1\n", -EBADMSG, 0, 0, 0},
        {"", -EBADMSG, 0, 0, 0},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_thread_place place = {.tgid = 0};
        assert_int_equal(sph_autopsy_parse_status(rows[i].text, strlen(rows[i].text), &place),
                         rows[i].code);
        assert_int_equal(place.tgid, rows[i].tgid);
        assert_int_equal(place.threads, rows[i].threads);
        assert_int_equal(place.tracer, rows[i].tracer);
    }
}

static int free_bytes(void **state) {
    (void)state;
    sph_buf_done(&bytes);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judge),
        cmocka_unit_test(test_what_restarts),
        cmocka_unit_test(test_ration_report),
        cmocka_unit_test(test_crash_report),
        cmocka_unit_test(test_growth_is_copied),
        cmocka_unit_test(test_status_file),
    };
    return cmocka_run_group_tests(tests, NULL, free_bytes);
}
