/* Slots, limits and arming of a meter that has no app running. */
#include "base/testing.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include "meter/meter_private.h"
#include "meter/tests/rig.h"

/* Control group ids that no group has: far above what a kernel counts up to. */
#define NO_GROUP(n) (UINT64_C(0xfffffff000000000) + (n))

static struct sph_meter *meter;

static void slots_are_limited(void **state) {
    struct sph_meter_app *apps[SPH_METER_APPS_MAX];
    struct sph_meter_app *more = NULL;
    struct sph_err err = SPH_ERR_NULL;
    (void)state;
    for (unsigned i = 0; i < SPH_METER_APPS_MAX; i++) {
        assert_int_equal(sph_meter_app_add(meter, NO_GROUP(i), 0, &apps[i], &err), 0);
        assert_int_equal(sph_meter_app_slot(apps[i]), i);
    }
    assert_int_equal(sph_meter_app_add(meter, NO_GROUP(99), 0, &more, &err), -ENOSPC);
    assert_err(&err, -ENOSPC, "a device can run 32 apps at one time");
    assert_int_equal(sph_meter_app_add(meter, NO_GROUP(3), 0, &more, &err), -EEXIST);
    assert_err(&err, -EEXIST, "this control group is metered already");
    assert_null(sph_meter_app_remove(apps[7]));
    assert_int_equal(sph_meter_app_add(meter, NO_GROUP(99), 0, &more, &err), 0);
    assert_int_equal(sph_meter_app_slot(more), 7);
    for (unsigned i = 0; i < SPH_METER_APPS_MAX; i++)
        (void)sph_meter_app_remove(apps[i]);
    assert_null(sph_meter_app_remove(NULL));
}

static void figures_start_at_zero(void **state) {
    struct sph_meter_app *app = NULL;
    struct sph_meter_figures figures;
    (void)state;
    sph_meter_set_limit(meter, 262144);
    assert_int_equal(sph_meter_app_add(meter, NO_GROUP(1), 0, &app, NULL), 0);
    sph_meter_app_read(app, &figures);
    assert_int_equal(figures.current, 0);
    assert_int_equal(figures.peak, 0);
    assert_int_equal(figures.limit, 262144);
    assert_int_equal(figures.kills, 0);
    sph_meter_read(meter, &figures);
    assert_int_equal(figures.current, 0);
    assert_int_equal(figures.limit, 262144);
    (void)sph_meter_app_remove(app);
    assert_int_equal(sph_meter_app_add(meter, NO_GROUP(1), SPH_METER_APP_UNLIMITED, &app, NULL), 0);
    sph_meter_app_read(app, &figures);
    assert_int_equal(figures.limit, 0);
    (void)sph_meter_app_remove(app);
}

static void limits_of_any_size(void **state) {
    static const uint64_t limits[] = {0, 1, 4096, 262144, UINT32_MAX, INT64_MAX};
    struct sph_meter_figures figures;
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(limits); i++) {
        sph_meter_set_limit(meter, limits[i]);
        sph_meter_read(meter, &figures);
        assert_int_equal(figures.limit, limits[i]);
    }
    sph_meter_set_limit(meter, UINT64_MAX);
    sph_meter_read(meter, &figures);
    assert_int_equal(figures.limit, INT64_MAX);
}

/* A child arms through the mapping that it has from its parent. */
static void arming_crosses_a_fork(void **state) {
    struct sph_meter_app *app = NULL;
    int done[2];
    char byte = 0;
    (void)state;
    assert_int_equal(sph_meter_app_add(meter, NO_GROUP(1), 0, &app, NULL), 0);
    assert_false(sph_meter_app_is_armed(app));
    assert_int_equal(pipe(done), 0);
    if (fork() == 0) {
        sph_meter_touch();
        sph_meter_arm(app);
        _exit(write(done[1], "d", 1) == 1 ? 0 : 1);
    }
    assert_int_equal(read(done[0], &byte, 1), 1);
    assert_true(sph_meter_app_is_armed(app));
    sph_meter_app_restart(app);
    assert_false(sph_meter_app_is_armed(app));
    (void)sph_meter_app_remove(app);
    (void)close(done[0]);
    (void)close(done[1]);
}

