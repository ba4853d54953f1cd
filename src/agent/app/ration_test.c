/* The ration with real processes: killed at the page too many, whoever asks for it and however, and
 * figures that agree with the page tables. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/device/logring.h"
#include "agent/process/processes.h"
#include "agent/tests/rig.h"
#include "base/attr.h"
#include "base/clock.h"
#include "meter/meter.h"
#include "meter/pagemap.h"
#include "wire/msg_device.h"

#define PAGE ((uint64_t)4096)
#define RATION ((uint64_t)262144)

static const char program[] = SPH_TEST_APP;

static int setup(void **state) {
    *state = rig_new(program, "");
    return 0;
}

static bool has_row(const struct sph_msg_report *report, uint32_t class, uint64_t least_pages) {
    struct sph_msg_mapping row;
    struct sph_list_iter iter = sph_list_iter(&report->mappings);
    while (sph_list_next(&iter, &row))
        if (row.class == class && row.anonymous_pages + row.shared_pages >= least_pages)
            return true;
    return false;
}

static void check_ration_kill(const struct sph_msg_report *report, uint64_t most_over) {
    assert_int_equal(report->why, SPH_END_RATION);
    assert_int_equal(report->limit_bytes, RATION);
    assert_true(report->has_crossing);
    assert_int_equal(report->user_bytes, RATION);
    assert_int_equal(report->peak_user_bytes, RATION);
    assert_int_equal(report->crossing_user_bytes, RATION + PAGE);
    assert_true(report->has_own);
    assert_int_equal(report->own_user_bytes, RATION); /* nobody else ran */
    assert_true(report->total_bytes >= report->user_bytes + report->kernel_bytes);
    assert_true(report->user_exact);
    uint64_t pages = rig_page_sum(report);
    assert_in_range(pages, RATION / PAGE + 1, RATION / PAGE + 1 + most_over);
}

static void test_ration_kill_is_exact(void **state) {
    for (int i = 0; i < 100; i++) {
        const struct sph_msg_report *report = rig_run_app(*state, RIG_ARGS("grow", "100"));
        check_ration_kill(report, 0);
        assert_int_equal(report->signal, SIGKILL);
        assert_true(has_row(report, SPH_MAPPING_ANONYMOUS, 50));
        assert_true(report->has_pc && sph_slice_u64_count(report->stack) >= 1);
        assert_true(report->has_growth);
        assert_int_equal(report->growth_user_bytes, RATION);
        assert_true(sph_slice_u64_count(report->growth_stack) >= 1);
    }
}

static void test_ration_kill_inside_populate(void **state) {
    check_ration_kill(rig_run_app(*state, RIG_ARGS("populate", "1000")), 0);
}

static void test_ration_kill_in_shared_memory(void **state) {
    const struct sph_msg_report *report = rig_run_app(*state, RIG_ARGS("shared", "1000"));
    check_ration_kill(report, 0);
    assert_true(has_row(report, SPH_MAPPING_SHARED, 50));
}

/* The child is killed by the kernel; the whole app goes with it. */
static void test_ration_kill_of_a_child(void **state) {
    struct rig *rig = *state;
    uint64_t begin = sph_clock_monotonic_ms();
    const struct sph_msg_report *report = rig_run_app(rig, RIG_ARGS("child-grows", "1000"));
    assert_true(sph_clock_monotonic_ms() - begin < 2000);
    check_ration_kill(report, 8);
    assert_int_equal(sph_lifecycle_running(rig->device.lifecycle), 0);
}

static void test_ration_kill_of_threads(void **state) {
    const struct sph_msg_report *report = rig_run_app(*state, RIG_ARGS("thread-grows", "1000"));
    assert_int_equal(report->why, SPH_END_RATION);
    assert_int_equal(report->user_bytes, RATION);
    assert_true(report->peak_user_bytes <= RATION);
}

