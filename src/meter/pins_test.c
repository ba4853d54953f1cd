/* What the meter takes for granted about the kernel, one test each: a kernel that changes one of
 * these is found here and not by a wrong figure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "meter/meter_private.h"
#include "meter/pagemap.h"
#include "meter/smaps.h"
#include "meter/tests/rig.h"

#define PAGE ((size_t)4096)
enum { PIDS = 16 };

static struct rig rig;

static void hear_from(const struct rig *from) {
    char byte = 0;
    assert_int_equal(read(from->from_app, &byte, 1), 1);
    assert_int_equal(byte, 'r');
}

static void hear(void) {
    hear_from(&rig);
}

static void go_on(void) {
    assert_int_equal(write(rig.to_app, "g", 1), 1);
}

static void start(const char *what) {
    const char *const words[] = {what, NULL};
    sph_meter_set_limit(rig.meter, 0);
    rig_start(&rig, false, words);
    hear();
}

static struct sph_meter_figures figures(void) {
    struct sph_meter_figures now;
    sph_meter_app_read(rig.app, &now);
    return now;
}

static void expect_truth(void) {
    struct rig_truth truth = rig_truth(&rig);
    assert_int_equal(truth.app.anon, truth.anon);
    assert_int_equal(truth.app.shm, truth.shm);
}

/* The event's size is the whole new count, exact for every single page. */
static void event_size_is_exact(void **state) {
    (void)state;
    start("slow");
    uint64_t before = figures().anon;
    for (unsigned i = 1; i < 64; i++) {
        go_on();
        hear();
        assert_int_equal(figures().anon, before + (uint64_t)i * PAGE);
        expect_truth();
    }
    go_on();
    hear();
    assert_int_equal(figures().anon, before - PAGE);
    go_on();
    assert_int_equal(rig_wait(&rig), 0);
}

/* A child's pages are reported at the fork itself, by its parent (curr = 0): before it ever runs.
 */
static void fork_reports_the_child(void **state) {
    (void)state;
    start("fork");
    uint64_t alone = figures().anon;
    go_on();
    hear();
    assert_int_equal(figures().mms, 2);
    assert_true(figures().anon >= alone + 20 * PAGE);
    expect_truth();
    go_on();
    hear();
    assert_int_equal(figures().mms, 1);
    expect_truth();
    go_on();
    assert_int_equal(rig_wait(&rig), 0);
}

/* The address space that execve makes is reported before it is the process's own, the old one's
 * pages all go, and its entry with them. */
static void exec_changes_the_address_space(void **state) {
    struct sph_meter_mm before[4];
    struct sph_meter_mm after[4];
    (void)state;
    start("exec");
    assert_true(figures().anon >= 30 * PAGE);
    assert_int_equal(sph_meter_list_mms(rig.meter, sph_meter_app_slot(rig.app), before, 4), 1);
    go_on();
    hear();
    assert_int_equal(figures().mms, 1);
    assert_true(figures().anon < 30 * PAGE);
    assert_int_equal(sph_meter_list_mms(rig.meter, sph_meter_app_slot(rig.app), after, 4), 1);
    assert_int_not_equal(before[0].mm_id, after[0].mm_id);
    assert_int_equal(after[0].value.tgid, rig.pid);
    expect_truth();
    go_on();
    assert_int_equal(rig_wait(&rig), 0);
}

/* The kernel charges the page of an execve's arguments to the caller's old address space as well
 * until the new one takes over: for that time User is one page more than what is held (spec,
 * section 8). */
static void execve_charges_its_arguments_twice(void **state) {
    (void)state;
    start("exec");
    uint64_t before = figures().current;
    go_on();
    hear();
    assert_int_equal(figures().peak, before + 2 * PAGE);
    assert_true(figures().current < before);
    expect_truth();
    go_on();
    assert_int_equal(rig_wait(&rig), 0);
}

/* At the end of a process every count is reported down to zero: no entry stays. */
static void exit_reports_zero(void **state) {
    struct sph_meter_mm mms[4];
    (void)state;
    for (unsigned i = 0; i < 50; i++) {
        start("hold");
        assert_true(figures().anon > 0);
        go_on();
        assert_int_equal(rig_wait(&rig), 0);
        assert_int_equal(figures().current, 0);
        assert_int_equal(figures().mms, 0);
        assert_int_equal(sph_meter_list_mms(rig.meter, sph_meter_app_slot(rig.app), mms, 4), 0);
    }
    /* Nor one of the set-up code before the execve, which would hide a later app with its mm_id. */
    assert_int_equal(sph_meter_list_mms(rig.meter, SPH_ABI_IGNORED, mms, 4), 0);
}

/* A process killed by the kernel program still stops at PTRACE_EVENT_EXIT, with its memory there.
 */
