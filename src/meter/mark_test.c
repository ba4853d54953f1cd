/* Marks: a crossing is counted at the very page, each time, and told once while nobody looks. */
#include "base/testing.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include "meter/tests/rig.h"

#define PAGE UINT64_C(4096)
enum { RATION = 64, LEVEL = 40 };

static struct rig rig;

struct seen {
    unsigned marks;
    uint64_t counted_bytes, growth_bytes;
};

static void note_event(void *context, const struct sph_meter_event *event) {
    struct seen *seen = context;
    if (event->type != SPH_METER_EVENT_MARK)
        return;
    seen->marks++;
    seen->counted_bytes = event->counted_bytes;
    seen->growth_bytes = event->growth_bytes;
}

static struct seen look(void) {
    struct seen seen = {.marks = 0};
    (void)sph_meter_dispatch(rig.meter, note_event, &seen);
    return seen;
}

/* Takes pages until it is killed at the ration, and is gone. */
static void run_to_the_ration(void) {
    const char *const words[] = {"single", NULL};
    char bytes[4096];
    rig_start(&rig, false, words);
    while (read(rig.from_app, bytes, sizeof(bytes)) > 0)
        continue;
    int status = rig_wait(&rig);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void a_crossing_is_told_at_its_page(void **state) {
    unsigned mark = 0, above = 0;
    (void)state;
    assert_int_equal(sph_meter_mark_add(rig.meter, LEVEL * PAGE, &mark), 0);
    assert_int_equal(sph_meter_mark_add(rig.meter, RATION * PAGE * 2, &above), 0);
    for (unsigned i = 1; i <= 3; i++) { /* armed again by falling below, each time */
        run_to_the_ration();
        struct seen seen = look();
        assert_int_equal(seen.marks, 1);
        assert_int_equal(seen.counted_bytes, (LEVEL + 1) * PAGE);
        assert_int_equal(seen.growth_bytes, PAGE);
        assert_int_equal(sph_meter_mark_crossings(rig.meter, mark), i);
    }
    assert_int_equal(sph_meter_mark_crossings(rig.meter, above), 0);
    sph_meter_mark_remove(rig.meter, mark);
    sph_meter_mark_remove(rig.meter, above);
}

/* What nobody has looked at takes one place in the ring, however often it happens. */
static void unread_crossings_are_one_event(void **state) {
    unsigned marks[2];
    (void)state;
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(sph_meter_mark_add(rig.meter, (LEVEL + i) * PAGE, &marks[i]), 0);
    for (unsigned i = 0; i < 3; i++)
        run_to_the_ration();
    assert_int_equal(look().marks, 1);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(sph_meter_mark_crossings(rig.meter, marks[i]), 3);
        sph_meter_mark_remove(rig.meter, marks[i]);
    }
}

static void without_a_mark_nothing_is_told(void **state) {
    (void)state;
    run_to_the_ration();
    assert_int_equal(look().marks, 0);
}

static void marks_are_limited(void **state) {
    unsigned marks[SPH_METER_MARKS_MAX], more = 0;
    (void)state;
    for (unsigned i = 0; i < SPH_METER_MARKS_MAX; i++)
        assert_int_equal(sph_meter_mark_add(rig.meter, PAGE, &marks[i]), 0);
    assert_int_equal(sph_meter_mark_add(rig.meter, PAGE, &more), -ENOSPC);
    assert_int_equal(sph_meter_mark_add(rig.meter, UINT64_MAX, &more), -EINVAL);
    sph_meter_mark_remove(rig.meter, marks[5]);
    assert_int_equal(sph_meter_mark_add(rig.meter, PAGE, &more), 0);
    assert_int_equal(more, marks[5]);
    for (unsigned i = 0; i < SPH_METER_MARKS_MAX; i++)
        sph_meter_mark_remove(rig.meter, marks[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crossing_is_told_at_its_page),
        cmocka_unit_test(unread_crossings_are_one_event),
        cmocka_unit_test(without_a_mark_nothing_is_told),
        cmocka_unit_test(marks_are_limited),
    };
    rig_open(&rig, "meter_ration", RATION * PAGE);
    int failed = cmocka_run_group_tests_name("mark", tests, NULL, NULL);
    rig_close(&rig);
    return failed;
}