/* Growth by another's hand: the kernel program kills nobody for it, the agent does. */
static void test_foreign_growth_kills(void **state) {
    struct rig *rig = *state;
    void *base = NULL;
    static char data[100 * PAGE];
    rig_must_start(rig, RIG_ARGS("offer", "200"), SPH_START_ONCE);
    rig_await_output(rig, "ready", 2000);
    assert_int_equal(sscanf(rig->output, "%p", &base), 1);
    struct iovec from = {.iov_base = data, .iov_len = sizeof(data)};
    struct iovec to = {.iov_base = base, .iov_len = sizeof(data)};
    pid_t pid = sph_lifecycle_pid(rig->device.lifecycle, &rig->component);
    assert_int_equal(process_vm_writev(pid, &from, 1, &to, 1, 0), (ssize_t)sizeof(data));
    const struct sph_app_end *end = rig_await_end(rig, 2000);
    const struct sph_msg_report *report = rig_report(rig, end->report_number);
    assert_int_equal(report->why, SPH_END_RATION);
    assert_true(report->has_crossing);
    assert_int_equal(report->crossing_user_bytes, RATION + PAGE);
    assert_int_equal(report->user_bytes, RATION);
    assert_int_equal(report->peak_user_bytes, RATION);
}

/* The ration's second net: what User does not count is bounded too, and the log says so. An app
 * without storage may fill each memfd up to the RAM limit. */
static void test_second_net(void **state) {
    struct rig *rig = *state;
    struct sph_memory_figures figures;
    const struct sph_msg_report report = *rig_run_app(rig, RIG_ARGS("memfds", "5000"));
    rig_must_start(rig, RIG_ARGS("wait"), SPH_START_ONCE);
    assert_int_equal(sph_lifecycle_memory(rig->device.lifecycle, NULL, &figures, NULL), 0);
    if (!figures.kernel_known)
        skip();
    assert_int_equal(report.why, SPH_END_KILLED);
    assert_int_equal(report.signal, SIGKILL);
    struct sph_log_line line;
    uint64_t cursor = 0;
    bool said = false;
    while (sph_logring_next(rig->device.log, &cursor, &line))
        said |= line.source == SPH_LOG_DEVICE && memmem(line.text, line.len, "second net", 10);
    assert_true(said);
}

/* Exactly at the limit is not over it. */
static void test_under_the_ration_nothing_happens(void **state) {
    const struct sph_msg_report *report = rig_run_app(*state, RIG_ARGS("grow", "40"));
    assert_int_equal(report->why, SPH_END_EXIT);
    assert_true(report->peak_user_bytes > 40 * PAGE && report->peak_user_bytes <= RATION);
}

static void test_two_apps_share_the_ration(void **state) {
    struct rig *rig = *state;
    struct sph_lifecycle *lifecycle = rig->device.lifecycle;
    struct sph_guid other;
    rig_start_other(rig, program, &other);
    rig_await_output(rig, "ready", 2000);
    struct sph_memory_figures before, group, own;
    assert_int_equal(sph_lifecycle_memory(lifecycle, &other, &before, NULL), 0);
    rig_must_start(rig, RIG_ARGS("grow", "1000"), SPH_START_ONCE);
    const struct sph_app_end *end = rig_await_end(rig, 3000);
    assert_true(sph_guid_equal(&end->component, &rig->component));
    const struct sph_msg_report *report = rig_report(rig, end->report_number);
    assert_int_equal(report->why, SPH_END_RATION);
    assert_int_equal(report->user_bytes, RATION);
    /* The one that crossed is gone, the other one stays as it was. */
    assert_int_equal(rig_page_sum(report), (RATION - before.user) / PAGE + 1);
    assert_true(report->has_own);
    assert_int_equal(report->own_user_bytes, RATION - before.user);
    assert_true(report->own_total_bytes >= report->own_user_bytes);
    assert_true(report->own_total_bytes <= report->total_bytes);
    assert_int_equal(sph_lifecycle_memory(lifecycle, &other, &own, NULL), 0);
    assert_int_equal(sph_lifecycle_memory(lifecycle, NULL, &group, NULL), 0);
    assert_int_equal(own.user, before.user);
    assert_int_equal(group.user, before.user);
    assert_int_equal(group.peak, RATION);
    assert_int_equal(own.peak, before.peak);
}

/* Read one after the other, while the kernel still gives back what the launches have freed: asked
 * again until three readings are of one state. */