static void exit_stop_keeps_the_memory(void **state) {
    const char *const words[] = {"grow", NULL};
    (void)state;
    for (unsigned i = 0; i < 50; i++) {
        struct sph_smaps sums;
        struct sph_pagemap map = SPH_PAGEMAP_NULL;
        sph_meter_set_limit(rig.meter, 64 * PAGE);
        rig_start(&rig, true, words);
        assert_true(rig_wait_exit_stop(&rig));
        assert_int_equal(sph_smaps_read(rig.pid, &sums, NULL), 0);
        assert_int_equal(sums.anonymous, 65 * PAGE);
        assert_int_equal(sph_pagemap_read(rig.pid, &map, NULL), 0);
        assert_int_equal(map.anon_bytes, 65 * PAGE);
        assert_int_equal(figures().anon, 65 * PAGE);
        assert_int_equal(figures().peak, 64 * PAGE);
        sph_pagemap_done(&map);
        int status = rig_wait(&rig);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    }
}

struct seen {
    unsigned foreign;
    unsigned kills;
    uint64_t growth;
    pid_t tgid;
};

static void note_event(void *context, const struct sph_meter_event *event) {
    struct seen *seen = context;
    seen->foreign += event->type == SPH_METER_EVENT_FOREIGN;
    seen->kills += event->type == SPH_METER_EVENT_KILL;
    if (event->type == SPH_METER_EVENT_FOREIGN) {
        seen->growth = event->growth_bytes;
        seen->tgid = event->tgid;
    }
}

/* A page that another process writes into the app is counted to the app; over the limit the reader
 * is told once, and the other process lives. */
static void foreign_write_is_told(void **state) {
    struct seen seen = {.foreign = 0};
    const char *const words[] = {"offer", NULL};
    char *area = NULL;
    char byte = 1;
    (void)state;
    (void)sph_meter_dispatch(rig.meter, note_event, &seen); /* what earlier tests left */
    seen = (struct seen){.foreign = 0};
    sph_meter_set_limit(rig.meter, 0);
    rig_start(&rig, false, words);
    assert_int_equal(read(rig.from_app, &area, sizeof(area)), sizeof(area));
    hear();
    uint64_t before = figures().anon;
    sph_meter_set_limit(rig.meter, before + 3 * PAGE);
    for (unsigned i = 0; i < 6; i++) {
        struct iovec local = {&byte, 1};
        struct iovec remote = {area + (size_t)i * PAGE, 1};
        assert_int_equal(process_vm_writev(rig.pid, &local, 1, &remote, 1, 0), 1);
        assert_int_equal(figures().anon, before + (uint64_t)(i + 1) * PAGE);
    }
    expect_truth();
    assert_int_equal(figures().peak, before + 3 * PAGE);
    assert_int_equal(figures().kills, 0);
    (void)sph_meter_dispatch(rig.meter, note_event, &seen);
    assert_int_equal(seen.foreign, 1);
    assert_int_equal(seen.kills, 0);
    assert_int_equal(seen.growth, PAGE);
    assert_int_equal(seen.tgid, rig.pid);
    rig_stop(&rig);
    sph_meter_reset_peak(rig.meter);
}

/* Peaks that nobody takes away fill the ring, and the kill is in it all the same. */
static void a_flood_of_peaks_hides_no_kill(void **state) {
    struct seen seen = {.foreign = 0};
    struct sph_meter_health before;
    struct sph_meter_health after;
    const char *const words[] = {"grow", NULL};
    (void)state;
    (void)sph_meter_dispatch(rig.meter, note_event, &seen);
    seen = (struct seen){.foreign = 0};
    sph_meter_health(rig.meter, &before);
    sph_meter_set_limit(rig.meter, 2000 * PAGE);
    rig_start(&rig, false, words);
    int status = rig_wait(&rig);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    sph_meter_health(rig.meter, &after);
    assert_true(after.dropped > before.dropped + 1000);
    assert_int_equal(figures().peak, 2000 * PAGE);
    (void)sph_meter_dispatch(rig.meter, note_event, &seen);
    assert_int_equal(seen.kills, 1);
    sph_meter_reset_peak(rig.meter);
}

