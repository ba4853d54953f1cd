/* Early warnings with a real app under the meter: each rise is counted in the descriptor. */
#include "base/testing.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/app/early_warning.h"
#include "base/attr.h"
#include "meter/tests/rig.h"

#define PAGE UINT64_C(4096)
enum { RATION = 64 };

static struct rig rig;
static struct sph_early_warnings warnings;

static int setup(void **state) {
    (void)state;
    warnings = (struct sph_early_warnings){.meter = rig.meter};
    return 0;
}

static int teardown(void **state) {
    (void)state;
    sph_early_warning_close(&warnings);
    return 0;
}

static void ignore_event(void *context, const struct sph_meter_event *event) {
    (void)context;
    (void)event;
}

static void run_to_the_ration(bool stays) {
    const char *const words[] = {"single", NULL};
    char bytes[4096];
    rig_start(&rig, stays, words);
    if (stays) {
        assert_true(rig_wait_exit_stop(&rig));
    } else {
        while (read(rig.from_app, bytes, sizeof(bytes)) > 0)
            continue;
        (void)rig_wait(&rig);
    }
    (void)sph_meter_dispatch(rig.meter, ignore_event, NULL);
    sph_early_warning_tell(&warnings);
}

/* 0 when it is not readable. */
static uint64_t take(int fd) {
    uint64_t count = 0;
    if (read(fd, &count, sizeof(count)) < 0)
        assert_int_equal(errno, EAGAIN);
    return count;
}

static void each_rise_counts(void **state) {
    (void)state;
    int half = sph_early_warning_open(&warnings, 50);
    int most = sph_early_warning_open(&warnings, 99);
    assert_true(half >= 0 && most >= 0);
    assert_int_equal(take(half), 0);
    run_to_the_ration(false);
    assert_int_equal(take(half), 1);
    assert_int_equal(take(half), 0);
    run_to_the_ration(false);
    run_to_the_ration(false);
    assert_int_equal(take(half), 2);
    assert_int_equal(take(most), 3);
    (void)close(half);
    (void)close(most);
}

static void the_same_share_is_the_same_counter(void **state) {
    (void)state;
    int one = sph_early_warning_open(&warnings, 80), two = sph_early_warning_open(&warnings, 80);
    run_to_the_ration(false);
    assert_int_equal(warnings.count, 1);
    assert_int_equal(take(two), 1);
    assert_int_equal(take(one), 0);
    (void)close(one);
    run_to_the_ration(false);
    assert_int_equal(take(two), 1);
    (void)close(two);
}

static void above_the_share_it_is_ready_at_once(void **state) {
    (void)state;
    run_to_the_ration(true);
    int fd = sph_early_warning_open(&warnings, 80);
    assert_int_equal(take(fd), 1);
    (void)rig_wait(&rig);
    (void)close(fd);
}

static void what_is_refused(void **state) {
    (void)state;
    const unsigned none[] = {0, 100, UINT32_MAX};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(none); i++)
        assert_int_equal(sph_early_warning_open(&warnings, none[i]), -EINVAL);
    for (unsigned i = 1; i <= SPH_EARLY_WARNINGS; i++)
        (void)close(sph_early_warning_open(&warnings, i));
    assert_int_equal(sph_early_warning_open(&warnings, 50), -ENOSPC);
    sph_early_warning_close(&warnings);
    sph_meter_set_limit(rig.meter, 0);
    assert_int_equal(sph_early_warning_open(&warnings, 50), -EINVAL);
    sph_meter_set_limit(rig.meter, RATION * PAGE);

    unsigned marks[SPH_METER_MARKS_MAX]; /* other apps' */
    for (unsigned i = 0; i < SPH_METER_MARKS_MAX; i++)
        assert_int_equal(sph_meter_mark_add(rig.meter, PAGE, &marks[i]), 0);
    assert_int_equal(sph_early_warning_open(&warnings, 50), -ENOSPC);
    assert_int_equal(warnings.count, 0);
    for (unsigned i = 0; i < SPH_METER_MARKS_MAX; i++)
        sph_meter_mark_remove(rig.meter, marks[i]);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(each_rise_counts),
        TEST(the_same_share_is_the_same_counter),
        TEST(above_the_share_it_is_ready_at_once),
        TEST(what_is_refused),
    };
    rig_open(&rig, "meter_ration", RATION * PAGE);
    int failed = cmocka_run_group_tests_name("early_warning", tests, NULL, NULL);
    rig_close(&rig);
    return failed;
}