static void test_figures_of_apps_add_up(void **state) {
    struct rig *rig = *state;
    struct sph_lifecycle *lifecycle = rig->device.lifecycle;
    struct sph_guid other;
    struct sph_memory_figures group, apps[2];
    rig_start_other(rig, program, &other);
    rig_await_output(rig, "ready", 2000);
    rig_forget_output(rig);
    rig_must_start(rig, RIG_ARGS("grow-and-wait", "5"), SPH_START_ONCE);
    rig_await_output(rig, "ready", 2000);
    for (int i = 0; i < 40; i++) {
        rig_run(rig, 20);
        assert_int_equal(sph_lifecycle_memory(lifecycle, NULL, &group, NULL), 0);
        assert_int_equal(sph_lifecycle_memory(lifecycle, &rig->component, &apps[0], NULL), 0);
        assert_int_equal(sph_lifecycle_memory(lifecycle, &other, &apps[1], NULL), 0);
        for (int k = 0; k < 2; k++) {
            assert_int_equal(apps[k].total, apps[k].user + apps[k].kernel);
            assert_int_equal(apps[k].kernel_exact, group.kernel_exact);
        }
        assert_int_equal(apps[0].user + apps[1].user, group.user);
        if (apps[0].kernel + apps[1].kernel == group.kernel)
            break;
    }
    assert_int_equal(apps[0].kernel + apps[1].kernel, group.kernel);
    assert_int_equal(apps[0].total + apps[1].total, group.total);
    assert_true(apps[0].user >= apps[1].user + 5 * PAGE); /* each has its own */
    assert_true(!group.kernel_known || (apps[0].kernel > 0 && apps[1].kernel > 0));
}

static void add_pages(void *context, pid_t pid, const struct sph_pagemap *map) {
    uint64_t *sums = context;
    assert_true(pid > 0 && !map->cut);
    sums[0] += map->anon_bytes + map->shared_bytes;
    sums[1]++;
}

/* Of the rig's app: what the page maps of all of its processes sum up to, and how many they are. */
static uint64_t page_bytes(struct rig *rig, unsigned *ret_maps) {
    uint64_t sums[2] = {0};
    struct sph_err err = SPH_ERR_NULL;
    if (sph_lifecycle_pages(rig->device.lifecycle, &rig->component, add_pages, sums, &err) != 0)
        fail_msg("pages: %s", err.text);
    *ret_maps = (unsigned)sums[1];
    return sums[0];
}

static void kill_and_await(struct rig *rig) {
    assert_int_equal(kill(sph_lifecycle_pid(rig->device.lifecycle, &rig->component), SIGKILL), 0);
    (void)rig_await_end(rig, 3000);
}

static void test_figures_agree(void **state) {
    struct rig *rig = *state;
    struct sph_memory_figures group, app;
    struct sph_lifecycle *lifecycle = rig->device.lifecycle;
    assert_int_equal(sph_lifecycle_memory(lifecycle, NULL, &group, NULL), 0);
    assert_int_equal(group.user + group.peak + group.total, 0);
    rig_must_start(rig, RIG_ARGS("wait"), 0);
    rig_await_output(rig, "ready", 2000);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(sph_lifecycle_memory(lifecycle, NULL, &group, NULL), 0);
        assert_true(group.total >= group.user && group.peak >= group.user);
        assert_int_equal(group.total, group.user + group.kernel);
        assert_true(group.user_exact);
    }
    assert_int_equal(sph_lifecycle_memory(lifecycle, &rig->component, &app, NULL), 0);
    assert_int_equal(app.user, group.user);
    assert_int_equal(page_bytes(rig, &(unsigned){0}), group.user);
}

/* Processes that share pages by copy-on-write and by a shared mapping, two names of one address
 * space, a daemon, and a process whose leader has left: what the map shows sums up to User, to the
 * byte, and who shows it is who is listed. */
static void test_pages_of_all_processes(void **state) {
    static const struct {
        const char *deed, *argument;
        unsigned processes, maps; /* listed; with memory of their own */
    } rows[] = {
        {"family", "0", 1, 1},  {"family", "1", 2, 2},       {"family", "3", 4, 4},
        {"daemon", NULL, 2, 2}, {"shares-memory", "", 2, 1}, {"dead-leader", "", 1, 1},
    };
    struct rig *rig = *state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        pid_t pids[SPH_PROCESSES_MAX];
        unsigned maps = 0;
        struct sph_memory_figures app;
        rig_forget_output(rig);
        rig_must_start(rig, RIG_ARGS(rows[i].deed, rows[i].argument), SPH_START_ONCE);
        rig_await_output(rig, "ready", 2000);
        rig_run(rig, 50); /* until all of them hold still */
        struct sph_lifecycle *lifecycle = rig->device.lifecycle;
        assert_int_equal(sph_lifecycle_pids(lifecycle, &rig->component, pids, SPH_PROCESSES_MAX),
                         rows[i].processes);
        assert_int_equal(pids[0], sph_lifecycle_pid(lifecycle, &rig->component));
        assert_int_equal(sph_lifecycle_memory(lifecycle, &rig->component, &app, NULL), 0);
        assert_true(app.user > 0 && app.user_exact);
        assert_int_equal(page_bytes(rig, &maps), app.user);
        assert_int_equal(maps, rows[i].maps);
        kill_and_await(rig);
    }
}