/* What an app that is being killed still holds is not counted against another one. */
static void a_dying_app_costs_no_other_its_life(void **state) {
    struct rig other = rig;
    const char *const grow[] = {"grow", NULL};
    const char *const hold[] = {"hold", NULL};
    struct sph_meter_figures group;
    (void)state;
    assert_int_equal(sph_cgroup_app_make(rig.tree, "other", &other.group, NULL), 0);
    assert_int_equal(
        sph_meter_app_add(rig.meter, sph_cgroup_app_id(other.group), 0, &other.app, NULL), 0);
    sph_meter_set_limit(rig.meter, 64 * PAGE);
    sph_meter_reset_peak(rig.meter);
    rig_start(&rig, true, grow);
    assert_true(rig_wait_exit_stop(&rig));
    rig_start(&other, false, hold);
    hear_from(&other);
    sph_meter_read(rig.meter, &group);
    assert_true(group.current > 65 * PAGE);
    assert_int_equal(group.peak, 64 * PAGE);
    assert_int_equal(write(other.to_app, "g", 1), 1);
    assert_int_equal(rig_wait(&other), 0);
    int status = rig_wait(&rig);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    (void)sph_meter_app_remove(other.app);
    (void)sph_cgroup_app_remove(other.group);
    sph_meter_read(rig.meter, &group);
    assert_int_equal(group.current, 0);
    assert_int_equal(group.mms, 0);
}

/* Two apps share one ration: the second one is killed by what the first one has. */
static void apps_share_the_ration(void **state) {
    struct rig other = rig;
    struct sph_meter_figures app;
    struct sph_meter_figures group;
    const char *const grow[] = {"grow", NULL};
    (void)state;
    assert_int_equal(sph_cgroup_app_make(rig.tree, "other", &other.group, NULL), 0);
    assert_int_equal(
        sph_meter_app_add(rig.meter, sph_cgroup_app_id(other.group), 0, &other.app, NULL), 0);
    start("hold");
    uint64_t held = figures().current;
    sph_meter_set_limit(rig.meter, 64 * PAGE);
    sph_meter_reset_peak(rig.meter);
    rig_start(&other, false, grow);
    int status = rig_wait(&other);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    sph_meter_app_read(other.app, &app);
    assert_int_equal(app.peak, 64 * PAGE - held);
    assert_int_equal(app.current, 0);
    sph_meter_read(rig.meter, &group);
    assert_int_equal(group.peak, 64 * PAGE);
    assert_int_equal(group.current, held);
    assert_int_equal(figures().kills, 0);
    (void)sph_meter_app_remove(other.app);
    (void)sph_cgroup_app_remove(other.group);
    go_on();
    assert_int_equal(rig_wait(&rig), 0);
}