/* The descriptor can be waited for, and nothing is there without an app. */
static void the_ring_can_be_waited_for(void **state) {
    struct epoll_event event = {.events = EPOLLIN};
    (void)state;
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    assert_true(epoll >= 0);
    assert_int_equal(epoll_ctl(epoll, EPOLL_CTL_ADD, sph_meter_fd(meter), &event), 0);
    assert_int_equal(epoll_wait(epoll, &event, 1, 10), 0);
    (void)close(epoll);
}

/* An app without a process holds nothing: the check agrees, and says so in the health counters. */
static void checks_are_counted(void **state) {
    struct sph_meter_app *app = NULL;
    struct sph_meter_check check;
    struct sph_meter_health health;
    pid_t gone = fork();
    (void)state;
    if (gone == 0)
        _exit(0);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)gone, &info, WEXITED), 0);
    assert_int_equal(sph_meter_app_add(meter, NO_GROUP(1), 0, &app, NULL), 0);
    assert_int_equal(sph_meter_check(app, NULL, 0, &check, NULL), 0);
    assert_int_equal(check.kernel_anon + check.meter_anon, 0);
    assert_false(check.corrected);
    assert_int_equal(sph_meter_check(app, &gone, 1, &check, NULL), SPH_METER_CHECK_E_UNSETTLED);
    sph_meter_health(meter, &health);
    assert_int_equal(health.checks, 1);
    assert_int_equal(health.unsettled, 1);
    assert_int_equal(health.mismatches, 0);
    assert_true(health.exact);
    (void)sph_meter_app_remove(app);
}

/* The program for the other width of `long` is not run here, but the kernel must find it sound. */
static void both_widths_load(void **state) {
    static const int widths[] = {32, 64};
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(widths); i++) {
        struct sph_meter other = *meter;
        struct sph_err err = SPH_ERR_NULL;
        if (sph_meter_load_programs(&other, widths[i], &err) != 0)
            fail_msg("%d bits: %s", widths[i], err.text);
        assert_int_not_equal(other.program, meter->program);
        (void)close(other.program);
        (void)close(other.fixer);
    }
}

/* Closing detaches: the descriptors go, and a second meter finds everything as the first did. */
static void closes_completely(void **state) {
    (void)state;
    const struct sph_meter_options options = {.pinned_kernel = rig_is_pinned()};
    for (unsigned i = 0; i < 5; i++) {
        struct sph_meter *other = NULL;
        int before = dup(0);
        assert_int_equal(sph_meter_open(262144, &options, &other, NULL), 0);
        assert_null(sph_meter_close(other));
        (void)close(before);
        int after = dup(0);
        assert_int_equal(before, after);
        (void)close(after);
    }
    assert_null(sph_meter_close(NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_are_limited),          cmocka_unit_test(figures_start_at_zero),
        cmocka_unit_test(limits_of_any_size),         cmocka_unit_test(arming_crosses_a_fork),
        cmocka_unit_test(the_ring_can_be_waited_for), cmocka_unit_test(checks_are_counted),
        cmocka_unit_test(both_widths_load),           cmocka_unit_test(closes_completely),
    };
    struct sph_err err = SPH_ERR_NULL;
    const struct sph_meter_options options = {.pinned_kernel = rig_is_pinned()};
    int error = sph_meter_open(0, &options, &meter, &err);
    if (error == -EPERM || error == -ENOSYS || error == -ENOENT || error == -EPROTO) {
        (void)printf("skipped: %s\n", err.text);
        return 77;
    }
    assert(error == 0);
    int failed = cmocka_run_group_tests_name("meter_app", tests, NULL, NULL);
    meter = sph_meter_close(meter);
    return failed;
}