/* Who crosses is who asks for the page too many, however little it holds itself: the large one
 * lives and keeps what it has, to the page, and what the small one gave back can be had again. */
static void test_the_small_one_crosses(void **state) {
    struct rig *rig = *state;
    struct sph_lifecycle *lifecycle = rig->device.lifecycle;
    struct sph_memory_figures before, after;
    struct sph_guid other;
    rig_start_other(rig, program, &other);
    rig_await_output(rig, "ready", 2000);
    for (int round = 0; round < 5; round++) {
        assert_int_equal(sph_lifecycle_memory(lifecycle, &other, &before, NULL), 0);
        rig_forget_output(rig);
        rig_must_start(rig, RIG_ARGS("grow-and-wait", "30"), SPH_START_ONCE); /* the large one */
        rig_await_output(rig, "ready", 2000);
        uint64_t large = 0, rest = 0;
        struct sph_memory_figures figures;
        assert_int_equal(sph_lifecycle_memory(lifecycle, &rig->component, &figures, NULL), 0);
        large = figures.user;
        rest = RATION - large - before.user;
        struct sph_guid small;
        char pages[24];
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(sph_guid_random(&small), 0);
        rig_install(rig, &small, program, "");
        (void)snprintf(pages, sizeof(pages), "%llu", (unsigned long long)(rest / PAGE));
        const struct sph_start_request request = {
            .component = small, .flags = SPH_START_ONCE, .arguments = RIG_ARGS("grow", pages)};
        assert_int_equal(sph_lifecycle_start(lifecycle, &request, &err), 0);
        const struct sph_app_end *end = rig_await_end(rig, 3000);
        assert_true(sph_guid_equal(&end->component, &small));
        assert_int_equal(end->why, SPH_END_RATION);
        assert_int_equal(rig_page_sum(rig_report(rig, end->report_number)), rest / PAGE + 1);
        assert_int_equal(sph_lifecycle_memory(lifecycle, &rig->component, &after, NULL), 0);
        assert_int_equal(after.user, large);
        assert_int_equal(sph_lifecycle_memory(lifecycle, &other, &after, NULL), 0);
        assert_int_equal(after.user, before.user);
        kill_and_await(rig);
    }
}

/* A room that is too small is filled with the first of them, and no further. */
static void test_pids_in_a_small_room(void **state) {
    struct rig *rig = *state;
    pid_t pids[4] = {-7, -7, -7, -7};
    assert_int_equal(sph_lifecycle_pids(rig->device.lifecycle, &rig->component, pids, 4), -ENOENT);
    rig_must_start(rig, RIG_ARGS("family", "3"), SPH_START_ONCE);
    rig_await_output(rig, "ready", 2000);
    assert_int_equal(sph_lifecycle_pids(rig->device.lifecycle, &rig->component, pids, 3), 3);
    assert_true(pids[0] > 0 && pids[1] > 0 && pids[2] > pids[1]);
    assert_int_equal(pids[3], -7);
}

/* RLIMIT_NPROC holds, and is the room that lists have: the one too many is refused inside the app,
 * all are listed, they are one address space, and none is left after the end. */
static void test_crowd_is_bounded(void **state) {
    struct rig *rig = *state;
    pid_t pids[SPH_PROCESSES_MAX + 1];
    unsigned maps = 0;
    struct sph_memory_figures app;
    rig_must_start(rig, RIG_ARGS("crowd"), SPH_START_ONCE);
    rig_await_output(rig, "ready", 5000);
    assert_string_equal(rig->output, "63 children, then errno 11\nready\n"); /* EAGAIN */
    uint64_t begin = sph_clock_monotonic_ms();
    struct sph_lifecycle *lifecycle = rig->device.lifecycle;
    assert_int_equal(sph_lifecycle_pids(lifecycle, &rig->component, pids, SPH_ARRAY_SIZE(pids)),
                     SPH_PROCESSES_MAX);
    assert_int_equal(sph_lifecycle_memory(lifecycle, &rig->component, &app, NULL), 0);
    assert_int_equal(page_bytes(rig, &maps), app.user);
    assert_int_equal(maps, 1);
    assert_true(sph_clock_monotonic_ms() - begin < 1000);
    unsigned uid = (unsigned)rig_read_status(pids[0], "Uid:");
    assert_int_equal(rig_count_processes(uid), SPH_PROCESSES_MAX);
    kill_and_await(rig);
    assert_int_equal(rig_count_processes(uid), 0);
}