/* Reading another's memory, and being under memory pressure there, makes nobody an app. */
static void outsiders_are_not_counted(void **state) {
    (void)state;
    start("hold");
    struct sph_meter_figures before;
    struct sph_meter_figures after;
    sph_meter_read(rig.meter, &before);
    char *mine = mmap(NULL, 100 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(mine, MAP_FAILED);
    (void)memset(mine, 1, 100 * PAGE);
    assert_int_equal(munmap(mine, 100 * PAGE), 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    sph_meter_read(rig.meter, &after);
    assert_int_equal(before.events, after.events);
    assert_int_equal(before.current, after.current);
    go_on();
    assert_int_equal(rig_wait(&rig), 0);
}

/* A value stored wrong is found by the check and put right, in the app's sum and in the group's. */
static void check_corrects_a_wrong_value(void **state) {
    struct sph_meter_mm mm;
    struct sph_meter_check check;
    struct sph_meter_health health;
    (void)state;
    start("slow");
    uint64_t right = figures().anon;
    assert_int_equal(sph_meter_list_mms(rig.meter, sph_meter_app_slot(rig.app), &mm, 1), 1);
    assert_int_equal(sph_meter_fix(rig.meter, &mm, false, right - PAGE), SPH_ABI_FIX_DONE);
    assert_int_equal(sph_meter_fix(rig.meter, &mm, false, right), SPH_ABI_FIX_CHANGED);
    assert_int_equal(figures().anon, right - PAGE);
    assert_int_equal(sph_meter_check(rig.app, &rig.pid, 1, &check, NULL), 0);
    assert_true(check.corrected);
    assert_int_equal(check.meter_anon, right - PAGE);
    assert_int_equal(check.kernel_anon, right);
    assert_int_equal(figures().anon, right);
    assert_int_equal(sph_meter_check(rig.app, &rig.pid, 1, &check, NULL), 0);
    assert_false(check.corrected);
    sph_meter_health(rig.meter, &health);
    assert_int_equal(health.mismatches, 1);
    assert_int_equal(health.checks, 2);
    rig_stop(&rig);
    assert_int_equal(sph_meter_check(rig.app, &rig.pid, 0, &check, NULL), 0);
    assert_false(check.corrected);
}

/* Four threads change one count on all processors at once, so that two stores can come in the wrong
 * order. While they do, the check may give up but may not find a difference that is none; when they
 * hold still it finds the truth, or makes the meter tell it. */
static void churn_settles_on_the_truth(void **state) {
    enum { ROUNDS = 20, LOOKS = 5 };
    struct sph_meter_health before;
    struct sph_meter_health after;
    struct sph_meter_check check;
    (void)state;
    sph_meter_health(rig.meter, &before);
    start("churn");
    for (unsigned i = 0; i < ROUNDS; i++) {
        go_on(); /* they run until the next byte */
        for (unsigned look = 0; look < LOOKS; look++) {
            int result = sph_meter_check(rig.app, &rig.pid, 1, &check, NULL);
            assert_true(result == 0 || result == SPH_METER_CHECK_E_UNSETTLED);
        }
        go_on();
        hear();
        assert_int_equal(sph_meter_check(rig.app, &rig.pid, 1, &check, NULL), 0);
        expect_truth();
    }
    sph_meter_health(rig.meter, &after);
    (void)printf("churn: %llu changes seen, %llu stored in the wrong order and corrected\n",
                 (unsigned long long)rig_group(&rig).events,
                 (unsigned long long)(after.mismatches - before.mismatches));
    rig_stop(&rig);
    assert_int_equal(figures().current, 0);
}

/* More address spaces than there is room for: the process that makes one too many is killed, since
 * it would not be counted, and the figures are not called exact until a check has passed. */
static void a_crowd_is_stopped(void **state) {
    enum { MANY = 2 * SPH_METER_MMS_MAX };
    const char *const words[] = {"crowd", NULL};
    static pid_t pids[MANY];
    struct sph_meter_health health;
    struct sph_meter_check check;
    (void)state;
    sph_meter_set_limit(rig.meter, 0);
    sph_meter_health(rig.meter, &health);
    assert_true(health.exact);
    rig_start(&rig, false, words);
    int status = 0;
    assert_int_equal(waitpid(rig.pid, &status, 0), rig.pid);
    rig.pid = 0;
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    sph_meter_health(rig.meter, &health);
    assert_true(health.overflow > 0);
    assert_false(health.exact);
    int count = sph_cgroup_app_pids(rig.group, pids, MANY);
    assert_in_range(count, SPH_METER_MMS_MAX - 8, SPH_METER_MMS_MAX);
    rig_stop(&rig);
    assert_int_equal(figures().current, 0);
    assert_int_equal(figures().mms, 0);
    assert_int_equal(sph_meter_check(rig.app, pids, 0, &check, NULL), 0);
    assert_false(check.corrected);
    sph_meter_health(rig.meter, &health);
    assert_true(health.exact);
}

/* An app outside the limit counts to User and to its peak, and is never killed. */
static void unlimited_share_is_in_user_only(void **state) {
    struct sph_meter_figures group;
    const char *const words[] = {"grow", NULL};
    (void)state;
    sph_meter_read(rig.meter, &group);
    uint32_t kills = group.kills;
    struct sph_meter_app *limited = rig.app;
    uint64_t id = sph_cgroup_app_id(rig.group);
    rig.app = sph_meter_app_remove(limited);
    assert_int_equal(sph_meter_app_add(rig.meter, id, SPH_METER_APP_UNLIMITED, &rig.app, NULL), 0);
    sph_meter_set_limit(rig.meter, 16 * PAGE);
    sph_meter_reset_peak(rig.meter);
    rig_start(&rig, true, words);
    assert_true(rig_wait_exit_stop(&rig));
    sph_meter_read(rig.meter, &group);
    assert_true(group.current > 4096 * PAGE);
    assert_true(group.peak >= group.current);
    assert_int_equal(group.counted, 0);
    assert_int_equal(group.kills, kills);
    assert_int_equal(rig_wait(&rig), 0);
    sph_meter_read(rig.meter, &group);
    assert_int_equal(group.current, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(event_size_is_exact),
        cmocka_unit_test(fork_reports_the_child),
        cmocka_unit_test(exec_changes_the_address_space),
        cmocka_unit_test(execve_charges_its_arguments_twice),
        cmocka_unit_test(exit_reports_zero),
        cmocka_unit_test(exit_stop_keeps_the_memory),
        cmocka_unit_test(foreign_write_is_told),
        cmocka_unit_test(a_flood_of_peaks_hides_no_kill),
        cmocka_unit_test(a_dying_app_costs_no_other_its_life),
        cmocka_unit_test(apps_share_the_ration),
        cmocka_unit_test(outsiders_are_not_counted),
        cmocka_unit_test(check_corrects_a_wrong_value),
        cmocka_unit_test(churn_settles_on_the_truth),
        cmocka_unit_test(a_crowd_is_stopped),
        cmocka_unit_test(unlimited_share_is_in_user_only),
    };
    rig_open(&rig, "meter_pins", 0);
    int failed = cmocka_run_group_tests_name("pins", tests, NULL, NULL);
    rig_close(&rig);
    return failed;
}
