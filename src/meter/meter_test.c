/* After every step of an app that does to its memory all that the kernel offers, the meter and the
 * page tables must agree to the byte. */
#include "meter/meter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "meter/tests/rig.h"

enum { NAME = 32, PIDS = 64 };

static struct rig rig;

/* The app has answered, but a process it waited for may still be giving its memory back. */
static void expect_same(const char *step) {
    struct rig_truth truth = rig_truth(&rig);
    if (truth.app.anon != truth.anon || truth.app.shm != truth.shm)
        fail_msg("%s: meter %llu + %llu, page tables %llu + %llu bytes", step,
                 (unsigned long long)truth.app.anon, (unsigned long long)truth.app.shm,
                 (unsigned long long)truth.anon, (unsigned long long)truth.shm);
    assert_int_equal(truth.group.anon, truth.app.anon);
    assert_int_equal(truth.group.shm, truth.app.shm);
    assert_int_equal(truth.group.current, truth.app.current);
    assert_true(truth.group.peak >= truth.group.current);
}

static bool next_step(char *ret_name) {
    size_t got = 0;
    if (write(rig.to_app, "n", 1) != 1)
        return false;
    while (got < NAME) {
        ssize_t n = read(rig.from_app, ret_name + got, NAME - got);
        if (n <= 0)
            return false;
        got += (size_t)n;
    }
    return true;
}

static void agrees_after_every_step(void **state) {
    char name[NAME + 1] = "";
    unsigned steps = 0;
    (void)state;
    rig_start(&rig, false, NULL);
    for (; next_step(name); steps++)
        expect_same(name);
    assert_int_equal(steps, 60);
    assert_string_equal(name, "touch_after_exec");
    int status = rig_wait(&rig);
    assert_int_equal(status, 0);
    struct sph_meter_figures group;
    sph_meter_read(rig.meter, &group);
    assert_int_equal(group.current, 0);
    assert_int_equal(group.shm, 0);
    assert_int_equal(group.mms, 0);
    assert_int_equal(group.kills, 0);
    struct sph_meter_health health;
    sph_meter_health(rig.meter, &health);
    assert_int_equal(health.overflow, 0);
    assert_int_equal(health.missed, 0);
    assert_true(health.exact);
    (void)printf("%u steps, %llu changes, peak %llu bytes\n", steps,
                 (unsigned long long)group.events, (unsigned long long)group.peak);
}

/* sph_meter_check() says so too, and does not correct anything on the way. */
static void check_finds_nothing(void **state) {
    char name[NAME + 1] = "";
    (void)state;
    rig_start(&rig, false, NULL);
    while (next_step(name)) {
        pid_t pids[PIDS];
        struct sph_meter_check check;
        int count = sph_cgroup_app_pids(rig.group, pids, PIDS);
        assert_int_equal(sph_meter_check(rig.app, pids, (size_t)count, &check, NULL), 0);
        if (check.corrected)
            fail_msg("%s: meter %llu + %llu, page tables %llu + %llu bytes", name,
                     (unsigned long long)check.meter_anon, (unsigned long long)check.meter_shm,
                     (unsigned long long)check.kernel_anon, (unsigned long long)check.kernel_shm);
    }
    assert_string_equal(name, "touch_after_exec");
    rig_stop(&rig);
    struct sph_meter_health health;
    sph_meter_health(rig.meter, &health);
    assert_int_equal(health.checks, 60);
    assert_int_equal(health.mismatches, 0);
    assert_int_equal(health.unsettled, 0);
}

/* A failed test leaves its app where it stood; the next one starts with an empty group. */
static int stop(void **state) {
    (void)state;
    rig_stop(&rig);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(agrees_after_every_step, stop),
        cmocka_unit_test_teardown(check_finds_nothing, stop),
    };
    rig_open(&rig, "meter_steps", 0);
    int failed = cmocka_run_group_tests_name("meter", tests, NULL, NULL);
    rig_close(&rig);
    return failed;
}