/* Processes come and go while figures are read: none of the readings may take one that was born
 * after the listing for a stranger and "correct" the meter by it. */
static void test_figures_hold_while_processes_come_and_go(void **state) {
    struct rig *rig = *state;
    struct sph_lifecycle *lifecycle = rig->device.lifecycle;
    struct sph_memory_figures group;
    struct sph_meter_health health = {.checks = 0};
    uint64_t events = 0, end = sph_clock_monotonic_ms() + 1500;
    rig_must_start(rig, RIG_ARGS("churn"), SPH_START_ONCE);
    rig_await_output(rig, "ready", 2000);
    while (sph_clock_monotonic_ms() < end) {
        pid_t pids[SPH_PROCESSES_MAX];
        unsigned maps = 0;
        rig_run(rig, 2); /* the tracer has to let each child go on */
        assert_int_equal(sph_lifecycle_memory(lifecycle, NULL, &group, NULL), 0);
        assert_true(group.user > 0 && group.user <= RATION && group.peak >= group.user);
        int count = sph_lifecycle_pids(lifecycle, &rig->component, pids, SPH_PROCESSES_MAX);
        assert_in_range(count, 1, SPH_PROCESSES_MAX);
        assert_true(page_bytes(rig, &maps) > 0 && maps >= 1);
    }
    sph_lifecycle_health(lifecycle, &health, &events);
    assert_true(health.checks > 10);
    assert_int_equal(health.mismatches, 0);
    assert_int_equal(rig->n_ends, 0);
    kill_and_await(rig);
}

/* Forks without end: each child holds memory, so the ration ends it before the number does; while
 * it rages, nobody's figures are over the limit. */
static void test_fork_bomb_dies_of_the_ration(void **state) {
    struct rig *rig = *state;
    for (int i = 0; i < 5; i++) {
        const struct sph_msg_report *report = rig_run_app(rig, RIG_ARGS("fork-bomb"));
        assert_int_equal(report->why, SPH_END_RATION);
        assert_true(report->user_bytes <= RATION && report->peak_user_bytes <= RATION);
        assert_int_equal(sph_lifecycle_running(rig->device.lifecycle), 0);
    }
}

/* The main thread's kernel stack and task (28 KiB) are charged to the app, which they are only
 * because the helper was in the app's group when it forked it. Without them 16 KiB were seen beside
 * the page tables, with them 44 KiB (x86-64, 6.18). */
static void test_kernel_stack_is_charged(void **state) {
    struct rig *rig = *state;
    struct sph_memory_figures figures = {.kernel = 0};
    rig_must_start(rig, RIG_ARGS("wait"), 0);
    rig_await_output(rig, "ready", 2000);
    uint64_t tables =
        1024 * rig_read_status(sph_lifecycle_pid(rig->device.lifecycle, &rig->component), "VmPTE:");
    /* What the launch itself has freed goes after a grace period of the kernel's. */
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < 20; i++) {
        rig_run(rig, 20);
        assert_int_equal(sph_lifecycle_memory(rig->device.lifecycle, NULL, &figures, NULL), 0);
        least = figures.kernel < least ? figures.kernel : least;
    }
    if (!figures.kernel_known)
        skip();
    assert_in_range(least, tables + 9 * PAGE, tables + 32 * PAGE);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, rig_teardown)

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        TEST(test_ration_kill_is_exact),
        TEST(test_ration_kill_inside_populate),
        TEST(test_ration_kill_in_shared_memory),
        TEST(test_ration_kill_of_a_child),
        TEST(test_ration_kill_of_threads),
        TEST(test_foreign_growth_kills),
        TEST(test_second_net),
        TEST(test_under_the_ration_nothing_happens),
        TEST(test_two_apps_share_the_ration),
        TEST(test_figures_of_apps_add_up),
        TEST(test_figures_agree),
        TEST(test_pages_of_all_processes),
        TEST(test_the_small_one_crosses),
        TEST(test_pids_in_a_small_room),
        TEST(test_crowd_is_bounded),
        TEST(test_figures_hold_while_processes_come_and_go),
        TEST(test_fork_bomb_dies_of_the_ration),
        TEST(test_kernel_stack_is_charged),
    };
    rig_require();
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
